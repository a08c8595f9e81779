#include "engine/graph/primitive.h"
#include "tests/spec/rows.h"

namespace nabla::spec {
namespace {

Spec with_value(Spec spec, std::vector<Tensor> inputs, std::vector<double> value) {
  spec.cases.push_back({.label = "value", .inputs = std::move(inputs), .value = std::move(value)});
  return spec;
}

std::vector<double> counting(std::int64_t count) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < count; ++i) values.push_back(static_cast<double>(i));
  return values;
}

void add_axes_rows(std::vector<Spec>& rows) {
  rows.push_back(row("insert_axes", "inside and at both ends",
                     [](Args x) {
                       return insert_axes(x[0], {-1, -3, -5});
                     },
                     {real({2, 3})}));
  rows.push_back(
      row("insert_axes", "outermost", [](Args x) { return insert_axes(x[0], {-3}); }, {real({2, 3})}));
  rows.push_back(row("insert_axes", "rank 0",
                     [](Args x) {
                       return insert_axes(x[0], {-1, -2});
                     },
                     {real({})}));
  rows.push_back(
      row("insert_axes", "no elements", [](Args x) { return insert_axes(x[0], {-2}); }, {real({0, 2})}));
  rows.push_back(row("drop_axes", "several",
                     [](Args x) {
                       return drop_axes(x[0], {0, 2});
                     },
                     {real({1, 3, 1, 2})}));
  rows.push_back(row("drop_axes", "to rank 0",
                     [](Args x) {
                       return drop_axes(x[0], {-1, -2});
                     },
                     {real({1, 1})}));
  rows.push_back(
      row("drop_axes", "no elements", [](Args x) { return drop_axes(x[0], {-1}); }, {real({0, 1})}));
}

void add_reshape_rows(std::vector<Spec>& rows) {
  rows.push_back(with_value(row("reshape", "all axes",
                                [](Args x) {
                                  return reshape(x[0], Shape{3, 4});
                                },
                                {real({2, 6})}),
                            {f64(counting(12), {2, 6})}, counting(12)));
  rows.push_back(row("reshape", "outermost axis kept",
                     [](Args x) {
                       return reshape(x[0], Shape{2, 6});
                     },
                     {real({2, 3, 2})}));
  rows.push_back(row("reshape", "split an axis",
                     [](Args x) {
                       return reshape(x[0], Shape{2, 2, 3});
                     },
                     {real({2, 6})}));
  rows.push_back(row("reshape", "to rank 0", [](Args x) { return reshape(x[0], Shape{}); }, {real({1, 1})}));
  rows.push_back(row("reshape", "from rank 0",
                     [](Args x) {
                       return reshape(x[0], Shape{1, 1});
                     },
                     {real({})}));
  rows.push_back(row("reshape", "of a transposed operand",
                     [](Args x) { return reshape(transpose(x[0]), std::vector<std::int64_t>{-1}); },
                     {real({2, 3})}));
  rows.push_back(row("reshape", "no elements",
                     [](Args x) {
                       return reshape(x[0], Shape{3, 0});
                     },
                     {real({0, 2})}));
  rows.push_back(row("reshape", "no elements, outermost axis kept",
                     [](Args x) {
                       return reshape(x[0], Shape{2, 0});
                     },
                     {real({2, 0, 3})}));
}

void add_permute_rows(std::vector<Spec>& rows) {
  rows.push_back(with_value(row("permute", "transpose",
                                [](Args x) {
                                  return permute(x[0], {1, 0});
                                },
                                {real({2, 3})}),
                            {f64(counting(6), {2, 3})}, {0, 3, 1, 4, 2, 5}));
  rows.push_back(row("permute", "cycle", [](Args x) { return permute(x[0], {2, 0, 1}); }, {real({2, 3, 4})}));
  rows.push_back(row("permute", "inner axes",
                     [](Args x) {
                       return permute(x[0], {0, 2, 1});
                     },
                     {real({2, 3, 2})}));
  rows.push_back(row("permute", "no elements", [](Args x) { return permute(x[0], {1, 0}); }, {real({2, 0})}));
  rows.push_back(row("permute", "one element", [](Args x) { return permute(x[0], {1, 0}); }, {real({1, 1})}));
}

void add_broadcast_rows(std::vector<Spec>& rows) {
  rows.push_back(with_value(row("broadcast", "a new axis and an inner one",
                                [](Args x) {
                                  return broadcast_to(x[0], Shape{2, 3, 4});
                                },
                                {real({3, 1})}),
                            {f64({5, 6, 7}, {3, 1})},
                            {5, 5, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7, 5, 5, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7}));
  rows.push_back(row("broadcast", "rank 0",
                     [](Args x) {
                       return broadcast_to(x[0], Shape{2, 2});
                     },
                     {real({})}));
  rows.push_back(row("broadcast", "to no elements",
                     [](Args x) {
                       return broadcast_to(x[0], Shape{0, 2});
                     },
                     {real({1, 2})}));
  rows.push_back(row("broadcast", "and used",
                     [](Args x) {
                       return sum(broadcast_to(x[0], Shape{3, 2}) * x[1], {0});
                     },
                     {real({1, 2}), real({3, 2})}));
}

