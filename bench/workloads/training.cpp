// Training steps: flow matching and MeanFlow on the picture network, a U-Net and a DiT, flow matching on a
// small network, and the first step at a batch size that was never seen.

#include <type_traits>
#include <utility>

#include "bench/workloads/workload.h"
#include "engine/engine.h"
#include "flow/flow.h"

namespace nabla::bench {
namespace {

constexpr double kLearningRate = 1e-3;

struct Batch {
  flow::Pair pair;
  flow::TimePairs times;
};

Batch first_rows(const Batch& batch, std::int64_t rows) {
  const auto cut = [&](const Tensor& a) { return slice(a, 0, 0, rows).detach(); };
  return {{cut(batch.pair.x0), cut(batch.pair.x1)}, {cut(batch.times.t), cut(batch.times.r), rows}};
}

std::vector<Batch> load_batches(const Data& data, const std::string& name, std::int64_t rows) {
  const nn::State file = data.file(name);
  std::vector<Batch> batches;
  for (int i = 0; i < 4; ++i) {
    const auto get = [&](const char* what) {
      return nn::entry(name, file, std::string(what) + "." + std::to_string(i));
    };
    const Tensor t = get("t");
    batches.push_back({{get("x0"), get("x1")}, {t, get("r"), t.shape()[0]}});
    if (rows > 0) batches.back() = first_rows(batches.back(), rows);
  }
  return batches;
}

template <class Net>
struct Network {
  const char* weights;
  const char* batches;
  std::remove_cvref_t<decltype(std::declval<const Net&>().options())> options;
  std::int64_t rows = 0;  // of a batch; 0 for all
};

template <class Options>
Options two_times(Options options) {
  options.second_time = true;
  return options;
}

Network<nn::Mlp> picture() { return {"picture", "pictures", picture_network()}; }
Network<nn::Mlp> average_picture(const char* batches) {
  return {"average_picture", batches, two_times(picture_network())};
}
Network<nn::Mlp> toy() {
  return {"toy", "points", {.inputs = 2, .outputs = 2, .width = 64, .frequencies = 4, .highest_turns = 1}};
}
Network<nn::UNet> unet() { return {"unet", "pictures", unet_of_pictures(), 64}; }
Network<nn::UNet> average_unet() { return {"average_unet", "pictures", two_times(unet_of_pictures()), 64}; }
Network<nn::DiT> average_dit() {
  return {"average_dit", "pictures", {.patch = 2, .hidden = 192, .heads = 6, .second_time = true}, 64};
}

template <class Net>
Tensor cfm(const Net& net, const Batch& batch) {
  const flow::TimedField v = [&](const Tensor& x, const Tensor& t) { return net(x, t); };
  return flow::cfm_loss(v, flow::linear_path(), batch.pair, batch.times.t);
}

template <class Net>
Tensor meanflow(const Net& net, const Batch& batch) {
  const flow::AverageField u = [&](const Tensor& x, const Tensor& t, const Tensor& r) {
    return net(x, t, r - t);
  };
  // The paper's options, as the peers have them.
  const flow::MeanFlowOptions options{
      .tangent = flow::MeanFlowTangent::conditional, .averaged_weight = 1, .power = 1};
  return flow::meanflow_loss(u, flow::linear_path(), batch.pair, batch.times, options).weighted;
}

template <class Net>
class TrainingStep : public Workload {
 public:
  using Loss = Tensor (*)(const Net&, const Batch&);

  TrainingStep(const Data& data, const Network<Net>& network, Loss loss)
      : net_(load_network<Net>(data, network.weights, network.options)),
        adam_(net_),
        batches_(load_batches(data, network.batches, network.rows)),
        loss_(loss),
        step_(compile(Function(
            [this](const Tensor& x0, const Tensor& x1, const Tensor& t, const Tensor& r, const Tensor& rate) {
              return build({{x0, x1}, {t, r, t.shape()[0]}}, rate);
            }))) {}

  void run() override { step(batches_[turn_++ % batches_.size()]); }

  nn::State results() const override {
    nn::State all{{"loss", loss_value_}};
    nn::append_part(all, "updated", nn::state_of(net_));
    // Moments start at zero and are kept without their factor 1 - beta: after one step they are gradients.
    for (const NamedTensor& moment : nn::part_of(adam_.state(), "first"))
      all.push_back({"gradient." + moment.name, moment.value});
    return all;
  }

 protected:
  void step(const Batch& batch) {
    loss_value_ = step_(batch.pair.x0, batch.pair.x1, batch.times.t, batch.times.r, kLearningRate);
  }
  void forget_plans() { step_.clear(); }
  const std::vector<Batch>& batches() const { return batches_; }

 private:
  // One step on its batch: the loss, the new parameters and moments in their cells.
  Tensor build(const Batch& batch, const Tensor& learning_rate) {
    const auto [loss, gradients, none] =
        nn::value_and_grad(net_, [&]() -> std::vector<Tensor> { return {loss_(net_, batch)}; });
    nn::commit(adam_.updates(gradients, learning_rate));
    return loss;
  }

  using Function =
      std::function<Tensor(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&)>;

  Net net_;
  nn::Adam adam_;
  std::vector<Batch> batches_;
  Loss loss_;
  Compiled<Function> step_;
  std::size_t turn_ = 0;
  Tensor loss_value_;
};

// Every call has a batch size of its own and finds no plan.
class FirstCall : public TrainingStep<nn::Mlp> {
 public:
  explicit FirstCall(const Data& data) : TrainingStep(data, picture(), cfm) {}
  bool prepares() const override { return true; }
  void prepare() override {
    batch_ = first_rows(batches()[0], rows_--);
    forget_plans();
    clear_plan_cache();
  }
  void run() override { step(batch_); }
  bool always_cold() const override { return true; }

 private:
  Batch batch_;
  std::int64_t rows_ = 255;
};

template <class Net>
WorkloadMaker training_step(const Network<Net>& network, Tensor (*loss)(const Net&, const Batch&)) {
  return [=](const Data& data) { return std::make_unique<TrainingStep<Net>>(data, network, loss); };
}

}  // namespace

void add_training_workloads(Workloads& workloads) {
  workloads["fm_step"] = training_step(picture(), cfm<nn::Mlp>);
  workloads["meanflow_step"] = training_step(average_picture("pictures"), meanflow<nn::Mlp>);
  workloads["meanflow_step_1024"] = training_step(average_picture("many_pictures"), meanflow<nn::Mlp>);
  workloads["toy_step"] = training_step(toy(), cfm<nn::Mlp>);
  workloads["unet_fm_step"] = training_step(unet(), cfm<nn::UNet>);
  workloads["unet_meanflow_step"] = training_step(average_unet(), meanflow<nn::UNet>);
  workloads["dit_meanflow_step"] = training_step(average_dit(), meanflow<nn::DiT>);
  workloads["first_call"] = [](const Data& data) { return std::make_unique<FirstCall>(data); };
}

}  // namespace nabla::bench
