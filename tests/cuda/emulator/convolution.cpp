#include "tests/cuda/emulator/convolution.h"

#include <array>
#include <cmath>
#include <limits>
#include <string>

#include "tests/cuda/emulator/arithmetic.h"
#include "tests/cuda/emulator/machine.h"
#include "tests/cuda/emulator/memory.h"

namespace nabla::cuda::emulator {

namespace {

/// Elements from the first to behind the last one.
std::int64_t extent(const TensorLayout& t) {
  std::int64_t last = 0;
  for (std::size_t i = 0; i < t.extents.size(); ++i) last += (t.extents[i] - 1) * t.strides[i];
  return last + 1;
}

void reach(const TensorLayout& t, const void* at, const char* name) {
  const std::size_t element = t.type == CUDNN_DATA_DOUBLE ? 8 : 4;
  if (!device_memory().reach(at, static_cast<std::size_t>(extent(t)) * element))
    throw Failure{cudaErrorIllegalAddress,
                  "the " + std::string(name) + " of a convolution does not lie in a live allocation"};
}

/// Calls f with the offset of every element, the last axis first.
template <class F>
void for_offsets(const TensorLayout& t, const F& f, std::size_t axis = 0, std::int64_t offset = 0) {
  if (axis == t.extents.size()) return f(offset);
  for (std::int64_t i = 0; i < t.extents[axis]; ++i)
    for_offsets(t, f, axis + 1, offset + i * t.strides[axis]);
}

/// Calls f with the offsets in x, w and y of every product that a convolution adds up.
template <class F>
class Walk {
 public:
  Walk(const Convolution& c, const F& f) : c_(c), f_(f) {}

  void run() {
    const std::int64_t filters = c_.w.extents[0] / c_.description.groups;  // of a group
    const std::int64_t channels = c_.w.extents[1];
    for (std::int64_t n = 0; n < c_.x.extents[0]; ++n)
      for (std::int64_t k = 0; k < c_.w.extents[0]; ++k)
        for (std::int64_t i = 0; i < channels; ++i)
          image(0, n * c_.x.strides[0] + (k / filters * channels + i) * c_.x.strides[1],
                k * c_.w.strides[0] + i * c_.w.strides[1], n * c_.y.strides[0] + k * c_.y.strides[1]);
  }

 private:
  /// Along one axis of the image and those behind it.
  void image(std::size_t axis, std::int64_t x, std::int64_t w, std::int64_t y) {
    const ConvolutionDescription& d = c_.description;
    if (axis == d.strides.size()) {
      f_(x, w, y);
      return;
    }
    const std::size_t a = axis + 2;
    for (std::int64_t i = 0; i < c_.y.extents[a]; ++i)
      for (std::int64_t j = 0; j < c_.w.extents[a]; ++j) {
        const std::int64_t at = i * d.strides[axis] - d.padding[axis] + j * d.dilation[axis];
        if (at < 0 || at >= c_.x.extents[a]) continue;
        const std::int64_t tap = d.is_flipped ? c_.w.extents[a] - 1 - j : j;
        image(axis + 1, x + at * c_.x.strides[a], w + tap * c_.w.strides[a], y + i * c_.y.strides[a]);
      }
  }

  const Convolution& c_;
  const F& f_;
};

template <class T>
void convolve(const Convolution& c) {
  const int bits = c.description.math != CUDNN_FMA_MATH ? 10 : c.is_approximate ? 12 : kAllBits;
  const double largest = c.description.math == CUDNN_TENSOR_OP_MATH_ALLOW_CONVERSION
                             ? 65504
                             : std::numeric_limits<double>::infinity();
  const auto* x = static_cast<const T*>(c.x_at);
  const auto* w = static_cast<const T*>(c.w_at);
  const auto* y = static_cast<const T*>(c.y_at);
  const auto value = [&](T v) {
    if (std::fabs(v) > largest) return std::copysign(std::numeric_limits<double>::infinity(), v);
    return static_cast<double>(rounded(v, bits));
  };
  const TensorLayout& result = c.result == Convolution::Result::x   ? c.x
                               : c.result == Convolution::Result::w ? c.w
                                                                    : c.y;
  std::vector<double> sums(extent(result));
  const auto add = [&](std::int64_t xi, std::int64_t wi, std::int64_t yi) {
    switch (c.result) {
      case Convolution::Result::x:
        sums[xi] += value(w[wi]) * value(y[yi]);
        break;
      case Convolution::Result::w:
        sums[wi] += value(x[xi]) * value(y[yi]);
        break;
      case Convolution::Result::y:
        sums[yi] += value(x[xi]) * value(w[wi]);
        break;
    }
  };
  Walk(c, add).run();
  const void* place = c.result == Convolution::Result::x   ? c.x_at
                      : c.result == Convolution::Result::w ? c.w_at
                                                           : c.y_at;
  auto* out = static_cast<T*>(const_cast<void*>(place));
  for_offsets(result, [&](std::int64_t i) {
    const double sum = c.alpha * sums[i];
    // What is multiplied by a beta of 0 is not read.
    out[i] = static_cast<T>(c.beta == 0 ? sum : sum + c.beta * out[i]);
  });
}

}  // namespace

bool fits(const TensorLayout& x, const TensorLayout& w, const TensorLayout& y,
          const ConvolutionDescription& d) {
  const std::size_t rank = x.extents.size();
  if (w.extents.size() != rank || y.extents.size() != rank || d.strides.size() + 2 != rank) return false;
  if (x.extents[0] != y.extents[0] || y.extents[1] != w.extents[0]) return false;
  if (x.extents[1] != w.extents[1] * d.groups || w.extents[0] % d.groups != 0) return false;
  for (std::size_t i = 0; i + 2 < rank; ++i) {
    const std::int64_t window = (w.extents[i + 2] - 1) * d.dilation[i] + 1;
    const std::int64_t places = x.extents[i + 2] + 2 * d.padding[i] - window;
    if (places < 0 || y.extents[i + 2] != places / d.strides[i] + 1) return false;
  }
  return true;
}

void run(const Convolution& c) {
  reach(c.x, c.x_at, "image");
  reach(c.w, c.w_at, "filter");
  reach(c.y, c.y_at, "result");
  if (c.x.type == CUDNN_DATA_DOUBLE) {
    convolve<double>(c);
  } else {
    convolve<float>(c);
  }
}

}  // namespace nabla::cuda::emulator
