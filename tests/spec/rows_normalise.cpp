#include "engine/ops/normalise.h"

#include <cmath>

#include "tests/spec/rows.h"

namespace nabla::spec {
namespace {

Builder layer(int axes, double epsilon = 1e-5) {
  return [=](Args x) { return layer_norm(x[0], axes, epsilon); };
}
Builder root_mean_square(int axes, std::optional<double> epsilon = std::nullopt) {
  return [=](Args x) { return rms_norm(x[0], axes, epsilon); };
}
Builder grouped(std::int64_t groups, int spatial) {
  return [=](Args x) { return group_norm(x[0], groups, spatial); };
}

}  // namespace

std::vector<Spec> rows_normalise() {
  std::vector<Spec> rows;
  // With this epsilon the root of the variance of (1, 3) and epsilon is 2, and that of epsilon alone is
  // sqrt 3.
  Spec first = row("rsqrt", "layer_norm", layer(1, 3), {real({2, 4})});
  first.cases = {{.label = "value",
                  .inputs = {f64({1, 3}, {1, 2})},
                  .value = {-0.5, 0.5},
                  .along_ones = {{0, 0}},
                  .gradient = {{0, 0}}},
                 {.label = "equal elements",
                  .inputs = {f64({1e9, 1e9, 1e9, -7, -7, -7}, {2, 3})},
                  .value = {0, 0, 0, 0, 0, 0},
                  .along_ones = {{0, 0, 0, 0, 0, 0}},
                  .gradient = {{0, 0, 0, 0, 0, 0}}}};
  rows.push_back(first);
  // The derivative by one element alone, which a cotangent of ones does not show.
  Spec weighed = row("rsqrt", "layer_norm of equal elements, the first of them",
                     [](Args x) { return slice(layer_norm(x[0], 1, 4), -1, 0, 1); }, {real({2, 4})});
  weighed.cases = {{.label = "derivative",
                    .inputs = {f64({5, 5, 5, 5, -1, -1, -1, -1}, {2, 4})},
                    .value = {0, 0},
                    .along_ones = {{0, 0}},
                    .gradient = {{0.375, -0.125, -0.125, -0.125, 0.375, -0.125, -0.125, -0.125}}}};
  rows.push_back(weighed);
  rows.push_back(row("rsqrt", "layer_norm over two axes", layer(2), {real({2, 2, 3})}));
  rows.push_back(row("rsqrt", "layer_norm over an axis of one", layer(1), {real({3, 1})}));
  rows.push_back(row("rsqrt", "layer_norm over an axis of none", layer(1), {real({2, 0})}));
  rows.push_back(row("rsqrt", "layer_norm of no rows", layer(1), {real({0, 3})}));
  rows.push_back(row("rsqrt", "layer_norm far from zero", layer(1, 1e-3), {real({2, 4}, 62, 66)}));

  Spec scaled = row("rsqrt", "rms_norm", root_mean_square(1, 9), {real({2, 4})});
  scaled.cases = {{.label = "value and derivative",
                   .inputs = {f64({4, 4, 0, 0}, {2, 2})},
                   .value = {0.8, 0.8, 0, 0},
                   .along_ones = {{0.072, 0.072, 1 / 3.0, 1 / 3.0}},
                   .gradient = {{0.072, 0.072, 1 / 3.0, 1 / 3.0}}}};
  rows.push_back(scaled);
  Spec usual = row("rsqrt", "rms_norm with the epsilon of the type", root_mean_square(1), {real({2, 4})});
  rows.push_back(usual);
  rows.push_back(row("rsqrt", "rms_norm over two axes", root_mean_square(2, 1e-3), {real({2, 2, 3})}));
  rows.push_back(row("rsqrt", "rms_norm over an axis of one", root_mean_square(1, 0.5), {real({3, 1})}));
  rows.push_back(row("rsqrt", "rms_norm over an axis of none", root_mean_square(1, 0.5), {real({2, 0})}));

  rows.push_back(row("rsqrt", "group_norm", grouped(2, 2), {real({2, 4, 2, 3})}));
  rows.push_back(row("rsqrt", "group_norm, a group for each channel", grouped(3, 1), {real({2, 3, 4})}));
  rows.push_back(row("rsqrt", "group_norm, one group of one sample", grouped(1, 1), {real({3, 2})}));
  rows.push_back(row("rsqrt", "group_norm without spatial axes", grouped(2, 0), {real({3, 4})}));
  rows.push_back(row("rsqrt", "group_norm, leading axes", grouped(2, 1), {real({2, 2, 4, 2})}));
  rows.push_back(row("rsqrt", "group_norm, no samples", grouped(2, 1), {real({0, 4, 2})}));
  rows.push_back(row("rsqrt", "group_norm, no places", grouped(2, 1), {real({2, 4, 0})}));
  rows.push_back(row("rsqrt", "group_norm, no channels", grouped(2, 1), {real({2, 0, 3})}));
  return rows;
}

}  // namespace nabla::spec
