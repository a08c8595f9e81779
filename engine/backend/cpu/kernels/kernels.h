#pragma once

#include <map>
#include <string_view>

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
};

using Kernel = void (*)(const KernelCall& call);

/// Kernels by the name of their primitive.
using KernelTable = std::map<std::string_view, Kernel>;

// Each family adds its own.
void add_shaping_kernels(KernelTable& table);
void add_reduction_kernels(KernelTable& table);
void add_contraction_kernels(KernelTable& table);
void add_indexing_kernels(KernelTable& table);
void add_random_kernels(KernelTable& table);

/// Any layout to a dense one.
void copy_to_dense(const KernelCall& call);

/// The kernel as a step for operands that lie as in `step`.
std::shared_ptr<const StepKernel> make_step(Kernel kernel, const StepDescription& step);

}  // namespace nabla::cpu
