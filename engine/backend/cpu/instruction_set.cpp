#include "engine/backend/instruction_set.h"

#include <atomic>
#include <string>

#include "engine/backend/cpu/target.h"
#include "engine/tensor/error.h"

namespace nabla {
namespace {

bool is_available(InstructionSet set) {
  if (set == InstructionSet::baseline) return true;
#if NABLAFLOW_TARGETS
  return __builtin_cpu_supports("avx2");
#else
  return false;
#endif
}

std::atomic<InstructionSet>& current() {
  static std::atomic<InstructionSet> set =
      is_available(InstructionSet::avx2) ? InstructionSet::avx2 : InstructionSet::baseline;
  return set;
}

}  // namespace

std::string_view name_of(InstructionSet set) { return set == InstructionSet::avx2 ? "avx2" : "baseline"; }

InstructionSet instruction_set() { return current().load(std::memory_order_relaxed); }

void set_instruction_set(InstructionSet set) {
  if (!is_available(set))
    throw Error("set_instruction_set: " + std::string(name_of(set)) +
                " is not there on this processor or in this build");
  current().store(set, std::memory_order_relaxed);
}

}  // namespace nabla
