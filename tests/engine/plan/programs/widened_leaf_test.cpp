#include <functional>

#include "engine/plan/plan.h"
#include "tests/engine/numbers.h"
#include "tests/engine/plan_faults.h"

// Statistics of a narrow leaf take no copy of it in the type that they are computed in.

namespace nabla::test {
namespace {

constexpr std::int64_t kLeafRows = 4000, kColumns = 784;

Tensor pixels() { return cast(integers(random_key(1), {kLeafRows, kColumns}, 0, 255), DType::u8).detach(); }

std::size_t arena_of_plan(const std::function<Tensor()>& build) {
  const Tensor y = build();
  return make_plan(std::span(&y, 1)).plan->arena_bytes();
}

void check(const char* what, const std::function<Tensor()>& build, std::size_t most_bytes) {
  CAPTURE(what);
  CHECK(arena_of_plan(build) <= most_bytes);
  const Tensor planned = build();
  for (const std::string& fault : plan_faults(*make_plan(std::span(&planned, 1)).plan)) FAIL_CHECK(fault);
  const std::vector<double> found = values(planned);
  set_plan_optimisations(false);
  const std::vector<double> expected = values(build());
  set_plan_optimisations(true);
  CHECK(found == expected);
}

}  // namespace

TEST_CASE("a wide cast of a narrow leaf is made again for each sum that reads it, not kept") {
  const Tensor x = pixels();
  evaluate({x});
  constexpr std::size_t kSmall = 64 * kColumns;
  for (const DType wide : {DType::f64, DType::f32}) {
    // 12 MB of f32 are kept.
    const std::size_t most = wide == DType::f64 ? kSmall : kLeafRows * kColumns * 4 + kSmall;
    check(
        "mean of columns", [&] { return mean(cast(x, wide), {0}); }, most);
    check(
        "variance of columns", [&] { return var(cast(x, wide), {0}); }, most);
  }
}

TEST_CASE("a sum of narrow leaves beside wide ones keeps what it needs") {
  const Tensor x = pixels(), noise = normal(random_key(2), {kLeafRows, kColumns}, DType::f64).detach();
  evaluate({x, noise});
  check(
      "in other units", [&] { return var(cast(x, DType::f64) * (1 / 255.0) - 0.5, {0}); },
      kLeafRows * kColumns * 8 + 64 * kColumns);
  check(
      "with noise", [&] { return var(cast(x, DType::f64) + noise, {0}); },
      kLeafRows * kColumns * 8 + 64 * kColumns);
  check(
      "few columns",
      [&] {
        return var(reshape(cast(x, DType::f64), {kLeafRows * kColumns / 16, 16}), {0});
      },
      2 * kLeafRows * kColumns * 8);
}

}  // namespace nabla::test
