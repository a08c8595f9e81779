#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/backend/step_description.h"
#include "engine/backend/tile_program.h"

// Kernels as text. Nothing here needs the CUDA toolkit: the text is a function of the program, the layouts
// and nothing else, so that equal steps share one compiled kernel, and tests run it on the host.

namespace nabla::cuda {

/// What a parameter of a kernel is. Pointers are to bytes of the plan's values; all parameters are 8 bytes.
struct KernelArgument {
  enum class From {
    input,    ///< pointer to the first element of the step's input `index`: its layout's offset is added
              ///< already
    output,   ///< pointer to the first element of the step's output `index`
    scratch,  ///< pointer `index` bytes into the step's own scratch memory (a multiple of 256)
    refusal,  ///< pointer to a `Refusal`, where the kernel notes an index outside its axis
    number,   ///< the i64 `index` itself
  };
  From from;
  std::int64_t index = 0;
};

/// One kernel: CUDA C++ that is compiled behind preamble(), and how it is launched (x only, static shared
/// memory only).
struct KernelSource {
  std::string entry;  ///< name of the extern "C" function in `text`
  std::string text;
  std::vector<KernelArgument> arguments;
  std::int64_t blocks = 1;
  int threads = 256;  ///< of a block; a multiple of 32, at most 1024
};

/// The kernels of one step, run in this order. A step over no elements has none.
struct StepSource {
  std::vector<KernelSource> kernels;
  std::size_t scratch_bytes = 0;
};

/// What stands before every kernel: names of types, the elementary functions (CUDA's own), warp and block
/// reductions.
std::string_view preamble();

/// A tile program over `shape`; `inputs` as in Backend::compile.
/// @throws Error if a primitive does not know a type (complex numbers are for the CPU alone).
StepSource tile_source(const TileProgram& program, const Shape& shape, std::span<const Layout> inputs);

/// Is it a contraction by products of matrices? cuBLASLt does these, and no kernel of ours.
bool is_matrix_product(const StepDescription& step);

/// Any step but such a one: copies, reductions, indexing, random numbers, and
/// contractions that are scalar products or scaled rows.
/// @throws Error if there is no kernel for the primitive or the type.
StepSource primitive_source(const StepDescription& step);

}  // namespace nabla::cuda
