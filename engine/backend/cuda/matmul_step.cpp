#include <algorithm>
#include <numeric>
#include <utility>

#include "engine/backend/contraction_axes.h"
#include "engine/backend/cuda/context.h"
#include "engine/backend/cuda/device_memory.h"
#include "engine/backend/cuda/product.h"
#include "engine/backend/cuda/step.h"
#include "engine/backend/device.h"

namespace nabla::cuda {
namespace {

// Offsets in an arena are multiples of this many bytes, and so is what cuBLASLt may count on at most.
constexpr std::int64_t kMostAlignment = 64;
// The most products of one call.
constexpr std::int64_t kMostBatch = 65535;

// Steps take workspaces in turn. Under the evaluation lock.
std::size_t next_workspace = 0;

// An operand that no product can read as it lies, and the dense copy that is read instead.
struct DenseCopy {
  std::shared_ptr<const Step> step;
  std::size_t bytes;
};

// Does a product read such a matrix, one of whose axes must be dense?
bool is_readable(const MatrixStrides& strides, std::int64_t rows, std::int64_t columns) {
  return (strides.column == 1 && strides.row >= columns) || (strides.row == 1 && strides.column >= rows);
}

// Brings the operand's axes, batch first, then `rows`, then `columns`, into row-major order: the strides
// change, and the copy is what they hold for.
DenseCopy make_dense(ContractionAxes& batch, ContractionAxes& rows, ContractionAxes& columns,
                     AxisStride operand, std::int64_t offset, DType type) {
  Layout from;
  std::vector<std::int64_t*> strides;
  for (ContractionAxes* axes : {&batch, &rows, &columns})
    for (ContractionAxis& axis : *axes) {
      if (axes == &batch && axis.*operand == 0) continue;  // the operand stands still
      from.strides[strides.size()] = axis.*operand;
      from.shape.push_back(axis.extent);
      strides.push_back(&(axis.*operand));
    }
  from.offset = offset;
  const Layout dense = Layout::dense(from.shape);
  for (std::size_t i = 0; i < strides.size(); ++i) *strides[i] = dense.strides[i];
  return {make_kernel_step({nullptr, std::span(&from, 1), std::span(&type, 1), dense, type, {}}),
          static_cast<std::size_t>(from.shape.size()) * size_of(type)};
}

// Neighbours that all three operands walk as one become one axis.
ContractionAxes merged(const ContractionAxes& axes) {
  ContractionAxes result;
  for (const ContractionAxis& axis : axes) {
    const auto continues = [&](AxisStride operand) {
      return result.back().*operand == axis.*operand * axis.extent;
    };
    if (!result.empty() && continues(&ContractionAxis::a) && continues(&ContractionAxis::b) &&
        continues(&ContractionAxis::c)) {
      result.back() = {result.back().extent * axis.extent, axis.a, axis.b, axis.c};
    } else {
      result.push_back(axis);
    }
  }
  return result;
}

class MatmulStep final : public Step {
 public:
  explicit MatmulStep(const StepDescription& step) : Step("contraction"), type_(step.output_type) {
    SortedContraction sorted = sort_contraction(step.inputs[0], step.inputs[1], step.output, step.attributes);
    ContractionRoles& roles = sorted.roles;
    left_.slot = sorted.swapped ? 1 : 0;
    right_.slot = 1 - left_.slot;
    const std::int64_t m = count(roles.rows);
    const std::int64_t n = count(roles.columns);
    const std::int64_t k = count(roles.summed);
    const auto settle = [&](Operand& operand, ContractionAxes& rows, ContractionAxes& columns,
                            AxisStride stride) {
      const std::int64_t offset = step.inputs[operand.slot].offset;
      MatrixStrides strides = matrix_strides(rows, columns, stride);
      if (is_readable(strides, count(rows), count(columns))) {
        operand.offset = offset;
      } else {
        operand.copy = make_dense(roles.batch, rows, columns, stride, offset, type_);
        strides = matrix_strides(rows, columns, stride);
      }
      return strides;
    };
    const MatrixStrides a = settle(left_, roles.rows, roles.summed, &ContractionAxis::a);
    const MatrixStrides b = settle(right_, roles.summed, roles.columns, &ContractionAxis::b);

    // One axis becomes the batch of a call; calls are made along the others.
    ContractionAxes batch = merged(roles.batch);
    ContractionAxis strided{1, 0, 0, 0};
    if (!batch.empty()) {
      const auto longest = std::ranges::max_element(batch, {}, &ContractionAxis::extent);
      strided = *longest;
      batch.erase(longest);
    }
    const std::int64_t calls = count(batch);
    for (std::int64_t call = 0; call < calls; ++call)
      for (std::int64_t first = 0; first < strided.extent; first += kMostBatch)
        calls_.push_back({offset_of(batch, call, &ContractionAxis::a) + first * strided.a + left_.offset,
                          offset_of(batch, call, &ContractionAxis::b) + first * strided.b + right_.offset,
                          offset_of(batch, call, &ContractionAxis::c) + first * strided.c,
                          std::min(kMostBatch, strided.extent - first)});
    const std::int64_t c_row = m == 1 ? n : innermost_stride(roles.rows, &ContractionAxis::c, n);
    shape_ = {m,
              n,
              k,
              1,
              {a.row, a.column, strided.a},
              {b.row, b.column, strided.b},
              {c_row, 1, strided.c},
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
    narrow(shape_.a_alignment, strided.a);
    narrow(shape_.b_alignment, strided.b);
    narrow(shape_.c_alignment, strided.c);
  }

  void add_sources(std::vector<const KernelSource*>& sources) const override {
    for (const Operand* operand : {&left_, &right_})
      if (operand->copy.step) operand->copy.step->add_sources(sources);
  }

  void make_ready() const override {
    for (const Operand* operand : {&left_, &right_}) {
      if (!operand->copy.step) continue;
      operand->copy.step->make_ready();
      operand->memory = std::make_unique<Block>(operand->copy.bytes);
    }
    products_.clear();
    for (const Call& call : calls_) {
      ProductShape shape = shape_;
      shape.batch = call.batch;
      products_.push_back(product_of(shape));
    }
    if (std::ranges::any_of(products_, [](const auto& product) { return product->uses_workspace(); }))
      workspace_ = Context::instance().workspace(next_workspace++);
  }

  std::byte* workspace() const override { return workspace_; }

  void run(std::span<const std::byte* const> inputs, std::span<std::byte* const> outputs) const override {
    const std::byte* const a = brought(left_, inputs);
    const std::byte* const b = brought(right_, inputs);
    const std::int64_t size = static_cast<std::int64_t>(size_of(type_));
    for (std::size_t i = 0; i < calls_.size(); ++i)
      products_[i]->run(a + calls_[i].a * size, b + calls_[i].b * size, outputs[0] + calls_[i].c * size,
                        workspace_);
  }

 private:
  struct Operand {
    std::size_t slot = 0;
    std::int64_t offset = 0;  // in elements, of the first one that is read
    DenseCopy copy{};
    mutable std::unique_ptr<Block> memory;  // of the copy
  };
  struct Call {
    std::int64_t a, b, c;  // where its first elements are
    std::int64_t batch;
  };

  static const std::byte* brought(const Operand& operand, std::span<const std::byte* const> inputs) {
    const std::byte* const from = inputs[operand.slot];
    if (!operand.copy.step) return from;
    std::byte* const to = operand.memory->address();
    operand.copy.step->run(std::span(&from, 1), std::span(&to, 1));
    return to;
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
