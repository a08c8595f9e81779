// What the pointwise kernels gain from newer instructions, on tensors that fit the caches: nanoseconds an
// element, medians of several runs, both sides in turn.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "engine/engine.h"

using namespace nabla;

namespace {

constexpr std::int64_t kElements = 1 << 16;
constexpr int kRuns = 41;
constexpr int kRepeats = 20;

double seconds_of(const std::function<Tensor()>& f) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kRepeats; ++i) evaluate({f()});
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / kRepeats;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

}  // namespace

int main() {
  set_thread_count(1);
  std::vector<InstructionSet> sets{InstructionSet::baseline};
  if (instruction_set() != InstructionSet::baseline) sets.push_back(instruction_set());
  std::printf("1 thread, f32, %lld elements, ns an element\n%-10s", static_cast<long long>(kElements), "");
  for (const InstructionSet set : sets) std::printf(" %10s", std::string(name_of(set)).c_str());
  std::printf("\n");
  const Tensor a = normal(random_key(1), Shape{kElements}).detach();
  const Tensor b = normal(random_key(2), Shape{kElements}).detach();
  const std::vector<std::pair<const char*, std::function<Tensor()>>> operations{
      {"add", [&] { return a + b; }},          {"mul", [&] { return a * b; }},
      {"div", [&] { return a / b; }},          {"sqrt", [&] { return sqrt(a); }},
      {"sigmoid", [&] { return sigmoid(a); }}, {"tanh", [&] { return tanh(a); }},
      {"exp", [&] { return exp(a); }}};
  for (const auto& [name, operation] : operations) {
    std::vector<std::vector<double>> times(sets.size());
    for (int run = 0; run < kRuns; ++run)
      for (std::size_t i = 0; i < sets.size(); ++i) {
        set_instruction_set(sets[i]);
        times[i].push_back(seconds_of(operation) * 1e9 / static_cast<double>(kElements));
      }
    std::printf("%-10s", name);
    for (const std::vector<double>& time : times) std::printf(" %10.3f", median(time));
    std::printf("\n");
  }
}
