#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "engine/backend/cuda/source/kernel_source.h"

// Steps on random data: their kernels, run on the host, against the CPU's.

namespace nabla::cuda::host {

/// An input and all memory that its layout reaches.
struct CaseInput {
  Layout layout;
  DType dtype;
  std::vector<std::byte> memory;
};

/// What holds between a kernel's result and the CPU's.
enum class Agreement {
  bits,    ///< equal; a NaN is any NaN, and zeros are equal
  sums,    ///< within 1e-6 (f32) or 1e-12 (f64) of the CPU's result for absolute values; integers equal
  values,  ///< within that share of the value itself
};

struct StepCase {
  std::string primitive;  ///< "" for a copy
  std::vector<CaseInput> inputs;
  Shape output;
  DType output_type;
  Attributes attributes;
  Agreement agreement;

  /// "sum of f32 [3, 4] with strides [4, 1] ..": for messages.
  std::string describe() const;
};

/// How a random input lies in its memory.
enum class Lie { dense, any };

class CaseMaker {
 public:
  explicit CaseMaker(unsigned seed) : random_(seed) {}

  std::int64_t integer(std::int64_t low, std::int64_t high) {  ///< both ends included
    return std::uniform_int_distribution<std::int64_t>(low, high)(random_);
  }
  DType floating_type();
  DType real_type();
  DType stored_type();  ///< bool included
  int axis(const Shape& shape) { return -static_cast<int>(integer(1, shape.rank())); }
  std::vector<std::int64_t> axes(int rank);  ///< some, none or all
  bool chance(double probability) { return std::bernoulli_distribution(probability)(random_); }
  Shape shape(int rank, std::int64_t largest_extent);
  /// Axes permuted, flipped, spread out, repeated, and an offset, or none of it.
  Layout layout(const Shape& shape, Lie lie);
  /// Numbers around 0, small integers among them (so that there are ties); with `specials` NaN, infinities
  /// and negative zeros.
  CaseInput numbers(const Layout& layout, DType dtype, bool specials = false);
  /// i64 in [0, extent).
  CaseInput indices(const Layout& layout, std::int64_t extent);

 private:
  std::mt19937 random_;
};

/// Compiles the kernels of all cases together, runs each and the CPU's kernel, and checks by doctest that
/// they agree.
void check_cases(const std::vector<StepCase>& cases);

/// Random cases of a kind that tests take, enough to meet every form of its kernels.
inline constexpr int kCases = 8;
/// The same for random cases.
void check_random(unsigned seed, int count, const std::function<StepCase(CaseMaker&)>& make);

/// The step's kernels. @throws Error as primitive_source() does.
StepSource source_of(const StepCase& step);
/// The error in their place, "" if there is none.
std::string refusal_of(const StepCase& step);
/// What the kernels make; `refused` becomes the index that they refuse, if they do.
std::vector<std::byte> run_on_host(const StepCase& step, std::optional<std::int64_t>* refused = nullptr);

}  // namespace nabla::cuda::host
