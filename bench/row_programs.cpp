// Norms, softmax and sums over tangents with what surrounds them: milliseconds of a compiled call, beside the
// time of copying what it must at least read and write. Medians of several runs.

#include <algorithm>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "examples/report/timing.h"

using namespace nabla;

namespace {

double median_ms(const std::function<void()>& f) {
  f();
  f();
  const int repeats = std::clamp(static_cast<int>(5e-3 / (report::seconds_of(f) + 1e-9)), 1, 2000);
  std::vector<double> runs;
  for (int run = 0; run < 15; ++run) {
    const double seconds = report::seconds_of([&] {
      for (int i = 0; i < repeats; ++i) f();
    });
    runs.push_back(1e3 * seconds / repeats);
  }
  return report::median(runs);
}

Tensor numbers(const Shape& shape, std::uint64_t key) { return normal(random_key(key), shape).detach(); }

Tensor layer_norm(const Tensor& x) {
  const Tensor centred = x - mean(x, {-1}, true);
  return centred * rsqrt(mean(square(centred), {-1}, true) + 1e-5);
}
Tensor rms_norm(const Tensor& x) { return x * rsqrt(mean(square(x), {-1}, true) + 1e-5); }

using Function = std::function<std::vector<Tensor>(const std::vector<Tensor>&)>;

void measure(const std::string& name, const std::vector<Tensor>& arguments, const Function& f) {
  const auto compiled = compile(f);
  std::vector<Tensor> results = compiled(arguments);
  std::int64_t bytes = 0;
  for (const Tensor& x : arguments) bytes += x.size() * 4;
  for (const Tensor& y : results) bytes += y.size() * 4;
  results.clear();
  const Tensor source = numbers({bytes / 8}, 9);
  const auto copy = compile(Function([](const std::vector<Tensor>& x) { return std::vector{-x[0]}; }));
  const double ms = median_ms([&] { compiled(arguments); });
  const double floor = median_ms([&] { copy({source}); });
  std::printf("%-34s %9.4f %9.4f %7.2f\n", name.c_str(), ms, floor, ms / floor);
}

}  // namespace

int main() {
  std::printf("%d threads, %s, f32\n%-34s %9s %9s %7s\n", thread_count(),
              std::string(name_of(instruction_set())).c_str(), "", "ms", "copy", "times");
  const Tensor x = numbers({256, 1024}, 1), dx = numbers({256, 1024}, 2);
  const Tensor scores = numbers({4096, 64}, 3), wide = numbers({32, 784}, 4),
               seeds = numbers({56, 32, 784}, 5);
  const Tensor few = numbers({16, 256, 256}, 6), point = numbers({256, 256}, 7);
  using Tensors = std::vector<Tensor>;
  measure("layer norm [256, 1024]", {x}, [](const Tensors& v) { return Tensors{layer_norm(v[0])}; });
  measure("  and its tangent", {x, dx}, [](const Tensors& v) {
    const auto both = jvp([](const Tensor& u) { return layer_norm(u); }, v[0], v[1]);
    return Tensors{both.value, both.tangent};
  });
  measure("  and its gradient", {x, dx}, [](const Tensors& v) {
    return Tensors{grad([&](const Tensor& u) { return sum(layer_norm(u) * v[1]); }, v[0])};
  });
  const Tensor pictures = numbers({84, 50176}, 8);
  measure("layer norm [84, 50176]", {pictures}, [](const Tensors& v) { return Tensors{layer_norm(v[0])}; });
  measure("  and its gradient", {pictures, pictures * 2.0}, [](const Tensors& v) {
    return Tensors{grad([&](const Tensor& u) { return sum(layer_norm(u) * v[1]); }, v[0])};
  });
  measure("rms norm, 56 tangents of [32, 784]", {wide, seeds}, [](const Tensors& v) {
    return Tensors{jvp([](const Tensor& u) { return rms_norm(u); }, v[0], v[1]).tangent};
  });
  measure("softmax of a scaled [4096, 64]", {scores},
          [](const Tensors& v) { return Tensors{softmax(v[0] * 0.125, -1)}; });
  measure("  and its tangent", {scores, scores + 1.0}, [](const Tensors& v) {
    const auto both = jvp([](const Tensor& u) { return softmax(u * 0.125, -1); }, v[0], v[1]);
    return Tensors{both.value, both.tangent};
  });
  measure("logsumexp of a scaled [4096, 64]", {scores},
          [](const Tensors& v) { return Tensors{logsumexp(v[0] * 0.125, {-1})}; });
  measure("sum of 16 tangents squared", {point, few}, [](const Tensors& v) {
    const Tensor s = sigmoid(v[0]);
    return Tensors{sum(square(v[1] * s), {0}) * (1.0 - s)};
  });
}
