#include <cmath>
#include <cstring>
#include <limits>

#include "engine/backend/instruction_set.h"
#include "tests/engine/numbers.h"

// The kernel of sum cuts long sums into tasks and adds lanes side by side: every layout and length must give
// what adding one by one gives, and every instruction set the same bits.

namespace nabla::test {
namespace {

struct SumCase {
  Shape shape;
  Axes axes;
};

// Around the lanes, the blocks of columns and the length from which a sum is cut.
const std::vector<SumCase> kSumCases{{{3}, {0}},
                                     {{16}, {0}},
                                     {{100003}, {0}},
                                     {{32768}, {0}},
                                     {{7, 3}, {1}},
                                     {{5, 17}, {1}},
                                     {{3, 40001}, {1}},
                                     {{70, 515}, {0}},
                                     {{5, 1100}, {0}},
                                     {{40000, 3}, {0}},
                                     {{2001, 37}, {0}},
                                     {{65, 33, 19}, {0, 1}},
                                     {{65, 33, 19}, {0, 2}},
                                     {{65, 33, 19}, {1}},
                                     {{65, 33, 19}, {0, 1, 2}},
                                     {{9, 5, 700}, {0, 1}},
                                     {{0, 5}, {0}},
                                     {{0, 5}, {1}},
                                     {{5, 1}, {0, 1}},
                                     // Few terms, side by side.
                                     {{6, 5, 2, 9, 2}, {2, 4}},
                                     {{3, 2, 7, 3, 130, 2}, {1, 3, 5}},
                                     {{4, 31, 5, 3}, {1, 3}},
                                     {{5, 70, 3}, {1}}};

std::vector<double> one_by_one(const Tensor& x, const Axes& axes) {
  const std::vector<double> all = cast(x, DType::f64).to_vector<double>();
  Shape kept = x.shape();
  for (const int axis : axes) kept[axis] = 1;
  std::vector<double> sums(kept.size(), 0);
  const Strides strides = dense_strides(kept);
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::int64_t rest = static_cast<std::int64_t>(i);
    std::int64_t at = 0;
    for (int axis = x.rank(); axis-- > 0;) {
      if (kept[axis] != 1) at += rest % x.shape()[axis] * strides[axis];
      rest /= x.shape()[axis];
    }
    sums[at] += all[i];
  }
  return sums;
}

Tensor laid_out(const Shape& shape, DType dtype, int layout) {
  const Tensor dense = cast(nabla::sin(counting(shape, 0.37)) * 9, dtype).detach();
  if (layout == 1 && shape.rank() > 0) return flip(dense, -1);
  if (layout == 2 && shape.rank() == 2) return transpose(cast(transpose(dense), dtype).detach());
  return dense;
}

}  // namespace

TEST_CASE("sums of every length and layout") {
  for (const DType dtype : {DType::f32, DType::f64, DType::i32, DType::i64})
    for (const int layout : {0, 1, 2})
      for (const auto& [shape, axes] : kSumCases) {
        INFO(to_string(shape), " ", std::string(name_of(dtype)), ", layout ", layout, ", first axis ",
             axes[0]);
        const Tensor x = laid_out(shape, dtype, layout);
        const std::vector<double> expected = one_by_one(x, axes);
        const std::vector<double> got = cast(sum(x, axes), DType::f64).to_vector<double>();
        REQUIRE(got.size() == expected.size());
        // f32 is summed in f64 and rounded once.
        const double terms =
            static_cast<double>(x.size()) / static_cast<double>(std::max<std::size_t>(1, got.size()));
        for (std::size_t i = 0; i < got.size(); ++i)
          CHECK(std::fabs(got[i] - expected[i]) <=
                9e-15 * terms + (dtype == DType::f32 ? 7e-8 * std::fabs(expected[i]) : 0));
      }
}

TEST_CASE("sums have the same bits with every instruction set") {
  const InstructionSet best = instruction_set();
  for (const DType dtype : {DType::f32, DType::f64})
    for (const auto& [shape, axes] : kSumCases) {
      INFO(to_string(shape), " ", std::string(name_of(dtype)));
      const Tensor x = laid_out(shape, dtype, 0);
      const auto bits = [&](InstructionSet set) {
        set_instruction_set(set);
        return cast(sum(x, axes).detach(), DType::f64).to_vector<double>();
      };
      const std::vector<double> baseline = bits(InstructionSet::baseline);
      const std::vector<double> wide = bits(best);
      REQUIRE(baseline.size() == wide.size());
      if (!wide.empty()) CHECK(std::memcmp(baseline.data(), wide.data(), wide.size() * sizeof(double)) == 0);
    }
  set_instruction_set(best);
}

TEST_CASE("a NaN and an infinity reach the sum of a cut row") {
  std::vector<float> values(100000, 1.0F);
  values[77777] = std::numeric_limits<float>::infinity();
  CHECK(std::isinf(sum(tensor<float>(values, {100000})).item()));
  values[12345] = std::numeric_limits<float>::quiet_NaN();
  CHECK(std::isnan(sum(tensor<float>(values, {100000})).item()));
}

TEST_CASE("sums of small integers do not wrap around: they are in i64") {
  const Tensor bytes = cast(ones({300}), DType::u8);
  CHECK(sum(bytes).dtype() == DType::i64);
  CHECK(sum(bytes).item() == 300);
  CHECK(cumsum(bytes, 0).to_vector<std::int64_t>().back() == 300);
  const Tensor large = tensor<std::int32_t>({2147483647, 2147483647, -5}, {3});
  CHECK(sum(large).to_vector<std::int64_t>()[0] == 2 * std::int64_t{2147483647} - 5);
  CHECK(sum(tensor<std::uint32_t>({4294967295U, 1}, {2})).to_vector<std::int64_t>()[0] == std::int64_t{1}
                                                                                              << 32);
  CHECK(sum(large, {0}, true).shape() == Shape{1});
  CHECK(sum(tensor<std::int64_t>({1, 2}, {2})).item() == 3);
}

TEST_CASE("an integer that a double cannot hold is no item") {
  constexpr std::int64_t kLast = std::int64_t{1} << 53;
  CHECK(tensor<std::int64_t>({kLast}, {}).item() == 0x1p53);
  CHECK(contains(error_of([] { static_cast<void>(tensor<std::int64_t>({kLast + 1}, {}).item()); }),
                 "item: 9007199254740993 is no double"));
}

}  // namespace nabla::test
