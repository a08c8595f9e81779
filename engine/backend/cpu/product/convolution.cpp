#include <algorithm>
#include <array>
#include <complex>
#include <memory>
#include <vector>

#include "engine/backend/cpu/kernels/kernels.h"
#include "engine/backend/cpu/kernels/visit.h"
#include "engine/backend/cpu/product/matmul.h"
#include "engine/backend/cpu/threads/thread_own.h"
#include "engine/backend/cpu/threads/thread_pool.h"
#include "engine/backend/walk.h"
#include "engine/graph/convolution_window.h"
#include "engine/tensor/buffer.h"

// Convolutions as products of matrices: what lies under the window at some places is copied into the columns
// of a matrix, which stays in the second cache, and the weight is a matrix from columns to channels.

namespace nabla::cpu {
namespace {

using Extents = std::array<std::int64_t, ConvolutionWindow::kMostSpatial>;

std::int64_t product_of(const Extents& extents) { return extents[0] * extents[1] * extents[2]; }

// A convolution of one sample in one group, with three spatial axes: those that are missing have one element.
struct Geometry {
  std::int64_t inputs, outputs;  // channels of a group
  Extents data, window, places;
  std::array<WindowAxis, ConvolutionWindow::kMostSpatial> axes;

  std::int64_t depth() const { return inputs * product_of(window); }
  std::int64_t place_count() const { return product_of(places); }
  std::int64_t data_size() const { return inputs * product_of(data); }
  std::int64_t result_size() const { return outputs * place_count(); }
  std::int64_t weight_size() const { return outputs * depth(); }
  // Is the matrix of columns the data itself?
  bool is_pointwise() const {
    for (std::size_t i = 0; i < axes.size(); ++i)
      if (window[i] != 1 || axes[i].stride != 1 || axes[i].before != 0 || places[i] != data[i]) return false;
    return true;
  }
};

// Places that are worked on together: whole lines along the innermost axis, or a piece of one.
struct PlaceBlock {
  std::int64_t first_line, last_line;
  std::int64_t first, last;  // along the line

  std::int64_t width() const { return last - first; }
  std::int64_t count() const { return (last_line - first_line) * width(); }
};

class PlaceBlocks {
 public:
  explicit PlaceBlocks(const Geometry& x) : lines_(x.places[0] * x.places[1]), length_(x.places[2]) {
    // A part of the second cache; without a copy the product cuts for itself.
    constexpr std::int64_t kColumnElements = 1 << 16;
    const std::int64_t places = std::clamp<std::int64_t>(
        x.is_pointwise() ? x.place_count() : kColumnElements / std::max<std::int64_t>(1, x.depth()), 64,
        1 << 20);
    lines_per_block_ = std::max<std::int64_t>(1, places / std::max<std::int64_t>(1, length_));
    piece_ = std::min(length_, places);
    pieces_ = lines_per_block_ > 1 ? 1 : (length_ + piece_ - 1) / std::max<std::int64_t>(1, piece_);
    if (pieces_ == 1) piece_ = length_;
  }
  std::int64_t count() const { return (lines_ + lines_per_block_ - 1) / lines_per_block_ * pieces_; }
  PlaceBlock operator[](std::int64_t block) const {
    const std::int64_t line = block / pieces_ * lines_per_block_;
    const std::int64_t first = block % pieces_ * piece_;
    return {line, std::min(lines_, line + lines_per_block_), first, std::min(length_, first + piece_)};
  }
  // Where a block's results start among the places.
  std::int64_t start(const PlaceBlock& block) const { return block.first_line * length_ + block.first; }

