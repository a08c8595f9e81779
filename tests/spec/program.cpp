#include "tests/spec/program.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "tests/program_count.h"
#include "tests/spec/draw_window.h"

namespace nabla::spec {
namespace {

constexpr std::int64_t kLargestSize = 48;
constexpr int kLargestRank = 3;
constexpr double kGap = 0.02;  // from kinks, well above what a difference step moves

using Values = std::vector<Tensor>;

struct Step {
  Builder apply;           // all values so far -> the next one
  Builder kink = nullptr;  // what must keep away from zero
  bool is_real = false;    // a kernel on its way takes no complex numbers
};

struct Program {
  std::vector<Input> inputs;
  std::vector<Step> steps;

  // The values of all steps; stops early and returns nothing where one is too close to a kink.
  std::optional<Values> away_from_kinks(const Values& arguments) const {
    Values values = arguments;
    for (const Step& step : steps) {
      if (step.kink)
        for (const double gap : elements(step.kink(values)))
          if (!(std::abs(gap) > kGap)) return std::nullopt;
      values.push_back(step.apply(values));
    }
    return values;
  }
  Tensor build(const Values& arguments) const {
    Values values = arguments;
    for (const Step& step : steps) values.push_back(step.apply(values));
    return values.back();
  }
  std::optional<Values> sample(std::uint64_t seed, int attempts = 2000) const {
    Random random(seed);
    const Spec plain{.primitive = "", .label = "", .build = nullptr, .inputs = inputs};
    for (int attempt = 0; attempt < attempts; ++attempt) {
      Values arguments = sample_inputs(plain, random);
      if (random() % 4 == 0) arguments = at_integers(plain, arguments);
      if (away_from_kinks(arguments)) return arguments;
    }
    return std::nullopt;
  }
};

class ProgramGenerator {
 public:
  explicit ProgramGenerator(std::uint64_t seed) : random_(seed) {}

  Program generate() {
    const int inputs = 1 + pick(3);
    for (int i = 0; i < inputs; ++i) {
      program_.inputs.push_back({.shape = random_shape()});
      shapes_.push_back(program_.inputs.back().shape);
    }
    const int steps = 5 + pick(11);
    for (int tries = 0; static_cast<int>(program_.steps.size()) < steps && tries < 200; ++tries) add_step();
    return program_;
  }

 private:
  int pick(int count) { return static_cast<int>(random_() % static_cast<std::uint64_t>(count)); }
  Shape random_shape() {
    Shape shape;
    for (int rank = pick(4); rank > 0; --rank) shape.push_back(pick(6) == 0 ? 1 : 2 + pick(2));
    return shape;
  }
  // Recent values are preferred, so that programs grow deep.
  std::size_t operand() {
    const std::size_t count = shapes_.size();
    return pick(2) == 0 ? count - 1 : random_() % count;
  }
  int axis_of(std::size_t x) { return -1 - pick(shapes_[x].rank()); }
  // A value whose shape fits beside that of x, or x itself.
  std::size_t partner(std::size_t x) {
    std::vector<std::size_t> fitting;
    for (std::size_t i = 0; i < shapes_.size(); ++i) {
      bool fits = true;
      const Shape& a = shapes_[x];
      const Shape& b = shapes_[i];
      for (int axis = -1; axis >= -std::max(a.rank(), b.rank()); --axis) {
        const std::int64_t m = a.extent_or_one(axis);
        const std::int64_t n = b.extent_or_one(axis);
        fits = fits && (m == n || m == 1 || n == 1);
      }
      if (fits) fitting.push_back(i);
    }
    return fitting[random_() % fitting.size()];
  }
  Tensor random_indices(const Shape& shape, std::int64_t extent) {
    std::vector<std::int64_t> values(shape.size());
    for (std::int64_t& v : values) v = pick(static_cast<int>(extent));
    return tensor<std::int64_t>(values, shape);
  }

