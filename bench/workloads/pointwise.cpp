// A chain of sixteen cheap pointwise operators on tensors beyond the caches: memory should bound it. A GPU's
// cache holds more, so there is a larger one for it.

#include "bench/workloads/workload.h"
#include "engine/engine.h"

namespace nabla::bench {
namespace {

Tensor chain(const Tensor& x, const Tensor& y) {
  const Tensor a = x * y;
  const Tensor b = a + x;
  const Tensor c = max(b, y);
  const Tensor d = c - x;
  const Tensor e = square(d);
  const Tensor f = min(e, 4);
  const Tensor g = f * y;
  const Tensor h = g + a;
  const Tensor i = abs(h);
  const Tensor j = i - b;
  const Tensor k = -j;
  const Tensor l = max(k, x);
  const Tensor m = l * c;
  const Tensor n = m + y;
  const Tensor o = min(n, 8);
  return o - d;
}

class PointwiseChain : public Workload {
 public:
  // So many of the pairs of the file, each of them several times behind itself.
  PointwiseChain(const Data& data, int pairs, std::size_t copies) {
    const nn::State file = data.file("chain");
    const auto get = [&](const std::string& name) {
      return concatenate(std::vector<Tensor>(copies, nn::entry("chain", file, name)), 0).detach();
    };
    for (int i = 0; i < pairs; ++i)
      pairs_.push_back({get("x." + std::to_string(i)), get("y." + std::to_string(i))});
  }

  // The pairs take turns, so that none is still in a cache.
  void run() override {
    const auto& [x, y] = pairs_[turn_++ % pairs_.size()];
    value_ = chain_(x, y);
  }
  nn::State results() const override { return {{"value", value_}}; }

 private:
  std::vector<std::pair<Tensor, Tensor>> pairs_;
  Compiled<decltype(&chain)> chain_{&chain};
  std::size_t turn_ = 0;
  Tensor value_;
};

}  // namespace

void add_pointwise_workloads(Workloads& workloads) {
  workloads["pointwise_chain"] = [](const Data& data) {
    return std::make_unique<PointwiseChain>(data, 4, 1);
  };
  workloads["pointwise_chain_large"] = [](const Data& data) {
    return std::make_unique<PointwiseChain>(data, 1, 8);
  };
}

}  // namespace nabla::bench
