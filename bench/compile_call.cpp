// What a call of a compiled function costs beside the kernels, against the same function uncompiled: a tiny
// function, and a training step of a small network with Adam. Medians of several runs, both sides in turn,
// one thread.

#include <cstdio>
#include <functional>
#include <vector>

#include "engine/engine.h"
#include "examples/report/timing.h"
#include "nn/nn.h"

using namespace nabla;
using report::median;

namespace {

double microseconds_of(int calls, const std::function<void(int)>& call) {
  const double seconds = report::seconds_of([&] {
    for (int i = 0; i < calls; ++i) call(i);
  });
  return 1e6 * seconds / calls;
}

void compare(const char* what, int calls, const std::function<void(int)>& plain,
             const std::function<void(int)>& compiled) {
  std::vector<double> plain_times;
  std::vector<double> compiled_times;
  for (int run = 0; run < 21; ++run) {
    plain_times.push_back(microseconds_of(calls, plain));
    compiled_times.push_back(microseconds_of(calls, compiled));
  }
  std::printf("%-44s %9.2f us uncompiled, %9.2f us compiled\n", what, median(plain_times),
              median(compiled_times));
}

// A network 2-64-64-64-2 and its training, which the two sides have one each of.
struct Training {
  class Network : public nn::Module {
   public:
    Network() {
      const std::vector<std::int64_t> widths{2, 64, 64, 64, 2};
      for (std::uint32_t i = 0; i + 1 < widths.size(); ++i)
        layers_.emplace_back(fold_in(random_key(0), i), widths[i], widths[i + 1]);
      for (std::size_t i = 0; i < layers_.size(); ++i) add_part("layers." + std::to_string(i), layers_[i]);
    }
    Tensor operator()(Tensor x) const {
      for (std::size_t i = 0; i + 1 < layers_.size(); ++i) x = tanh(layers_[i](x));
      return layers_.back()(x);
    }

   private:
    std::vector<nn::Linear> layers_;
  };

  Tensor step(const Tensor& x, const Tensor& rate) {
    const nn::LossAndGradients result =
        nn::value_and_grad(network, [&]() -> std::vector<Tensor> { return {mean(square(network(x) - x))}; });
    nn::commit(adam.updates(result.gradients, rate), {result.loss});
    return result.loss;
  }

  Network network;
  nn::Adam adam{network};
};

void compare_training(std::int64_t batch) {
  const Tensor x = normal(random_key(1), {batch, 2}).detach();
  Training plain;
  Training kept;
  const auto step = compile([&](const Tensor& at, const Tensor& rate) { return kept.step(at, rate); });
  const auto rate_of = [](int i) { return 1e-3 / (1 + i); };
  const std::string what = "Adam step of an MLP 2-64-64-64-2, batch " + std::to_string(batch);
  compare(
      what.c_str(), 100, [&](int i) { plain.step(x, tensor<double>({rate_of(i)}, Shape{})); },
      [&](int i) { step(x, rate_of(i)); });
}

}  // namespace

int main() {
  set_thread_count(1);
  const Tensor x = ones({4}).detach();
  const auto f = [](const Tensor& v) { return v * 2 + 1; };
  const auto compiled = compile(f);
  compare(
      "x * 2 + 1 of 4 elements", 10000, [&](int) { f(x).value(); }, [&](int) { compiled(x); });
  for (const std::int64_t batch : {1, 32, 256}) compare_training(batch);
}
