// Sums at the speed of memory: milliseconds and GB/s of the sum kernel without graph and plan, beside a copy
// of the same bytes by memcpy on one thread. Minima of several runs.

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "engine/backend/backend.h"
#include "engine/engine.h"
#include "engine/graph/node.h"
#include "examples/report/timing.h"

using namespace nabla;

namespace {

double best_seconds(const std::function<void()>& f) {
  f();
  const int repeats = std::clamp(static_cast<int>(2e-3 / (report::seconds_of(f) + 1e-9)), 1, 2000);
  double best = 1e30;
  for (int run = 0; run < 9; ++run) {
    const double seconds = report::seconds_of([&] {
      for (int i = 0; i < repeats; ++i) f();
    });
    best = std::min(best, seconds / repeats);
  }
  return best;
}

struct Case {
  Shape shape;
  Axes axes;
};

}  // namespace

int main() {
  const std::vector<Case> cases{{{256, 1024}, {0}},       {{256, 784}, {0}},       {{25088, 64}, {0}},
                                {{1000000, 8}, {0}},      {{256, 1024}, {1}},      {{256, 1024}, {0, 1}},
                                {{256, 784}, {0, 1}},     {{64, 64}, {0}},         {{128, 512}, {0}},
                                {{1 << 22}, {0}},         {{100000, 3}, {1}},      {{32, 64, 1024}, {1}},
                                {{32, 64, 1024}, {0, 2}}, {{784, 32, 784}, {0, 1}}};
  std::printf("%d threads, %s, f32\n%-22s %-8s %9s %8s %8s\n", thread_count(),
              std::string(name_of(instruction_set())).c_str(), "", "axes", "ms", "GB/s", "memcpy");
  const Primitive& primitive = sum(ones({2, 2}), {0}, true).node().primitive();
  for (const Case& at : cases) {
    const Tensor x = uniform(random_key(1), at.shape).detach();
    const Array input = x.value();
    Shape kept = at.shape;
    Axes summed;
    std::string axes;
    for (const int axis : at.axes) {
      kept[axis] = 1;
      summed.push_back(axis - at.shape.rank());
      axes += std::to_string(axis) + " ";
    }
    const Attributes attributes(summed);
    const Array output = Array::dense(kept, DType::f32);
    const DType type = DType::f32;
    const auto step = cpu_backend().prepare(
        {&primitive, std::span(&input.layout, 1), std::span(&type, 1), output.layout, type, attributes});
    const std::byte* const read = input.buffer->data();
    std::byte* const written = output.buffer->data();
    const double seconds = best_seconds([&] { step->run(std::span(&read, 1), std::span(&written, 1)); });
    const std::size_t bytes = static_cast<std::size_t>(at.shape.size()) * 4;
    const Array copy = Array::dense(at.shape, DType::f32);
    const double copying = best_seconds([&] { std::memcpy(copy.data<float>(), input.data<float>(), bytes); });
    std::printf("%-22s %-8s %9.4f %8.1f %8.1f\n", to_string(at.shape).c_str(), axes.c_str(), seconds * 1e3,
                static_cast<double>(bytes) / seconds * 1e-9, static_cast<double>(bytes) / copying * 1e-9);
  }
}
