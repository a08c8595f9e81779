#include "tests/engine/networks.h"

#include <cmath>
#include <cstdlib>

namespace nabla::test {
namespace {

Tensor numbers(const Shape& shape, std::uint64_t key) { return normal(random_key(key), shape).detach(); }

Tensor weight(std::int64_t rows, std::int64_t columns, std::uint64_t key) {
  return (normal(random_key(key), {rows, columns}) / std::sqrt(static_cast<double>(rows))).detach();
}

// Moved along an axis, zeros behind it.
Tensor shifted(const Tensor& x, int axis, std::int64_t by) {
  if (by == 0) return x;
  const std::int64_t extent = x.shape()[axis];
  Shape edge = x.shape();
  edge[axis] = std::abs(by);
  const Tensor empty = zeros(edge, x.dtype());
  const Tensor rest = slice(x, axis, std::max<std::int64_t>(0, by), std::min(extent, extent + by));
  return concatenate(by > 0 ? std::vector<Tensor>{rest, empty} : std::vector<Tensor>{empty, rest}, axis);
}

Tensor stencil(const Tensor& x, double centre) {
  Tensor sum = x * centre;
  for (int down = -1; down <= 1; ++down)
    for (int right = -1; right <= 1; ++right)
      if (down != 0 || right != 0)
        sum = sum + shifted(shifted(x, -2, down), -1, right) * (0.1 * down + 0.05 * right + 0.2);
  return sum;
}

Tensor plain_layer_norm(const Tensor& h) {
  const Tensor centred = h - mean(h, {-1}, true);
  return centred * rsqrt(mean(square(centred), {-1}, true) + 1e-3);
}

}  // namespace

std::vector<Network> networks() {
  std::vector<Network> all;
  const auto add = [&](const char* name, const Shape& shape, Field field) {
    all.push_back({name, std::move(field), numbers(shape, 100 + all.size())});
  };
  const Tensor a = weight(96, 96, 1), b = weight(96, 96, 2), down = weight(96, 16, 3), up = weight(16, 96, 4);
  add("two hidden layers", {16, 96},
      [=](const Tensor& x) { return matmul(silu(matmul(silu(matmul(x, a)), b)), a); });
  add("a narrow layer", {16, 96}, [=](const Tensor& x) { return matmul(silu(matmul(x, down)), up); });
  add("many narrow layers", {256, 4}, [=](const Tensor& x) {
    const Tensor h = matmul(x, slice(up, 0, 0, 4));
    return slice(matmul(silu(matmul(silu(matmul(silu(h), a)), b)), down), 1, 0, 4);
  });
  add("residual branches with norms", {16, 96}, [=](const Tensor& x) {
    Tensor h = x;
    for (int i = 0; i < 3; ++i)
      h = h + matmul(silu(matmul(plain_layer_norm(h), i % 2 ? down : down * 0.5)), up);
    return h;
  });
  const Tensor scale = numbers({16, 96}, 5), shift = numbers({16, 96}, 6);
  add("scales of each sample", {16, 96},
      [=](const Tensor& x) { return matmul(silu(matmul(x, a) * (scale + 1.0) + shift), b); });
  add("stencils", {8, 12, 12}, [](const Tensor& x) { return stencil(nabla::tanh(stencil(x, 0.5)), 0.7); });
  const Tensor half = weight(48, 48, 7), other = weight(48, 48, 8);
  add("slices", {16, 96}, [=](const Tensor& x) {
    Tensor u = slice(x, 1, 0, 48), v = slice(x, 1, 48, 96);
    v = v * sigmoid(matmul(u, half)) + matmul(u, other);
    u = u * sigmoid(matmul(v, other)) + matmul(v, half);
    return concatenate(std::vector<Tensor>{u, v}, 1);
  });
  add("pads", {16, 128}, [](const Tensor& x) {
    Tensor h = x;
    for (int i = 0; i < 3; ++i) h = nabla::tanh(h + shifted(h, -1, 2) * 0.5 - square(shifted(h, -1, -1)));
    return h;
  });
  add("a reversal and gates", {16, 96},
      [=](const Tensor& x) { return x * sigmoid(matmul(flip(x, -1), a)) + matmul(flip(silu(x), -1), b); });
  const Tensor wide = weight(16, 64, 9), narrow = weight(64, 16, 10);
  add("token-wise products", {8, 12, 16},
      [=](const Tensor& x) { return matmul(silu(matmul(x, wide)), narrow); });
  const Tensor q = weight(16, 16, 11), k = weight(16, 16, 12), v = weight(16, 16, 13), o = weight(16, 16, 14);
  add("attention", {8, 8, 16}, [=](const Tensor& x) {
    const Tensor p = softmax(matmul(matmul(x, q), transpose(matmul(x, k))) * 0.25);
    return x + matmul(matmul(p, matmul(x, v)), o);
  });
  add("a pool", {8, 12, 16}, [=](const Tensor& x) {
    return x * sigmoid(matmul(silu(matmul(mean(x, {-2}, true), wide)), narrow)) + nabla::tanh(matmul(x, q));
  });
  const Tensor data = (numbers({1500, 48}, 15) * 3.0).detach();
  const Tensor across = transpose(data).detach();
  add("a softmax over data", {8, 48},
      [=](const Tensor& x) { return matmul(softmax(matmul(x, across)), data) - x; });
  add("sorting", {16, 96}, [=](const Tensor& x) { return matmul(sort(matmul(x, a), -1), b); });
  add("running sums", {16, 96}, [=](const Tensor& x) { return nabla::tanh(matmul(cumsum(x, -1) * 0.2, a)); });
  return all;
}

}  // namespace nabla::test
