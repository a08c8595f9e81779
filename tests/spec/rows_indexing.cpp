#include "tests/spec/rows.h"

namespace nabla::spec {
namespace {

Spec unordered(Spec spec) {
  spec.analytic = false;
  spec.separated = true;
  return spec;
}
Spec integer_valued(Spec spec) {
  spec.separated = true;
  spec.nondifferentiable = true;
  return spec;
}

Builder gather_along(int axis) {
  return [axis](Args x) { return gather(x[0], x[1], axis); };
}
Builder scatter_along(int axis, std::int64_t extent) {
  return [=](Args x) { return scatter_add(x[0], x[1], axis, extent); };
}

void add_gather_rows(std::vector<Spec>& rows) {
  Spec first = row("gather", "inner axis", gather_along(-1), {real({2, 4}), indices({2, 3}, 4)});
  first.cases = {{.label = "repeated indices",
                  .inputs = {f64({10, 11, 12}, {3}), i64({2, 0, 2, 2}, {4})},
                  .value = {12, 10, 12, 12},
                  .along_ones = {{1, 1, 1, 1}},
                  .gradient = {{1, 0, 3}}}};
  rows.push_back(first);
  rows.push_back(row("gather", "rows of a table", gather_along(-2), {real({4, 3}), indices({5, 1}, 4)}));
  rows.push_back(
      row("gather", "one list for all rows", gather_along(-1), {real({2, 4}), indices({1, 5}, 4)}));
  rows.push_back(
      row("gather", "many lists from one row", gather_along(-1), {real({1, 4}), indices({3, 2}, 4)}));
  rows.push_back(row("gather", "both broadcast", gather_along(1), {real({2, 3, 1}), indices({1, 4, 2}, 3)}));
  rows.push_back(
      row("gather", "take", [](Args x) { return take(x[0], x[1]); }, {real({3, 2, 2}), indices({4}, 3)}));
  rows.push_back(row("gather", "from one", gather_along(0), {real({1, 2}), indices({3, 2}, 1)}));
  rows.push_back(row("gather", "no indices", gather_along(0), {real({3, 2}), indices({0, 2}, 3)}));
  rows.push_back(row("gather", "no columns", gather_along(0), {real({3, 0}), indices({2, 1}, 3)}));
}

void add_scatter_rows(std::vector<Spec>& rows) {
  Spec first = row("scatter_add", "inner axis", scatter_along(-1, 4), {real({2, 3}), indices({2, 3}, 4)});
  first.cases = {{.label = "repeated indices",
                  .inputs = {f64({1, 2, 3, 4}, {4}), i64({2, 0, 2, 2}, {4})},
                  .value = {2, 0, 8, 0},
                  .along_ones = {{1, 0, 3, 0}},
                  .gradient = {{1, 1, 1, 1}}},
                 {.label = "updates that the first one hides",
                  .inputs = {f64({0x1p53, 1, 1, -0x1p53}, {4}), i64({3, 3, 3, 3}, {4})},
                  .value = {0, 0, 0, 2},
                  .along_ones = {{0, 0, 0, 4}},
                  .gradient = {{1, 1, 1, 1}}}};
  rows.push_back(first);
  rows.push_back(
      row("scatter_add", "rows to a table", scatter_along(-2, 4), {real({5, 3}), indices({5, 1}, 4)}));
  rows.push_back(
      row("scatter_add", "one list for all rows", scatter_along(-1, 3), {real({2, 4}), indices({1, 4}, 3)}));
  rows.push_back(
      row("scatter_add", "one row to many places", scatter_along(-1, 4), {real({1, 2}), indices({3, 2}, 4)}));
  rows.push_back(row("scatter_add", "to one", scatter_along(0, 1), {real({3, 2}), indices({3, 1}, 1)}));
  rows.push_back(row("scatter_add", "of nothing", scatter_along(0, 3), {real({0, 2}), indices({0, 2}, 3)}));
  rows.push_back(row("scatter_add", "to nothing", scatter_along(0, 0), {real({0, 2}), indices({0, 1}, 1)}));
}

void add_order_rows(std::vector<Spec>& rows) {
  Spec largest =
      integer_valued(row("argmax", "inner axis", [](Args x) { return argmax(x[0]); }, {real({2, 3})}));
  largest.cases = {{.label = "ties and NaN",
                    .inputs = {f64({1, 3, 3, kNan, 5, kNan, -kInf, -kInf, -kInf}, {3, 3})},
                    .value = {1, 0, 0}}};
  rows.push_back(largest);
  rows.push_back(
      integer_valued(row("argmax", "outer axis", [](Args x) { return argmax(x[0], 0); }, {real({3, 2})})));
  rows.push_back(integer_valued(
      row("argmax", "an axis of one", [](Args x) { return argmax(x[0], 0); }, {real({1, 2})})));
  rows.push_back(
      integer_valued(row("argmax", "no rows", [](Args x) { return argmax(x[0]); }, {real({0, 2})})));

  Spec order =
      integer_valued(row("argsort", "inner axis", [](Args x) { return argsort(x[0]); }, {real({2, 4})}));
  order.cases = {{.label = "stable, NaN last",
                  .inputs = {f64({3, 1, kNan, 1, 0, -kInf, 0, kInf}, {2, 4})},
                  .value = {1, 3, 0, 2, 1, 0, 2, 3}}};
  rows.push_back(order);
  Spec descending = integer_valued(
      row("argsort", "descending", [](Args x) { return argsort(x[0], 0, true); }, {real({4, 2})}));
  descending.cases = {
      {.label = "stable, NaN first", .inputs = {f64({3, kNan, 1, 3, kInf}, {5})}, .value = {1, 4, 0, 3, 2}}};
  rows.push_back(descending);
  rows.push_back(
      integer_valued(row("argsort", "no rows", [](Args x) { return argsort(x[0]); }, {real({0, 2})})));
  rows.push_back(
      integer_valued(row("argsort", "an axis of one", [](Args x) { return argsort(x[0]); }, {real({2, 1})})));

  Spec sorted = unordered(row("argsort", "sort", [](Args x) { return sort(x[0]); }, {real({2, 4})}));
  sorted.cases = {
      {.label = "value", .inputs = {f64({3, 1, 2}, {3})}, .value = {1, 2, 3}, .gradient = {{1, 1, 1}}}};
  rows.push_back(sorted);
  Spec top =
      unordered(row("argsort", "top_k", [](Args x) { return top_k(x[0], 2, 0).values; }, {real({4, 2})}));
  top.cases = {
      {.label = "value", .inputs = {f64({3, 1, 4, 2}, {4})}, .value = {4, 3}, .gradient = {{1, 0, 1, 0}}}};
  rows.push_back(top);
  Spec first = integer_valued(
      row("argsort", "top_k indices", [](Args x) { return top_k(x[0], 1, 0).indices; }, {real({4, 2})}));
  first.cases = {{.label = "NaN as in argmax", .inputs = {f64({3, kInf, kNan, 9, kNan}, {5})}, .value = {2}}};
  rows.push_back(first);
}

}  // namespace

std::vector<Spec> rows_indexing() {
  std::vector<Spec> rows;
  add_gather_rows(rows);
  add_scatter_rows(rows);
  add_order_rows(rows);
  return rows;
}

}  // namespace nabla::spec