  void add_step() {
    const std::size_t x = operand();
    Step step = pick(3) == 0 ? pointwise(x) : shapes_[x].rank() == 0 ? pointwise(x) : other(x);
    const auto arguments = program_.sample(random_());
    if (!arguments) throw Error("program: no sample keeps away from its kinks");
    Values values = *program_.away_from_kinks(*arguments);
    const Tensor result = step.apply(values);
    if (result.rank() > kLargestRank || result.size() > kLargestSize || result.size() == 0) return;
    const bool wild = std::ranges::any_of(elements(result), [](double v) { return !(std::abs(v) < 3); });
    const bool kinked = step.kink != nullptr;
    program_.steps.push_back(std::move(step));
    // Of 20 draws at least one must do, so that of 2,000 none will ever have to be missed.
    if (kinked && (kinks_ == 2 || !program_.sample(random_(), 20))) {
      program_.steps.pop_back();
      return;
    }
    kinks_ += kinked;
    shapes_.push_back(result.shape());
    if (!wild) return;
    program_.steps.push_back({[](const Values& v) { return nabla::tanh(v.back()); }});
    shapes_.push_back(result.shape());
  }

  Step pointwise(std::size_t x) {
    const std::size_t y = partner(x);
    const auto unary = [x](auto f) { return Step{[=](const Values& v) { return f(v[x]); }}; };
    const auto binary = [x, y](auto f) { return Step{[=](const Values& v) { return f(v[x], v[y]); }}; };
    const double number = pick(3) - 1;
    switch (pick(23)) {
      case 0:
        return unary([](const Tensor& a) { return nabla::sin(a); });
      case 1:
        return unary([](const Tensor& a) { return nabla::cos(a * 1.5); });
      case 2:
        return unary([](const Tensor& a) { return sigmoid(a); });
      case 3:
        return unary([](const Tensor& a) { return nabla::exp(nabla::tanh(a)); });
      case 4:
        return unary([](const Tensor& a) { return nabla::log(square(a) + 0.5); });
      case 5:
        return unary([](const Tensor& a) { return nabla::sqrt(square(a) + 1); });
      case 6:
        return unary([](const Tensor& a) { return rsqrt(square(a) + 0.5); });
      case 7:
        return unary([](const Tensor& a) { return nabla::erf(a) * sech(a) + nabla::erfc(a) * gaussian(a); });
      case 8:
        return unary([](const Tensor& a) { return nabla::log1p(square(a)) - nabla::expm1(sigmoid(a)); });
      case 9:
        return unary([](const Tensor& a) { return reciprocal(square(a) + 1); });
      case 10:
        return binary([](const Tensor& a, const Tensor& b) { return a + b; });
      case 11:
        return binary([](const Tensor& a, const Tensor& b) { return logaddexp(a, b) - b; });
      case 12:
      case 13:
      case 14:
        return binary([](const Tensor& a, const Tensor& b) { return a * b; });
      case 15:
        return binary([](const Tensor& a, const Tensor& b) { return a / (square(b) + 1); });
      case 16:
        return binary(
            [](const Tensor& a, const Tensor& b) { return nabla::pow(square(a) + 0.5, nabla::tanh(b)); });
      case 17:
        return unary([](const Tensor& a) { return neg(gelu(a)) + silu(a); });
      case 18:
        return {[=](const Values& v) { return nabla::abs(v[x] + 0.3); },
                [=](const Values& v) { return v[x] + 0.3; }};
      case 19:
        return {[=](const Values& v) { return relu(v[x]); }, [=](const Values& v) { return v[x]; }};
      case 20:
        return {[=](const Values& v) { return nabla::max(v[x], v[y] - 0.2); },
                [=](const Values& v) { return v[x] - (v[y] - 0.2); }};
      case 21:  // captured constants, which are one node with the literals of operators and rules
        return unary([=](const Tensor& a) { return a * full(a.shape(), number, a.dtype()) + ones_like(a); });
      default:
        return {
            [=](const Values& v) { return select(greater(v[x], v[y] * 2 + 0.1), nabla::sin(v[x]), v[y]); },
            [=](const Values& v) { return v[x] - (v[y] * 2 + 0.1); }};
    }
  }

