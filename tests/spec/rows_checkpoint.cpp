#include "tests/spec/rows.h"

// Functions under checkpoint(), whose reverse mode is built on recomputed values.

namespace nabla::spec {
namespace {

Tensor curve(const Tensor& x) { return sin(x * x) * exp(x * 0.5); }

// The gradient of a sum of checkpointed values: it is made of values that are computed again.
Tensor gradient(const Tensor& x, const Tensor& weight) {
  const Tensor y = checkpoint([](const Tensor& at) { return curve(at); }, x);
  const std::optional<Tensor> result = vjp(y, x, weight);
  return result ? *result : zeros(x.shape(), x.dtype());
}

}  // namespace

std::vector<Spec> rows_checkpoint() {
  std::vector<Spec> rows;
  const Spec one{.primitive = "checkpoint",
                 .label = "",
                 .build = [](Args x) { return checkpoint([](const Tensor& at) { return curve(at); }, x[0]); },
                 .inputs = {real({2, 3})}};
  rows.push_back(one);
  rows.push_back(reshaped(one, "no elements", {{0, 3}}));
  rows.push_back({.primitive = "checkpoint",
                  .label = "of two arguments, with a captured tensor",
                  .build =
                      [](Args x) {
                        return checkpoint(
                            [&](const std::vector<Tensor>& at) { return tanh(matmul(at[0], x[2])) * at[1]; },
                            {x[0], x[1]});
                      },
                  .inputs = {real({2, 3}), real({4}), real({3, 4})}});
  rows.push_back({.primitive = "checkpoint",
                  .label = "inside another",
                  .build =
                      [](Args x) {
                        return checkpoint(
                            [](const Tensor& at) {
                              return cos(checkpoint([](const Tensor& inner) { return curve(inner); }, at)) +
                                     at;
                            },
                            x[0]);
                      },
                  .inputs = {real({3})}});
  const Spec again{.primitive = "again",
                   .label = "in the cotangent of a checkpoint",
                   .build = [](Args x) { return gradient(x[0], x[1]); },
                   .inputs = {real({2, 3}), real({2, 3})}};
  rows.push_back(again);
  rows.push_back(reshaped(again, "no elements", {{0, 2}, {0, 2}}));
  const Spec enter{.primitive = "enter",
                   .label = "of a checkpoint that returns its argument",
                   .build = [](Args x) { return checkpoint([](const Tensor& at) { return at; }, x[0]); },
                   .inputs = {real({2, 3})}};
  rows.push_back(enter);
  rows.push_back(reshaped(enter, "no elements", {{2, 0}}));
  rows.push_back({.primitive = "checkpoint",
                  .label = "whose argument is made of what it captures",
                  .build =
                      [](Args x) {
                        return checkpoint([&](const Tensor& at) { return tanh(at * x[0]) + x[1]; },
                                          sin(x[0]) * x[1]);
                      },
                  .inputs = {real({2, 3}), real({3})}});
  return rows;
}

}  // namespace nabla::spec
