#include "engine/explain/explain_jacobian.h"
#include "tests/engine/networks.h"
#include "tests/engine/numbers.h"

// What explain_divergence foretells against the plans of divergence.

namespace nabla::test {
namespace {

constexpr JacobianMethod kMethods[] = {JacobianMethod::automatic, JacobianMethod::forward,
                                       JacobianMethod::reverse, JacobianMethod::contraction,
                                       JacobianMethod::loop_cut};

struct Foretold {
  double total, bytes;
};

// No piece of the explanation lives on: what somebody holds is kept by plans that make it.
Foretold foretold(const Network& network, const JacobianOptions& options) {
  const DivergenceExplanation explanation = explain_divergence(network.field, network.x, options);
  const JacobianWay& way = explanation.ways[explanation.chosen];
  return {way.total, way.bytes};
}

std::shared_ptr<const Plan> planned(const Network& network, const JacobianOptions& options) {
  const Tensor found = divergence(network.field, network.x, options);
  return make_plan(std::span(&found, 1)).plan;
}

bool agrees(double a, double b) { return a <= 1.2 * b && b <= 1.2 * a; }

}  // namespace

TEST_CASE("what a divergence takes is foretold, and automatic takes the least") {
  for (const Network& network : networks()) {
    INFO(network.name);
    double least = std::numeric_limits<double>::infinity(), automatic = 0;
    for (const JacobianMethod method : kMethods) {
      INFO("method ", static_cast<int>(method));
      const JacobianOptions options{.method = method};
      const Foretold expected = foretold(network, options);
      const std::shared_ptr<const Plan> plan = planned(network, options);
      const double flops = cost_of(*plan).flops;
      CHECK(agrees(expected.total, flops));
      CHECK(agrees(expected.bytes, static_cast<double>(plan->peak_bytes())));
      least = std::min(least, flops);
      if (method == JacobianMethod::automatic) automatic = flops;
    }
    CHECK(automatic <= std::max(1.1 * least, 1e6));
  }
}

TEST_CASE("a divergence takes no more memory than was foretold and than it was given") {
  for (const Network& network : networks()) {
    INFO(network.name);
    // Not a tensor: a plan would start from its value.
    const std::vector<double> expected = values(divergence(network.field, network.x));
    for (const JacobianMethod method : {JacobianMethod::forward, JacobianMethod::contraction}) {
      INFO("method ", static_cast<int>(method));
      const double least = foretold(network, {.method = method, .tangent_bytes = 1}).bytes;
      const double most = foretold(network, {.method = method}).bytes;
      const JacobianOptions options{.method = method, .tangent_bytes = static_cast<std::int64_t>(0.2 * most)};
      const Foretold what = foretold(network, options);
      const std::shared_ptr<const Plan> plan = planned(network, options);
      CHECK(agrees(what.total, cost_of(*plan).flops));
      CHECK(static_cast<double>(plan->peak_bytes()) <= 1.2 * what.bytes);
      if (method != JacobianMethod::forward) continue;  // takes what its products need
      CHECK(what.bytes <= 1.2 * (least + 0.2 * most));
      const std::vector<double> found = values(divergence(network.field, network.x, options));
      for (std::size_t i = 0; i < found.size(); ++i)
        CHECK(found[i] == doctest::Approx(expected[i]).epsilon(1e-4).scale(1));
    }
  }
}

TEST_CASE("a sum over many data takes no matrix of them") {
  constexpr std::int64_t kData = 6000, kElements = 32;
  const Tensor data = normal(random_key(1), {kData, kElements}).detach(), across = transpose(data).detach();
  const Network network{"softmax",
                        [=](const Tensor& x) { return matmul(softmax(matmul(x, across)), data) - x; },
                        normal(random_key(2), {4, kElements}).detach()};
  for (const JacobianMethod method : {JacobianMethod::automatic, JacobianMethod::contraction})
    CHECK(planned(network, {.method = method})->peak_bytes() < 16 * 4 * kData * kElements / 4);
}

}  // namespace nabla::test
