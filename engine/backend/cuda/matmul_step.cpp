#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "engine/backend/contraction_axes.h"
#include "engine/backend/cuda/context.h"
#include "engine/backend/cuda/dense_copy.h"
#include "engine/backend/cuda/product.h"
#include "engine/backend/cuda/step.h"
#include "engine/backend/device.h"

namespace nabla::cuda {
namespace {

// Offsets in an arena are multiples of this many bytes, and so is what cuBLASLt may count on at most.
constexpr std::int64_t kMostAlignment = 64;
// The most products of one call.
constexpr std::int64_t kMostBatch = 65535;

// Does a product read such a matrix, one of whose axes must be dense?
bool is_readable(const MatrixStrides& strides, std::int64_t rows, std::int64_t columns) {
  return (strides.column == 1 && strides.row >= columns) || (strides.row == 1 && strides.column >= rows);
}

// The strides of an operand become those of a dense copy with the batch axes outermost, then `rows`, then
// `columns`.
DenseCopy make_dense(ContractionWalk& batch, ContractionWalk& rows, ContractionWalk& columns,
                     std::size_t operand, std::int64_t offset, DType type) {
  Layout from;
  std::vector<std::int64_t*> strides;
  for (ContractionWalk* walk : {&batch, &rows, &columns})
    for (ContractionWalk::Axis& axis : walk->axes()) {
      if (walk == &batch && axis.strides[operand] == 0) continue;  // the operand stands still
      from.strides[strides.size()] = axis.strides[operand];
      from.shape.push_back(axis.extent);
      strides.push_back(&axis.strides[operand]);
    }
  from.offset = offset;
  DenseCopy copy(from, type);
  for (std::size_t i = 0; i < strides.size(); ++i) *strides[i] = copy.layout().strides[i];
  return copy;
}

class MatmulStep final : public Step {
 public:
  explicit MatmulStep(const StepDescription& step) : Step("contraction"), type_(step.output_type) {
    SortedContraction sorted = sort_contraction(step.inputs[0], step.inputs[1], step.output, step.attributes);
    ContractionRoles& roles = sorted.roles;
    left_.slot = sorted.swapped ? 1 : 0;
    right_.slot = 1 - left_.slot;
    const std::int64_t m = roles.rows.size();
    const std::int64_t n = roles.columns.size();
    const std::int64_t k = roles.summed.size();
    const auto strides_of = [&](Operand& operand, ContractionWalk& rows, ContractionWalk& columns,
                                std::size_t side) {
      const std::int64_t offset = step.inputs[operand.slot].offset;
      const MatrixStrides strides = matrix_strides(rows, columns, side);
      if (is_readable(strides, rows.size(), columns.size())) {
        operand.offset = offset;
        return strides;
      }
      operand.copy = make_dense(roles.batch, rows, columns, side, offset, type_);
      return matrix_strides(rows, columns, side);
    };
    const MatrixStrides a = strides_of(left_, roles.rows, roles.summed, kLeft);
    const MatrixStrides b = strides_of(right_, roles.summed, roles.columns, kRight);

    // One axis becomes the batch of a call; calls are made along the others.
    ContractionWalk batch;
    for (const ContractionWalk::Axis& axis : roles.batch.axes()) batch.merge(axis);
    ContractionWalk::Axis strided{1, {0, 0, 0}};
    if (batch.rank() > 0) {
      const auto longest = std::ranges::max_element(batch.axes(), {}, &ContractionWalk::Axis::extent);
      strided = *longest;
      batch = batch.without(static_cast<int>(longest - batch.axes().begin()));
    }
    const std::int64_t calls = batch.size();
    for (std::int64_t call = 0; call < calls; ++call)
      for (std::int64_t first = 0; first < strided.extent; first += kMostBatch) {
        const auto offset = [&](std::size_t operand) {
          return batch.offset(call, operand) + first * strided.strides[operand];
        };
        calls_.push_back({offset(kLeft) + left_.offset, offset(kRight) + right_.offset, offset(kResult),
                          std::min(kMostBatch, strided.extent - first)});
      }
    const std::int64_t c_row = m == 1 ? n : roles.rows.inner_stride(kResult, n);
    shape_ = {m,
              n,
              k,
              1,
              {a.row, a.column, strided.strides[kLeft]},
              {b.row, b.column, strided.strides[kRight]},
              {c_row, 1, strided.strides[kResult]},
              type_,
              product_precision(),
              kMostAlignment,
              kMostAlignment,
              kMostAlignment};
    const auto narrow = [&](std::int64_t& alignment, std::int64_t elements) {
      alignment = std::gcd(alignment, elements * static_cast<std::int64_t>(size_of(type_)));
    };
    for (const Call& call : calls_) {
      narrow(shape_.a_alignment, call.a);
      narrow(shape_.b_alignment, call.b);
      narrow(shape_.c_alignment, call.c);
    }
    narrow(shape_.a_alignment, strided.strides[kLeft]);
    narrow(shape_.b_alignment, strided.strides[kRight]);
    narrow(shape_.c_alignment, strided.strides[kResult]);
  }

  void add_sources(std::vector<const KernelSource*>& sources) const override {
    for (const Operand* operand : {&left_, &right_})
      if (operand->copy) operand->copy->add_sources(sources);
  }

  void make_ready() const override {
    for (const Operand* operand : {&left_, &right_})
      if (operand->copy) operand->copy->make_ready();
    products_.clear();
    for (const Call& call : calls_) {
      ProductShape shape = shape_;
      shape.batch = call.batch;
      products_.push_back(product_of(shape));
    }
    if (std::ranges::any_of(products_, [](const auto& product) { return product->uses_workspace(); }))
      workspace_ = Context::instance().next_workspace();
  }

  std::byte* workspace() const override { return workspace_; }

  void run(std::span<const std::byte* const> inputs, std::span<std::byte* const> outputs) const override {
    const std::byte* const a = operand_address(left_, inputs);
    const std::byte* const b = operand_address(right_, inputs);
    const std::int64_t size = static_cast<std::int64_t>(size_of(type_));
    for (std::size_t i = 0; i < calls_.size(); ++i)
      products_[i]->run(a + calls_[i].a * size, b + calls_[i].b * size, outputs[0] + calls_[i].c * size,
                        workspace_);
  }

 private:
  struct Operand {
    std::size_t slot = 0;
    std::int64_t offset = 0;  // in elements, of the first one that is read
    std::optional<DenseCopy> copy{};
  };
  struct Call {
    std::int64_t a, b, c;  // where its first elements are
    std::int64_t batch;
  };

  static const std::byte* operand_address(const Operand& operand, std::span<const std::byte* const> inputs) {
    const std::byte* const from = inputs[operand.slot];
    return operand.copy ? operand.copy->run(from) : from;
  }

  DType type_;
  Operand left_, right_;
  ProductShape shape_;  // of each call, but for its batch
  std::vector<Call> calls_;
  mutable std::vector<std::shared_ptr<const Product>> products_;
  mutable std::byte* workspace_ = nullptr;
};

}  // namespace

std::shared_ptr<const Step> make_matmul_step(const StepDescription& step) {
  return std::make_shared<MatmulStep>(step);
}

}  // namespace nabla::cuda
