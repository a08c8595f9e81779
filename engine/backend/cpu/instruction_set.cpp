#include "engine/backend/instruction_set.h"

#include <atomic>
#include <string>

#include "engine/backend/target.h"
#include "engine/tensor/error.h"

namespace nabla {
namespace {

// The compiler's function also asks whether the operating system saves the wider registers.
bool is_available(InstructionSet set) {
#if NABLAFLOW_TARGETS
  switch (set) {
    case InstructionSet::baseline:
      return true;
    case InstructionSet::avx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case InstructionSet::avx512:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
  }
  return false;
#else
  return set == InstructionSet::baseline;
#endif
}

InstructionSet best() {
  for (const InstructionSet set : {InstructionSet::avx512, InstructionSet::avx2})
    if (is_available(set)) return set;
  return InstructionSet::baseline;
}

std::atomic<InstructionSet>& current() {
  static std::atomic<InstructionSet> set = best();
  return set;
}

}  // namespace

std::string_view name_of(InstructionSet set) {
  if (set == InstructionSet::avx512) return "avx512";
  return set == InstructionSet::avx2 ? "avx2" : "baseline";
}

InstructionSet instruction_set() { return current().load(std::memory_order_relaxed); }

void set_instruction_set(InstructionSet set) {
  if (!is_available(set))
    throw Error("set_instruction_set: " + std::string(name_of(set)) +
                " is not there on this processor or in this build");
  current().store(set, std::memory_order_relaxed);
}

}  // namespace nabla
