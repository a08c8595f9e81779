#include "engine/backend/instruction_set.h"

#include <doctest/doctest.h>

#include <bit>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace nabla {
namespace {

template <class T>
struct BitsOf;
template <>
struct BitsOf<float> {
  using type = std::uint32_t;
};
template <>
struct BitsOf<double> {
  using type = std::uint64_t;
};

// Every size and sign, subnormals, infinities and NaN; of no length that vectors divide.
template <class T>
Tensor numbers(std::uint64_t seed) {
  using Bounds = std::numeric_limits<T>;
  std::vector<T> values{T(0),
                        -T(0),
                        T(1),
                        T(-1),
                        Bounds::min(),
                        Bounds::denorm_min(),
                        -Bounds::denorm_min(),
                        Bounds::max(),
                        Bounds::lowest(),
                        Bounds::infinity(),
                        -Bounds::infinity(),
                        Bounds::quiet_NaN(),
                        T(88.7),
                        T(-103.9),
                        T(0.625),
                        T(-0.624),
                        T(3e7),
                        T(-2e30)};
  const Tensor random = normal(random_key(seed), Shape{4001}, DType::f64) * 12;
  for (const double value : random.data<double>()) values.push_back(static_cast<T>(value));
  return tensor(values, Shape{static_cast<std::int64_t>(values.size())});
}

using Operation = std::function<Tensor(const Tensor& a, const Tensor& b)>;

const std::vector<std::pair<std::string, Operation>>& operations() {
  static const std::vector<std::pair<std::string, Operation>> list{
      {"add", [](const Tensor& a, const Tensor& b) { return a + b; }},
      {"sub", [](const Tensor& a, const Tensor& b) { return a - b; }},
      {"mul", [](const Tensor& a, const Tensor& b) { return a * b; }},
      {"div", [](const Tensor& a, const Tensor& b) { return a / b; }},
      {"mul by one number", [](const Tensor& a, const Tensor& b) { return a * b[20]; }},
      {"one number less", [](const Tensor& a, const Tensor& b) { return b[20] - a; }},
      {"every other element",
       [](const Tensor& a, const Tensor& b) { return a({range(0, 4000, 2)}) * b({range(1, 4001, 2)}); }},
      {"max", [](const Tensor& a, const Tensor& b) { return max(a, b); }},
      {"min", [](const Tensor& a, const Tensor& b) { return min(a, b); }},
      {"neg", [](const Tensor& a, const Tensor&) { return -a; }},
      {"abs", [](const Tensor& a, const Tensor&) { return abs(a); }},
      {"sign", [](const Tensor& a, const Tensor&) { return sign(a); }},
      {"square", [](const Tensor& a, const Tensor&) { return square(a); }},
      {"sqrt", [](const Tensor& a, const Tensor&) { return sqrt(a); }},
      {"rsqrt", [](const Tensor& a, const Tensor&) { return rsqrt(a); }},
      {"reciprocal", [](const Tensor& a, const Tensor&) { return reciprocal(a); }},
      {"exp", [](const Tensor& a, const Tensor&) { return exp(a); }},
      {"expm1", [](const Tensor& a, const Tensor&) { return expm1(a); }},
      {"log", [](const Tensor& a, const Tensor&) { return log(a); }},
      {"log1p", [](const Tensor& a, const Tensor&) { return log1p(a); }},
      {"sin", [](const Tensor& a, const Tensor&) { return sin(a); }},
      {"sin of moderate angles", [](const Tensor& a, const Tensor&) { return sin(a({range(20, 4001)})); }},
      {"cos", [](const Tensor& a, const Tensor&) { return cos(a); }},
      {"cos of moderate angles", [](const Tensor& a, const Tensor&) { return cos(a({range(20, 4001)})); }},
      {"tanh", [](const Tensor& a, const Tensor&) { return tanh(a); }},
      {"sigmoid", [](const Tensor& a, const Tensor&) { return sigmoid(a); }},
      {"erf", [](const Tensor& a, const Tensor&) { return erf(a); }},
      {"silu", [](const Tensor& a, const Tensor&) { return silu(a); }},
      {"gelu", [](const Tensor& a, const Tensor&) { return gelu(a); }},
      {"silu_slope", [](const Tensor& a, const Tensor&) { return jvp(&silu, a, ones_like(a)).tangent; }},
      {"gelu_slope", [](const Tensor& a, const Tensor&) { return jvp(&gelu, a, ones_like(a)).tangent; }},
      {"sech", [](const Tensor& a, const Tensor&) { return sech(a); }},
      {"erfc", [](const Tensor& a, const Tensor&) { return erfc(a); }},
      {"normal_cdf", [](const Tensor& a, const Tensor&) { return normal_cdf(a); }},
      {"gaussian", [](const Tensor& a, const Tensor&) { return gaussian(a); }},
      {"pow", [](const Tensor& a, const Tensor& b) { return pow(a, b); }},
      {"logaddexp", [](const Tensor& a, const Tensor& b) { return logaddexp(a, b); }},
      {"less", [](const Tensor& a, const Tensor& b) { return cast(a < b, a.dtype()); }},
  };
  return list;
}

bool is_available(InstructionSet set) {
  try {
    set_instruction_set(set);
    return true;
  } catch (const Error&) {
    return false;
  }
}

template <class T>
void check_equal_bits(InstructionSet set) {
  const Tensor a = numbers<T>(1);
  const Tensor b = flip(numbers<T>(2), 0).detach();
  for (const auto& [name, operation] : operations()) {
    CAPTURE(name);
    const auto run = [&, &f = operation](InstructionSet which) {
      set_instruction_set(which);
      return f(a, b).template to_vector<T>();
    };
    const std::vector<T> plain = run(InstructionSet::baseline);
    const std::vector<T> fast = run(set);
    REQUIRE(plain.size() == fast.size());
    using Bits = typename BitsOf<T>::type;
    std::size_t different = 0;
    for (std::size_t i = 0; i < plain.size(); ++i)
      different += std::bit_cast<Bits>(plain[i]) != std::bit_cast<Bits>(fast[i]) &&
                   !(plain[i] != plain[i] && fast[i] != fast[i]);
    CHECK(different == 0);
  }
}

}  // namespace

TEST_CASE("pointwise kernels give the same bits for every instruction set") {
  const InstructionSet usual = instruction_set();
  for (const InstructionSet set : {InstructionSet::avx2, InstructionSet::avx512}) {
    CAPTURE(name_of(set));
    if (!is_available(set)) {
      MESSAGE("skipped: " << std::string(name_of(set)));
      continue;
    }
    check_equal_bits<float>(set);
    check_equal_bits<double>(set);
  }
  set_instruction_set(usual);
}

TEST_CASE("instruction sets have names, and the one in use is known") {
  CHECK(name_of(InstructionSet::baseline) == "baseline");
  CHECK(name_of(InstructionSet::avx2) == "avx2");
  CHECK(name_of(InstructionSet::avx512) == "avx512");
  const InstructionSet usual = instruction_set();
  set_instruction_set(InstructionSet::baseline);
  CHECK(instruction_set() == InstructionSet::baseline);
  set_instruction_set(usual);
  CHECK(instruction_set() == usual);
}

}  // namespace nabla
