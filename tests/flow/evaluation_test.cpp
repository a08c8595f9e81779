#include <doctest/doctest.h>

#include "engine/engine.h"
#include "flow/adaptive_step.h"
#include "flow/empirical_field.h"
#include "flow/fixed_step.h"
#include "flow/likelihood.h"
#include "flow/paired_field.h"
#include "flow/preconditioned_field.h"
#include "nn/mlp.h"
#include "tests/flow/solvers.h"

// Functions of flow that evaluate refuse derivatives by what their results were computed from.

namespace nabla::flow {
namespace {

std::string refusal(const Tensor& y, const Tensor& x) {
  try {
    gradients(sum(y), {x});
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

bool names(const std::string& message, const std::string& function) {
  return message.find(" of " + function + ", which is evaluated") != std::string::npos;
}

Tensor sample(std::uint64_t seed, const Shape& shape) {
  return normal(random_key(seed), shape, DType::f64).detach();
}

}  // namespace

TEST_CASE("solvers refuse derivatives by parameters and by the start") {
  const Tensor w = sample(1, {2, 2}), x = sample(2, {3, 2}), other = sample(3, {3, 2});
  const TimedField v = [&](const Tensor& at, const Tensor& t) { return nabla::tanh(matmul(at, w)) + t; };
  const Tensor y = integrate(Solver::heun, v, x, time_grid(0, 1, 3)).x;
  const Likelihood likelihood = log_likelihood(v, x, {.nodes = 2, .steps_between_nodes = 1});
  for (const Tensor& by : {w, x}) {
    CHECK(names(refusal(y * other, by), "integrate"));
    for (const Solver solver : kEmbedded) {
      const AdaptiveSolution adaptive = integrate_adaptive(v, x, 0, 1, {.solver = solver, .dense = true});
      CHECK(names(refusal(adaptive.x * other, by), "integrate_adaptive"));
      CHECK(names(refusal((*adaptive.dense)(0.5), by), "integrate_adaptive"));
    }
    CHECK(names(refusal(likelihood.log_density, by), "log_likelihood"));
    CHECK(names(refusal(likelihood.x0, by), "log_likelihood"));
  }
  CHECK(refusal(y * other, other).empty());
  CHECK(refusal(stop_gradient(y) * w[0], w).empty());
  // A state that a callback was given is what later ones depend on.
  Tensor seen;
  const auto keep = [&](std::int64_t done, std::int64_t, const Tensor& state) {
    if (done == 1) seen = state;
  };
  const Tensor end = integrate(Solver::euler, v, x, time_grid(0, 1, 3), keep).x;
  CHECK(names(refusal(end, seen), "integrate"));
}

TEST_CASE("the parameters of a network in a solver are refused through value_and_grad") {
  const nn::Mlp net(random_key(0), {.inputs = 2, .outputs = 2, .width = 8});
  const TimedField v = [&](const Tensor& x, const Tensor& t) { return net(x, t); };
  const Tensor x = normal(random_key(1), {4, 2});
  std::string message;
  try {
    nn::value_and_grad(net, [&]() -> std::vector<Tensor> {
      return {mean(square(integrate(Solver::euler, v, x, time_grid(0, 1, 2)).x))};
    });
  } catch (const Error& error) {
    message = error.what();
  }
  CHECK(names(message, "integrate"));
}

TEST_CASE("closed-form fields refuse derivatives by the data") {
  const Tensor data = sample(1, {5, 2}), noise = sample(2, {5, 2}), x = sample(3, {3, 2});
  const Tensor t = shared_time(0.5, DType::f64);
  CHECK(names(refusal(EmpiricalField(data).velocity(x, t), data), "EmpiricalField"));
  CHECK(names(refusal(PairedField(noise, data, 0.1).velocity(x, t), data), "PairedField"));
  CHECK(names(refusal(PairedField(noise, data, 0.1).velocity(x, t), noise), "PairedField"));
  const auto network = [](const Tensor& y, const Tensor&, const Tensor&) { return y; };
  const Tensor centre = sample(4, {2}), spread = square(sample(5, {2})).detach();
  CHECK(names(refusal(PreconditionedField(centre, spread, network).velocity(x, t), spread),
              "PreconditionedField"));
  CHECK(refusal(EmpiricalField(data).velocity(x, t), x).empty());
}

}  // namespace nabla::flow
