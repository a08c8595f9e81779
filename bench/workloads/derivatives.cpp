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
        derivative_(compile(Function([this, derivative](const Tensor& at, const Tensor& t) {
          return derivative([&](const Tensor& x) { return net_(x, t); }, at);
        }))) {}

  void run() override { value_ = derivative_(x_, t_); }
  nn::State results() const override { return {{"value", value_}}; }

 private:
  using Function = std::function<Tensor(const Tensor&, const Tensor&)>;

  nn::Mlp net_;
  Tensor x_, t_;
  Compiled<Function> derivative_;
  Tensor value_;
};

// The direction lies in the space of parameters. It and the batch are arguments: what a compiled function
// makes of the parameters alone is kept from call to call.
class HessianVector : public Workload {
 public:
  explicit HessianVector(const Data& data)
      : net_(load_network(data, "picture", picture_network())),
        product_(compile(Function([this](const std::vector<Tensor>& at) { return product(at); }))) {
    const nn::State batch = data.file("pictures");
    for (const char* name : {"x0.0", "x1.0", "t.0"}) arguments_.push_back(nn::entry("pictures", batch, name));
    const nn::State direction = data.file("direction");
    for (const nn::Parameter& parameter : net_.parameters())
      arguments_.push_back(nn::entry("direction", direction, parameter.name));
  }

  void run() override { products_ = product_(arguments_); }

  nn::State results() const override {
    nn::State all;
    for (std::size_t i = 0; i < products_.size(); ++i)
      all.push_back({net_.parameters()[i].name, products_[i]});
    return all;
  }

 private:
  // The arguments are x0, x1, t and the direction.
  std::vector<Tensor> product(const std::vector<Tensor>& at) const {
    const flow::TimedField v = [&](const Tensor& x, const Tensor& t) { return net_(x, t); };
    const nn::LossAndGradients loss = nn::value_and_grad(net_, [&]() -> std::vector<Tensor> {
      return {flow::cfm_loss(v, flow::linear_path(), {at[0], at[1]}, at[2])};
    });
    std::vector<Tensor> products;
    for (const std::optional<Tensor>& product : jvp(loss.gradients, net_.leaves(), std::span(at).subspan(3)))
      products.push_back(product.value());
    return products;
  }

  using Function = std::function<std::vector<Tensor>(const std::vector<Tensor>&)>;

  nn::Mlp net_;
  Compiled<Function> product_;
  std::vector<Tensor> arguments_, products_;
};

WorkloadMaker field_derivative(std::int64_t rows, Derivative derivative) {
  return [=](const Data& data) { return std::make_unique<FieldDerivative>(data, rows, derivative); };
}

}  // namespace

void add_derivative_workloads(Workloads& workloads) {
  workloads["divergence"] = field_derivative(32, [](const Field& v, const Tensor& x) {
    JacobianOptions options;
    options.method = JacobianMethod::forward;
    return divergence(v, x, options);
  });
  workloads["trace"] = field_derivative(32, [](const Field& v, const Tensor& x) { return divergence(v, x); });
  workloads["diagonal"] =
      field_derivative(32, [](const Field& v, const Tensor& x) { return jacobian_diagonal(v, x); });
  workloads["jacobian"] =
      field_derivative(4, [](const Field& v, const Tensor& x) { return sample_jacobian(v, x); });
  workloads["hvp"] = [](const Data& data) { return std::make_unique<HessianVector>(data); };
}

}  // namespace nabla::bench
