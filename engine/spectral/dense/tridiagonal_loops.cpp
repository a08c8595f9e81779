#include "engine/spectral/dense/tridiagonal_loops.h"

#include <cstring>

#include "engine/backend/instruction_set.h"
#include "engine/backend/target.h"

namespace nabla::dense {
namespace {

namespace baseline {
#define NABLAFLOW_LOOPS_TARGET
#define NABLAFLOW_LOOPS_BYTES 16
#include "engine/spectral/dense/tridiagonal_loops.inc"
#undef NABLAFLOW_LOOPS_BYTES
#undef NABLAFLOW_LOOPS_TARGET
}  // namespace baseline

#if NABLAFLOW_TARGETS
namespace avx2 {
#define NABLAFLOW_LOOPS_TARGET NABLAFLOW_TARGET_AVX2
#define NABLAFLOW_LOOPS_BYTES 32
#include "engine/spectral/dense/tridiagonal_loops.inc"
#undef NABLAFLOW_LOOPS_BYTES
#undef NABLAFLOW_LOOPS_TARGET
}  // namespace avx2

namespace avx512 {
#define NABLAFLOW_LOOPS_TARGET NABLAFLOW_TARGET_AVX512
#define NABLAFLOW_LOOPS_BYTES 64
#include "engine/spectral/dense/tridiagonal_loops.inc"
#undef NABLAFLOW_LOOPS_BYTES
#undef NABLAFLOW_LOOPS_TARGET
}  // namespace avx512
#endif

}  // namespace

const TridiagonalLoops& tridiagonal_loops() {
#if NABLAFLOW_TARGETS
  if (instruction_set() == InstructionSet::avx512) return avx512::kLoops;
  if (instruction_set() == InstructionSet::avx2) return avx2::kLoops;
#endif
  return baseline::kLoops;
}

}  // namespace nabla::dense
