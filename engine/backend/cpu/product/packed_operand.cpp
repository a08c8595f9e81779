#include "engine/backend/cpu/product/packed_operand.h"

#include <algorithm>
#include <vector>

#include "engine/backend/cpu/kernels/kernels.h"
#include "engine/backend/cpu/product/operand_matrices.h"
#include "engine/backend/cpu/product/product_blocks.h"
#include "engine/backend/cpu/threads/thread_pool.h"

// A packed operand is a row of memory: the blocks of columns that products are cut into, one behind the
// other, each in the layout that oneDNN reads fastest.

namespace nabla::cpu {
namespace {

// A right operand whose rows are dense is read as fast where it lies, unless it is too large for a
// second-level cache.
bool is_slow_to_read(const MatmulShape& x) {
  constexpr std::int64_t kLarge = std::int64_t{1} << 18;
  return x.b_column != 1 || x.k * x.n >= kLarge;
}

std::size_t right_slot(const SortedContraction& sorted) { return sorted.swapped ? 0 : 1; }

// The contraction as a product of matrices that lie in memory as they are.
std::optional<MatmulShape> as_one_product(const SortedContraction& sorted) {
  const ContractionRoles& roles = sorted.roles;
  const MatrixStrides left = matrix_strides(roles.rows, roles.summed, kLeft);
  const MatrixStrides right = matrix_strides(roles.summed, roles.columns, kRight);
  if (sorted.form != SortedContraction::Form::matrix_products || roles.batch.rank() > 0 ||
      !left.suit_a_product() || !right.suit_a_product())
    return std::nullopt;
  return product_shape(roles, left, right);
}

// What is packed is cut as one whose rows are dense, however it lay.
ProductBlocks packed_blocks(MatmulShape whole) {
  whole.b_row = whole.n;
  whole.b_column = 1;
  return ProductBlocks(whole);
}

// Where the blocks of columns start, and behind the last one the size of all.
std::vector<std::int64_t> packed_starts(const ProductBlocks& blocks) {
  constexpr std::int64_t kAlignment = 64 / sizeof(float);
  std::vector<std::int64_t> starts{0};
  for (std::int64_t column = 0; column < blocks.columns(); ++column) {
    const std::int64_t size = packed_size(blocks[column].shape);
    starts.push_back(starts.back() + (size + kAlignment - 1) / kAlignment * kAlignment);
  }
  return starts;
}

Attributes to_attributes(const MatmulShape& x) {
  return {x.m, x.n, x.k, x.a_row, x.a_column, x.b_row, x.b_column, x.c_row};
}
MatmulShape to_shape(const Attributes& x) { return {x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7]}; }

// Packs the right operand of the product that the attributes describe.
void pack_operand(const KernelCall& call) {
  struct Piece {
    std::int64_t block, first, last;
  };
  const MatmulShape whole = to_shape(call.attributes);
  const ProductBlocks blocks = packed_blocks(whole);
  std::vector<Piece> pieces;
  for (std::int64_t column = 0; column < blocks.columns(); ++column) {
    constexpr std::int64_t kColumns = 128;
    const MatmulShape shape = blocks[column].shape;
    const std::int64_t together = packed_columns(shape);
    const std::int64_t step = (kColumns + together - 1) / together * together;
    for (std::int64_t first = 0; first < shape.n; first += step)
      pieces.push_back({column, first, std::min(shape.n, first + step)});
  }
  const std::vector<std::int64_t> starts = packed_starts(blocks);
  const float* b = call.inputs[0].data<const float>();
  float* packed = call.output.data<float>();
  parallel_for(static_cast<std::int64_t>(pieces.size()), [&](std::int64_t task) {
    const Piece& piece = pieces[task];
    ProductBlock block = blocks[piece.block];
    block.shape.b_row = whole.b_row;
    block.shape.b_column = whole.b_column;
    pack(block.shape, piece.first, piece.last, b + block.b * whole.b_column, packed + starts[piece.block]);
  });
}

// The contraction whose right operand is packed, but bears the layout that it had before.
void contraction_packed(const KernelCall& call) {
  const SortedContraction sorted =
      sort_contraction(call.inputs[0].layout, call.inputs[1].layout, call.output.layout, call.attributes);
  const std::size_t right = right_slot(sorted);
  const float* a = call.inputs[1 - right].data<const float>();
  const float* packed = call.inputs[right].data<const float>();
  float* c = call.output.data<float>();
  const ProductBlocks blocks = packed_blocks(as_one_product(sorted).value());
  const std::vector<std::int64_t> starts = packed_starts(blocks);
  parallel_for(blocks.count(), [&](std::int64_t i) {
    ProductBlock block = blocks[i];
    block.shape.b_row = block.shape.b_column = 0;
    matmul(
        MatmulArguments<float>{block.shape, a + block.a, packed + starts[i % blocks.columns()], c + block.c});
  });
}

}  // namespace

std::optional<PackedOperand> packed_contraction_operand(const StepDescription& step, std::size_t slot) {
  if (step.output.shape.size() == 0) return std::nullopt;
  const SortedContraction sorted =
      sort_contraction(step.inputs[0], step.inputs[1], step.output, step.attributes);
  const std::optional<MatmulShape> whole = as_one_product(sorted);
  if (!whole || slot != right_slot(sorted) || !is_slow_to_read(*whole)) return std::nullopt;
  const ProductBlocks blocks = packed_blocks(*whole);
  for (std::int64_t column = 0; column < blocks.columns(); ++column) {
    std::vector<MatmulShape> sharing;
    for (std::int64_t row = 0; row < blocks.rows(); ++row) {
      sharing.push_back(blocks[row * blocks.columns() + column].shape);
      sharing.back().b_row = whole->b_row;
      sharing.back().b_column = whole->b_column;
    }
    if (!worth_packing(sharing)) return std::nullopt;
  }
  const std::int64_t elements = packed_starts(blocks).back();
  const Attributes product = to_attributes(*whole);
  const Layout row = Layout::dense({elements});
  // The step's operand keeps the layout that it had; how the elements lie only the kernel knows.
  std::vector<Layout> layouts(step.inputs.begin(), step.inputs.end());
  layouts[slot].offset = 0;
  return PackedOperand{
      elements,
      make_step(&pack_operand, {step.primitive, step.inputs.subspan(slot, 1),
                                step.input_types.subspan(slot, 1), row, step.output_type, product}),
      product,
      make_step(&contraction_packed,
                {step.primitive, layouts, step.input_types, step.output, step.output_type, step.attributes})};
}

}  // namespace nabla::cpu