  Step other(std::size_t x) {
    const Shape shape = shapes_[x];
    const int axis = axis_of(x);
    const std::int64_t extent = shape[axis];
    const bool flag = pick(2) == 0;
    const auto on = [x](auto f) { return Step{[=](const Values& v) { return f(v[x]); }}; };
    switch (pick(23)) {
      case 0:
        return on([=](const Tensor& a) { return sum(a, {axis}, flag); });
      case 1:
        return on([=](const Tensor& a) { return a - mean(a, {axis}, true); });
      case 2:
        return on([=](const Tensor& a) { return softmax(a, axis); });
      case 3:
        return on([=](const Tensor& a) { return logsumexp(a, {axis}, flag); });
      case 4:
        return on([=](const Tensor& a) { return cumsum(a, axis, flag) * 0.5; });
      case 5:
        return on([=](const Tensor& a) { return flip(a, axis); });
      case 6:
        return on(
            [=](const Tensor& a) { return slice(a, axis, flag ? 0 : extent / 2, extent, flag ? 2 : 1); });
      case 7:
        return on([=](const Tensor& a) { return pad(a, axis, flag ? 1 : 0, 1, flag ? 0 : 1); });
      case 8:
        return on([=](const Tensor& a) { return transpose(a, axis, 0); });
      case 9:
        return on([=](const Tensor& a) { return reshape(a, std::vector<std::int64_t>{-1}); });
      case 10:
        return on([=](const Tensor& a) { return reshape(transpose(a, 0, axis), Shape{1, a.size()}); });
      case 11:
        return on([=](const Tensor& a) { return insert_axes(a, {axis}); });
      case 12: {
        const Tensor picked = random_indices({1 + pick(4)}, shape[0]);
        return on([=](const Tensor& a) { return take(a, picked); });
      }
      case 13: {
        const Tensor places = random_indices(shape, extent + 1);
        return on([=](const Tensor& a) { return scatter_add(a, places, axis, extent + 1); });
      }
      case 14: {
        const Tensor picked = random_indices(shape, extent);
        return on([=](const Tensor& a) { return gather(a, picked, axis); });
      }
      case 15:
        return matrix_product(x);
      case 16: {
        const std::size_t y = partner(x);
        return {[=](const Values& v) {
          const Tensor product = contraction(v[x], v[y], {axis});
          return flag ? product : drop_axes(product, {axis});
        }};
      }
      case 17: {
        const std::size_t y = partner(x);
        return {[=](const Values& v) {
          return concatenate({v[x], broadcast_to(sum(v[y]) * 0.2, shape), v[x]}, axis);
        }};
      }
      case 18:
      case 19:
        return windowed(x);
      case 20:
        return attended(x);
      case 21:
        return {[=](const Values& v) { return reduce_max(v[x], {axis}, flag); },
                [=](const Values& v) { return neighbour_gaps(v[x], axis); }};
      default:
        return {[=](const Values& v) { return sort(v[x], axis, flag); },
                [=](const Values& v) { return neighbour_gaps(v[x], axis); }};
    }
  }

  static Tensor neighbour_gaps(const Tensor& x, int axis) {
    const std::int64_t extent = x.shape()[axis];
    const Tensor sorted = sort(x, axis);
    return slice(sorted, axis, 1, extent) - slice(sorted, axis, 0, extent - 1);
  }

  // With another value where one fits, else with itself transposed.
  Step matrix_product(std::size_t x) {
    for (std::size_t y = 0; y < shapes_.size(); ++y)
      if (shapes_[y].rank() >= 1 && y != x &&
          shapes_[y][shapes_[y].rank() == 1 ? -1 : -2] == shapes_[x][-1] && shapes_[y].rank() <= 2)
        return {[=](const Values& v) { return matmul(v[x], v[y]); }};
    if (shapes_[x].rank() == 1) return {[=](const Values& v) { return matmul(v[x], v[x]); }};
    return {[=](const Values& v) { return matmul(v[x], transpose(v[x])) * 0.3; }};
  }

