#include "nn/initialise.h"

#include <algorithm>
#include <set>

#include "nn/convolution.h"
#include "nn/linear.h"
#include "tests/nn/layers.h"

namespace nabla::nn {
namespace {

// Mean and variance of the entries, and the share of those beyond two standard deviations.
struct EntryStatistics {
  double count = 0, mean = 0, variance = 0, beyond = 0;
};
EntryStatistics entries_of(const Tensor& x) {
  const std::vector<double> values = cast(x, DType::f64).to_vector<double>();
  EntryStatistics of;
  of.count = static_cast<double>(values.size());
  for (const double v : values) of.mean += v / of.count;
  for (const double v : values) of.variance += (v - of.mean) * (v - of.mean) / of.count;
  for (const double v : values)
    of.beyond += std::abs(v - of.mean) > 2 * std::sqrt(of.variance) ? 1 / of.count : 0;
  return of;
}

// Within five standard errors of independent normal numbers of this variance.
void check_normal(const Tensor& x, double variance) {
  const EntryStatistics of = entries_of(x);
  CHECK(std::abs(of.mean) < 5 * std::sqrt(variance / of.count));
  CHECK(std::abs(of.variance / variance - 1) < 5 * std::sqrt(2 / of.count));
  CHECK(std::abs(of.beyond - 0.0455) < 5 * std::sqrt(0.0455 / of.count));
}

const Shape kLinear{300, 200};
const Shape kWindows{64, 32, 3, 3};  // fan in 288, fan out 576

}  // namespace

TEST_CASE("uniform initialisers have the bounds of their papers") {
  const auto made = [](Initialiser initialiser, const Shape& shape) {
    return initial_value(initialiser, random_key(1), shape);
  };
  check_uniform(made(Initialiser::xavier_uniform, kLinear), std::sqrt(6.0 / 500));
  check_uniform(made(Initialiser::xavier_uniform, kWindows), std::sqrt(6.0 / (288 + 576)));
  check_uniform(made(Initialiser::kaiming_uniform, kLinear), std::sqrt(6.0 / 200));
  check_uniform(made(Initialiser::kaiming_uniform, kWindows), std::sqrt(6.0 / 288));
  check_uniform(made(Initialiser::lecun_uniform, kLinear), std::sqrt(3.0 / 200));
  check_uniform(made(Initialiser::lecun_uniform, kWindows), std::sqrt(3.0 / 288));
}

TEST_CASE("normal initialisers have the variances of their papers") {
  const auto made = [](Initialiser initialiser, const Shape& shape) {
    return initial_value(initialiser, random_key(1), shape);
  };
  check_normal(made(Initialiser::xavier_normal, kLinear), 2.0 / 500);
  check_normal(made(Initialiser::xavier_normal, kWindows), 2.0 / (288 + 576));
  check_normal(made(Initialiser::kaiming_normal, kLinear), 2.0 / 200);
  check_normal(made(Initialiser::kaiming_normal, kWindows), 2.0 / 288);
  check_normal(made(Initialiser::lecun_normal, kLinear), 1.0 / 200);
  check_normal(made(Initialiser::lecun_normal, kWindows), 1.0 / 288);
}

TEST_CASE("kaiming's scale keeps the second moment through layers of relu, and xavier's halves it") {
  const auto through = [](Initialiser initialiser) {
    Tensor x = normal(random_key(0), Shape{64, 512});
    for (std::uint64_t layer = 1; layer <= 6; ++layer)
      x = relu(Linear(random_key(layer), 512, 512, {.initialiser = initialiser})(x));
    return mean(square(x)).item();
  };
  // Of 6 layers, each of which scatters it by some percent; a scale off by sqrt 2 would make 2^6.
  CHECK(through(Initialiser::kaiming_normal) == doctest::Approx(1).epsilon(0.5));
  CHECK(through(Initialiser::kaiming_uniform) == doctest::Approx(1).epsilon(0.5));
  CHECK(through(Initialiser::xavier_normal) == doctest::Approx(1.0 / 64).epsilon(0.5));
}

TEST_CASE("truncated normal numbers stay within two standard deviations") {
  const Tensor x = initial_value(Initialiser::truncated_normal, random_key(1), Shape{50000}, DType::f64);
  CHECK(reduce_max(abs(x)).item() <= 2);
  CHECK(reduce_max(abs(x)).item() > 1.99);
  // 1 - 4 phi(2) / (2 Phi(2) - 1), phi and Phi of the normal distribution.
  const double inside = std::erf(std::sqrt(2.0));
  const double variance = 1 - 4 * std::exp(-2) / std::sqrt(2 * std::acos(-1.0)) / inside;
  const EntryStatistics of = entries_of(x);
  CHECK(std::abs(of.mean) < 5 * std::sqrt(variance / of.count));
  CHECK(std::abs(of.variance / variance - 1) < 5 * std::sqrt(2 / of.count));
}

TEST_CASE("orthogonal weights have orthonormal rows or columns, of no preferred direction") {
  for (const Shape& shape : {Shape{20, 50}, Shape{50, 20}, Shape{30, 30}, Shape{8, 2, 3, 3}}) {
    CAPTURE(to_string(shape));
    const Tensor w = reshape(initial_value(Initialiser::orthogonal, random_key(1), shape, DType::f64),
                             Shape{shape[0], shape.size() / shape[0]});
    const Tensor gram = w.shape()[0] <= w.shape()[1] ? matmul(w, transpose(w)) : matmul(transpose(w), w);
    const std::vector<double> products = gram.to_vector<double>();
    const std::size_t n = static_cast<std::size_t>(gram.shape()[0]);
    for (std::size_t i = 0; i < n * n; ++i) CHECK(std::abs(products[i] - (i / n == i % n ? 1 : 0)) < 1e-14);
  }
  // Entries of a uniformly distributed matrix have mean 0 and mean square 1 / n, the first row's too.
  double total = 0, squares = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    const double entry = initial_value(Initialiser::orthogonal, random_key(seed), Shape{4, 4}, DType::f64)
                             .to_vector<double>()[0];
    total += entry;
    squares += entry * entry;
  }
  CHECK(std::abs(total / 400) < 5 * 0.5 / 20);
  CHECK(std::abs(squares / 400 - 0.25) < 5 * 0.25 / 20);
}

