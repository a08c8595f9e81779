#include "engine/plan/plan_cache.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "engine/plan/evaluation_lock.h"

namespace nabla {
namespace {

// A program alternates between a few plans; so few are searched one by one.
constexpr std::size_t kMostPlans = 128;

}  // namespace

PlanCache& PlanCache::instance() {
  static PlanCache& cache = *new PlanCache;  // never destroyed: static tensors may outlive it
  return cache;
}

const CachedPlan* PlanCache::find(const PlanKey& key) {
  const auto found =
      std::ranges::find_if(entries_, [&](const std::unique_ptr<Entry>& entry) { return entry->key == key; });
  if (found == entries_.end()) return nullptr;
  ++reused_;
  (*found)->last_use = built_ + reused_;
  return &(*found)->plan;
}

const CachedPlan& PlanCache::insert(PlanKey key, CachedPlan plan) {
  if (entries_.size() == kMostPlans)
    entries_.erase(std::ranges::min_element(
        entries_, {}, [](const std::unique_ptr<Entry>& entry) { return entry->last_use; }));
  ++built_;
  entries_.push_back(std::make_unique<Entry>(Entry{std::move(key), std::move(plan), built_ + reused_}));
  return entries_.back()->plan;
}

PlanCacheStatistics plan_cache_statistics() {
  const std::lock_guard lock(evaluation_mutex());
  return PlanCache::instance().statistics();
}

void clear_plan_cache() {
  const std::lock_guard lock(evaluation_mutex());
  PlanCache::instance().clear();
}

}  // namespace nabla
