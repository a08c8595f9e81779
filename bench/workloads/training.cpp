// Training steps: flow matching and MeanFlow on the picture network, flow matching on a small one, and the
// first step at a batch size that was never seen.

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

std::vector<Batch> load_batches(const Data& data, const std::string& name) {
  const nn::State file = data.file(name);
  std::vector<Batch> batches;
  for (int i = 0; i < 4; ++i) {
    const auto get = [&](const char* what) {
      return nn::entry(name, file, std::string(what) + "." + std::to_string(i));
    };
    const Tensor t = get("t");
    batches.push_back({{get("x0"), get("x1")}, {t, get("r"), t.shape()[0]}});
  }
  return batches;
}

struct Network {
  const char* weights;
  const char* batches;
  nn::MlpOptions options;
};

nn::MlpOptions two_times(nn::MlpOptions options) {
  options.second_time = true;
  return options;
}

Network picture() { return {"picture", "pictures", picture_network()}; }
Network average_picture(const char* batches) {
  return {"average_picture", batches, two_times(picture_network())};
}
Network toy() {
  return {"toy", "points", {.inputs = 2, .outputs = 2, .width = 64, .frequencies = 4, .highest_turns = 1}};
}

Tensor cfm(const nn::Mlp& net, const Batch& batch) {
  const flow::TimedField v = [&](const Tensor& x, const Tensor& t) { return net(x, t); };
  return flow::cfm_loss(v, flow::linear_path(), batch.pair, batch.times.t);
}

Tensor meanflow(const nn::Mlp& net, const Batch& batch) {
  const flow::AverageField u = [&](const Tensor& x, const Tensor& t, const Tensor& r) {
    return net(x, t, r - t);
  };
  // The paper's options, as the peers have them.
  const flow::MeanFlowOptions options{
      .tangent = flow::MeanFlowTangent::conditional, .averaged_weight = 1, .power = 1};
  return flow::meanflow_loss(u, flow::linear_path(), batch.pair, batch.times, options).weighted;
}

using Loss = Tensor (*)(const nn::Mlp&, const Batch&);

class TrainingStep : public Workload {
 public:
  TrainingStep(const Data& data, const Network& network, Loss loss)
      : net_(load_network(data, network.weights, network.options)),
        adam_(net_),
        batches_(load_batches(data, network.batches)),
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

  nn::Mlp net_;
  nn::Adam adam_;
  std::vector<Batch> batches_;
  Loss loss_;
  Compiled<Function> step_;
  std::size_t turn_ = 0;
  Tensor loss_value_;
};

// Every call has a batch size of its own and finds no plan.
class FirstCall : public TrainingStep {
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

}  // namespace

void add_training_workloads(Workloads& workloads) {
  workloads["fm_step"] = [](const Data& data) {
    return std::make_unique<TrainingStep>(data, picture(), cfm);
  };
  workloads["meanflow_step"] = [](const Data& data) {
    return std::make_unique<TrainingStep>(data, average_picture("pictures"), meanflow);
  };
  workloads["meanflow_step_1024"] = [](const Data& data) {
    return std::make_unique<TrainingStep>(data, average_picture("many_pictures"), meanflow);
  };
  workloads["toy_step"] = [](const Data& data) { return std::make_unique<TrainingStep>(data, toy(), cfm); };
  workloads["first_call"] = [](const Data& data) { return std::make_unique<FirstCall>(data); };
}

}  // namespace nabla::bench
