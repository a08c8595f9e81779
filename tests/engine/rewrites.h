#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "tests/engine/numbers.h"

// What the canonical form leaves of a graph, and whether it kept the bits.

namespace nabla::test {

/// What a plan computes, by name and alphabetically, joined by blanks: the instructions of its programs and
/// its other steps, but for copies to the result's memory. What handles hold meanwhile is computed, too.
inline std::string computed(const Tensor& y) {
  std::vector<std::string_view> names;
  for (const PlanStep& step : make_plan(std::span(&y, 1)).plan->steps()) {
    for (const TileProgram::Instruction& instruction : step.program.instructions)
      names.push_back(instruction.primitive->name());
    if (!step.is_program() && step.primitive) names.push_back(step.primitive->name());
  }
  std::ranges::sort(names);
  std::string joined;
  for (const std::string_view name : names) joined += (joined.empty() ? "" : " ") + std::string(name);
  return joined;
}

/// The value of f(), rebuilt so that nothing is computed yet, by the plan with every optimisation off.
template <class F>
std::vector<double> reference(F f) {
  set_plan_optimisations(false);
  const std::vector<double> found = values(f());
  set_plan_optimisations(true);
  return found;
}

/// The same bits; one NaN is as good as another.
inline bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return std::ranges::equal(a, b, [](double x, double y) {
    return std::bit_cast<std::uint64_t>(x) == std::bit_cast<std::uint64_t>(y) ||
           (std::isnan(x) && std::isnan(y));
  });
}

/// Zeros of both signs, infinities, NaN, the largest and the smallest numbers, and usual ones: [n].
inline Tensor specials(DType dtype) {
  const bool single = dtype == DType::f32;
  const double largest = single ? std::numeric_limits<float>::max() : std::numeric_limits<double>::max();
  const double smallest =
      single ? std::numeric_limits<float>::denorm_min() : std::numeric_limits<double>::denorm_min();
  const double inf = std::numeric_limits<double>::infinity();
  std::vector<double> numbers{0.0, 1, 0.1, 1.5, 3, 1e-3, largest, smallest, inf, std::nan("")};
  for (const double x : std::vector<double>(numbers.begin(), numbers.end() - 1)) numbers.push_back(-x);
  return cast(tensor<double>(numbers, Shape{static_cast<std::int64_t>(numbers.size())}), dtype).detach();
}

using Rewritten = std::function<Tensor(const Tensor& x, const Tensor& y)>;

/// Checks that the plan of f computes what `expected` names, and that every pair of special numbers gives the
/// bits of the plan without optimisations, in f32 and f64. x is [n, 1], y [1, n].
inline void check_rewrite(const Rewritten& f, const std::string& expected) {
  INFO("expected: ", expected);
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor numbers = specials(dtype);
    const auto build = [&] {
      return f(insert_axes(numbers, {-1}).detach(), insert_axes(numbers, {-2}).detach());
    };
    CHECK(computed(build()) == expected);
    CHECK(same_bits(values(build()), reference(build)));
  }
}

}  // namespace nabla::test
