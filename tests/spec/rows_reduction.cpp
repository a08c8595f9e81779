#include <cmath>

#include "tests/spec/rows.h"

namespace nabla::spec {
namespace {

Spec kinked(Spec spec) {
  spec.analytic = false;
  spec.separated = true;
  return spec;
}

using Reduction = Tensor (*)(const Operand&, const Axes&, bool);

void add_sum_rows(std::vector<Spec>& rows) {
  Spec first = row("sum", "all axes", [](Args x) { return sum(x[0]); }, {real({2, 3})});
  first.cases = {{.label = "value",
                  .inputs = {f64({1, 2, 3, 4}, {2, 2})},
                  .value = {10},
                  .along_ones = {{4}},
                  .gradient = {{1, 1, 1, 1}}}};
  rows.push_back(first);
  rows.push_back(row("sum", "inner axis", [](Args x) { return sum(x[0], {-1}); }, {real({2, 3, 2})}));
  rows.push_back(
      row("sum", "outer axis, kept", [](Args x) { return sum(x[0], {0}, true); }, {real({3, 2, 2})}));
  rows.push_back(row("sum", "two axes apart", [](Args x) { return sum(x[0], {0, 2}); }, {real({2, 3, 4})}));
  rows.push_back(row("sum", "an axis of one", [](Args x) { return sum(x[0], {1}); }, {real({2, 1, 2})}));
  rows.push_back(row("sum", "over none", [](Args x) { return sum(x[0], {0}); }, {real({0, 2})}));
  rows.push_back(row("sum", "beside an axis of none", [](Args x) { return sum(x[0], {0}); }, {real({2, 0})}));
  rows.push_back(row("sum", "long rows", [](Args x) { return sum(x[0], {-1}); }, {real({2, 19})}));
}

void add_extreme_rows(std::vector<Spec>& rows, const char* name, Reduction reduce, double sign) {
  const auto over = [reduce](std::vector<int> axes, bool keep = false) {
    return [=](Args x) { return reduce(x[0], axes, keep); };
  };
  Spec first = kinked(row(name, "inner axis", over({-1}), {real({2, 3})}));
  const auto signed_values = [&](std::vector<double> v) {
    for (double& x : v) x *= sign;
    return v;
  };
  first.cases = {
      {.label = "ties share equally",
       .inputs = {f64(signed_values({1, 2, 2, 3, 3, 3, 5, 4, -kInf}), {3, 3})},
       .value = signed_values({2, 3, 5}),
       .along_ones = {{1, 1, 1}},
       .gradient = {{0, 0.5, 0.5, 1 / 3.0, 1 / 3.0, 1 / 3.0, 1, 0, 0}}},
      {.label = "all infinite",
       .inputs = {f64(signed_values({-kInf, -kInf}), {1, 2})},
       .value = signed_values({-kInf}),
       .along_ones = {{1}},
       .gradient = {{0.5, 0.5}}},
      {.label = "NaN", .inputs = {f64({1, kNan, 3, kNan, 1, 2}, {2, 3})}, .value = {kNan, kNan}},
  };
  rows.push_back(first);
  rows.push_back(kinked(row(name, "all axes", over({}), {real({2, 3})})));
  rows.push_back(kinked(row(name, "outer axis, kept", over({0}, true), {real({3, 2})})));
  rows.push_back(kinked(row(name, "two axes apart", over({0, 2}), {real({2, 2, 3})})));
  rows.push_back(kinked(row(name, "an axis of one", over({1}), {real({2, 1})})));
  rows.push_back(kinked(row(name, "beside an axis of none", over({0}), {real({2, 0})})));
}

void add_logsumexp_rows(std::vector<Spec>& rows) {
  const auto over = [](std::vector<int> axes, bool keep = false) {
    return [=](Args x) { return logsumexp(x[0], axes, keep); };
  };
  Spec first = row("logsumexp", "inner axis", over({-1}), {real({2, 3})});
  first.cases = {
      {.label = "masked",
       .inputs = {f64({-kInf, -kInf, -kInf, 0, 0, -kInf, 1000, 1000, -1000}, {3, 3})},
       .value = {-kInf, std::log(2.0), 1000 + std::log(2.0)},
       .along_ones = {{0, 1, 1}},
       .gradient = {{0, 0, 0, 0.5, 0.5, 0, 0.5, 0.5, 0}}},
      {.label = "infinite", .inputs = {f64({1, kInf}, {1, 2})}, .value = {kInf}, .gradient = {{kNan, kNan}}},
      {.label = "beyond the rounding of log 2",
       .inputs = {f64({1e14, 1e14, 1e17, 1e17, -1e300, -1e300}, {3, 2})},
       .value = {1e14 + std::log(2.0), 1e17, -1e300},
       .along_ones = {{1, 1, 1}},
       .gradient = {{0.5, 0.5, 0.5, 0.5, 0.5, 0.5}}}};
  rows.push_back(first);
  rows.push_back(row("logsumexp", "all axes", over({}), {real({2, 3})}));
  rows.push_back(row("logsumexp", "outer axis, kept", over({0}, true), {real({3, 2})}));
  rows.push_back(row("logsumexp", "two axes apart", over({0, 2}), {real({2, 2, 3})}));
  rows.push_back(row("logsumexp", "an axis of one", over({1}), {real({2, 1})}));
  rows.push_back(row("logsumexp", "beside an axis of none", over({0}), {real({2, 0})}));
  // The value is -inf, which has no difference quotient; its exponential is 0.
  Spec none =
      row("logsumexp", "over none", [](Args x) { return nabla::exp(logsumexp(x[0], {0})); }, {real({0, 2})});
  none.cases = {{.label = "value", .inputs = {f64({}, {0, 2})}, .value = {0, 0}, .along_ones = {{0, 0}}}};
  rows.push_back(none);
}

void add_softmax_rows(std::vector<Spec>& rows) {
  Spec first = row("softmax", "inner axis", [](Args x) { return softmax(x[0]); }, {real({2, 3})});
  first.cases = {{.label = "masked",
                  .inputs = {f64({0, 0, -kInf, 1000, -1000, -kInf}, {2, 3})},
                  .value = {0.5, 0.5, 0, 1, 0, 0},
                  .along_ones = {{0, 0, 0, 0, 0, 0}},
                  .gradient = {{0, 0, 0, 0, 0, 0}}},
                 {.label = "all masked, infinite",
                  .inputs = {f64({-kInf, -kInf, 1, kInf}, {2, 2})},
                  .value = {kNan, kNan, kNan, kNan}}};
  rows.push_back(first);
  rows.push_back(row("softmax", "outer axis", [](Args x) { return softmax(x[0], 0); }, {real({3, 2})}));
  rows.push_back(row("softmax", "middle axis", [](Args x) { return softmax(x[0], 1); }, {real({2, 3, 2})}));
  rows.push_back(row("softmax", "an axis of one", [](Args x) { return softmax(x[0], 1); }, {real({2, 1})}));
  rows.push_back(
      row("softmax", "beside an axis of none", [](Args x) { return softmax(x[0], 0); }, {real({2, 0})}));
  rows.push_back(row("softmax", "over none", [](Args x) { return softmax(x[0], 0); }, {real({0, 2})}));
}

void add_cumsum_rows(std::vector<Spec>& rows) {
  Spec first = row("cumsum", "inner axis", [](Args x) { return cumsum(x[0], -1); }, {real({2, 3})});
  first.cases = {
      {.label = "value", .inputs = {f64({1, 2, 3}, {3})}, .value = {1, 3, 6}, .gradient = {{3, 2, 1}}},
      {.label = "terms that the first one hides",
       .inputs = {f64({0x1p53, 1, 1, -0x1p53}, {4})},
       .value = {0x1p53, 0x1p53, 0x1p53 + 2, 2},
       .gradient = {{4, 3, 2, 1}}}};
  rows.push_back(first);
  Spec reverse =
      row("cumsum", "from the end, outer axis", [](Args x) { return cumsum(x[0], 0, true); }, {real({3, 2})});
  reverse.cases = {
      {.label = "value", .inputs = {f64({1, 2, 3}, {3})}, .value = {6, 5, 3}, .gradient = {{1, 2, 3}}}};
  rows.push_back(reverse);
  rows.push_back(row("cumsum", "an axis of one", [](Args x) { return cumsum(x[0], 0); }, {real({1, 2})}));
  rows.push_back(row("cumsum", "an axis of none", [](Args x) { return cumsum(x[0], 0); }, {real({0, 2})}));
}

}  // namespace

std::vector<Spec> rows_reduction() {
  std::vector<Spec> rows;
  add_sum_rows(rows);
  add_extreme_rows(rows, "reduce_max", &reduce_max, 1);
  add_extreme_rows(rows, "reduce_min", &reduce_min, -1);
  add_logsumexp_rows(rows);
  add_softmax_rows(rows);
  add_cumsum_rows(rows);
  return rows;
}

}  // namespace nabla::spec
