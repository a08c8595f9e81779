// Exact divergence, diagonal and full Jacobian of the picture network, and a Hessian-vector product of the
// flow-matching loss.

#include "bench/workloads/workload.h"
#include "engine/engine.h"
#include "flow/flow.h"

namespace nabla::bench {
namespace {

using Derivative = Tensor (*)(const Field& v, const Tensor& x);

class FieldDerivative : public Workload {
 public:
  FieldDerivative(const Data& data, std::int64_t rows, Derivative derivative)
      : net_(load_network(data, "picture", picture_network())),
        x_(slice(nn::entry("pictures", data.file("pictures"), "x1.0"), 0, 0, rows).detach()),
        t_(flow::shared_time(0.5, DType::f32)),
        derivative_(derivative) {}

  void run() override {
    value_ = derivative_([&](const Tensor& x) { return net_(x, t_); }, x_).detach();
  }
  nn::State results() const override { return {{"value", value_}}; }

 private:
  nn::Mlp net_;
  Tensor x_, t_;
  Derivative derivative_;
  Tensor value_;
};

// The direction lies in the space of parameters.
class HessianVector : public Workload {
 public:
  explicit HessianVector(const Data& data) : net_(load_network(data, "picture", picture_network())) {
    const nn::State batch = data.file("pictures");
    pair_ = {nn::entry("pictures", batch, "x0.0"), nn::entry("pictures", batch, "x1.0")};
    t_ = nn::entry("pictures", batch, "t.0");
    const nn::State direction = data.file("direction");
    for (const nn::Parameter& parameter : net_.parameters())
      direction_.push_back(nn::entry("direction", direction, parameter.name));
  }

  void run() override {
    products_.clear();  // a living result would be found again and not computed
    const flow::TimedField v = [&](const Tensor& x, const Tensor& t) { return net_(x, t); };
    const nn::LossAndGradients at = nn::value_and_grad(
        net_, [&]() -> std::vector<Tensor> { return {flow::cfm_loss(v, flow::linear_path(), pair_, t_)}; });
    for (const std::optional<Tensor>& product : jvp(at.gradients, net_.leaves(), direction_))
      products_.push_back(product.value());
    evaluate(products_);
  }

  nn::State results() const override {
    nn::State all;
    for (std::size_t i = 0; i < products_.size(); ++i)
      all.push_back({net_.parameters()[i].name, products_[i]});
    return all;
  }

 private:
  nn::Mlp net_;
  flow::Pair pair_;
  Tensor t_;
  std::vector<Tensor> direction_, products_;
};

WorkloadMaker field_derivative(std::int64_t rows, Derivative derivative) {
  return [=](const Data& data) { return std::make_unique<FieldDerivative>(data, rows, derivative); };
}

}  // namespace

void add_derivative_workloads(Workloads& workloads) {
  workloads["divergence"] =
      field_derivative(32, [](const Field& v, const Tensor& x) { return divergence(v, x); });
  workloads["diagonal"] =
      field_derivative(32, [](const Field& v, const Tensor& x) { return jacobian_diagonal(v, x); });
  workloads["jacobian"] =
      field_derivative(4, [](const Field& v, const Tensor& x) { return sample_jacobian(v, x); });
  workloads["hvp"] = [](const Data& data) { return std::make_unique<HessianVector>(data); };
}

}  // namespace nabla::bench