void add_slice_rows(std::vector<Spec>& rows) {
  rows.push_back(
      with_value(row("slice", "inner axis", [](Args x) { return slice(x[0], -1, 1, 3); }, {real({2, 4})}),
                 {f64(counting(8), {2, 4})}, {1, 2, 5, 6}));
  rows.push_back(row("slice", "step 2", [](Args x) { return slice(x[0], 0, 1, 6, 2); }, {real({7, 2})}));
  rows.push_back(row("slice", "step 3, rest behind the last", [](Args x) { return slice(x[0], 0, 0, 7, 3); },
                     {real({9})}));
  rows.push_back(
      row("slice", "negative bounds", [](Args x) { return slice(x[0], 1, -3, -1); }, {real({2, 4, 2})}));
  rows.push_back(row("slice", "nothing left", [](Args x) { return slice(x[0], 0, 2, 2); }, {real({3, 2})}));
  rows.push_back(row("slice", "of no elements", [](Args x) { return slice(x[0], 0, 0, 1); }, {real({3, 0})}));
  rows.push_back(
      row("slice", "one of one", [](Args x) { return slice(pad(x[0], 0, 1, 0), 0, 0, 2, 2); }, {real({1})}));
}

void add_pad_rows(std::vector<Spec>& rows) {
  rows.push_back(
      with_value(row("pad", "both ends", [](Args x) { return pad(x[0], -1, 1, 2); }, {real({2, 2})}),
                 {f64({1, 2, 3, 4}, {2, 2})}, {0, 1, 2, 0, 0, 0, 3, 4, 0, 0}));
  rows.push_back(
      with_value(row("pad", "interior", [](Args x) { return pad(x[0], 0, 1, 0, 2); }, {real({3, 2})}),
                 {f64({1, 2}, {2, 1})}, {0, 1, 0, 0, 2}));
  rows.push_back(row("pad", "an axis of none", [](Args x) { return pad(x[0], 0, 1, 2, 1); }, {real({0, 2})}));
  rows.push_back(row("pad", "an axis of one", [](Args x) { return pad(x[0], 0, 0, 1, 3); }, {real({1, 2})}));
  rows.push_back(
      row("pad", "beside an axis of none", [](Args x) { return pad(x[0], 0, 1, 1); }, {real({2, 0})}));
}

void add_concatenate_rows(std::vector<Spec>& rows) {
  // The operator refuses what the primitive broadcasts for compressed tangents.
  const auto join_broadcasting = [](Args x) { return apply(primitive_of(Op::concatenate), x, {-1}); };
  const auto join = [](int axis) { return [axis](Args x) { return concatenate(x, axis); }; };
  rows.push_back(with_value(
      row("concatenate", "three along the inner axis", join(-1), {real({2, 2}), real({2, 1}), real({2, 3})}),
      {f64({1, 2}, {1, 2}), f64({3}, {1, 1}), f64({4, 5}, {1, 2})}, {1, 2, 3, 4, 5}));
  rows.push_back(row("concatenate", "along the outer axis", join(0), {real({1, 3}), real({2, 3})}));
  rows.push_back(row("concatenate", "broadcast on the other axes", join_broadcasting,
                     {real({2, 1, 2}), real({1, 3, 1})}));
  rows.push_back(
      row("concatenate", "with a part of none", join(0), {real({2, 2}), real({0, 2}), real({1, 2})}));
  rows.push_back(row("concatenate", "of nothing", join(1), {real({0, 1}), real({0, 2})}));
  rows.push_back(row("concatenate", "the same tensor twice",
                     [](Args x) {
                       return concatenate({x[0], x[1], x[0]}, 0);
                     },
                     {real({2}), real({1})}));
  rows.push_back(
      row("concatenate", "stack", [](Args x) { return stack(x, 1); }, {real({2, 3}), real({2, 3})}));
}

void add_flip_rows(std::vector<Spec>& rows) {
  rows.push_back(with_value(row("flip", "inner axis", [](Args x) { return flip(x[0], -1); }, {real({2, 3})}),
                            {f64(counting(6), {2, 3})}, {2, 1, 0, 5, 4, 3}));
  rows.push_back(row("flip", "outer axis", [](Args x) { return flip(x[0], 0); }, {real({3, 2})}));
  rows.push_back(row("flip", "an axis of none", [](Args x) { return flip(x[0], 0); }, {real({0, 2})}));
  rows.push_back(row("flip", "an axis of one", [](Args x) { return flip(x[0], 0); }, {real({1, 2})}));
}

}  // namespace

std::vector<Spec> rows_shaping() {
  std::vector<Spec> rows;
  add_axes_rows(rows);
  add_reshape_rows(rows);
  add_permute_rows(rows);
  add_broadcast_rows(rows);
  add_slice_rows(rows);
  add_pad_rows(rows);
  add_concatenate_rows(rows);
  add_flip_rows(rows);
  rows.push_back(row("slice", "indexing syntax",
                     [](Args x) {
                       return x[0]({range(0, 3, 2), all, -1});
                     },
                     {real({3, 2, 2})}));
  return rows;
}

}  // namespace nabla::spec
