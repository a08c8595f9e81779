#pragma once

#include <memory>
#include <optional>
#include <span>

#include "engine/backend/tile_program.h"
#include "engine/graph/primitive.h"
#include "engine/tensor/buffer.h"

namespace nabla {

/// One step handed to a backend: dense output, inputs of any layout.
struct KernelCall {
  std::span<const Array> inputs;
  const Array& output;
  const Attributes& attributes;
};

using Kernel = void (*)(const KernelCall& call);

/// A tile program for given layouts, ready to run.
class TileKernel {
 public:
  virtual ~TileKernel() = default;
  /// Elements of the first input elements and of the outputs, which are dense. An output may be the memory of
  /// an input where `TileProgram` reads that input no later than it stores the output.
  virtual void run(std::span<const std::byte* const> inputs, std::span<std::byte* const> outputs) const = 0;
};

/// An input of a step in a layout that is faster to read: worth making where the input stays the same over
/// many runs.
struct PackedOperand {
  std::int64_t elements;  ///< of the input's type, in one row
  Kernel pack;            ///< makes them from the input, with `attributes`
  Attributes attributes;
  Kernel kernel;  ///< of the step, which gets them in place of the input, under the input's layout
};

/// What executes the steps of a plan. A backend knows kernels by primitive; primitives know no backend.
class Backend {
 public:
  virtual ~Backend() = default;
  /// The kernel of a primitive that is not pointwise. @throws Error if there is none.
  virtual Kernel kernel(const Primitive& primitive) const = 0;
  /// How a step of that primitive would like to find an input which stays the same; nothing if as it is.
  virtual std::optional<PackedOperand> packed(const Primitive& primitive, std::span<const Layout> inputs,
                                              const Layout& output, DType dtype, const Attributes& attributes,
                                              std::size_t slot) const = 0;
  /// Copies any layout to a dense one of the same shape and type.
  virtual Kernel copy_kernel() const = 0;
  /// A program over `shape`; `inputs` are the layouts of its inputs, with strides of 0 where they repeat.
  /// @throws Error if a primitive does not know a type.
  virtual std::unique_ptr<const TileKernel> compile(const TileProgram& program, const Shape& shape,
                                                    std::span<const Layout> inputs) const = 0;
};

const Backend& cpu_backend();

}  // namespace nabla
