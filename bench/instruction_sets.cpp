// What the pointwise kernels gain from newer instructions, on tensors that fit the caches: nanoseconds an
// element, medians of several runs, all levels in turn.

#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/graph/primitive.h"
#include "examples/report/timing.h"

using namespace nabla;
using report::median;

namespace {

constexpr std::int64_t kElements = 1 << 16;
constexpr int kRuns = 31;
constexpr int kRepeats = 10;

double seconds_of(const std::function<Tensor()>& f) {
  const double seconds = report::seconds_of([&] {
    for (int i = 0; i < kRepeats; ++i) evaluate({f()});
  });
  return seconds / kRepeats;
}

std::vector<InstructionSet> available_sets() {
  const InstructionSet best = instruction_set();
  std::vector<InstructionSet> sets{InstructionSet::baseline};
  for (const InstructionSet set : {InstructionSet::avx2, InstructionSet::avx512})
    if (set <= best) sets.push_back(set);
  return sets;
}

}  // namespace

int main() {
  set_thread_count(1);
  const std::vector<InstructionSet> sets = available_sets();
  const Tensor a = normal(random_key(1), Shape{kElements}).detach();
  const Tensor b = normal(random_key(2), Shape{kElements}).detach();
  const Tensor positive = abs(a).detach();
  const Tensor angles = (a * 1e9F).detach();  // beyond the fast reduction
  std::vector<std::pair<std::string, std::function<Tensor()>>> operations{
      {"sin, 1e9", [&] { return sin(angles); }}, {"silu", [&] { return silu(a); }}};
  for (std::size_t i = 0; i < kOpCount; ++i) {
    const Op op = static_cast<Op>(i);
    const OpFacts& facts = facts_of(op);
    if (facts.family != Family::pointwise || operands_of(op) == 0) continue;
    // Numbers that lie in every domain.
    operations.emplace_back(facts.name, [&, op] {
      const Tensor operands[] = {positive, b};
      return apply(primitive_of(op), std::span(operands).first(operands_of(op)), {});
    });
  }
  std::printf("1 thread, f32, %lld elements, ns an element\n%-14s", static_cast<long long>(kElements), "");
  for (const InstructionSet set : sets) std::printf(" %10s", std::string(name_of(set)).c_str());
  std::printf("\n");
  for (const auto& [name, operation] : operations) {
    std::vector<std::vector<double>> times(sets.size());
    for (int run = 0; run < kRuns; ++run)
      for (std::size_t i = 0; i < sets.size(); ++i) {
        set_instruction_set(sets[i]);
        times[i].push_back(seconds_of(operation) * 1e9 / static_cast<double>(kElements));
      }
    std::printf("%-14s", name.c_str());
    for (const std::vector<double>& time : times) std::printf(" %10.3f", median(time));
    std::printf("\n");
  }
}
