#include <doctest/doctest.h>

#include <cmath>

#include "engine/backend/cuda/runner.h"
#include "tests/cuda/device/on_device.h"
#include "tests/nn/training.h"
#ifdef NABLAFLOW_EMULATED_CUDA
#include "tests/cuda/emulator/emulator.h"
#endif

// Compiled functions on the GPU: captured, replayed, in place.

namespace nabla::test {
namespace {

// The step of a training, compiled.
struct Training : nn::Training {
  Training() : compiled(compile([this](const Tensor& n, const Tensor& rate) { return step(n, rate); })) {}
  Tensor operator()(std::int64_t n) {
    return compiled(tensor<std::int64_t>({n}, Shape{}), tensor<double>({0.01}, Shape{}));
  }

  Compiled<std::function<Tensor(const Tensor&, const Tensor&)>> compiled;
};

std::vector<double> losses_of(Training& training, std::int64_t steps) {
  std::vector<Tensor> losses;
  for (std::int64_t n = 0; n < steps; ++n) losses.push_back(training(n));
  std::vector<double> values;
  for (const Tensor& loss : losses) values.push_back(loss.item());
  return values;
}

}  // namespace

TEST_CASE("training on the GPU follows training on the CPU, and gives the same bits every time") {
  constexpr std::int64_t kSteps = 20;
  Training on_cpu;
  const std::vector<double> expected = losses_of(on_cpu, kSteps);
  const OnDevice on_device;
  Training first;
  Training second;
  const std::vector<double> losses = losses_of(first, kSteps);
  CHECK(losses_of(second, kSteps) == losses);
  for (std::size_t n = 0; n < losses.size(); ++n) {
    INFO("step ", n);
    CHECK(std::abs(losses[n] - expected[n]) <= 1e-4 * expected[n]);
  }
  const nn::State a = first.ema.state();
  const nn::State b = second.ema.state();
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(spec::elements(a[i].value) == spec::elements(b[i].value));
}

TEST_CASE("a training step is captured once and replayed") {
  const OnDevice on_device;
  Training training;
  Tensor loss;
  for (std::int64_t n = 0; n < 6; ++n) loss = training(n);
  const cuda::RunnerStatistics before = cuda::runner_statistics();
#ifdef NABLAFLOW_EMULATED_CUDA
  const cuda::emulator::Counters counted = cuda::emulator::counters();
#endif
  for (std::int64_t n = 6; n < 26; ++n) loss = training(n);
  const cuda::RunnerStatistics after = cuda::runner_statistics();
  CHECK(after.replayed - before.replayed == 20);
  CHECK(after.enqueued == before.enqueued);
  CHECK(after.captured == before.captured);
#ifdef NABLAFLOW_EMULATED_CUDA
  // Nothing but copies of two numbers and one launch for each step.
  const cuda::emulator::Counters now = cuda::emulator::counters();
  CHECK(now.allocations == counted.allocations);
  CHECK(now.synchronisations == counted.synchronisations);
  CHECK(now.graph_launches - counted.graph_launches == 20);
  CHECK(now.launches == counted.launches);
#endif
  CHECK(std::isfinite(loss.item()));
}

#ifdef NABLAFLOW_EMULATED_CUDA
TEST_CASE("small inputs that stay the same are not copied with one that changes") {
  const OnDevice on_device;
  const auto f = compile([](const Tensor& x, const Tensor& rate) { return sum(x * rate, {0}); });
  const Tensor x = tensor<double>(std::vector<double>(400, 0.5), {400});
  const auto with = [&](double rate) { return f(x, tensor<double>({rate}, {1})).item(); };
  CHECK(with(1) == 200);
  const std::int64_t before = cuda::emulator::counters().bytes_up;
  CHECK(with(2) == 400);
  CHECK(with(3) == 600);
  CHECK(cuda::emulator::counters().bytes_up - before == 2 * sizeof(double));
}

TEST_CASE("steps of a captured plan wait for all that they need") {
  const OnDevice on_device;
  Training in_order;
  const std::vector<double> expected = losses_of(in_order, 12);
  // Each as early as what it waits for allows, the last one first.
  cuda::emulator::set_order(cuda::host::Order::backward);
  Training out_of_order;
  const std::vector<double> losses = losses_of(out_of_order, 12);
  cuda::emulator::set_order(cuda::host::Order::forward);
  CHECK(losses == expected);
}

TEST_CASE("steps of a captured plan wait for those whose memory they take over") {
  const OnDevice on_device;
  // More temporaries than get memory of their own, in branches that need not wait for each other.
  const Tensor x = (iota(std::int64_t{1} << 21, DType::f64) * 1e-6).detach();
  const auto f = compile([](const Tensor& at) {
    Tensor total = at({range(0, 1000)});
    for (int i = 1; i <= 6; ++i) {
      const Tensor once = concatenate({nabla::sin(at * static_cast<double>(i)), at}, 0);
      const Tensor twice = concatenate({flip(once, 0), at}, 0);
      total = cumsum(total * 1e-3 + once({range(5000, 6000)}) + twice({range(300000, 301000)}), 0);
    }
    return sum(total, {0});
  });
  const double expected = f(x).item();
  cuda::emulator::set_order(cuda::host::Order::backward);
  const cuda::RunnerStatistics before = cuda::runner_statistics();
  for (int i = 0; i < 3; ++i) CHECK(f(x).item() == expected);
  CHECK(cuda::runner_statistics().replayed - before.replayed >= 2);
  cuda::emulator::set_order(cuda::host::Order::forward);
}
#endif

TEST_CASE("products that are captured beside each other have the bits of products one after the other") {
  const OnDevice on_device;
  const auto matrix = [](std::uint64_t seed) { return normal(random_key(seed), {192, 192}).detach(); };
  const Tensor a = matrix(1), b = matrix(2), c = matrix(3), d = matrix(4);
  for (const ProductPrecision precision :
       {ProductPrecision::f32, ProductPrecision::tf32, ProductPrecision::bf16}) {
    const WithPrecision with(precision);
    const auto f = compile([](const Tensor& p, const Tensor& q, const Tensor& r, const Tensor& s) {
      return matmul(matmul(p, q), matmul(r, s)) + nabla::tanh(matmul(q, r)) + matmul(s, p);
    });
    const std::vector<float> enqueued = f(a, b, c, d).to_vector<float>();
    const cuda::RunnerStatistics before = cuda::runner_statistics();
    for (int run = 0; run < 4; ++run) CHECK(f(a, b, c, d).to_vector<float>() == enqueued);
    CHECK(cuda::runner_statistics().replayed - before.replayed >= 3);
  }
}

TEST_CASE("losses that are kept do not keep a step from being replayed") {
  const OnDevice on_device;
  Training training;
  std::vector<Tensor> kept;
  for (std::int64_t n = 0; n < 12; ++n) kept.push_back(training(n));
  const cuda::RunnerStatistics before = cuda::runner_statistics();
  for (std::int64_t n = 12; n < 24; ++n) kept.push_back(training(n));
  CHECK(cuda::runner_statistics().replayed - before.replayed == 12);
  Training again;
  for (std::int64_t n = 0; n < 24; ++n) CHECK(again(n).item() == kept[n].item());
}

TEST_CASE("addresses that soon move on are not captured again and again") {
  const OnDevice on_device;
  const auto f = compile([](const Tensor& x) {
    return cumsum(slice(x, 0, 0, 8, 1), 0) + cumsum(slice(x, 0, 8, 16, 1), 0) +
           cumsum(slice(x, 0, 16, 24, 1), 0);
  });
  std::vector<Tensor> batches;  // too large to be copied to a place of their own
  for (int i = 0; i < 24; ++i) batches.push_back((iota(std::int64_t{1} << 18, DType::f64) + i).detach());
  evaluate(batches);
  const cuda::RunnerStatistics before = cuda::runner_statistics();
  for (const Tensor& batch : batches)
    for (int twice = 0; twice < 2; ++twice) f(batch);
  CHECK(cuda::runner_statistics().captured - before.captured <= 10);
}

TEST_CASE("a parameter that somebody holds keeps its value while training goes on") {
  const OnDevice on_device;
  Cell cell(tensor<float>({1, 2, 3, 4}, {4}));
  const auto step = compile([&](const Tensor& x) {
    cell.assign(cell.get() * 0.5 + x);
    return sum(cell.get(), {0});
  });
  const Tensor one = tensor<float>({1, 1, 1, 1}, {4});
  std::vector<Tensor> held;
  std::vector<std::vector<float>> expected;
  std::vector<float> value{1, 2, 3, 4};
  for (int n = 0; n < 8; ++n) {
    if (n % 2 == 0) {
      held.push_back(cell.get());
      expected.push_back(value);
    }
    CHECK(step(one).item() == doctest::Approx((value[0] + value[1] + value[2] + value[3]) * 0.5 + 4));
    for (float& v : value) v = v * 0.5f + 1;
  }
  for (std::size_t i = 0; i < held.size(); ++i) CHECK(held[i].to_vector<float>() == expected[i]);
  CHECK(cell.get().to_vector<float>() == value);
  // The host has read it: the next step must not leave it with what it read.
  step(one);
  for (float& v : value) v = v * 0.5f + 1;
  CHECK(cell.get().to_vector<float>() == value);
}

TEST_CASE("a compiled function has a plan for each device and precision") {
  const Tensor a = uniform(random_key(3), {16, 16}).detach();
  const auto f = compile([](const Tensor& x) { return sum(matmul(x, transpose(x)), {-2, -1}); });
  const double expected = f(a).item();
  {
    const OnDevice on_device;
    CHECK(f(a).item() == doctest::Approx(expected).epsilon(1e-5));
    const WithPrecision precision(ProductPrecision::bf16);
    CHECK(f(a).item() != expected);
    CHECK(f(a).item() == doctest::Approx(expected).epsilon(2e-2));
  }
  CHECK(f(a).item() == expected);
}

}  // namespace nabla::test