  // A convolution over the innermost axis or its transpose, with a weight made of another value.
  Step windowed(std::size_t x) {
    const Shape shape = shapes_[x].rank() == 1 ? Shape{1, shapes_[x][-1]} : shapes_[x];
    const std::size_t y = operand();
    const auto draw = [this](int count) { return pick(count); };
    DrawnWindow drawn = draw_window(draw, shape[-2], shape[-1]);
    const bool is_transposed = pick(3) == 0;
    if (is_transposed) {
      drawn.options = {.stride = drawn.options.stride, .groups = drawn.options.groups};
      drawn.weight[0] = shape[-2];
      drawn.weight[1] = 1 + pick(2);
    }
    const Builder weight = drawn_elements(draw, shapes_[y].size(), drawn.weight);
    return {[=](const Values& v) {
      const Tensor data = reshape(v[x], shape);
      const Tensor w = nabla::tanh(weight({v[y]}));
      return is_transposed ? transposed_convolution(data, w, {.window = drawn.options})
                           : convolution(data, w, drawn.options);
    }};
  }

  // Queries of one value, keys and values of another one's elements.
  Step attended(std::size_t x) {
    const Shape shape = shapes_[x].rank() == 1 ? Shape{1, shapes_[x][-1]} : shapes_[x];
    const std::size_t y = operand();
    const auto draw = [this](int count) { return pick(count); };
    const std::int64_t keys = 1 + pick(3);
    const Builder key = drawn_elements(draw, shapes_[y].size(), Shape{keys, shape[-1]});
    const Builder value = drawn_elements(draw, shapes_[y].size(), Shape{keys, 1 + pick(2)});
    AttentionOptions options{.causal = pick(2) == 0,
                             .form = pick(2) == 0 ? AttentionForm::fused : AttentionForm::composed};
    if (pick(2) == 0) {
      std::vector<bool> may(static_cast<std::size_t>(shape[-2] * keys));
      for (std::size_t i = 0; i < may.size(); ++i) may[i] = pick(3) != 0;
      options.mask = tensor(may, Shape{shape[-2], keys});
    }
    return {
        [=](const Values& v) { return attention(reshape(v[x], shape), key({v[y]}), value({v[y]}), options); },
        nullptr, options.form == AttentionForm::fused};
  }

  Random random_;
  Program program_;
  std::vector<Shape> shapes_;
  int kinks_ = 0;
};

}  // namespace

std::uint64_t program_count() { return test::program_count(); }
std::uint64_t nest_count() { return test::from_environment("NABLAFLOW_FUZZ_NESTS", 60); }
std::uint64_t first_seed() { return test::from_environment("NABLAFLOW_FUZZ_SEED", 1); }

Spec random_program(std::uint64_t seed) {
  const auto program = std::make_shared<const Program>(ProgramGenerator(seed).generate());
  const bool kinked =
      std::ranges::any_of(program->steps, [](const Step& step) { return step.kink != nullptr; });
  const bool is_real = std::ranges::any_of(program->steps, [](const Step& step) { return step.is_real; });
  return {.primitive = "program",
          .label = "seed " + std::to_string(seed),
          .build = [program](const Values& x) { return program->build(x); },
          .inputs = program->inputs,
          .analytic = !kinked && !is_real,
          .sample =
              [program](std::uint64_t s) {
                const auto arguments = program->sample(s);
                if (!arguments) throw Error("program: no sample keeps away from its kinks");
                return *arguments;
              },
          .tolerance = 1e-9,
          .inner_magnitude = 1,
          .difference_tolerance = 1e-5,
          .broadcast_views = !kinked};
}

}  // namespace nabla::spec
