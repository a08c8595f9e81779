// Solving the ODE of the picture network from noise to data.

#include "bench/workloads/workload.h"
#include "engine/engine.h"
#include "flow/flow.h"

namespace nabla::bench {
namespace {

class Sampling : public Workload {
 public:
  explicit Sampling(const Data& data)
      : net_(load_network(data, "picture", picture_network())),
        noise_(nn::entry("pictures", data.file("pictures"), "x0.0")),
        grid_(flow::time_grid(0, 1, 8)),
        field_(compile(Function([this](const Tensor& x, const Tensor& t) { return net_(x, t); }))) {}

  void run() override {
    const flow::TimedField v = [&](const Tensor& x, const Tensor& t) { return field_(x, t); };
    const flow::Solution solution = flow::integrate(flow::Solver::heun, v, noise_, grid_);
    samples_ = solution.x;
    evaluations_ = solution.evaluations;
  }
  std::int64_t units() const override { return evaluations_; }
  nn::State results() const override { return {{"samples", samples_}}; }

 private:
  using Function = std::function<Tensor(const Tensor&, const Tensor&)>;

  nn::Mlp net_;
  Tensor noise_;
  std::vector<double> grid_;
  Compiled<Function> field_;
  Tensor samples_;
  std::int64_t evaluations_ = 1;
};

}  // namespace

void add_sampling_workloads(Workloads& workloads) {
  workloads["ode_sampling"] = [](const Data& data) { return std::make_unique<Sampling>(data); };
}

}  // namespace nabla::bench
