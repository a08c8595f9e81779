#include <cmath>

#include "tests/spec/rows.h"

// Named compositions: their derivatives follow from their parts, their conventions at kinks do not.

namespace nabla::spec {
std::vector<Spec> rows_composed() {
  std::vector<Spec> rows;
  Input away = real({2, 3});
  away.avoid = {0, -1, 1};

  rows.push_back(row("sum", "mean", [](Args x) { return mean(x[0], {0}); }, {real({3, 2})}));
  rows.push_back(row("sum", "var", [](Args x) { return var(x[0], {-1}, true); }, {real({2, 4})}));
  rows.push_back(row("contraction", "mean squared product",
                     [](Args x) { return mean(square(matmul(x[0], x[1]))); }, {real({2, 3}), real({3, 2})}));
  Spec length = row(
      "sqrt", "norm", [](Args x) { return norm(x[0], {-1}); }, {real({2, 3})}, false);
  length.cases = {{.label = "at zero",
                   .inputs = {f64({0, 0, 3, 4}, {2, 2})},
                   .value = {0, 5},
                   .gradient = {{0, 0, 0.6, 0.8}}}};
  rows.push_back(length);

  Spec rectified = row(
      "select", "relu", [](Args x) { return relu(x[0]); }, {away}, false);
  rectified.cases = {
      {.label = "kink",
       .inputs = {f64({-1, 0, 2}, {3})},
       .value = {0, 0, 2},
       .along_ones = {{0, 0, 1}},
       .gradient = {{0, 0, 1}},
       .second = {{0, 0, 0}}},
      {.label = "NaN and infinity", .inputs = {f64({kNan, kInf, -kInf}, {3})}, .value = {kNan, kInf, 0}}};
  rows.push_back(rectified);
  Spec smooth = row("logaddexp", "softplus", [](Args x) { return softplus(x[0]); }, {away});
  smooth.cases = {{.label = "zero and far out",
                   .inputs = {f64({0, -0.0, 1000, -1000, kInf, -kInf}, {6})},
                   .value = {std::log(2.0), std::log(2.0), 1000, 0, kInf, 0},
                   .along_ones = {{0.5, 0.5, 1, 0, 1, 0}},
                   .gradient = {{0.5, 0.5, 1, 0, 1, 0}},
                   .second = {{0.25, 0.25, 0, 0, 0, 0}}}};
  rows.push_back(smooth);
  rows.push_back(row("logaddexp", "log_sigmoid", [](Args x) { return log_sigmoid(x[0]); }, {real({2, 3})}));
  Spec clamped = row(
      "min", "clamp", [](Args x) { return clamp(x[0], -1, 1); }, {away}, false);
  clamped.cases = {{.label = "ends",
                    .inputs = {f64({-2, -1, 0, 1, 2}, {5})},
                    .value = {-1, -1, 0, 1, 1},
                    .along_ones = {{0, 0.5, 1, 0.5, 0}},
                    .gradient = {{0, 0.5, 1, 0.5, 0}}}};
  rows.push_back(clamped);

  Spec loss = row(
      "gather", "cross_entropy", [](Args x) { return cross_entropy(x[0], x[1]); },
      {real({3, 4}), indices({3}, 4)}, false);
  const double e40 = std::exp(-40.0);
  loss.cases = {{.label = "value",
                 .inputs = {f64({0, 0}, {1, 2}), i64({1}, {1})},
                 .value = {std::log(2.0)},
                 .gradient = {{0.5, -0.5}}},
                {.label = "large logits",
                 .inputs = {f64({1e14, 1e14, -1e17, -1e17, 1e300, -1e300}, {3, 2}), i64({1, 1, 0}, {3})},
                 .value = {std::log(2.0), std::log(2.0), 0},
                 .gradient = {{0.5, -0.5, 0.5, -0.5, 0, 0}}},
                {.label = "small loss",
                 .inputs = {f64({40, 0, 7, 47, -kInf, 3}, {3, 2}), i64({0, 1, 1}, {3})},
                 .value = {e40, e40, 0},
                 .gradient = {{-e40, e40, e40, -e40, 0, 0}}},
                {.label = "infinite",
                 .inputs = {f64({-kInf, 0, -kInf, -kInf, kInf, 0}, {3, 2}), i64({0, 0, 0}, {3})},
                 .value = {kInf, kNan, kNan}}};
  rows.push_back(loss);
  const Tensor class_weights = f64({0.5, 2, 1, 0.25}, {4});
  rows.push_back(row(
      "gather", "cross_entropy with weights, smoothing and a class to ignore",
      [=](Args x) {
        return cross_entropy(
            x[0], x[1],
            {.ignore_index = 1, .label_smoothing = 0.2, .weights = cast(class_weights, x[0].dtype())});
      },
      {real({6, 4}), indices({6}, 4)}, false));
  rows.push_back(row("softmax", "attention",
                     [](Args x) {
                       const Tensor scores = einsum("qd,kd->qk", x[0], x[1]) * 0.7;
                       return matmul(softmax(scores), x[2]);
                     },
                     {real({3, 2}), real({4, 2}), real({4, 2})}));
  rows.push_back(row("tanh", "two layers",
                     [](Args x) { return matmul(nabla::tanh(matmul(x[0], x[1]) + x[2]), x[3]); },
                     {real({2, 3}), real({3, 4}, -1, 1), real({4}, -1, 1), real({4, 2}, -1, 1)}));
  return rows;
}

}  // namespace nabla::spec
