// Single operators: on a million elements, along the axis that lies apart in memory or by indices at random;
// and convolutions of pictures.

#include "bench/workloads/workload.h"
#include "engine/engine.h"

namespace nabla::bench {
namespace {

using Operator = Tensor (*)(const Tensor& x, const Tensor& other);

class OneOperator : public Workload {
 public:
  OneOperator(Operator function, Tensor x, Tensor other)
      : run_(function), x_(std::move(x)), other_(std::move(other)) {}
  void run() override { value_ = run_(x_, other_); }
  nn::State results() const override { return {{"value", value_}}; }

 private:
  Compiled<Operator> run_;
  Tensor x_, other_, value_;
};

// Of entries of a file.
WorkloadMaker maker(Operator run, const char* x, const char* other, DType dtype = DType::f32,
                    const char* file_name = "operators") {
  return [=](const Data& data) {
    const nn::State file = data.file(file_name);
    const auto get = [&](const char* name) {
      const Tensor entry = nn::entry(file_name, file, name);
      return is_floating(entry.dtype()) ? cast(entry, dtype).detach() : entry;
    };
    return std::make_unique<OneOperator>(run, get(x), get(other));
  };
}

WorkloadMaker convolution_maker(Operator run, const char* x, const char* other) {
  return maker(run, x, other, DType::f32, "convolution");
}
const ConvolutionOptions& same_size() {
  static const ConvolutionOptions& options = *new ConvolutionOptions{.padding = {1}};
  return options;
}

}  // namespace

void add_operator_workloads(Workloads& workloads) {
  workloads["softmax_columns"] =
      maker([](const Tensor& x, const Tensor&) { return softmax(x, 0); }, "x", "y");
  workloads["logsumexp_columns"] =
      maker([](const Tensor& x, const Tensor&) { return logsumexp(x, {0}); }, "x", "y");
  workloads["gather_rows"] =
      maker([](const Tensor& x, const Tensor& indices) { return gather(x, indices, 1); }, "x", "indices");
  workloads["gather_columns"] =
      maker([](const Tensor& x, const Tensor& indices) { return gather(x, indices, 0); }, "x", "indices");
  workloads["gather_random"] =
      maker([](const Tensor& x, const Tensor& places) { return take(x, places); }, "list", "places");
  workloads["scatter_rows"] = maker(
      [](const Tensor& x, const Tensor& rows) { return scatter_add(x, insert_axes(rows, {-1}), 0, 1024); },
      "x", "rows");
  workloads["scatter_random"] =
      maker([](const Tensor& x, const Tensor& places) { return scatter_add(x, places, 0, x.shape()[0]); },
            "list", "places");
  workloads["top_k"] =
      maker([](const Tensor& x, const Tensor&) { return top_k(x, 5).values; }, "list", "list");
  workloads["product_f64"] =
      maker([](const Tensor& x, const Tensor& y) { return matmul(x, y); }, "x", "y", DType::f64);
  workloads["convolution"] = convolution_maker(
      [](const Tensor& x, const Tensor& w) { return convolution(x, w, same_size()); }, "x", "w");
  workloads["convolution_data"] = convolution_maker(
      [](const Tensor& c, const Tensor& w) { return transposed_convolution(c, w, {.window = same_size()}); },
      "c", "w");
  workloads["convolution_weight"] = convolution_maker(
      [](const Tensor& x, const Tensor& c) {
        const auto by_weight = [&](const Tensor& w) { return convolution(x, w, same_size()); };
        return vjp(by_weight, zeros({c.shape()[1], x.shape()[1], 3, 3}), c).cotangent;
      },
      "x", "c");
}

}  // namespace nabla::bench
