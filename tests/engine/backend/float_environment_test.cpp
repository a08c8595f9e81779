#include "engine/backend/float_environment.h"

#include <cfenv>

#include "engine/backend/threads.h"
#include "tests/engine/numbers.h"

namespace nabla::test {
namespace {

// 1/3 and denormal numbers, in constants, in one element and in enough of them for all threads.
std::vector<double> rounded_results() {
  clear_plan_cache();
  const Tensor x = f64({1.0, 3.0, 1e-310}, {3});
  const Tensor folded = full({}, 1.0, DType::f64) / 3.0;
  const Tensor wide = broadcast_to(x[2], {200'000}) * broadcast_to(x[1], {200'000});
  const Tensor all_results = concatenate(
      {insert_axes(folded, {-1}), insert_axes(x[0] / x[1], {-1}), insert_axes(x[2] * 0.5, {-1}), wide}, -1);
  return values(all_results);
}

}  // namespace

TEST_CASE("rounding and denormals are what they always are, whatever the program has set") {
  const std::vector<double> expected = rounded_results();
  CHECK(expected[0] == 1.0 / 3.0);
  CHECK(expected[2] == 5e-311);
  std::fenv_t before;
  std::fegetenv(&before);
  const int threads = thread_count();
  set_thread_count(3);  // workers that are made below
  std::fesetround(FE_UPWARD);
#if defined(__SSE2__)
  _mm_setcsr(_mm_getcsr() | 0x8040);  // zeros for denormals, as a program linked with -ffast-math has them
#endif
  const std::vector<double> got = rounded_results();
  const int rounding = std::fegetround();
  std::fesetenv(&before);
  set_thread_count(threads);
  CHECK(got == expected);
  CHECK(rounding == FE_UPWARD);
}

}  // namespace nabla::test
