#pragma once

#include "engine/backend/backend.h"

namespace nabla::cpu {

/// Elements that a kernel reads or writes.
struct ArrayView {
  std::byte* block;
  Layout layout;
  DType dtype;

  const Shape& shape() const { return layout.shape; }
  template <class T>
  T* data() const {
    return reinterpret_cast<T*>(block) + layout.offset;
  }
};

/// One step handed to a kernel: dense output, inputs of any layout.
struct KernelCall {
  std::span<const ArrayView> inputs;
  const ArrayView& output;
  const Attributes& attributes;
  /// Blocks of the output's parts where they are written apart; the output has none then.
  std::span<std::byte* const> parts = {};
};

using Kernel = void (*)(const KernelCall& call);

// One for each line of the catalogue that asks for it, `name`_kernel. What they compute stands beside the
// operators (engine/ops); an index outside its axis is an Error.
#define STEP(name, ...) void name##_kernel(const KernelCall& call);
#define ROWS(name, ...) void name##_kernel(const KernelCall& call);
#include "engine/graph/primitives.def"
/// One element of a constant, which stands for all.
void constant_kernel(const KernelCall& call);

/// The kernel of a primitive. @throws Error for those that have none.
Kernel kernel_of(const Primitive& primitive);

/// Any layout to a dense one.
void copy_to_dense(const KernelCall& call);

/// The kernel as a step for operands that lie as in `step`.
std::shared_ptr<const StepKernel> make_step(Kernel kernel, const StepDescription& step);

}  // namespace nabla::cpu