 private:
  std::int64_t lines_, length_;
  std::int64_t lines_per_block_, piece_, pieces_;
};

// Calls run(column, begin, end, from) for every line of the block and every row of its matrix of columns, row
// by row: entry `column` + r is element `from` + r stride of the data for r in [begin, end), and a zero for
// the others.
template <class Run>
void for_each_line_under_window(const Geometry& x, const PlaceBlock& block, const Run& run) {
  const WindowAxis& inner = x.axes[2];
  std::int64_t column = 0;
  for (std::int64_t c = 0; c < x.inputs; ++c)
    for (std::int64_t w0 = 0; w0 < x.window[0]; ++w0)
      for (std::int64_t w1 = 0; w1 < x.window[1]; ++w1)
        for (std::int64_t w2 = 0; w2 < x.window[2]; ++w2) {
          const std::int64_t shift = w2 * inner.dilation - inner.before;
          const std::int64_t low = shift >= 0 ? 0 : (-shift + inner.stride - 1) / inner.stride;
          const std::int64_t high = shift >= x.data[2] ? 0 : (x.data[2] - 1 - shift) / inner.stride + 1;
          const std::int64_t begin = std::clamp(low, block.first, block.last) - block.first;
          const std::int64_t end = std::max(begin, std::clamp(high, block.first, block.last) - block.first);
          for (std::int64_t line = block.first_line; line < block.last_line;
               ++line, column += block.width()) {
            const std::int64_t p0 =
                line / x.places[1] * x.axes[0].stride + w0 * x.axes[0].dilation - x.axes[0].before;
            const std::int64_t p1 =
                line % x.places[1] * x.axes[1].stride + w1 * x.axes[1].dilation - x.axes[1].before;
            if (p0 < 0 || p0 >= x.data[0] || p1 < 0 || p1 >= x.data[1])
              run(column, 0, 0, 0);
            else
              run(column, begin, end,
                  ((c * x.data[0] + p0) * x.data[1] + p1) * x.data[2] + shift + block.first * inner.stride);
          }
        }
}

// columns [depth, places of the block] of the data.
template <class T>
void unfold(const Geometry& x, const PlaceBlock& block, const T* data, T* columns) {
  const std::int64_t stride = x.axes[2].stride;
  const std::int64_t width = block.width();
  for_each_line_under_window(
      x, block, [&](std::int64_t column, std::int64_t begin, std::int64_t end, std::int64_t from) {
        T* to = columns + column;
        std::fill(to, to + begin, T{});
        if (stride == 1)
          std::copy(data + from + begin, data + from + end, to + begin);
        else
          for (std::int64_t r = begin; r < end; ++r) to[r] = data[from + r * stride];
        std::fill(to + end, to + width, T{});
      });
}

// Its transpose: adds the columns to the data.
template <class T>
void fold(const Geometry& x, const PlaceBlock& block, const T* columns, T* data) {
  const std::int64_t stride = x.axes[2].stride;
  for_each_line_under_window(
      x, block, [&](std::int64_t column, std::int64_t begin, std::int64_t end, std::int64_t from) {
        const T* add = columns + column;
        T* to = data + from;
        if (stride == 1)
          for (std::int64_t r = begin; r < end; ++r) to[r] += add[r];
        else
          for (std::int64_t r = begin; r < end; ++r) to[r * stride] += add[r];
      });
}

template <class T>
struct ConvolutionMemory {
  std::vector<T> columns, product;
};
template <class T>
T* memory_of(std::vector<T>& memory, std::int64_t elements) {
  if (static_cast<std::int64_t>(memory.size()) < elements) memory.resize(static_cast<std::size_t>(elements));
  return memory.data();
}

// The matrix of columns of a block: the data itself, or a copy.
template <class T>
struct Columns {
  const T* elements;
  std::int64_t row;  // stride
};
template <class T>
Columns<T> columns_of(const Geometry& x, const PlaceBlocks& blocks, const PlaceBlock& block, const T* data) {
  if (x.is_pointwise()) return {data + blocks.start(block), x.place_count()};
  T* columns = memory_of(thread_own<ConvolutionMemory<T>>().columns, x.depth() * block.count());
  unfold(x, block, data, columns);
  return {columns, block.count()};
}

// An operand, or the output: a core that is dense behind leading axes of any strides.
template <class T>
class CoreOperand {
 public:
  CoreOperand(const ArrayView& view, int leading) : layout_(view.layout), elements_(view.data<T>()) {
    const Shape& shape = view.shape();
    const Layout core = axes_of(view.layout, leading, shape.rank() - leading);
    if (core.is_dense()) return;
    const Layout dense = Layout::dense(shape);
    copy_ = std::make_unique<Buffer>(static_cast<std::size_t>(shape.size()) * sizeof(T));
    const ArrayView to{copy_->data(), dense, view.dtype};
    copy_to_dense({{&view, 1}, to, {}});
    layout_ = dense;
    elements_ = to.data<T>();
  }
  Layout leading(int count) const { return axes_of(layout_, 0, count); }
  T* elements() const { return elements_; }

 private:
  Layout layout_;
  T* elements_;
  std::unique_ptr<Buffer> copy_;
};

// The slots of the form in one call: shapes, and where operands of a leading index start.
template <class T>
struct Form {
  int leading;
  CoreOperand<T> a, b, out;
  Walk<3> walk;
  std::int64_t groups, samples;
  Geometry geometry;

