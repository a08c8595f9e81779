// A chain of sixteen cheap pointwise operators on tensors beyond the caches: memory should bound it.

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
  explicit PointwiseChain(const Data& data) {
    const nn::State file = data.file("chain");
    for (const char* pair : {"0", "1", "2", "3"})
      pairs_.push_back({nn::entry("chain", file, std::string("x.") + pair),
                        nn::entry("chain", file, std::string("y.") + pair)});
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
  workloads["pointwise_chain"] = [](const Data& data) { return std::make_unique<PointwiseChain>(data); };
}

}  // namespace nabla::bench
