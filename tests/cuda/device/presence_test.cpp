#include <doctest/doctest.h>

#include "tests/cuda/device/on_device.h"
#ifdef NABLAFLOW_EMULATED_CUDA
#include <cublasLt.h>
#include <cuda_runtime_api.h>

#include "engine/backend/cuda/runner.h"
#include "tests/cuda/emulator/emulator.h"

// A device that is not there, and calls that fail.

namespace nabla::test {
namespace {

using cuda::emulator::Presence;

class With {
 public:
  explicit With(Presence presence) { cuda::emulator::set_presence(presence); }
  ~With() { cuda::emulator::set_presence(Presence::device); }
  With(const With&) = delete;
  With& operator=(const With&) = delete;
};

}  // namespace

TEST_CASE("without a driver or a GPU the reason is told, and plans go on running on the CPU") {
  for (const Presence presence : {Presence::no_device, Presence::old_driver}) {
    const With absent(presence);
    const std::string reason = why_no_cuda();
    CHECK(reason.find(presence == Presence::no_device ? "cudaErrorNoDevice"
                                                      : "cudaErrorInsufficientDriver") == 0);
    CHECK(message_of([] { set_device(Device::cuda); }) == "set_device: cuda cannot be used: " + reason);
    CHECK(current_device() == Device::cpu);
    CHECK((tensor<float>({1}, {1}) + 1).item() == 2);
  }
  CHECK(why_no_cuda().empty());
}

TEST_CASE("a launch or a product that fails is an error that names the operator") {
  const OnDevice on_device;
  const Tensor a = normal(random_key(1), {33, 65}).detach();
  const Tensor b = normal(random_key(2), {65, 47}).detach();
  evaluate({a, b});
  cuda::emulator::fail_call("cublasLtMatmul", 1, CUBLAS_STATUS_EXECUTION_FAILED);
  CHECK(message_of([&] { evaluate({matmul(a, b)}); }).find("cuda: contraction: cuBLASLt: ") == 0);
  cuda::emulator::fail_call("cudaLaunchKernel", 1, cudaErrorInvalidValue);
  const std::string message = message_of([&] { evaluate({nabla::tanh(a)}); });
  CHECK_MESSAGE(message.find("cuda: tanh: cudaErrorInvalidValue") == 0, message);
  cuda::emulator::fail_no_calls();
  // A failed evaluation leaves nothing behind.
  CHECK(matmul(a, b).shape() == Shape{33, 47});
  evaluate({matmul(a, b), nabla::tanh(a)});
}

TEST_CASE("a number that did not reach the GPU is brought by the next run") {
  const OnDevice on_device;
  const auto twice = compile([](const Tensor& x) { return x * 2; });
  const Tensor one = tensor<float>({1}, {1});
  const Tensor three = tensor<float>({3}, {1});
  CHECK(twice(one).item() == 2);
  cuda::emulator::fail_call("cudaMemcpyAsync", 1, cudaErrorInvalidValue);
  CHECK(message_of([&] { twice(three); }).find("cuda: a copy to the device: ") == 0);
  CHECK(twice(three).item() == 6);
}

std::vector<std::string>& warnings() {
  static std::vector<std::string> said;
  return said;
}

TEST_CASE("a plan whose capture fails runs all the same, says so, and is captured by a later run") {
  const OnDevice on_device;
  set_warning_handler([](const std::string& message) { warnings().push_back(message); });
  const auto f = compile([](const Tensor& x) { return sum(cumsum(cumsum(cumsum(x, 0), 0), 0), {0}); });
  const Tensor x = tensor<float>({1, 2, 3}, {3});
  const double expected = f(x).item();
  const cuda::RunnerStatistics before = cuda::runner_statistics();
  for (const char* call : {"cudaLaunchKernel", "cudaGraphInstantiate"}) {
    cuda::emulator::fail_call(call, 1, cudaErrorInvalidValue);
    CHECK(f(x).item() == expected);
  }
  REQUIRE(warnings().size() == 2);
  CHECK(warnings()[0].find("cuda: a plan of 4 steps was not captured: cuda: cumsum: ") == 0);
  CHECK(warnings()[1].find("cuda: a plan of 4 steps was not captured: cuda: cudaGraphInstantiate: ") == 0);
  set_warning_handler(nullptr);
  CHECK(cuda::runner_statistics().captured == before.captured);
  CHECK(f(x).item() == expected);
  CHECK(f(x).item() == expected);
  CHECK(cuda::runner_statistics().captured - before.captured == 1);
  CHECK(cuda::runner_statistics().replayed - before.replayed == 2);
}

}  // namespace nabla::test
#endif
