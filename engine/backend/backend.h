#pragma once

#include <span>

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

/// What executes the steps of a plan. A backend knows kernels by primitive; primitives know no backend.
class Backend {
 public:
  virtual ~Backend() = default;
  /// The kernel of a primitive. @throws Error if there is none.
  virtual Kernel kernel(const Primitive& primitive) const = 0;
  /// Copies any layout to a dense one of the same shape and type.
  virtual Kernel copy_kernel() const = 0;
};

const Backend& cpu_backend();

}  // namespace nabla
