#include "nn/initialise.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "engine/ops/constant.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/random.h"
#include "engine/ops/reduction.h"
#include "engine/ops/shaping.h"
#include "engine/tensor/type_text.h"

namespace nabla::nn {
namespace {

// Uniform between -bound and bound.
Tensor within(double bound, const Tensor& key, const Shape& shape, DType dtype) {
  return (uniform(key, shape, dtype) * 2 - 1) * bound;
}

constexpr std::string_view kInitialisers[] = {
    "zeros",          "ones",          "xavier_uniform", "xavier_normal",    "kaiming_uniform",
    "kaiming_normal", "lecun_uniform", "lecun_normal",   "truncated_normal", "orthogonal"};

// Normal, those beyond the bound drawn again: a twentieth of them each time.
Tensor truncated(double bound, const Tensor& key, const Shape& shape, DType dtype) {
  Tensor x = normal(fold_in(key, 0), shape, dtype).detach();
  for (std::int64_t draw = 1; x.size() > 0 && reduce_max(abs(x)).item() > bound; ++draw)
    x = select(abs(x) > bound, normal(fold_in(key, draw), shape, dtype), x).detach();
  return x;
}

// Gram and Schmidt on normal vectors, on the host in f64; twice is enough (Giraud et al., "The loss of
// orthogonality in the Gram-Schmidt orthogonalization process", 2005).
Tensor orthogonal_matrix(const Tensor& key, std::int64_t rows, std::int64_t columns) {
  const bool wide = rows <= columns;
  const std::int64_t count = wide ? rows : columns, length = wide ? columns : rows;
  std::vector<double> vectors = normal(key, Shape{count, length}, DType::f64).to_vector<double>();
  const auto vector = [&](std::int64_t i) { return vectors.begin() + i * length; };
  for (std::int64_t i = 0; i < count; ++i) {
    for (int turn = 0; turn < 2; ++turn)
      for (std::int64_t j = 0; j < i; ++j) {
        const double share = std::inner_product(vector(i), vector(i + 1), vector(j), 0.0);
        std::transform(vector(i), vector(i + 1), vector(j), vector(i),
                       [share](double a, double b) { return a - share * b; });
      }
    const double length_of = std::sqrt(std::inner_product(vector(i), vector(i + 1), vector(i), 0.0));
    std::for_each(vector(i), vector(i + 1), [length_of](double& a) { a /= length_of; });
  }
  const Tensor matrix = tensor(vectors, Shape{count, length});
  return wide ? matrix : transpose(matrix);
}

}  // namespace

Tensor scaled_normal(const Tensor& key, std::int64_t inputs, std::int64_t outputs, double gain, DType dtype) {
  if (inputs < 1 || outputs < 1)
    throw Error("scaled_normal: a weight of " + std::to_string(inputs) + " inputs and " +
                std::to_string(outputs) + " outputs is empty");
  // Drawn input by input.
  const Tensor drawn = normal(key, Shape{inputs, outputs}, dtype);
  return transpose(drawn) * (gain / std::sqrt(static_cast<double>(inputs)));
}

Tensor fan_in_uniform(const Tensor& key, const Shape& shape, std::int64_t fan_in, DType dtype) {
  if (fan_in < 1)
    throw Error("fan_in_uniform: a parameter " + to_string(shape) + " of fan-in " + std::to_string(fan_in) +
                "; it is 1 at least");
  return within(1 / std::sqrt(static_cast<double>(fan_in)), key, shape, dtype);
}

Tensor initial_value(Initialiser initialiser, const Tensor& key, const Shape& shape, DType dtype) {
  const bool by_shape = initialiser != Initialiser::zeros && initialiser != Initialiser::ones &&
                        initialiser != Initialiser::truncated_normal;
  if (!is_floating(dtype) || shape.size() == 0 || (by_shape && shape.rank() < 2))
    throw Error("initial_value: a parameter " + type_text(shape, dtype) + " cannot be " +
                std::string(name_of(initialiser)) +
                "; it must be of floating type and not empty, and a weight is [outputs, inputs, *window]");
  const std::int64_t window = by_shape ? shape.without_first(2).size() : 1;
  const double fan_in = by_shape ? static_cast<double>(shape[1] * window) : 1;
  const double fan_out = by_shape ? static_cast<double>(shape[0] * window) : 1;
  const auto uniform_within = [&](double square_of_bound) {
    return within(std::sqrt(square_of_bound), key, shape, dtype);
  };
  const auto normal_of_variance = [&](double variance) {
    return normal(key, shape, dtype) * std::sqrt(variance);
  };
  switch (initialiser) {
    case Initialiser::zeros:
      return zeros(shape, dtype);
    case Initialiser::ones:
      return ones(shape, dtype);
    case Initialiser::xavier_uniform:
      return uniform_within(6 / (fan_in + fan_out));
    case Initialiser::xavier_normal:
      return normal_of_variance(2 / (fan_in + fan_out));
    case Initialiser::kaiming_uniform:
      return uniform_within(6 / fan_in);
    case Initialiser::kaiming_normal:
      return normal_of_variance(2 / fan_in);
    case Initialiser::lecun_uniform:
      return uniform_within(3 / fan_in);
    case Initialiser::lecun_normal:
      return normal_of_variance(1 / fan_in);
    case Initialiser::truncated_normal:
      return truncated(2, key, shape, dtype);
    case Initialiser::orthogonal:
      return cast(reshape(orthogonal_matrix(key, shape[0], shape[1] * window), shape), dtype);
  }
  throw Error("initial_value: no such initialiser");
}

std::string_view name_of(Initialiser initialiser) {
  return kInitialisers[static_cast<std::size_t>(initialiser)];
}

Initialiser initialiser_named(std::string_view name) {
  std::string names;
  for (std::size_t i = 0; i < std::size(kInitialisers); ++i) {
    if (kInitialisers[i] == name) return static_cast<Initialiser>(i);
    names += (i == 0 ? "" : ", ") + std::string(kInitialisers[i]);
  }
  throw Error("initialiser '" + std::string(name) + "' is not one of " + names);
}

}  // namespace nabla::nn
