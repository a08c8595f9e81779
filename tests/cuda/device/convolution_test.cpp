#include "engine/backend/cuda/convolution.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "engine/backend/cuda/device_memory.h"
#include "engine/backend/cuda_backend.h"
#include "tests/cuda/device/on_device.h"

// The three convolutions against plain loops, and against each other as transposes.

namespace nabla::test {
namespace {

using Extents = std::vector<std::int64_t>;

std::int64_t product(const Extents& extents) {
  return std::accumulate(extents.begin(), extents.end(), std::int64_t{1}, std::multiplies<>());
}

std::vector<double> noise(std::int64_t count, int seed) {
  std::vector<double> made;
  for (std::int64_t i = 0; i < count; ++i)
    made.push_back(static_cast<double>((i * 7919 + seed * 104729) % 2003) / 1000 - 1);
  return made;
}

// The index along each axis of element `flat`.
Extents unravel(std::int64_t flat, const Extents& extents) {
  Extents at(extents.size());
  for (std::size_t i = extents.size(); i-- > 0; flat /= extents[i]) at[i] = flat % extents[i];
  return at;
}

// sum over all (data, weight, result) triples that meet; f gets their flat places.
void for_each_term(const cuda::ConvolutionShape& s,
                   const std::function<void(std::int64_t, std::int64_t, std::int64_t)>& f) {
  const Extents result = s.result();
  const std::int64_t in = s.channels_in / s.groups;
  const std::int64_t out = s.channels_out / s.groups;
  for (std::int64_t n = 0; n < s.batch; ++n)
    for (std::int64_t o = 0; o < s.channels_out; ++o)
      for (std::int64_t r = 0; r < product(result); ++r)
        for (std::int64_t i = 0; i < in; ++i)
          for (std::int64_t w = 0; w < product(s.window); ++w) {
            const Extents at = unravel(r, result);
            const Extents tap = unravel(w, s.window);
            std::int64_t place = 0;
            bool inside = true;
            for (std::size_t d = 0; d < at.size(); ++d) {
              const std::int64_t x = at[d] * s.stride[d] - s.padding[d] + tap[d] * s.dilation[d];
              inside = inside && x >= 0 && x < s.spatial[d];
              place = place * s.spatial[d] + x;
            }
            if (!inside) continue;
            const std::int64_t channel = o / out * in + i;
            f((n * s.channels_in + channel) * product(s.spatial) + place,
              (o * in + i) * product(s.window) + w, (n * s.channels_out + o) * product(result) + r);
          }
}

class OnGpu {
 public:
  OnGpu(const std::vector<double>& values, DType type) : type_(type), block_(values.size() * size_of(type)) {
    const std::vector<float> single(values.begin(), values.end());
    type == DType::f64 ? cuda::upload(block_.address(), bytes(values), values.size() * sizeof(double))
                       : cuda::upload(block_.address(), bytes(single), values.size() * sizeof(float));
  }
  std::byte* address() const { return block_.address(); }
  std::vector<double> values(std::size_t count) const {
    std::vector<double> doubles(count);
    if (type_ == DType::f64) {
      cuda::download(reinterpret_cast<std::byte*>(doubles.data()), address(), count * 8);
      return doubles;
    }
    std::vector<float> single(count);
    cuda::download(reinterpret_cast<std::byte*>(single.data()), address(), count * 4);
    return {single.begin(), single.end()};
  }

 private:
  template <class T>
  static const std::byte* bytes(const std::vector<T>& values) {
    return reinterpret_cast<const std::byte*>(values.data());
  }
  DType type_;
  cuda::Block block_;
};

void check_close(const std::vector<double>& got, const std::vector<double>& expected, double tolerance) {
  REQUIRE(got.size() == expected.size());
  double largest = 0;
  for (std::size_t i = 0; i < got.size(); ++i) largest = std::max(largest, std::abs(got[i] - expected[i]));
  CHECK(largest <= tolerance);
}

void check_all(const cuda::ConvolutionShape& shape) {
  const std::int64_t data_count = shape.batch * shape.channels_in * product(shape.spatial);
  const std::int64_t weight_count =
      shape.channels_out * shape.channels_in / shape.groups * product(shape.window);
  const std::int64_t result_count = shape.batch * shape.channels_out * product(shape.result());
  const std::vector<double> data = noise(data_count, 1), weight = noise(weight_count, 2),
                            ct = noise(result_count, 3);
  std::vector<double> result(ct.size()), to_data(data.size()), to_weight(weight.size());
  for_each_term(shape, [&](std::int64_t x, std::int64_t w, std::int64_t y) {
    const auto at = [](const std::vector<double>& v, std::int64_t i) { return v[i]; };
    result[y] += at(data, x) * at(weight, w);
    to_data[x] += at(ct, y) * at(weight, w);
    to_weight[w] += at(ct, y) * at(data, x);
  });
  const double tolerance = shape.type == DType::f64 ? 1e-11 : 1e-3;
  const OnGpu x(data, shape.type), w(weight, shape.type), cotangent(ct, shape.type);
  const OnGpu y(ct, shape.type), dx(data, shape.type), dw(weight, shape.type);
  const cuda::Convolution convolution(shape);
  convolution.forward(x.address(), w.address(), y.address());
  convolution.to_data(w.address(), cotangent.address(), dx.address());
  convolution.to_weight(x.address(), cotangent.address(), dw.address());
  check_close(y.values(result.size()), result, tolerance);
  check_close(dx.values(to_data.size()), to_data, tolerance);
  check_close(dw.values(to_weight.size()), to_weight, tolerance);
}

}  // namespace

TEST_CASE("the three convolutions are those of plain loops") {
  const OnDevice on_device;
  const ProductPrecision exact = ProductPrecision::f32;
  for (const DType type : {DType::f32, DType::f64}) {
    INFO(std::string(name_of(type)));
    check_all({2, 3, 4, 1, {7, 6}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, type, exact});
    check_all({2, 4, 6, 2, {8, 9}, {3, 2}, {2, 1}, {1, 2}, {0, 1}, type, exact});
    check_all({3, 2, 2, 1, {11}, {4}, {2}, {1}, {2}, type, exact});
  }
}

TEST_CASE("convolutions that cannot be are refused") {
  CHECK_THROWS_WITH_AS(
      (cuda::ConvolutionShape{1, 1, 1, 1, {3}, {5}, {1}, {1}, {0}, DType::f32, ProductPrecision::f32}
           .result()),
      "convolution: a window of [5] does not fit in [3]", Error);
  const OnDevice on_device;
  CHECK_THROWS_WITH_AS(
      (cuda::Convolution(
          {1, 3, 4, 2, {5, 5}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, DType::f32, ProductPrecision::f32})),
      "convolution: 3 and 4 channels do not fall into 2 groups", Error);
}

}  // namespace nabla::test
