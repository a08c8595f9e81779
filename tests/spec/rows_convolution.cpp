#include "engine/ops/upsampled_convolution.h"

#include "tests/spec/rows.h"

namespace nabla::spec {
namespace {

Spec row_of(const char* primitive, const char* label, Builder build, const Shape& a, const Shape& b) {
  return row(primitive, label, std::move(build), {real(a), real(b)});
}

Builder convolved(const ConvolutionOptions& options) {
  return [=](Args x) { return convolution(x[0], x[1], options); };
}
Builder transposed(const TransposedConvolutionOptions& options) {
  return [=](Args x) { return transposed_convolution(x[0], x[1], options); };
}
// The cotangent of a weight of this shape, from data and the result's cotangent.
Builder weight_cotangent(const Shape& weight, const ConvolutionOptions& options) {
  return [=](Args x) {
    const auto of_weight = [&](const Tensor& w) { return convolution(x[0], w, options); };
    return vjp(of_weight, full(weight, 0, x[0].dtype()), x[1]).cotangent;
  };
}

void add_convolution_rows(std::vector<Spec>& rows) {
  const auto add = [&](const char* label, const ConvolutionOptions& options, const Shape& data,
                       const Shape& weight) {
    rows.push_back(row_of("convolution", label, convolved(options), data, weight));
  };
  Spec first = row_of("convolution", "one axis", convolved({}), {1, 1, 4}, {1, 1, 2});
  first.cases = {{.label = "is a correlation",
                  .inputs = {f64({1, 2, 3, 4}, {1, 1, 4}), f64({10, 1}, {1, 1, 2})},
                  .value = {12, 23, 34},
                  .along_ones = {{11, 11, 11}, {3, 5, 7}},
                  .gradient = {{10, 11, 11, 1}, {6, 9}}}};
  rows.push_back(first);
  add("channels and samples", {}, {2, 3, 5}, {2, 3, 3});
  add("one sample without its axis", {}, {2, 5}, {3, 2, 2});
  add("two axes, padded", {.padding = {1}}, {2, 2, 4, 3}, {3, 2, 3, 3});
  add("strides and padding by axis", {.stride = {2, 3}, .padding = {1, 2}, .padding_after = {0, 1}},
      {1, 2, 5, 6}, {2, 2, 2, 3});
  add("elements that no window reaches", {.stride = {3}}, {1, 1, 6}, {1, 1, 1});
  add("dilated", {.padding = {2}, .dilation = {2}}, {1, 2, 5, 4}, {2, 2, 3, 2});
  add("three axes", {.stride = {1, 2, 1}, .padding = {1, 0, 1}}, {1, 2, 3, 4, 2}, {2, 2, 2, 2, 3});
  add("groups", {.padding = {1}, .groups = 2}, {2, 4, 3, 3}, {6, 2, 2, 2});
  add("a group for each channel", {.groups = 3}, {2, 3, 4}, {3, 1, 2});
  add("a window of one", {}, {2, 3, 2, 2}, {4, 3, 1, 1});
  add("as large as the data", {}, {2, 2, 3, 2}, {2, 2, 3, 2});
  add("larger than the data, padded", {.padding = {2}}, {1, 1, 2, 2}, {1, 1, 5, 4});
  add("leading axes", {.stride = {2}, .padding = {1}}, {2, 3, 1, 2, 4}, {2, 2, 3});
  add("no samples", {.padding = {1}}, {0, 2, 3, 3}, {2, 2, 2, 2});
  add("no channels", {}, {2, 0, 3}, {2, 0, 2});
  add("no results", {}, {2, 2, 3}, {0, 2, 2});
  add("axes of one", {}, {1, 1, 1, 1}, {1, 1, 1, 1});
  rows.push_back(
      row("convolution", "of itself", [](Args x) { return convolution(x[0], x[0]); }, {real({2, 2, 3})}));
  rows.push_back(row("convolution", "twice with one weight",
                     [](Args x) {
                       const ConvolutionOptions same{.padding = {1}};
                       return convolution(tanh(convolution(x[0], x[1], same)), x[1], same);
                     },
                     {real({1, 2, 3, 3}), real({2, 2, 3, 3}, -1, 1)}));
}

void add_transposed_rows(std::vector<Spec>& rows) {
  const auto add = [&](const char* label, const TransposedConvolutionOptions& options, const Shape& data,
                       const Shape& weight) {
    rows.push_back(row_of("convolution_to_data", label, transposed(options), data, weight));
  };
  Spec first = row_of("convolution_to_data", "one axis", transposed({}), {1, 1, 3}, {1, 1, 2});
  first.cases = {{.label = "value",
                  .inputs = {f64({1, 2, 3}, {1, 1, 3}), f64({10, 1}, {1, 1, 2})},
                  .value = {10, 21, 32, 3},
                  .along_ones = {{10, 11, 11, 1}, {1, 3, 5, 3}},
                  .gradient = {{11, 11, 11}, {6, 6}}}};
  rows.push_back(first);
  add("up by two", {.window = {.stride = {2}, .padding = {1}}, .output_padding = {1}}, {2, 3, 3, 2},
      {3, 2, 3, 3});
  add("strides by axis, dilated", {.window = {.stride = {2, 1}, .dilation = {1, 2}}}, {1, 2, 2, 3},
      {2, 3, 2, 2});
  add("groups", {.window = {.stride = {2}, .groups = 2}}, {2, 4, 2}, {4, 3, 3});
  add("a window of one", {}, {2, 3, 4}, {3, 2, 1});
  add("three axes", {.window = {.padding = {0, 1, 0}}}, {1, 2, 2, 2, 2}, {2, 1, 2, 3, 1});
  add("leading axes", {.window = {.stride = {2}}}, {2, 3, 1, 2, 2}, {2, 2, 2});
  add("no samples", {}, {0, 2, 3}, {2, 3, 2});
  add("no channels", {}, {2, 0, 3}, {0, 3, 2});
}

void add_upsampled_rows(std::vector<Spec>& rows) {
  const auto add = [&](const char* label, const std::vector<std::int64_t>& factors,
                       const ConvolutionOptions& options, const Shape& data, const Shape& weight) {
    rows.push_back(row_of(
        "convolution_to_data", label,
        [=](Args x) { return upsampled_convolution(x[0], x[1], factors, options); }, data, weight));
  };
  add("upsampled, two axes", {2, 2}, {.padding = {1}}, {2, 2, 3, 2}, {3, 2, 3, 3});
  add("upsampled, padding and groups", {3}, {.padding = {0}, .padding_after = {1}, .groups = 2}, {1, 4, 2},
      {2, 2, 2});
  add("upsampled, a factor of one", {1, 2}, {}, {1, 2, 3, 2}, {2, 2, 2, 1});
}

void add_weight_rows(std::vector<Spec>& rows) {
  const auto add = [&](const char* label, const ConvolutionOptions& options, const Shape& data,
                       const Shape& cotangent, const Shape& weight) {
    rows.push_back(
        row_of("convolution_to_weight", label, weight_cotangent(weight, options), data, cotangent));
  };
  Spec first =
      row_of("convolution_to_weight", "one axis", weight_cotangent({1, 1, 2}, {}), {1, 1, 4}, {1, 1, 3});
  first.cases = {{.label = "value",
                  .inputs = {f64({1, 2, 3, 4}, {1, 1, 4}), f64({1, 0, 2}, {1, 1, 3})},
                  .value = {7, 10},
                  .along_ones = {{3, 3}, {6, 9}},
                  .gradient = {{1, 1, 2, 2}, {3, 5, 7}}}};
  rows.push_back(first);
  add("two axes, strided and padded", {.stride = {2, 1}, .padding = {1}}, {2, 2, 4, 3}, {2, 3, 2, 3},
      {3, 2, 3, 3});
  add("groups", {.groups = 2}, {2, 4, 3}, {2, 2, 2}, {2, 2, 2});
  add("a window of one", {}, {2, 3, 4}, {2, 2, 4}, {2, 3, 1});
  add("dilated", {.dilation = {2}}, {1, 2, 5}, {1, 2, 3}, {2, 2, 2});
  add("leading axes of the data", {}, {2, 2, 2, 4}, {2, 2, 3, 3}, {3, 2, 2});
  add("more samples than pieces of a sum", {}, {19, 1, 3}, {19, 1, 2}, {1, 1, 2});
  add("no samples", {}, {0, 2, 3}, {0, 3, 2}, {3, 2, 2});
}

}  // namespace

std::vector<Spec> rows_convolution() {
  std::vector<Spec> rows;
  add_convolution_rows(rows);
  add_transposed_rows(rows);
  add_upsampled_rows(rows);
  add_weight_rows(rows);
  return rows;
}

}  // namespace nabla::spec
