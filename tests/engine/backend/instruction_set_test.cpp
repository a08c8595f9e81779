#include "engine/backend/instruction_set.h"

#include <doctest/doctest.h>

#include <bit>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/graph/primitive.h"

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

// Everything pointwise of the catalogue with one or two operands, and what the loops treat in a way of its
// own.
std::vector<std::pair<std::string, Operation>> operations() {
  std::vector<std::pair<std::string, Operation>> list{
      {"mul by one number", [](const Tensor& a, const Tensor& b) { return a * b[20]; }},
      {"one number less", [](const Tensor& a, const Tensor& b) { return b[20] - a; }},
      {"every other element",
       [](const Tensor& a, const Tensor& b) { return a({range(0, 4000, 2)}) * b({range(1, 4001, 2)}); }},
      {"sin of moderate angles", [](const Tensor& a, const Tensor&) { return sin(a({range(20, 4001)})); }},
      {"cos of moderate angles", [](const Tensor& a, const Tensor&) { return cos(a({range(20, 4001)})); }},
      {"silu", [](const Tensor& a, const Tensor&) { return silu(a); }},
      {"gelu", [](const Tensor& a, const Tensor&) { return gelu(a); }},
      {"silu_slope", [](const Tensor& a, const Tensor&) { return jvp(&silu, a, ones_like(a)).tangent; }},
      {"gelu_slope", [](const Tensor& a, const Tensor&) { return jvp(&gelu, a, ones_like(a)).tangent; }}};
  for (std::size_t i = 0; i < kOpCount; ++i) {
    const Op op = static_cast<Op>(i);
    if (operands_of(op) == 0) continue;
    list.emplace_back(facts_of(op).name, [op](const Tensor& a, const Tensor& b) {
      const std::vector<Tensor> operands{a, b};
      return cast(apply(primitive_of(op), std::span(operands).first(operands_of(op)), {}), a.dtype());
    });
  }
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
