#include "engine/backend/cpu/product/convolution.h"

#include <algorithm>
#include <atomic>
#include <complex>
#include <memory>
#include <type_traits>
#include <vector>

#include "engine/backend/cpu/kernels/kernels.h"
#include "engine/backend/cpu/kernels/visit.h"
#include "engine/backend/cpu/product/matmul.h"
#include "engine/backend/cpu/threads/thread_own.h"
#include "engine/backend/cpu/threads/thread_pool.h"
#include "engine/backend/walk.h"
#include "engine/tensor/buffer.h"

// Where oneDNN does not, convolutions are products of matrices: what lies under the window at some places is
// copied into the columns of a matrix, which stays in the second cache, and the weight is a matrix from
// columns to channels.

namespace nabla::cpu {
namespace {

// Places that are worked on together: whole lines along the innermost axis, or a piece of one.
struct PlaceBlock {
  std::int64_t first_line, last_line;
  std::int64_t first, last;  // along the line

  std::int64_t width() const { return last - first; }
  std::int64_t count() const { return (last_line - first_line) * width(); }
};

class PlaceBlocks {
 public:
  explicit PlaceBlocks(const ConvolutionShape& x) : lines_(x.places[0] * x.places[1]), length_(x.places[2]) {
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
void for_each_line_under_window(const ConvolutionShape& x, const PlaceBlock& block, const Run& run) {
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
void unfold(const ConvolutionShape& x, const PlaceBlock& block, const T* data, T* columns) {
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
void fold(const ConvolutionShape& x, const PlaceBlock& block, const T* columns, T* data) {
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
Columns<T> columns_of(const ConvolutionShape& x, const PlaceBlocks& blocks, const PlaceBlock& block,
                      const T* data) {
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
  ConvolutionSlot slot;
  int leading;
  CoreOperand<T> a, b, out;
  Walk<3> walk;
  ConvolutionShape shape{};

  Form(const KernelCall& call, ConvolutionSlot of)
      : slot(of),
        leading(call.output.shape().rank() - ConvolutionWindow(call.attributes).spatial - 2),
        a(call.inputs[0], leading),
        b(call.inputs[1], leading),
        out(call.output, leading) {
    const Layout of_out = out.leading(leading), of_a = a.leading(leading), of_b = b.leading(leading);
    walk = merged<3>(of_out.shape, {&of_out, &of_a, &of_b});
    const ConvolutionWindow window(call.attributes);
    const auto core = [&](const ArrayView& x) { return x.shape().without_first(leading); };
    const Shape first = core(call.inputs[0]), second = core(call.inputs[1]), third = core(call.output);
    const Shape& data = slot == ConvolutionSlot::data ? third : first;
    const Shape& weight = slot == ConvolutionSlot::data     ? first
                          : slot == ConvolutionSlot::weight ? third
                                                            : second;
    const Shape& result = slot == ConvolutionSlot::result ? third : second;
    shape.samples = data[0];
    shape.groups = window.groups;
    shape.inputs = weight[1];
    shape.outputs = weight[0] / window.groups;
    shape.data = shape.window = shape.places = {1, 1, 1};
    for (int i = 0; i < window.spatial; ++i) {
      const std::size_t at = static_cast<std::size_t>(i + ConvolutionWindow::kMostSpatial - window.spatial);
      shape.axes[at] = window.axes[i];
      shape.data[at] = data[i + 2];
      shape.window[at] = weight[i + 2];
      shape.places[at] = result[i + 2];
    }
    join_samples();
  }

  std::int64_t leading_size() const { return walk.size(); }
  T* out_at(std::int64_t index) const { return out.elements() + walk.offset(index, 0); }
  const T* a_at(std::int64_t index) const { return a.elements() + walk.offset(index, 1); }
  const T* b_at(std::int64_t index) const { return b.elements() + walk.offset(index, 2); }
  // In elements: where a group of a sample starts in the data and in the result.
  std::int64_t data_at(std::int64_t sample, std::int64_t group) const {
    return (sample * shape.groups + group) * shape.data_size();
  }
  std::int64_t result_at(std::int64_t sample, std::int64_t group) const {
    return (sample * shape.groups + group) * shape.result_size();
  }

 private:
  // Leading axes along which the weight stands still are samples where the others lie one behind the other.
  void join_samples() {
    if (slot == ConvolutionSlot::weight || walk.rank() != 1) return;
    const bool is_data = slot == ConvolutionSlot::data;
    const std::int64_t data = data_at(shape.samples, 0), result = result_at(shape.samples, 0);
    if (walk.inner_stride(is_data ? 1 : 2) != 0 || walk.inner_stride(0) != (is_data ? data : result) ||
        walk.inner_stride(is_data ? 2 : 1) != (is_data ? result : data))
      return;
    shape.samples *= walk.size();
    walk = {};
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

// The terms of few weights' sums are cut into as many pieces in all, which are added in order.
constexpr std::int64_t kMostPieces = 16;

// Each weight of `size` elements at place_of(weight) is the sum of its terms, which write(weight, term, to)
// makes.
template <class T, class PlaceOf, class Write>
void sum_terms(std::int64_t weights, std::int64_t size, std::int64_t terms, double operations,
               const PlaceOf& place_of, const Write& write) {
  const std::int64_t pieces = std::clamp<std::int64_t>(kMostPieces / weights, 1, terms);
  std::vector<T> sums(static_cast<std::size_t>(pieces == 1 ? 0 : weights * pieces * size));
  for_units(weights * pieces, operations * static_cast<double>(terms / pieces), [&](std::int64_t unit) {
    const std::int64_t weight = unit / pieces, piece = unit % pieces;
    const std::int64_t first = piece * terms / pieces, last = (piece + 1) * terms / pieces;
    T* sum = pieces == 1 ? place_of(weight) : sums.data() + unit * size;
    write(weight, first, sum);
    T* added = memory_of(thread_own<ConvolutionMemory<T>>().product, size);
    for (std::int64_t term = first + 1; term < last; ++term) {
      write(weight, term, added);
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

// f32 by oneDNN, a few samples in a call, so that what it copies stays in the cache; false where our own
// kernels are to be used. The cut depends on shapes alone.
bool by_onednn(const Form<float>& form) {
  const ConvolutionShape& x = form.shape;
  if (x.samples == 0 || x.depth() == 0) return false;
  constexpr std::int64_t kElements = 1 << 16;
  const std::int64_t of_sample = std::max(form.data_at(1, 0), form.result_at(1, 0));
  // Calls of equal size, as many as threads share well, unless that makes them too small.
  constexpr std::int64_t kShared = 8;
  const std::int64_t fewest = std::max<std::int64_t>(1, (x.samples * of_sample + kElements - 1) / kElements);
  std::int64_t calls = (fewest + kShared - 1) / kShared * kShared;
  const auto samples_of_call = [&] { return (x.samples + calls - 1) / calls; };
  while (calls > fewest && !suits_onednn(x, samples_of_call())) calls /= 2;
  const std::int64_t at_once = samples_of_call();
  if (!suits_onednn(x, at_once)) return false;
  const std::int64_t chunks = (x.samples + at_once - 1) / at_once;
  std::atomic<bool> is_over = false;
  const auto call = [&](std::int64_t index, std::int64_t chunk, float* weight) {
    ConvolutionShape some = x;
    const std::int64_t first = chunk * at_once;
    some.samples = std::min(at_once, x.samples - first);
    const std::int64_t data = form.data_at(first, 0), result = form.result_at(first, 0);
    bool done = false;
    switch (form.slot) {
      case ConvolutionSlot::result:
        done = convolution_onednn(form.slot, some, form.a_at(index) + data, form.b_at(index),
                                  form.out_at(index) + result);
        break;
      case ConvolutionSlot::data:
        done = convolution_onednn(form.slot, some, form.a_at(index), form.b_at(index) + result,
                                  form.out_at(index) + data);
        break;
      case ConvolutionSlot::weight:
        done =
            convolution_onednn(form.slot, some, form.a_at(index) + data, form.b_at(index) + result, weight);
        break;
    }
    if (!done) is_over = true;
  };
  if (form.slot == ConvolutionSlot::weight) {
    const std::int64_t size = x.groups * x.weight_size();
    const double operations =
        2.0 * static_cast<double>(size) * static_cast<double>(x.place_count() * at_once);
    sum_terms<float>(
        form.leading_size(), size, chunks, operations, [&](std::int64_t index) { return form.out_at(index); },
        call);
  } else {
    parallel_for(form.leading_size() * chunks,
                 [&](std::int64_t unit) { call(unit / chunks, unit % chunks, nullptr); });
  }
  return !is_over;
}

template <class T>
void convolution_typed(const Form<T>& form) {
  const ConvolutionShape& x = form.shape;
  const PlaceBlocks blocks(x);
  const std::int64_t units = form.leading_size() * x.samples * x.groups * blocks.count();
  const double operations =
      2.0 * static_cast<double>(x.weight_size()) * static_cast<double>(blocks[0].count());
  for_units(units, operations, [&](std::int64_t unit) {
    const PlaceBlock block = blocks[unit % blocks.count()];
    unit /= blocks.count();
    const std::int64_t group = unit % x.groups;
    const std::int64_t sample = unit / x.groups % x.samples;
    const std::int64_t index = unit / x.groups / x.samples;
    T* result = form.out_at(index) + form.result_at(sample, group) + blocks.start(block);
    if (x.depth() == 0) {
      for (std::int64_t o = 0; o < x.outputs; ++o)
        std::fill_n(result + o * x.place_count(), block.count(), T{});
      return;
    }
    const Columns<T> columns = columns_of(x, blocks, block, form.a_at(index) + form.data_at(sample, group));
    matmul(MatmulArguments<T>{
        {x.outputs, block.count(), x.depth(), x.depth(), 1, columns.row, 1, x.place_count()},
        form.b_at(index) + group * x.weight_size(),
        columns.elements,
        result});
  });
}

template <class T>
void convolution_to_data_typed(const Form<T>& form) {
  const ConvolutionShape& x = form.shape;
  const bool sums_nothing = x.result_size() == 0;
  const PlaceBlocks blocks(x);
  const std::int64_t units = form.leading_size() * x.samples * x.groups;
  const double operations = 2.0 * static_cast<double>(x.weight_size()) * static_cast<double>(x.place_count());
  for_units(units, operations, [&](std::int64_t unit) {
    const std::int64_t group = unit % x.groups;
    const std::int64_t sample = unit / x.groups % x.samples;
    const std::int64_t index = unit / x.groups / x.samples;
    const T* weight = form.a_at(index) + group * x.weight_size();
    const T* result = form.b_at(index) + form.result_at(sample, group);
    T* data = form.out_at(index) + form.data_at(sample, group);
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
                                result + start,
                                columns});
      if (!x.is_pointwise()) fold(x, block, columns, data);
    }
  });
}

template <class T>
void convolution_to_weight_typed(const Form<T>& form) {
  const ConvolutionShape& x = form.shape;
  const PlaceBlocks blocks(x);
  const std::int64_t terms = x.place_count() == 0 ? 0 : x.samples * blocks.count();
  const std::int64_t size = x.weight_size();
  const auto place_of = [&](std::int64_t weight) {
    return form.out_at(weight / x.groups) + weight % x.groups * size;
  };
  const std::int64_t weights = form.leading_size() * x.groups;
  if (terms == 0) {
    for (std::int64_t weight = 0; weight < weights; ++weight) std::fill_n(place_of(weight), size, T{});
    return;
  }
  const double operations = 2.0 * static_cast<double>(size) * static_cast<double>(blocks[0].count());
  sum_terms<T>(weights, size, terms, operations, place_of,
               [&](std::int64_t weight, std::int64_t term, T* to) {
                 const std::int64_t group = weight % x.groups, index = weight / x.groups;
                 const std::int64_t sample = term / blocks.count();
                 const PlaceBlock block = blocks[term % blocks.count()];
                 const Columns<T> columns =
                     columns_of(x, blocks, block, form.a_at(index) + form.data_at(sample, group));
                 matmul(MatmulArguments<T>{
                     {x.outputs, x.depth(), block.count(), x.place_count(), 1, 1, columns.row, x.depth()},
                     form.b_at(index) + form.result_at(sample, group) + blocks.start(block),
                     columns.elements,
                     to});
               });
}

template <class T>
void by_slot(const Form<T>& form) {
  if constexpr (std::is_same_v<T, float>)
    if (by_onednn(form)) return;
  switch (form.slot) {
    case ConvolutionSlot::result:
      return convolution_typed(form);
    case ConvolutionSlot::data:
      return convolution_to_data_typed(form);
    case ConvolutionSlot::weight:
      return convolution_to_weight_typed(form);
  }
}

void convolve(const char* name, const KernelCall& call, ConvolutionSlot slot) {
  if (call.output.shape().size() == 0) return;
  visit_floating(name, call.output.dtype,
                 [&](auto type) { by_slot(Form<typename decltype(type)::type>(call, slot)); });
}

}  // namespace

void convolution_kernel(const KernelCall& call) { convolve("convolution", call, ConvolutionSlot::result); }
void convolution_to_data_kernel(const KernelCall& call) {
  convolve("convolution_to_data", call, ConvolutionSlot::data);
}
void convolution_to_weight_kernel(const KernelCall& call) {
  convolve("convolution_to_weight", call, ConvolutionSlot::weight);
}

}  // namespace nabla::cpu
