// Exact divergences of several networks, diagonal and full Jacobian of the picture network, the
// Laplacian of a small network, and a Hessian-vector product of the flow-matching loss.

#include "bench/workloads/networks.h"
#include "bench/workloads/workload.h"
#include "engine/engine.h"
#include "flow/flow.h"

namespace nabla::bench {
namespace {

using Derivative = Tensor (*)(const Field& v, const Tensor& x);

// kept: what is made of the weights alone is made once. new_version: they are assigned before every call, as
// training would, so that each call makes it again.
enum class Weights { kept, new_version };

template <class Net>
class FieldDerivative : public Workload {
 public:
  FieldDerivative(Net net, Tensor samples, Tensor times, Derivative derivative, Weights weights)
      : net_(std::move(net)),
        x_(std::move(samples)),
        t_(std::move(times)),
        weights_(weights),
        derivative_(compile(Function([this, derivative](const Tensor& at, const Tensor& t) {
          return derivative([&](const Tensor& x) { return net_(x, t); }, at);
        }))) {}

  bool prepares() const override { return weights_ == Weights::new_version; }
  void prepare() override {
    if (!prepares()) return;
    for (const nn::Parameter& parameter : net_.parameters()) parameter.cell->assign(parameter.cell->get());
  }
  void run() override { value_ = derivative_(x_, t_); }
  nn::State results() const override { return {{"value", value_}}; }

 private:
  using Function = std::function<Tensor(const Tensor&, const Tensor&)>;

  Net net_;
  Tensor x_, t_;
  Weights weights_;
  Compiled<Function> derivative_;
  Tensor value_;
};

class Laplacian : public Workload {
 public:
  explicit Laplacian(const Data& data)
      : net_(load_network<ScalarMlp>(data, "scalar", ScalarMlp::Options{2, 256, 256, 1})),
        points_(nn::entry("plane", data.file("plane"), "x")),
        laplacian_(compile(Function([this](const Tensor& at) {
          return laplacian([this](const Tensor& x) { return net_(x); }, at);
        }))) {}

  void run() override { value_ = laplacian_(points_); }
  nn::State results() const override { return {{"value", value_}}; }

 private:
  using Function = std::function<Tensor(const Tensor&)>;

  ScalarMlp net_;
  Tensor points_;
  Compiled<Function> laplacian_;
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

enum class Times { shared, of_each_sample };

// A derivative of a network at the first rows of the pictures.
template <class Net = nn::Mlp, class Options>
WorkloadMaker field_derivative(const char* weights_file, Options options, std::int64_t rows,
                               Derivative derivative, Weights weights = Weights::kept,
                               Times times = Times::shared) {
  return [=](const Data& data) {
    const nn::State pictures = data.file("pictures");
    const auto first_rows = [&](const char* name) {
      return slice(nn::entry("pictures", pictures, name), 0, 0, rows).detach();
    };
    return std::make_unique<FieldDerivative<Net>>(
        load_network<Net>(data, weights_file, options), first_rows("x1.0"),
        times == Times::shared ? flow::shared_time(0.5, DType::f32) : first_rows("t.0"), derivative, weights);
  };
}

}  // namespace

void add_derivative_workloads(Workloads& workloads) {
  const auto by_tangents = [](const Field& v, const Tensor& x) {
    JacobianOptions options;
    options.method = JacobianMethod::forward;
    return divergence(v, x, options);
  };
  const auto trace = [](const Field& v, const Tensor& x) { return divergence(v, x); };
  const auto diagonal = [](const Field& v, const Tensor& x) { return jacobian_diagonal(v, x); };
  const auto whole = [](const Field& v, const Tensor& x) { return sample_jacobian(v, x); };
  const nn::MlpOptions picture = picture_network();
  workloads["divergence"] = field_derivative("picture", picture, 32, by_tangents);
  workloads["trace"] = field_derivative("picture", picture, 32, trace);
  workloads["divergence_64"] = field_derivative("picture", picture, 64, by_tangents);
  workloads["trace_64"] = field_derivative("picture", picture, 64, trace);
  workloads["diagonal"] = field_derivative("picture", picture, 32, diagonal);
  workloads["jacobian"] = field_derivative("picture", picture, 4, whole);

  nn::MlpOptions two_hidden = picture, narrow = picture;
  two_hidden.hidden_layers = 2;
  narrow.width = 256;
  workloads["trace_two_hidden_cold"] =
      field_derivative("two_hidden", two_hidden, 32, trace, Weights::new_version);
  workloads["trace_two_hidden_cached"] = field_derivative("two_hidden", two_hidden, 32, trace);
  workloads["trace_narrow"] = field_derivative("narrow", narrow, 32, trace);
  workloads["trace_residual"] = field_derivative<ResidualStack>(
      "residual", ResidualStack::Options{.extent = 784, .width = 256, .blocks = 4}, 32, trace);
  workloads["trace_modulated"] = field_derivative<ModulatedMlp>(
      "modulated", ModulatedMlp::Options{.extent = 784, .width = 512, .hidden_layers = 3}, 32, trace,
      Weights::kept, Times::of_each_sample);
  workloads["unet_divergence"] = field_derivative<nn::UNet>("unet", unet_of_pictures(), 1, trace);
  workloads["convolution_divergence"] = field_derivative<ConvolutionStack>(
      "convolutions", ConvolutionStack::Options{.channels = 16, .layers = 6}, 1, trace);
  for (const char* name : {"laplacian", "laplacian_nested"})  // against two forms of the peers
    workloads[name] = [](const Data& data) { return std::make_unique<Laplacian>(data); };
  workloads["hvp"] = [](const Data& data) { return std::make_unique<HessianVector>(data); };
}

}  // namespace nabla::bench
