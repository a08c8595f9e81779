#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/plan/canonical/plan_key.h"
#include "engine/plan/plan.h"

// Between plan.cpp and its cache. All of it under the evaluation lock.

namespace nabla {

/// A plan, and which nodes of the schedule it computes beyond the outputs asked for.
struct CachedPlan {
  std::shared_ptr<const Plan> plan;
  std::vector<int> kept;  ///< places in the schedule
};

/// Plans by their keys; the least recently used one makes room.
class PlanCache {
 public:
  static PlanCache& instance();

  /// The plan of this key, or null.
  const CachedPlan* find(const PlanKey& key);
  const CachedPlan& insert(PlanKey key, CachedPlan plan);
  void clear() { entries_.clear(); }
  PlanCacheStatistics statistics() const { return {built_, reused_, entries_.size()}; }

 private:
  struct Entry {
    PlanKey key;
    CachedPlan plan;
    std::uint64_t last_use;
  };
  std::vector<std::unique_ptr<Entry>> entries_;
  std::uint64_t built_ = 0;
  std::uint64_t reused_ = 0;
};

}  // namespace nabla
