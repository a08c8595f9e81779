#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>

#include "engine/backend/cuda/compiler.h"
#include "engine/explain/cuda_kernels.h"
#include "flow/flow.h"
#include "nn/nn.h"
#include "tests/spec/checks.h"
#include "tests/spec/row_graph.h"

// Kernels of real work compile for the GPUs they are meant for, which takes NVRTC but no GPU.

namespace nabla::test {
namespace {

// Compiling takes about a tenth of a second for each kernel and architecture.
constexpr std::size_t kMostOfRows = 90;
constexpr int kArchitectures[] = {80, 90};

class Kernels {
 public:
  /// Those that a plan for these outputs runs.
  void add(const std::vector<Tensor>& outputs, std::size_t most = SIZE_MAX) {
    for (const cuda::StepSource& step : cuda_kernels(*make_plan(outputs).plan))
      for (const cuda::KernelSource& kernel : step.kernels)
        if (by_text_.size() < most) by_text_.emplace(kernel.text, kernel);
  }
  std::size_t size() const { return by_text_.size(); }
  /// Of those whose text has `part`.
  std::size_t count_of(const std::string& part) const {
    return static_cast<std::size_t>(std::ranges::count_if(
        by_text_, [&](const auto& kernel) { return kernel.first.find(part) != std::string::npos; }));
  }
  void compile() const {
    for (const auto& [text, kernel] : by_text_)
      for (const int architecture : kArchitectures) {
        INFO(text);
        std::string code;
        CHECK_NOTHROW(code = cuda::compile(kernel, architecture));
        CHECK(code.substr(1, 3) == "ELF");
      }
  }

 private:
  std::map<std::string, cuda::KernelSource> by_text_;  // equal texts are one kernel
};

// Value and derivative along a direction, as an average velocity is trained.
Tensor loss_of(const nn::Mlp& net, const Tensor& x) {
  const auto [value, tangent] = jvp(
      [&](const Tensor& at) {
        return net(at, tensor<float>({0.3f}, {1, 1}));
      },
      x, x * 0.5);
  return mean(square(value - tangent));
}

}  // namespace

TEST_CASE("kernels of training and of divergences compile") {
  Kernels kernels;
  const nn::Mlp net(random_key(0), {.inputs = 24,
                                    .outputs = 24,
                                    .width = 32,
                                    .hidden_layers = 2,
                                    .frequencies = 4,
                                    .embedding = 8,
                                    .output_gain = 1});
  nn::Adam adam(net, {.weight_decay = 0.01});
  const Tensor x = normal(random_key(1), {64, 24});
  const nn::LossAndGradients trained =
      nn::value_and_grad(net, [&]() -> std::vector<Tensor> { return {loss_of(net, x)}; });
  std::vector<Tensor> step{trained.loss};
  for (const nn::Update& update : adam.updates(trained.gradients, tensor<double>({0.01}, Shape{})))
    step.push_back(update.value);
  kernels.add(step);
  const Field field = [&](const Tensor& at) { return net(at, tensor<float>({0.3f}, {1, 1})); };
  kernels.add({divergence(field, x, {.method = JacobianMethod::forward})});
  kernels.add({divergence(field, x, {.method = JacobianMethod::contraction})});
  kernels.add({laplacian(field, x)});
  CHECK(kernels.size() > 10);
  CHECK(kernels.size() < 60);
  kernels.compile();
}

TEST_CASE("kernels of convolutions of many channels compile, of f32 and f64") {
  Kernels kernels;
  for (const DType type : {DType::f32, DType::f64}) {
    const Tensor x = normal(random_key(1), {2, 24, 16, 16}, type);
    const Tensor w = normal(random_key(2), {40, 12, 3, 3}, type);
    const ConvolutionOptions options{.stride = {2}, .padding = {1}, .groups = 2};
    const auto f = [&](const Tensor& data, const Tensor& weight) {
      return sum(square(convolution(data, weight, options)));
    };
    kernels.add({grad([&](const Tensor& at) { return f(at, w); }, x),
                 grad([&](const Tensor& at) { return f(x, at); }, w)});
  }
  CHECK(kernels.count_of("a_tile") == 6);
  kernels.compile();
}

TEST_CASE("kernels of the rows of the spec compile") {
  Kernels kernels;
  // Every row's value first, then derivatives of as many rows as there is time for.
  for (const spec::Spec& row : spec::all_rows()) {
    if (!row.f32) continue;
    spec::Random random = spec::random_for(row, 90);
    const std::vector<Tensor> all =
        value_and_derivatives(row, spec::in_f32(row, spec::sample_arguments(row, random)));
    kernels.add(all, kMostOfRows);
  }
  CHECK(kernels.size() > 50);
  kernels.compile();
}

TEST_CASE("a kernel that is broken does not compile, and the message shows it") {
  const Tensor x = uniform(random_key(1), {8}).detach();
  const std::vector<Tensor> outputs{nabla::tanh(x) * 2};
  cuda::KernelSource kernel = cuda_kernels(*make_plan(outputs).plan).at(0).kernels.at(0);
  CHECK_NOTHROW(cuda::compile(kernel, 90));
  // No such GPU is known: one that is would be of an architecture before it.
  CHECK(cuda::compile(kernel, 91).find(".target sm_90") != std::string::npos);
  kernel.text.insert(kernel.text.rfind('}'), "undeclared = 1;\n");
  std::string message;
  try {
    cuda::compile(kernel, 90);
  } catch (const Error& error) {
    message = error.what();
  }
  CHECK(message.find("cuda: kernel " + kernel.entry + " does not compile for sm_90") == 0);
  CHECK(message.find("undeclared") != std::string::npos);
  CHECK(message.find("extern \"C\"") != std::string::npos);
}

}  // namespace nabla::test
