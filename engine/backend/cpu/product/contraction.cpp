#include <algorithm>
#include <complex>
#include <memory>
#include <type_traits>
#include <utility>

#include "engine/backend/contraction_axes.h"
#include "engine/backend/cpu/kernels/kernels.h"
#include "engine/backend/cpu/kernels/visit.h"
#include "engine/backend/cpu/product/dot_products.h"
#include "engine/backend/cpu/product/operand_matrices.h"
#include "engine/backend/cpu/product/product_blocks.h"
#include "engine/backend/cpu/threads/thread_pool.h"

namespace nabla::cpu {
namespace {

// Fewer blocks lose more by waiting for all panels than they save.
constexpr std::int64_t kFewestSharing = 4;

// Blocks of rows that share their right operand, which is made ready once for all of them.
void by_shared_panels(const ProductBlocks& blocks, const MatmulShape& whole, const double* a, const double* b,
                      double* c) {
  const RightPanels right(whole);
  const std::unique_ptr<Buffer> memory =
      std::make_unique<Buffer>(static_cast<std::size_t>(right.size()) * sizeof(double));
  double* panels = reinterpret_cast<double*>(memory->data());
  parallel_for(right.parts(), [&](std::int64_t part) { right.pack(part, b, panels); });
  parallel_for(blocks.count(), [&](std::int64_t i) {
    const ProductBlock block = blocks[i];
    right.multiply({block.shape, a + block.a, panels, c + block.c});
  });
}

template <class T>
void by_matrix_products(const ContractionRoles& roles, const T* a, const T* b, T* c) {
  std::unique_ptr<Buffer> left_copy;
  std::unique_ptr<Buffer> right_copy;
  const OperandMatrices<T> left =
      operand_matrices(a, roles.batch, roles.rows, roles.summed, kLeft, left_copy);
  const OperandMatrices<T> right =
      operand_matrices(b, roles.batch, roles.summed, roles.columns, kRight, right_copy);
  const MatmulShape whole = product_shape(roles, left.strides, right.strides);
  const ProductBlocks blocks(whole);

  const std::int64_t batches = roles.batch.size();
  if constexpr (std::is_same_v<T, double>) {
    if (batches == 1 && blocks.rows() >= kFewestSharing && blocks.columns() == 1)
      return by_shared_panels(blocks, whole, left.data, right.data, c);
  }
  // Small products are bundled.
  const std::int64_t per_task =
      blocks.count() > 1 ? 1
                         : std::clamp<std::int64_t>(500000 / (2 * whole.m * whole.n * whole.k), 1, batches);
  const std::int64_t units = batches * blocks.count();
  parallel_for((units + per_task - 1) / per_task, [&](std::int64_t task) {
    for (std::int64_t unit = task * per_task; unit < std::min(units, (task + 1) * per_task); ++unit) {
      const std::int64_t batch = unit / blocks.count();
      const ProductBlock block = blocks[unit % blocks.count()];
      matmul(MatmulArguments<T>{block.shape, left.data + left.offset(batch) + block.a,
                                right.data + right.offset(batch) + block.b,
                                c + roles.batch.offset(batch, kResult) + block.c});
    }
  });
}

template <class T>
void contraction_typed(const KernelCall& call) {
  if (call.output.shape().size() == 0) return;
  const T* a = call.inputs[0].data<const T>();
  const T* b = call.inputs[1].data<const T>();
  T* c = call.output.data<T>();
  const SortedContraction sorted =
      sort_contraction(call.inputs[0].layout, call.inputs[1].layout, call.output.layout, call.attributes);
  if (sorted.swapped) std::swap(a, b);
  switch (sorted.form) {
    case SortedContraction::Form::dot_products:
      return by_dot_products(sorted.roles, a, b, c);
    case SortedContraction::Form::scaled_rows:
      return by_scaled_rows(sorted.roles, a, b, c);
    case SortedContraction::Form::matrix_products:
      return by_matrix_products(sorted.roles, a, b, c);
  }
}

}  // namespace

void contraction_kernel(const KernelCall& call) {
  visit_floating("contraction", call.output.dtype,
                 [&](auto type) { contraction_typed<typename decltype(type)::type>(call); });
}

}  // namespace nabla::cpu
