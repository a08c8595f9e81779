#include "engine/plan/programs/fusion.h"

#include <functional>

#include "tests/engine/numbers.h"
#include "tests/engine/plan_faults.h"

// How graphs are cut into programs.

namespace nabla::test {
namespace {

std::vector<double> by_reference(const std::function<Tensor()>& build) {
  set_plan_optimisations(false);
  const std::vector<double> found = values(build());
  set_plan_optimisations(true);
  return found;
}

// The value by the optimised plan, with no faults in it, is that by the reference; returns the plan.
std::shared_ptr<const Plan> checked(const std::function<Tensor()>& build) {
  const Tensor y = build();
  const std::shared_ptr<const Plan> plan = make_plan(std::span(&y, 1)).plan;
  for (const std::string& fault : plan_faults(*plan)) FAIL_CHECK(fault);
  for (const PlanStep& step : plan->steps()) CHECK(step.program.instructions.size() <= 64);
  const std::vector<double> found = values(y);
  CHECK(found == by_reference(build));
  return plan;
}

std::size_t programs(const Plan& plan) {
  return static_cast<std::size_t>(
      std::ranges::count_if(plan.steps(), [](const PlanStep& step) { return step.is_program(); }));
}

}  // namespace

TEST_CASE("a value that leaves a program and comes back cuts it") {
  const Tensor x = nabla::sin(counting({6, 7})).detach();
  // What the cumulative sum needs has to be made before what needs it.
  const auto plan = checked([&] {
    const Tensor y = nabla::exp(x);
    return y * cumsum(y, 0) + nabla::cos(y);
  });
  CHECK(programs(*plan) == 2);
  // The same two steps away, and through two ways.
  CHECK(programs(*checked([&] {
          const Tensor y = nabla::exp(x);
          const Tensor scale = sum(cumsum(nabla::tanh(y), 0), {1}, true);
          return y * scale + y;
        })) == 2);
  checked([&] {
    const Tensor a = nabla::sin(x);
    const Tensor b = nabla::cos(x);
    return a * cumsum(b, 0) + b * cumsum(a, 0);  // each is needed on the other's way
  });
  checked([&] {
    const Tensor a = nabla::sin(x);
    const Tensor b = nabla::cos(x) * cumsum(a, 0);
    const Tensor c = a + 1;
    const Tensor d = b * cumsum(c, 1);
    return d * a + c * cumsum(b, 0);
  });
}

TEST_CASE("programs see through axes of extent 1, and not through other views") {
  const Tensor x = nabla::sin(counting({6, 7})).detach();
  CHECK(programs(*checked([&] { return nabla::exp(insert_axes(nabla::sin(x), {-2})) + 1; })) == 1);
  CHECK(programs(*checked(
            [&] { return drop_axes(nabla::cos(insert_axes(nabla::sin(x), {-3})), {-3}) * x; })) == 1);
  CHECK(programs(*checked([&] { return nabla::exp(transpose(nabla::sin(x))) + 1; })) == 2);
  CHECK(programs(*checked([&] { return nabla::exp(reshape(nabla::sin(x), {7, 6})) + 1; })) == 2);
  CHECK(programs(*checked([&] { return nabla::exp(flip(nabla::sin(x), 0)) + nabla::sin(x); })) == 2);
  // The same elements beside each other in other places.
  const Tensor v = slice(x, 0, 0, 1);
  checked([&] { return nabla::sin(v) + transpose(nabla::sin(v)); });
  checked([&] { return nabla::sin(insert_axes(v, {-1})) * nabla::sin(insert_axes(transpose(v), {-1})); });
}

TEST_CASE("long chains are cut and give the same bits") {
  const Tensor x = nabla::sin(counting({3, 50})).detach();
  for (const int length : {63, 64, 65, 130, 1023, 1025, 3000}) {
    INFO(length);
    const auto plan = checked([&] {
      Tensor y = x;
      for (int i = 0; i < length; ++i) y = i % 3 == 0 ? nabla::sin(y) : i % 3 == 1 ? y * 1.5 : y - x;
      return y;
    });
    CHECK(programs(*plan) <=
          static_cast<std::size_t>(length) / 64 + 2 + static_cast<std::size_t>(length) / 1024);
  }
}

TEST_CASE("wide graphs of more than a chunk, whose values are used far away, give the same bits") {
  const Tensor x = nabla::sin(counting({4, 9})).detach();
  checked([&] {
    std::vector<Tensor> all{x};
    for (std::size_t i = 1; i < 2500; ++i) {
      const Tensor& near = all[i - 1];
      const Tensor& far = all[i * 7919 % i];
      switch (i * 31 % 11) {
        case 0:
          all.push_back(near - mean(far, {-1}, true));
          break;
        case 1:
          all.push_back(flip(near, 0) * 0.5 + far);
          break;
        case 2:
          all.push_back(reshape(transpose(reshape(nabla::tanh(near), {9, 4})), {4, 9}));
          break;
        case 3:
          all.push_back(cumsum(far, 0) * 0.25 + near);
          break;
        default:
          all.push_back(nabla::sin(near * 1.25 + far));
      }
    }
    Tensor total = all.back();
    for (std::size_t i = 0; i < all.size(); i += 100) total = total + all[i];
    return total;
  });
}

}  // namespace nabla::test
