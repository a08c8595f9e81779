#pragma once

#include "engine/backend/instruction_set.h"
#include "engine/backend/target.h"

namespace nabla {

/// A function as compiled for each instruction set; all give the same bits.
template <class Function>
struct Variants {
  Function baseline, avx2, avx512;

  Function at(InstructionSet set) const {
    if (set == InstructionSet::avx512) return avx512;
    return set == InstructionSet::avx2 ? avx2 : baseline;
  }
};

template <auto kFunction>
struct CompiledVariants;
template <class R, class... A, R (*kFunction)(A...)>
struct CompiledVariants<kFunction> {
  static R baseline(A... a) { return kFunction(a...); }
  NABLAFLOW_TARGET_AVX2 static R avx2(A... a) { return kFunction(a...); }
  NABLAFLOW_TARGET_AVX512 static R avx512(A... a) { return kFunction(a...); }
};

/// The variants of a function that is inlined into them (NABLAFLOW_INLINED).
template <auto kFunction>
constexpr Variants<decltype(kFunction)> variants() {
  using Compiled = CompiledVariants<kFunction>;
  return {&Compiled::baseline, &Compiled::avx2, &Compiled::avx512};
}

}  // namespace nabla
