#include "engine/ops/arranging.h"

#include <cmath>

#include "engine/ops/matrices.h"
#include "tests/spec/rows.h"

// Elements in another arrangement, matrices, and statistics by order: compositions of primitives.

namespace nabla::spec {
namespace {

using Numbers = std::vector<double>;

Spec arranged(Spec spec, const Tensor& input, Numbers value) {
  spec.cases.push_back({.label = "value", .inputs = {input}, .value = std::move(value)});
  return spec;
}

const Tensor& two_by_three() {
  static const Tensor& x = *new Tensor(f64({1, 2, 3, 4, 5, 6}, {2, 3}));
  return x;
}

void add_arranging_rows(std::vector<Spec>& rows) {
  const auto add = [&](const char* primitive, const char* label, Builder build, const Shape& shape,
                       Numbers value) {
    rows.push_back(
        arranged(row(primitive, label, std::move(build), {real(shape)}), two_by_three(), std::move(value)));
  };
  const Shape two_three{2, 3};
  add("concatenate", "roll", [](Args x) { return roll(x[0], 1, -1); }, two_three, {3, 1, 2, 6, 4, 5});
  add("concatenate", "roll backwards, further than the axis", [](Args x) { return roll(x[0], -4, 1); },
      two_three, {2, 3, 1, 5, 6, 4});
  add("broadcast", "repeat inner", [](Args x) { return repeat(x[0], 2, -1); }, two_three,
      {1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6});
  add("broadcast", "repeat outer", [](Args x) { return repeat(x[0], 2, 0); }, two_three,
      {1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6});
  add("broadcast", "tile",
      [](Args x) {
        return tile(x[0], {2, 2});
      },
      two_three, {1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6, 1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6});
  rows.push_back(row("broadcast", "tile, more counts than axes",
                     [](Args x) {
                       return tile(x[0], {2, 1, 3});
                     },
                     {real({2, 2})}));
  rows.push_back(row("broadcast", "tile, fewer counts than axes", [](Args x) { return tile(x[0], {2}); },
                     {real({2, 2})}));
  rows.push_back(row("broadcast", "repeat no times", [](Args x) { return repeat(x[0], 0, 0); }, {real({2})}));
  rows.push_back(row("broadcast", "meshgrid",
                     [](Args x) {
                       const std::vector<Tensor> grid = meshgrid({x[0], x[1]});
                       return grid[0] * sin(grid[1]);
                     },
                     {real({2}), real({3})}));
}

void add_matrix_rows(std::vector<Spec>& rows) {
  const auto add = [&](const char* primitive, const char* label, Builder build, Numbers value) {
    rows.push_back(
        arranged(row(primitive, label, std::move(build), {real({2, 3})}), two_by_three(), std::move(value)));
  };
  add("slice", "diagonal", [](Args x) { return diagonal(x[0]); }, {1, 5});
  add("slice", "diagonal above", [](Args x) { return diagonal(x[0], 2); }, {3});
  add("slice", "diagonal below", [](Args x) { return diagonal(x[0], -1); }, {4});
  add("pad", "diagonal_matrix of rows", [](Args x) { return diagonal_matrix(x[0]); },
      {1, 0, 0, 0, 2, 0, 0, 0, 3, 4, 0, 0, 0, 5, 0, 0, 0, 6});
  add("sum", "trace", [](Args x) { return trace(x[0]); }, {6});
  add("select", "tril", [](Args x) { return tril(x[0]); }, {1, 0, 0, 4, 5, 0});
  add("select", "triu", [](Args x) { return triu(x[0], 1); }, {0, 2, 3, 0, 0, 6});
  rows.push_back(
      row("pad", "diagonal_matrix above", [](Args x) { return diagonal_matrix(x[0], 2); }, {real({2, 2})}));
  rows.push_back(
      row("pad", "diagonal_matrix below", [](Args x) { return diagonal_matrix(x[0], -1); }, {real({3})}));
  rows.push_back(
      row("slice", "diagonal, leading axes", [](Args x) { return diagonal(x[0]); }, {real({2, 3, 2})}));
  rows.push_back(
      row("slice", "diagonal of nothing", [](Args x) { return diagonal(x[0], 2); }, {real({3, 2})}));
  rows.push_back(row("mul", "outer", [](Args x) { return outer(x[0], x[1]); }, {real({2, 2}), real({3})}));
  rows.push_back(
      row("mul", "kron", [](Args x) { return kron(x[0], x[1]); }, {real({2, 2, 3}), real({3, 2})}));
}

// Central differences must not change the order.
Spec by_order(Spec spec) {
  spec.analytic = false;
  spec.separated = true;
  return spec;
}

void add_order_rows(std::vector<Spec>& rows) {
  Spec quarter =
      by_order(row("argsort", "quantile", [](Args x) { return quantile(x[0], 0.25); }, {real({2, 4})}));
  quarter.cases = {{.label = "between two, and NaN",
                    .inputs = {f64({4, 1, 3, 2, 1, kNan, 2, 3}, {2, 4})},
                    .value = {1.75, kNan}},
                   {.label = "derivative",
                    .inputs = {f64({4, 1, 3, 2}, {1, 4})},
                    .value = {1.75},
                    .gradient = {{0, 0.25, 0, 0.75}}}};
  rows.push_back(quarter);
  rows.push_back(
      by_order(row("argsort", "median of three", [](Args x) { return median(x[0], 0); }, {real({3, 2})})));
  Spec spread = row(
      "sqrt", "standard_deviation", [](Args x) { return standard_deviation(x[0], {-1}); }, {real({2, 3})},
      false);
  spread.cases = {{.label = "of equal elements",
                   .inputs = {f64({2, 2, 2, 1, 2, 3}, {2, 3})},
                   .value = {0, std::sqrt(2.0 / 3)},
                   .gradient = {{0, 0, 0, -std::sqrt(1.0 / 6), 0, std::sqrt(1.0 / 6)}}}};
  rows.push_back(spread);
}

}  // namespace

std::vector<Spec> rows_arranging() {
  std::vector<Spec> rows;
  add_arranging_rows(rows);
  add_matrix_rows(rows);
  add_order_rows(rows);
  return rows;
}

}  // namespace nabla::spec
