#include <doctest/doctest.h>

#include <cmath>

#include "engine/engine.h"
#include "tests/engine/numbers.h"

namespace nabla::test {
namespace {

constexpr std::int64_t kExamples = 5, kClasses = 4;

// The definition in plain numbers: (1 - e) w[c] l[c] + e / C sum_k w[k] l[k] with l = -log softmax.
double by_definition(const double* logits, std::int64_t label, double smoothing,
                     const std::vector<double>& w) {
  double total = 0;
  for (std::int64_t k = 0; k < kClasses; ++k) total += std::exp(logits[k]);
  const auto loss = [&](std::int64_t k) { return w[k] * (std::log(total) - logits[k]); };
  double spread = 0;
  for (std::int64_t k = 0; k < kClasses; ++k) spread += loss(k);
  return (1 - smoothing) * loss(label) + smoothing / kClasses * spread;
}

}  // namespace

TEST_CASE("cross_entropy with label smoothing, weights and a class to ignore is its definition") {
  const Tensor logits = nabla::sin(counting({kExamples, kClasses}, 1.7)).detach();
  const std::vector<std::int64_t> labels{3, 0, 2, 0, 1};
  const std::vector<double> weights{0.5, 2, 1, 0.25}, ones_of(kClasses, 1.0);
  for (const double smoothing : {0.0, 0.1, 1.0})
    for (const bool weighted : {false, true}) {
      CrossEntropyOptions options{.label_smoothing = smoothing};
      if (weighted) options.weights = f64(weights, {kClasses});
      const std::vector<double> got = values(cross_entropy(logits, i64(labels, {kExamples}), options));
      for (std::size_t b = 0; b < labels.size(); ++b)
        CHECK(got[b] == doctest::Approx(by_definition(logits.data<double>().data() + b * kClasses, labels[b],
                                                      smoothing, weighted ? weights : ones_of))
                            .epsilon(1e-14));
    }
}

TEST_CASE("rows of an ignored class have no loss and no derivative, whatever their logits") {
  const Tensor logits = f64({1, 2, INFINITY, -1, 0.5, 0}, {3, 2});
  const Tensor labels = tensor<std::int32_t>({1, -100, 0}, {3});
  const Tensor loss = cross_entropy(logits, labels, {.ignore_index = -100});
  const double first = std::log1p(std::exp(-1.0)), last = std::log1p(std::exp(-0.5));
  CHECK(distance(loss, f64({first, 0, last}, {3})) < 1e-15);
  const std::vector<double> gradient = values(gradients(sum(loss), {f64({1, 2}, {2}), logits})[1]);
  CHECK(gradient[2] == 0);
  CHECK(gradient[3] == 0);
  CHECK(gradient[0] == doctest::Approx(1 / (1 + std::exp(1.0))));
  // Without the option that label is outside of the classes.
  CHECK(contains(error_of([&] { evaluate({cross_entropy(logits, labels)}); }), "-100"));
}

TEST_CASE("labels that are no integers, or of another shape, are refused") {
  const Tensor logits = f64({1, 2, 3, 4, 5, 6}, {2, 3});
  const auto refusal = [&](const Tensor& classes, const CrossEntropyOptions& options = {}) {
    return error_of([&] { cross_entropy(logits, classes, options); });
  };
  CHECK(contains(refusal(f64({0.2, 1}, {2})), "need integer classes of one axis less, got [2] f64"));
  CHECK(contains(refusal(f64({NAN, 1}, {2})), "got [2] f64"));
  CHECK(contains(refusal(tensor(std::vector<bool>{true, false}, {2})), "got [2] bool"));
  CHECK(contains(refusal(i64({1}, {1})), "logits [2, 3] need integer classes of one axis less, got [1] i64"));
  CHECK(contains(refusal(i64({1, 1, 1}, {3})), "got [3] i64"));
  CHECK(contains(refusal(i64({1, 0}, {2}), {.label_smoothing = 1.5}), "label_smoothing 1.5"));
  CHECK(contains(refusal(i64({1, 0}, {2}), {.label_smoothing = NAN}), "label_smoothing"));
  CHECK(contains(refusal(i64({1, 0}, {2}), {.weights = f64({1, 2}, {2})}), "weights [2] f64 beside logits"));
  CHECK(contains(refusal(i64({1, 0}, {2}), {.weights = ones({3})}), "weights [3] f32 beside logits"));
  CHECK(contains(error_of([] {
                   one_hot(f64({0.2, NAN}, {2}), 3);
                 }),
                 "one_hot: classes [2] f64 are no integers"));
  CHECK(contains(error_of([] { one_hot(tensor(std::vector<bool>{true}, {1}), 3); }),
                 "one_hot: classes [1] bool"));
}

}  // namespace nabla::test
