#include "engine/ops/pooling.h"

#include "tests/spec/rows.h"

namespace nabla::spec {
namespace {

using Numbers = std::vector<std::int64_t>;

Builder averaged(const Numbers& extents) {
  return [=](Args x) { return average_pool(x[0], extents); };
}
Builder nearest(const Numbers& factors) {
  return [=](Args x) { return upsample_nearest(x[0], factors); };
}
Builder linear(const Numbers& factors) {
  return [=](Args x) { return upsample_linear(x[0], factors); };
}

// The largest of elements that are no ties.
Spec pooled_largest(const char* label, const Numbers& extents, const Shape& shape) {
  Spec spec = row(
      "reduce_max", label, [=](Args x) { return max_pool(x[0], extents); }, {real(shape)},
      /*analytic=*/false);
  spec.separated = true;
  return spec;
}

void add_pooling_rows(std::vector<Spec>& rows) {
  Spec first = row("sum", "average_pool", averaged({2, 2}), {real({2, 3, 2, 4})});
  first.cases = {{.label = "value",
                  .inputs = {f64({1, 3, 5, 7, 2, 2, 0, 4}, {1, 2, 4})},
                  .value = {2, 4},
                  .along_ones = {{1, 1}},
                  .gradient = {{0.25, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25}}}};
  rows.push_back(first);
  rows.push_back(row("sum", "average_pool, a window by axis", averaged({1, 3, 2}), {real({2, 2, 3, 4})}));
  rows.push_back(row("sum", "average_pool without channels", averaged({3}), {real({6})}));
  rows.push_back(row("sum", "average_pool, no samples", averaged({2}), {real({0, 4})}));
  rows.push_back(row("sum", "average_pool, no places", averaged({2, 2}), {real({2, 0, 4})}));

  Spec extreme = pooled_largest("max_pool", {2, 2}, {2, 2, 2, 4});
  extreme.cases = {
      {.label = "ties share equally",
       .inputs = {f64({3, 3, 5, 1, 3, 0, 2, 5, -1, -1, 7, 6, -1, -1, 5, 4}, {2, 2, 4})},
       .value = {3, 5, -1, 7},
       .along_ones = {{1, 1, 1, 1}},
       .gradient = {{1 / 3.0, 1 / 3.0, 0.5, 0, 1 / 3.0, 0, 0, 0.5, 0.25, 0.25, 1, 0, 0.25, 0.25, 0, 0}}}};
  rows.push_back(extreme);
  rows.push_back(pooled_largest("max_pool, one axis", {3}, {2, 6}));
  rows.push_back(pooled_largest("max_pool, no samples", {2}, {0, 4}));
  rows.push_back(pooled_largest("max_pool, no places", {2}, {3, 0}));
}

void add_overlapping_rows(std::vector<Spec>& rows) {
  const auto average = [](const Numbers& extents, const PoolingOptions& options) {
    return [=](Args x) { return average_pool(x[0], extents, options); };
  };
  Spec first = row("mul", "average_pool, overlapping and padded",
                   average({3}, {.stride = {2}, .padding = {1}}), {real({2, 5})});
  first.cases = {{.label = "value",
                  .inputs = {f64({3, 6, 9, 3, 6}, {5})},
                  .value = {3, 6, 3},
                  .along_ones = {{2 / 3.0, 1, 2 / 3.0}},
                  .gradient = {{1 / 3.0, 2 / 3.0, 1 / 3.0, 2 / 3.0, 1 / 3.0}}}};
  rows.push_back(first);
  rows.push_back(row("mul", "average_pool, two axes", average({3, 2}, {.stride = {2, 1}, .padding = {1, 0}}),
                     {real({2, 4, 3})}));
  rows.push_back(row("mul", "average_pool with gaps", average({1}, {.stride = {2}}), {real({2, 5})}));
  rows.push_back(row("sum", "average_pool, the rest left out", average({2, 2}, {}), {real({2, 3, 5})}));

  const auto largest = [](const char* label, const Numbers& extents, const PoolingOptions& options,
                          const Shape& shape) {
    Spec spec = row(
        "concatenate", label, [=](Args x) { return max_pool(x[0], extents, options); }, {real(shape)},
        /*analytic=*/false);
    spec.separated = true;
    return spec;
  };
  Spec extreme = largest("max_pool, overlapping", {3}, {.stride = {1}}, {2, 5});
  extreme.cases = {{.label = "ties share equally",
                    .inputs = {f64({4, 4, 4, 1, 4}, {5})},
                    .value = {4, 4, 4},
                    .along_ones = {{1, 1, 1}},
                    .gradient = {{1 / 3.0, 1 / 3.0 + 0.5, 1 / 3.0 + 0.5 + 0.5, 0, 0.5}}}};
  rows.push_back(extreme);
  Spec negative = largest("max_pool, padded", {3, 2}, {.stride = {2, 1}, .padding = {1, 1}}, {2, 4, 3});
  negative.cases = {{.label = "padding is no zero",
                     .inputs = {f64({-1, -2, -3, -4}, {2, 2})},
                     .value = {-1, -1, -2},
                     .along_ones = {{1, 1, 1}},
                     .gradient = {{2, 1, 0, 0}}}};
  rows.push_back(negative);
  rows.push_back(largest("max_pool, no samples, overlapping", {3}, {.stride = {1}}, {0, 4}));
  rows.push_back(largest("max_pool, no places, overlapping", {3, 2}, {.stride = {1}}, {2, 0, 3}));

  const auto windows = [](const Numbers& extents, const UnfoldOptions& options) {
    return [=](Args x) { return unfold(x[0], extents, options); };
  };
  Spec each = row("concatenate", "unfold", windows({2}, {.padding = {1}, .dilation = {2}}), {real({2, 4})});
  each.cases = {{.label = "value",
                 .inputs = {f64({1, 2, 3}, {3})},
                 .value = {0, 2, 1, 3, 2, 0},
                 .along_ones = {{0, 1, 1, 1, 1, 0}},
                 .gradient = {{1, 2, 1}}}};
  rows.push_back(each);
  rows.push_back(
      row("concatenate", "unfold, two axes", windows({2, 3}, {.stride = {2, 1}}), {real({2, 4, 4})}));
}

void add_upsampling_rows(std::vector<Spec>& rows) {
  Spec first = row("broadcast", "upsample_nearest", nearest({2, 3}), {real({2, 3, 2, 2})});
  first.cases = {{.label = "value",
                  .inputs = {f64({1, 2}, {1, 2})},
                  .value = {1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2},
                  .along_ones = {{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}},
                  .gradient = {{6, 6}}}};
  rows.push_back(first);
  rows.push_back(row("broadcast", "upsample_nearest without channels", nearest({2}), {real({3})}));
  rows.push_back(row("broadcast", "upsample_nearest, a factor of one", nearest({1, 2}), {real({2, 2, 3})}));
  rows.push_back(row("broadcast", "upsample_nearest, no samples", nearest({2}), {real({0, 2})}));

  Spec line = row("contraction", "upsample_linear", linear({3}), {real({2, 3})});
  line.cases = {{.label = "value",
                 .inputs = {f64({0, 3}, {2})},
                 .value = {0, 0, 1, 2, 3, 3},
                 .along_ones = {{1, 1, 1, 1, 1, 1}},
                 .gradient = {{3, 3}}}};
  rows.push_back(line);
  rows.push_back(row("contraction", "upsample_linear, two axes", linear({2, 3}), {real({2, 2, 3, 2})}));
  rows.push_back(row("contraction", "upsample_linear of one element", linear({2, 2}), {real({2, 1, 1})}));
  rows.push_back(row("contraction", "upsample_linear, no samples", linear({2}), {real({0, 3})}));
}

}  // namespace

std::vector<Spec> rows_pooling() {
  std::vector<Spec> rows;
  add_pooling_rows(rows);
  add_overlapping_rows(rows);
  add_upsampling_rows(rows);
  return rows;
}

}  // namespace nabla::spec
