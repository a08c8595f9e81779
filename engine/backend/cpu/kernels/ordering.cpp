#include <algorithm>
#include <vector>

#include "engine/backend/cpu/kernels/kernels.h"
#include "engine/backend/cpu/kernels/loop.h"
#include "engine/backend/cpu/kernels/visit.h"
#include "engine/backend/cpu/threads/thread_pool.h"

namespace nabla::cpu {
namespace {

template <class T>
void argmax_typed(const KernelCall& call) {
  const int axis = static_cast<int>(call.attributes[0]);
  const ArrayView& x = call.inputs[0];
  const std::int64_t length = x.shape()[axis];
  const std::int64_t si = line_stride(x.layout, axis);
  const T* in = x.data<const T>();
  std::int64_t* out = call.output.data<std::int64_t>();
  for_each_line<2>(call.output.shape(), axis, length, {call.output.layout, x.layout},
                   [&](const std::array<std::int64_t, 2>& at) {
                     const T* v = in + at[1];
                     std::int64_t best = 0;
                     for (std::int64_t i = 1; i < length && v[best * si] == v[best * si]; ++i)
                       if (v[i * si] > v[best * si] || v[i * si] != v[i * si]) best = i;
                     out[at[0]] = best;
                   });
}

// An element and its place. The order of two is that of the elements, NaN as the largest, and of the places
// where they are equal: no two are the same, so whoever sorts or selects finds the same ones.
template <class T>
struct Ranked {
  T value;
  std::int64_t place;
};

// Is `a` before `b`, whatever the places?
template <bool kDescending, class T>
inline bool is_before(T a, T b) {
  if (a != a || b != b) return kDescending ? a != a && b == b : a == a && b != b;
  return kDescending ? b < a : a < b;
}

template <bool kDescending, class T>
struct InOrder {
  bool operator()(const Ranked<T>& a, const Ranked<T>& b) const {
    if (is_before<kDescending>(a.value, b.value)) return true;
    return !is_before<kDescending>(b.value, a.value) && a.place < b.place;
  }
};

// The first `count` in order of the elements it is given, in ascending places.
template <bool kDescending, class T>
class First {
 public:
  First(std::int64_t count, std::int64_t elements) : count_(static_cast<std::size_t>(count)) {
    kept_.reserve(std::min(2 * count, elements));
  }

  // Does it come before the last one, so that it must be added? One at an equal element does not.
  bool wants(T value) const { return kept_.size() < count_ || is_before<kDescending>(value, last_); }
  bool is_full() const { return kept_.size() >= count_; }
  T last() const { return last_; }
  void add(Ranked<T> element) {
    kept_.push_back(element);
    if (kept_.size() == count_ || kept_.size() == 2 * count_) drop_rest();
  }
  std::vector<Ranked<T>>& sorted() {
    if (kept_.size() > count_) drop_rest();
    std::sort(kept_.begin(), kept_.end(), InOrder<kDescending, T>{});
    return kept_;
  }

 private:
  void drop_rest() {
    const auto last = kept_.begin() + static_cast<std::ptrdiff_t>(count_) - 1;
    std::nth_element(kept_.begin(), last, kept_.end(), InOrder<kDescending, T>{});
    kept_.resize(count_);
    last_ = kept_.back().value;
  }

  std::size_t count_;
  T last_{};
  std::vector<Ranked<T>> kept_;
};

// Places [start, stop) of a line. Most runs of elements hold none that comes before those already found.
template <bool kDescending, class T>
void add_line(First<kDescending, T>& first, const T* x, std::int64_t stride, std::int64_t start,
              std::int64_t stop) {
  constexpr std::int64_t kRun = 64;
  for (std::int64_t run = start; run < stop;) {
    const std::int64_t end = std::min(stop, run + kRun);
    bool wanted = !first.is_full();
    if (!wanted) {
      const T last = first.last();
      if (stride == 1 && last == last) {
        for (std::int64_t i = run; i < end; ++i) wanted |= kDescending ? !(x[i] <= last) : x[i] < last;
      } else {
        for (std::int64_t i = run; i < end; ++i) wanted |= is_before<kDescending>(x[i * stride], last);
      }
    }
    for (std::int64_t i = run; wanted && i < end; ++i)
      if (first.wants(x[i * stride])) first.add({x[i * stride], i});
    run = end;
  }
}

// Elements of a line that a task looks through.
constexpr std::int64_t kLinePiece = 65536;

// Attributes: axis, descending, how many of the places are wanted. NaN counts as the largest.
template <bool kDescending, class T>
void argsort_typed(const KernelCall& call) {
  const int axis = static_cast<int>(call.attributes[0]);
  const std::int64_t wanted = call.attributes[2];
  const ArrayView& x = call.inputs[0];
  const std::int64_t length = x.shape()[axis];
  const std::int64_t si = line_stride(x.layout, axis);
  const std::int64_t so = line_stride(call.output.layout, axis);
  const T* in = x.data<const T>();
  std::int64_t* out = call.output.data<std::int64_t>();
  if (call.output.shape().size() == 0) return;
  const std::int64_t pieces = wanted <= kLinePiece / 64 ? (length + kLinePiece - 1) / kLinePiece : 1;
  for_each_line<2>(call.output.shape(), axis, length, {call.output.layout, x.layout},
                   [&](const std::array<std::int64_t, 2>& at) {
                     First<kDescending, T> first(wanted, length);
                     if (pieces == 1) {
                       add_line(first, in + at[1], si, 0, length);
                     } else {
                       std::vector<First<kDescending, T>> of_piece(pieces,
                                                                   First<kDescending, T>(wanted, kLinePiece));
                       parallel_for(pieces, [&](std::int64_t piece) {
                         add_line(of_piece[piece], in + at[1], si, piece * kLinePiece,
                                  std::min(length, (piece + 1) * kLinePiece));
                       });
                       for (First<kDescending, T>& piece : of_piece)
                         for (const Ranked<T>& element : piece.sorted())
                           if (first.wants(element.value)) first.add(element);
                     }
                     std::int64_t* to = out + at[0];
                     for (const Ranked<T>& element : first.sorted()) {
                       *to = element.place;
                       to += so;
                     }
                   });
}

}  // namespace

void argmax_kernel(const KernelCall& call) {
  visit_stored("argmax", call.inputs[0].dtype,
               [&](auto type) { argmax_typed<typename decltype(type)::type>(call); });
}

void argsort_kernel(const KernelCall& call) {
  visit_stored("argsort", call.inputs[0].dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    return call.attributes[1] != 0 ? argsort_typed<true, T>(call) : argsort_typed<false, T>(call);
  });
}

}  // namespace nabla::cpu
