// Attention in both forms: milliseconds of compiled calls of the value, of its jvp along 8 tangents with the
// value, and of the vjp; medians of several runs. And the temporaries of each.

#include <algorithm>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "examples/report/timing.h"

using namespace nabla;

namespace {

using Function = std::function<std::vector<Tensor>(const std::vector<Tensor>&)>;

double median_ms(const std::function<void()>& f) {
  f();
  const int repeats = std::clamp(static_cast<int>(5e-3 / (report::seconds_of(f) + 1e-9)), 1, 2000);
  std::vector<double> runs;
  for (int run = 0; run < 9; ++run) {
    const double seconds = report::seconds_of([&] {
      for (int i = 0; i < repeats; ++i) f();
    });
    runs.push_back(1e3 * seconds / repeats);
  }
  return report::median(runs);
}

Tensor numbers(const Shape& shape, std::uint64_t key) { return normal(random_key(key), shape).detach(); }

void measure(std::int64_t samples, std::int64_t heads, std::int64_t length, std::int64_t width) {
  const Shape shape{samples, heads, length, width}, along{8, samples, heads, length, width};
  const std::vector<Tensor> qkv{numbers(shape, 1), numbers(shape, 2), numbers(shape, 3)};
  const Tensor u = numbers(shape, 4);
  std::vector<Tensor> with_tangents = qkv;
  for (std::uint64_t i = 5; i < 8; ++i) with_tangents.push_back(numbers(along, i));
  std::vector<Tensor> with_cotangent = qkv;
  with_cotangent.push_back(u);
  double ms[2][3];
  for (const AttentionForm form : {AttentionForm::composed, AttentionForm::fused}) {
    const auto f = [=](const std::vector<Tensor>& x) {
      return std::vector{attention(x[0], x[1], x[2], {.form = form})};
    };
    const auto value = compile(Function(f));
    const auto pushed = compile(Function([=](const std::vector<Tensor>& x) {
      const auto found = jvp(f, {x[0], x[1], x[2]}, {x[3], x[4], x[5]});
      return std::vector{found.values[0], found.tangents[0]};
    }));
    const auto pulled = compile(Function([=](const std::vector<Tensor>& x) {
      return vjp(f, {x[0], x[1], x[2]}, {x[3]}).cotangents;
    }));
    double* to = ms[form == AttentionForm::fused];
    to[0] = median_ms([&] { value(qkv); });
    to[1] = median_ms([&] { pushed(with_tangents); });
    to[2] = median_ms([&] { pulled(with_cotangent); });
  }
  std::printf("%3lld x %lld x %4lld x %2lld ", static_cast<long long>(samples), static_cast<long long>(heads),
              static_cast<long long>(length), static_cast<long long>(width));
  for (int i = 0; i < 3; ++i) std::printf("  %9.3f %9.3f %5.2f", ms[0][i], ms[1][i], ms[1][i] / ms[0][i]);
  std::printf("\n");
}

}  // namespace

int main() {
  std::printf("%d threads, %s, f32; composed, fused and the ratio\n", thread_count(),
              std::string(name_of(instruction_set())).c_str());
  std::printf("%-18s  %-25s  %-25s  %-25s\n", "samples, heads, L, d", "value", "value and 8 tangents", "vjp");
  measure(64, 4, 16, 32);
  measure(64, 4, 32, 32);
  measure(64, 4, 49, 16);
  measure(32, 6, 64, 32);
  measure(16, 6, 128, 32);
  measure(16, 6, 196, 32);
  measure(4, 8, 256, 64);
  measure(1, 8, 1024, 64);
}
