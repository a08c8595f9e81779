// Attention of six heads of 32 numbers over 196 places, 16 samples: its value, eight tangents and cotangents.

#include "bench/workloads/workload.h"
#include "engine/engine.h"

namespace nabla::bench {
namespace {

using Tensors = std::vector<Tensor>;

Tensor attended(const Tensor& q, const Tensor& k, const Tensor& v) { return attention(q, k, v); }

class AttentionWork : public Workload {
 public:
  using Run = Tensors (*)(const Tensors& arguments);

  // Of entries of the file "attention".
  AttentionWork(const Data& data, Run function, const std::vector<std::string>& arguments,
                std::vector<std::string> results)
      : run_(function), names_(std::move(results)) {
    const nn::State file = data.file("attention");
    for (const std::string& name : arguments) arguments_.push_back(nn::entry("attention", file, name));
  }
  void run() override { values_ = run_(arguments_); }
  nn::State results() const override {
    nn::State all;
    for (std::size_t i = 0; i < names_.size(); ++i) all.push_back({names_[i], values_[i]});
    return all;
  }

 private:
  Compiled<Run> run_;
  std::vector<std::string> names_;
  Tensors arguments_, values_;
};

}  // namespace

void add_attention_workloads(Workloads& workloads) {
  workloads["attention"] = [](const Data& data) {
    return std::make_unique<AttentionWork>(
        data, [](const Tensors& x) { return Tensors{attended(x[0], x[1], x[2])}; },
        std::vector<std::string>{"q", "k", "v"}, std::vector<std::string>{"value"});
  };
  workloads["attention_jvp"] = [](const Data& data) {
    return std::make_unique<AttentionWork>(
        data,
        [](const Tensors& x) {
          return Tensors{jvp(attended, {x[0], x[1], x[2]}, {x[3], x[4], x[5]}).tangent};
        },
        std::vector<std::string>{"q", "k", "v", "dq", "dk", "dv"}, std::vector<std::string>{"value"});
  };
  workloads["attention_vjp"] = [](const Data& data) {
    return std::make_unique<AttentionWork>(
        data,
        [](const Tensors& x) {
          return vjp(attended, {x[0], x[1], x[2]}, x[3]).cotangents;
        },
        std::vector<std::string>{"q", "k", "v", "cotangent"}, std::vector<std::string>{"q", "k", "v"});
  };
}

}  // namespace nabla::bench
