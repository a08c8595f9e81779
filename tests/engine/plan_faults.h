#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "engine/plan/plan.h"

// What must hold for the memory of every plan, read off its steps.

namespace nabla::test {

namespace plan_faults_detail {

inline std::string named(std::size_t storage) { return "storage " + std::to_string(storage); }

// Bytes of a block that a value touches, from the first to behind the last.
inline std::size_t bytes_reached(const PlanValue& value) {
  if (value.layout.shape.size() == 0) return 0;
  std::int64_t last = value.layout.offset;
  for (int axis = 0; axis < value.layout.shape.rank(); ++axis)
    last += std::max<std::int64_t>(0, value.layout.strides[axis]) * (value.layout.shape[axis] - 1);
  return static_cast<std::size_t>(last + 1) * size_of(value.dtype);
}

}  // namespace plan_faults_detail

/// Faults of a plan's memory: a step that uses a block outside of its stated life or beyond its end, or that
/// writes to a leaf or a constant without leave; temporaries that are needed at the same time and overlap, or
/// leave the arena; bytes of results that do not add up.
inline std::vector<std::string> plan_faults(const Plan& plan) {
  using namespace plan_faults_detail;
  std::vector<std::string> faults;
  const std::vector<PlanStorage>& storages = plan.storages();
  const auto used = [&](int v, int step, bool writes) {
    const PlanValue& value = plan.values()[v];
    const std::size_t at = value.storage;
    const PlanStorage& storage = storages[at];
    if (step < storage.first_step || step > storage.last_step)
      faults.push_back(named(at) + " is used by step " + std::to_string(step) + " outside of its life");
    if (writes && storage.kind == PlanStorage::Kind::constant)
      faults.push_back("step " + std::to_string(step) + " writes a constant");
    if (writes && storage.kind == PlanStorage::Kind::leaf && !storage.overwritten)
      faults.push_back("step " + std::to_string(step) + " writes a leaf");
    if (storage.kind != PlanStorage::Kind::leaf && bytes_reached(value) > storage.bytes)
      faults.push_back("step " + std::to_string(step) + " leaves " + named(at));
  };
  for (std::size_t s = 0; s < plan.steps().size(); ++s) {
    for (const int input : plan.steps()[s].inputs) {
      used(input, static_cast<int>(s), false);
      const int storage = plan.values()[input].storage;
      if (storages[storage].first_step >= static_cast<int>(s))
        faults.push_back("step " + std::to_string(s) + " reads what comes later");
    }
    for (const int output : plan.steps()[s].outputs) used(output, static_cast<int>(s), true);
  }
  std::size_t results = 0;
  std::vector<std::size_t> temporaries;
  for (std::size_t i = 0; i < storages.size(); ++i) {
    if (storages[i].kind == PlanStorage::Kind::output) results += storages[i].bytes;
    if (storages[i].kind != PlanStorage::Kind::temporary || storages[i].bytes == 0) continue;
    if (storages[i].offset + storages[i].bytes > plan.arena_bytes())
      faults.push_back(named(i) + " leaves the arena");
    if (storages[i].offset % 64 != 0) faults.push_back(named(i) + " is not aligned");
    temporaries.push_back(i);
  }
  if (results != plan.result_bytes()) faults.push_back("the bytes of the results do not add up");
  for (const std::size_t i : temporaries)
    for (const std::size_t k : temporaries) {
      const PlanStorage& a = storages[i];
      const PlanStorage& b = storages[k];
      if (i < k && a.first_step <= b.last_step && b.first_step <= a.last_step &&
          a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes)
        faults.push_back(named(i) + " and " + named(k) + " are needed at the same time and overlap");
    }
  return faults;
}

}  // namespace nabla::test
