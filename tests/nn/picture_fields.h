#pragma once

#include <doctest/doctest.h>

#include <cstdio>
#include <set>
#include <sstream>
#include <string>

#include "engine/engine.h"
#include "nn/nn.h"

// What holds for every network that is a field of pictures.

namespace nabla::nn {

inline UNetOptions tiny_unet() {
  return {.height = 4,
          .width = 4,
          .base = 4,
          .multipliers = {1, 2},
          .groups = 2,
          .heads = 2,
          .embedding = 8,
          .frequencies = 4,
          .highest_turns = 1,
          .dtype = DType::f64};
}

inline DiTOptions tiny_dit() {
  return {.height = 4,
          .width = 4,
          .patch = 2,
          .hidden = 8,
          .depth = 2,
          .heads = 2,
          .mlp_ratio = 2,
          .embedding = 8,
          .frequencies = 4,
          .highest_turns = 1,
          .dtype = DType::f64};
}

/// Random parameters in place of the initial ones, many of which are zero, so that every part counts.
inline void fill_parameters(const Module& module, double size = 0.4) {
  std::int64_t number = 0;
  for (const Parameter& parameter : module.parameters())
    parameter.cell->assign(
        normal(fold_in(random_key(77), number++), parameter.cell->shape(), parameter.cell->dtype()) * size);
}

inline double apart(const Tensor& a, const Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  return reduce_max(abs(a - b)).item();
}

/// Derivatives of a network in f64 that takes flat pictures of `size` elements and one time. Its parameters
/// are filled, with numbers of the size `filled`.
template <class Network>
void check_field_derivatives(const Network& network, std::int64_t size, double filled = 0.4) {
  fill_parameters(network, filled);
  const Tensor x = normal(random_key(1), Shape{2, size}, DType::f64);
  const Tensor t = tensor<double>({0.3, 0.8}, {2, 1});
  const auto field = [&](const Tensor& at) { return network(at, t); };
  REQUIRE(reduce_max(abs(field(x))).item() > 0.1);

  const Tensor whole = jacobian(field, x);  // [2, size, 2, size]
  const Tensor diagonal = reshape(identity(2 * size, DType::f64), whole.shape());
  CHECK(apart(divergence(field, x), sum(whole * diagonal, {1, 2, 3})) < 1e-10);

  // Forward mode beside differences, by samples and times together.
  const Tensor dx = normal(random_key(2), x.shape(), DType::f64);
  const Tensor dt = normal(random_key(3), t.shape(), DType::f64);
  const Tensor tangent =
      jvp([&](const Tensor& at, const Tensor& time) { return network(at, time); }, {x, t}, {dx, dt}).tangent;
  constexpr double kStep = 1e-5;
  const Tensor difference =
      (network(x + kStep * dx, t + kStep * dt) - network(x - kStep * dx, t - kStep * dt)) / (2 * kStep);
  CHECK(apart(tangent, difference) < 1e-7 * (1 + reduce_max(abs(tangent)).item()));

  // Reverse mode is its adjoint, with and without keeping what it needs.
  const Tensor c = normal(random_key(4), x.shape(), DType::f64);
  const auto weighed = [&](const Tensor& at) { return sum(c * field(at)); };
  const Tensor gradient = grad(weighed, x);
  CHECK(sum(gradient * dx).item() == doctest::Approx(sum(c * jvp(field, x, dx).tangent).item()));
  CHECK(apart(grad([&](const Tensor& at) { return sum(c * checkpoint(field, at)); }, x), gradient) < 1e-12);

  const Tensor many = normal(random_key(5), Shape{3, 2, size}, DType::f64);
  const Tensor each = vmap(field, many);
  for (int i = 0; i < 3; ++i) CHECK(apart(each[i], field(many[i])) < 1e-12);
  // Both forms of samples, and a time for all of them.
  const Tensor shared = network(x, full(Shape{1, 1}, 0.3, DType::f64));
  CHECK(apart(shared[0], field(x)[0]) < 1e-12);
}

/// Laplacians of a network in f64 that takes flat pictures of `size` elements, and its derivatives inside
/// other transforms. Its parameters are filled, with numbers of the size `filled`.
template <class Network>
void check_nested_derivatives(const Network& network, std::int64_t size, double filled = 0.4) {
  fill_parameters(network, filled);
  const Tensor x = normal(random_key(1), Shape{2, size}, DType::f64);
  const Tensor t = tensor<double>({0.3, 0.8}, {2, 1});
  const auto field = [&](const Tensor& at) { return network(at, t); };

  // Of a scalar of each sample, beside the traces of its Hessians, and of the field that it is made of.
  const Tensor c = normal(random_key(4), Shape{2, size}, DType::f64);
  const auto scalar = [&](const Tensor& at) { return sum(c * field(at), {-1}); };
  const auto gradient = [&](const Tensor& at) {
    return grad([&](const Tensor& inner) { return sum(scalar(inner)); }, at);
  };
  const Tensor hessian = jacobian(gradient, x);  // [2, size, 2, size]
  const Tensor traces = sum(hessian * reshape(identity(2 * size, DType::f64), hessian.shape()), {1, 2, 3});
  const double scale = 1 + reduce_max(abs(hessian)).item();
  REQUIRE(reduce_max(abs(traces)).item() > 1e-2);
  CHECK(apart(laplacian(scalar, x), traces) < 1e-9 * scale);
  CHECK(apart(sum(c * laplacian(field, x), {-1}), traces) < 1e-9 * scale);

  const auto divergence_at = [&](const Tensor& at) { return divergence(field, at); };
  const auto laplacian_at = [&](const Tensor& at) { return laplacian(scalar, at); };
  const auto recomputed = [&](const Tensor& at) { return checkpoint(field, at); };
  const Tensor many = normal(random_key(5), Shape{2, 2, size}, DType::f64);
  CHECK(apart(divergence(recomputed, x), divergence_at(x)) < 1e-10);
  const Tensor divergences = vmap(divergence_at, many), laplacians = vmap(laplacian_at, many);
  const auto compiled = compile([&](const Tensor& at) { return field(at); });
  const auto compiled_divergence = compile(divergence_at);
  const auto compiled_laplacian = compile(laplacian_at);
  for (int i = 0; i < 2; ++i) {
    CHECK(apart(divergences[i], divergence_at(many[i])) < 1e-10);
    CHECK(apart(laplacians[i], laplacian_at(many[i])) < 1e-9 * scale);
    CHECK(apart(compiled(many[i]), field(many[i])) < 1e-12);
    CHECK(apart(compiled_divergence(many[i]), divergence_at(many[i])) < 1e-10);
    CHECK(apart(compiled_laplacian(many[i]), laplacian_at(many[i])) < 1e-9 * scale);
  }
  // What is compiled follows the parameters.
  fill_parameters(network, 0.5 * filled);
  CHECK(apart(compiled(x), field(x)) < 1e-12);
  CHECK(apart(compiled_divergence(x), divergence_at(x)) < 1e-10);
  CHECK(apart(compiled_laplacian(x), laplacian_at(x)) < 1e-9 * scale);
  CHECK(compiled.statistics().traces == 1);
  CHECK(compiled_divergence.statistics().traces == 1);
  CHECK(compiled_laplacian.statistics().traces == 1);
}

/// What is said of the divergence of a network in f64 that takes flat pictures of `size` elements. With
/// little memory a step that is described as `part`, of a line in `file`, is applied in place of a matrix of
/// `extents`.
template <class Network>
void check_explanation(const Network& network, std::int64_t size, const std::string& part,
                       const std::string& file, const std::string& extents, double filled = 0.4) {
  fill_parameters(network, filled);
  const Tensor x = normal(random_key(1), Shape{2, size}, DType::f64);
  const Tensor t = tensor<double>({0.3, 0.8}, {2, 1});
  const auto field = [&](const Tensor& at) { return network(at, t); };
  const std::string whole = explain_divergence(field, x).text();
  CHECK(whole.find("applied") == std::string::npos);
  CHECK(whole.find(", because no contraction takes less work\n") != std::string::npos);

  const JacobianOptions little{.method = JacobianMethod::contraction, .tangent_bytes = 20000};
  std::istringstream lines(explain_divergence(field, x, little).text());
  const std::string start = "applied, not formed: ";
  std::size_t edges = 0, found = 0;
  std::set<std::string> parts;
  for (std::string line; std::getline(lines, line);) {
    if (line.ends_with("]: applied")) ++edges;
    if (!line.starts_with(start)) continue;
    CAPTURE(line);
    CHECK(parts.insert(line).second);
    CHECK(line.find(" built at ") != std::string::npos);
    const std::size_t reason = line.find(", because its matrix of ");
    REQUIRE(reason != std::string::npos);
    long rows = 0, columns = 0, limit = 0;
    REQUIRE(std::sscanf(line.c_str() + reason,
                        ", because its matrix of %ld x %ld is more than the %ld elements that are formed",
                        &rows, &columns, &limit) == 3);
    CHECK(rows * columns > limit);
    CHECK(limit <= little.tangent_bytes / 8);
    found += line.starts_with(start + part + " built at ") && line.find(file + ":") != std::string::npos &&
             line.find(", because its matrix of " + extents + " is more than ") != std::string::npos;
  }
  CAPTURE(parts.size());
  CHECK(found > 0);
  CHECK(parts.size() > 1);
  CHECK(edges >= parts.size());
  CHECK(apart(divergence(field, x, little), divergence(field, x, {.method = JacobianMethod::forward})) <
        1e-10);
}

/// Trains a network on 4 x 4 pictures of stripes, horizontal or vertical: the flow-matching loss (Lipman et
/// al., arXiv 2210.02747) of the last steps over that of the first, where the field is 0.
template <class Network>
double loss_left_by_training(const Network& network, int steps) {
  Adam adam(network);
  const auto step = compile([&](const Tensor& number, const Tensor& rate) {
    const Tensor keys = split(fold_in(random_key(9), number), 3);
    constexpr std::int64_t kSamples = 32;
    const LossAndGradients result = value_and_grad(network, [&]() -> std::vector<Tensor> {
      const Tensor rows = broadcast_to(cast(iota(4), DType::f32) - 1.5, Shape{4, 4});
      const Tensor vertical = equal(integers(keys[0], {kSamples, 1, 1, 1}, 0, 2), 1);
      const Tensor x1 = select(vertical, reshape(rows, {1, 1, 4, 4}), reshape(transpose(rows), {1, 1, 4, 4}));
      const Tensor x0 = normal(keys[1], x1.shape());
      const Tensor t = uniform(keys[2], {kSamples, 1});
      const Tensor s = reshape(t, {kSamples, 1, 1, 1});
      return {mean(square(network((1 - s) * x0 + s * x1, t) - (x1 - x0)))};
    });
    commit(adam.updates(result.gradients, rate), {result.loss});
    return result.loss;
  });
  double first = 0, last = 0;
  for (int n = 0; n < steps; ++n) {
    const double loss = step(n, 0.01).item();
    if (n < 5) first += loss / 5;
    if (n >= steps - 10) last += loss / 10;
  }
  return last / first;
}

/// What a network of two classes with a second time makes of both, and the inputs that it refuses. `name` is
/// that in its errors.
template <class Network>
void check_field_inputs(const Network& network, const std::string& name) {
  fill_parameters(network);
  const Tensor x = normal(random_key(1), Shape{2, 16}, DType::f64);
  const Tensor t = tensor<double>({0.3, 0.8}, {2, 1});
  const Tensor gap = tensor<double>({0.2, 0.1}, {2, 1});
  const auto labels = [](std::initializer_list<std::int64_t> of) {
    return tensor<std::int64_t>(of, {static_cast<std::int64_t>(of.size())});
  };
  const Tensor zero = network(x, t, gap, labels({0, 0}));
  const Tensor mixed = network(x, t, gap, labels({0, 1}));
  CHECK(apart(zero[0], mixed[0]) < 1e-13);
  CHECK(apart(zero[1], mixed[1]) > 1e-3);
  CHECK(apart(network(x, t, gap, labels({1}))[1], mixed[1]) < 1e-13);
  // None given is the class behind the last.
  CHECK(apart(network(x, t, gap), network(x, t, gap, labels({2, 2}))) == 0);
  CHECK(apart(network(x, t, gap), zero) > 1e-3);
  CHECK(apart(network(x, t, gap * 0.5), network(x, t, gap)) > 1e-3);
  const Tensor pictures = reshape(x, {2, 1, 4, 4});
  CHECK(apart(reshape(network(pictures, t, gap), {2, 16}), network(x, t, gap)) == 0);

  const auto refuses = [&](auto make, const std::string& text) {
    CHECK_THROWS_WITH_AS(make(), doctest::Contains((name + ": " + text).c_str()), Error);
  };
  refuses(
      [&] {
        return network(zeros({2, 15}, DType::f64), t, gap);
      },
      "the input [2, 15] must be [B, 16] or [B, 1, 4, 4]");
  refuses(
      [&] {
        return network(zeros({2, 1, 4, 5}, DType::f64), t, gap);
      },
      "the input [2, 1, 4, 5] must be [B, 16] or [B, 1, 4, 4]");
  refuses(
      [&] {
        return network(x, zeros({3, 1}, DType::f64), gap);
      },
      "t [3, 1] for x [2, 16] must be [2, 1] or [1, 1]");
  refuses([&] { return network(x, t, zeros({2}, DType::f64)); },
          "r - t [2] for x [2, 16] must be [2, 1] or [1, 1]");
  refuses([&] { return network(x, t); }, "the second time r - t is missing");
  refuses(
      [&] {
        return network(x, t, gap, labels({0, 1, 0}));
      },
      "classes [3] i64 for x [2, 16] must be integers [2] or [1]");
  refuses([&] { return network(x, t, gap, zeros({2})); }, "classes [2] f32 for x [2, 16] must be integers");
  CHECK_THROWS_AS(network(x, t, gap, labels({0, 3})).value(), Error);
}

}  // namespace nabla::nn