  enum class Slot { cotangent, data, weight };
  Form(const KernelCall& call, Slot slot)
      : leading(call.output.shape().rank() - ConvolutionWindow(call.attributes).spatial - 2),
        a(call.inputs[0], leading),
        b(call.inputs[1], leading),
        out(call.output, leading) {
    const Layout of_out = out.leading(leading), of_a = a.leading(leading), of_b = b.leading(leading);
    walk = merged<3>(of_out.shape, {&of_out, &of_a, &of_b});
    const ConvolutionWindow window(call.attributes);
    const auto core = [&](const ArrayView& x) { return x.shape().without_first(leading); };
    const Shape first = core(call.inputs[0]), second = core(call.inputs[1]), result = core(call.output);
    const Shape& data = slot == Slot::data ? result : first;
    const Shape& weight = slot == Slot::data ? first : slot == Slot::weight ? result : second;
    const Shape& cotangent = slot == Slot::cotangent ? result : second;
    groups = window.groups;
    samples = data[0];
    geometry = {weight[1], weight[0] / groups, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {}};
    for (int i = 0; i < window.spatial; ++i) {
      const std::size_t at = static_cast<std::size_t>(i + ConvolutionWindow::kMostSpatial - window.spatial);
      geometry.axes[at] = window.axes[i];
      geometry.data[at] = data[i + 2];
      geometry.window[at] = weight[i + 2];
      geometry.places[at] = cotangent[i + 2];
    }
  }
  std::int64_t leading_size() const { return walk.size(); }
  // In elements of a sample's group, and of a group's weight.
  std::int64_t data_at(std::int64_t sample, std::int64_t group) const {
    return (sample * groups + group) * geometry.data_size();
  }
  std::int64_t result_at(std::int64_t sample, std::int64_t group) const {
    return (sample * groups + group) * geometry.result_size();
  }
};

// Small pieces of work are bundled. The number of tasks depends on shapes alone.
template <class Work>
void for_units(std::int64_t units, double operations, const Work& work) {
  const std::int64_t per_task = std::clamp<std::int64_t>(
      static_cast<std::int64_t>(500000 / std::max(1.0, operations)), 1, std::max<std::int64_t>(1, units));
  parallel_for((units + per_task - 1) / per_task, [&](std::int64_t task) {
    for (std::int64_t unit = task * per_task; unit < std::min(units, (task + 1) * per_task); ++unit)
      work(unit);
  });
}

template <class T>
void convolution_typed(const KernelCall& call) {
  const Form<T> form(call, Form<T>::Slot::cotangent);
  const Geometry& x = form.geometry;
  T* out = form.out.elements();
  if (x.depth() == 0) return (void)std::fill_n(out, call.output.shape().size(), T{});
  const PlaceBlocks blocks(x);
  const std::int64_t units = form.leading_size() * form.samples * form.groups * blocks.count();
  const double operations =
      2.0 * static_cast<double>(x.weight_size()) * static_cast<double>(blocks[0].count());
  for_units(units, operations, [&](std::int64_t unit) {
    const PlaceBlock block = blocks[unit % blocks.count()];
    unit /= blocks.count();
    const std::int64_t group = unit % form.groups;
    const std::int64_t sample = unit / form.groups % form.samples;
    const std::int64_t index = unit / form.groups / form.samples;
    const T* data = form.a.elements() + form.walk.offset(index, 1) + form.data_at(sample, group);
    const T* weight = form.b.elements() + form.walk.offset(index, 2) + group * x.weight_size();
    const Columns<T> columns = columns_of(x, blocks, block, data);
    matmul(MatmulArguments<T>{
        {x.outputs, block.count(), x.depth(), x.depth(), 1, columns.row, 1, x.place_count()},
        weight,
        columns.elements,
        out + form.walk.offset(index, 0) + form.result_at(sample, group) + blocks.start(block)});
  });
}

template <class T>
void convolution_to_data_typed(const KernelCall& call) {
  const Form<T> form(call, Form<T>::Slot::data);
  const Geometry& x = form.geometry;
  const bool sums_nothing = x.outputs == 0 || x.place_count() == 0;
  const PlaceBlocks blocks(x);
  const std::int64_t units = form.leading_size() * form.samples * form.groups;
  const double operations = 2.0 * static_cast<double>(x.weight_size()) * static_cast<double>(x.place_count());
  for_units(units, operations, [&](std::int64_t unit) {
    const std::int64_t group = unit % form.groups;
    const std::int64_t sample = unit / form.groups % form.samples;
    const std::int64_t index = unit / form.groups / form.samples;
    const T* weight = form.a.elements() + form.walk.offset(index, 1) + group * x.weight_size();
    const T* cotangent = form.b.elements() + form.walk.offset(index, 2) + form.result_at(sample, group);
    T* data = form.out.elements() + form.walk.offset(index, 0) + form.data_at(sample, group);
    if (!x.is_pointwise() || sums_nothing) std::fill_n(data, x.data_size(), T{});
    if (sums_nothing) return;
    for (std::int64_t i = 0; i < blocks.count(); ++i) {
      const PlaceBlock block = blocks[i];
      const std::int64_t start = blocks.start(block);
      T* columns = x.is_pointwise()
                       ? data + start
                       : memory_of(thread_own<ConvolutionMemory<T>>().columns, x.depth() * block.count());
      matmul(MatmulArguments<T>{{x.depth(), block.count(), x.outputs, 1, x.depth(), x.place_count(), 1,
                                 x.is_pointwise() ? x.place_count() : block.count()},
                                weight,
                                cotangent + start,
                                columns});
      if (!x.is_pointwise()) fold(x, block, columns, data);
    }
  });
}

// The samples of one weight are cut into as many pieces at most, whose sums are added in order.
constexpr std::int64_t kMostPieces = 16;

template <class T>
void convolution_to_weight_typed(const KernelCall& call) {
  const Form<T> form(call, Form<T>::Slot::weight);
  const Geometry& x = form.geometry;
  T* out = form.out.elements();
  const PlaceBlocks blocks(x);
  const std::int64_t terms = form.samples * blocks.count();  // of one weight
  if (terms == 0 || x.place_count() == 0) return (void)std::fill_n(out, call.output.shape().size(), T{});
  const std::int64_t size = x.weight_size();
  if (size == 0) return;
  const std::int64_t pieces = std::min(terms, kMostPieces);
  const std::int64_t weights = form.leading_size() * form.groups;
  std::vector<T> sums(static_cast<std::size_t>(pieces == 1 ? 0 : weights * pieces * size));
  const auto place_of = [&](std::int64_t weight) {
    return out + form.walk.offset(weight / form.groups, 0) + weight % form.groups * size;
  };
  const double operations = 2.0 * static_cast<double>(size) * static_cast<double>(blocks[0].count()) *
                            static_cast<double>(terms / pieces);
  for_units(weights * pieces, operations, [&](std::int64_t unit) {
    const std::int64_t piece = unit % pieces;
    const std::int64_t weight = unit / pieces;
    const std::int64_t group = weight % form.groups;
    const std::int64_t index = weight / form.groups;
    const std::int64_t first = piece * terms / pieces, last = (piece + 1) * terms / pieces;
    T* sum = pieces == 1 ? place_of(weight) : sums.data() + unit * size;
    T* added = memory_of(thread_own<ConvolutionMemory<T>>().product, size);
    for (std::int64_t term = first; term < last; ++term) {
      const std::int64_t sample = term / blocks.count();
      const PlaceBlock block = blocks[term % blocks.count()];
      const T* data = form.a.elements() + form.walk.offset(index, 1) + form.data_at(sample, group);
      const T* cotangent = form.b.elements() + form.walk.offset(index, 2) + form.result_at(sample, group);
      const Columns<T> columns = columns_of(x, blocks, block, data);
      T* to = term == first ? sum : added;
      matmul(MatmulArguments<T>{
          {x.outputs, x.depth(), block.count(), x.place_count(), 1, 1, columns.row, x.depth()},
          cotangent + blocks.start(block),
          columns.elements,
          to});
      if (term != first)
        for (std::int64_t i = 0; i < size; ++i) sum[i] += added[i];
    }
  });
  if (pieces == 1) return;
  parallel_for(weights, [&](std::int64_t weight) {
    T* to = place_of(weight);
    const T* from = sums.data() + weight * pieces * size;
    std::copy_n(from, size, to);
    for (std::int64_t piece = 1; piece < pieces; ++piece)
      for (std::int64_t i = 0; i < size; ++i) to[i] += from[piece * size + i];
  });
}

}  // namespace

void convolution_kernel(const KernelCall& call) {
  if (call.output.shape().size() == 0) return;
  visit_floating("convolution", call.output.dtype,
                 [&](auto type) { convolution_typed<typename decltype(type)::type>(call); });
}

void convolution_to_data_kernel(const KernelCall& call) {
  if (call.output.shape().size() == 0) return;
  visit_floating("convolution_to_data", call.output.dtype,
                 [&](auto type) { convolution_to_data_typed<typename decltype(type)::type>(call); });
}

void convolution_to_weight_kernel(const KernelCall& call) {
  if (call.output.shape().size() == 0) return;
  visit_floating("convolution_to_weight", call.output.dtype,
                 [&](auto type) { convolution_to_weight_typed<typename decltype(type)::type>(call); });
}

}  // namespace nabla::cpu