TEST_CASE("initialisers have names, and each makes something of its own") {
  std::set<std::vector<float>> made;
  for (const char* name :
       {"zeros", "ones", "xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal",
        "lecun_uniform", "lecun_normal", "truncated_normal", "orthogonal"}) {
    CHECK(name_of(initialiser_named(name)) == name);
    made.insert(initial_value(initialiser_named(name), random_key(1), Shape{6, 5}).to_vector<float>());
  }
  CHECK(made.size() == 10);
  CHECK(made.contains(std::vector<float>(30, 0)));
  CHECK(made.contains(std::vector<float>(30, 1)));
  CHECK_THROWS_WITH_AS(initialiser_named("he"),
                       doctest::Contains("initialiser 'he' is not one of zeros, ones, xavier"), Error);
}

TEST_CASE("a layer takes an initialiser by name, scaled by its gain, with a bias of zero") {
  const auto made = [](const Shape& shape) {
    return (initial_value(Initialiser::kaiming_normal, random_key(1), shape, DType::f64) * 0.5)
        .to_vector<double>();
  };
  const Linear linear(random_key(1), 5, 3,
                      {.gain = 0.5, .initialiser = Initialiser::kaiming_normal, .dtype = DType::f64});
  // [outputs, inputs], whatever the layout of the layer.
  std::vector<double> rows = linear(one_hot(iota(5), 5, DType::f64)).to_vector<double>(), transposed(15);
  for (std::size_t i = 0; i < 15; ++i) transposed[i % 3 * 5 + i / 3] = rows[i];
  CHECK(transposed == made(Shape{3, 5}));

  const Convolution convolution(fold_in(random_key(1), 9), 4, 6, {3, 3},
                                {.gain = 0.5, .initialiser = Initialiser::ones, .dtype = DType::f64});
  for (const double w : convolution.leaves()[0].to_vector<double>()) CHECK(w == 0.5);
  for (const double b : convolution.leaves()[1].to_vector<double>()) CHECK(b == 0);
  const Convolution drawn(random_key(1), 4, 64, {3, 3}, {.initialiser = Initialiser::kaiming_normal});
  check_normal(drawn.leaves()[0], 2.0 / 36);
}

TEST_CASE("initialisers refuse shapes and types that they make nothing of") {
  CHECK_THROWS_WITH_AS(initial_value(Initialiser::xavier_uniform, random_key(1), Shape{3}),
                       doctest::Contains("initial_value: a parameter [3] f32 cannot be xavier_uniform"),
                       Error);
  CHECK_THROWS_WITH_AS(initial_value(Initialiser::orthogonal, random_key(1), Shape{0, 3}),
                       doctest::Contains("[0, 3] f32 cannot be orthogonal"), Error);
  CHECK_THROWS_WITH_AS(initial_value(Initialiser::zeros, random_key(1), Shape{3}, DType::i32),
                       doctest::Contains("[3] i32 cannot be zeros"), Error);
}

}  // namespace nabla::nn
