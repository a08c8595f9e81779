#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "engine/plan/plan.h"
#include "tests/cuda/device/on_device.h"
#include "tests/spec/checks.h"
#include "tests/spec/row_graph.h"
#ifdef NABLAFLOW_EMULATED_CUDA
#include <cuda_runtime_api.h>
#include <cudnn.h>

#include "engine/backend/cuda/runner.h"
#include "tests/cuda/emulator/emulator.h"
#endif

// Convolutions by cuDNN and by kernels of ours, against those of the CPU.

namespace nabla::test {
namespace {

struct Convolved {
  const char* what;
  Shape data, weight;
  ConvolutionOptions options;
  int by_cudnn;  ///< calls of cuDNN for the convolution and its two transposes
};

const std::vector<Convolved>& convolved() {
  static const std::vector<Convolved> cases{
      {"one axis", {2, 3, 11}, {4, 3, 4}, {.stride = {2}, .padding = {2}}, 3},
      {"two axes", {2, 3, 7, 6}, {4, 3, 3, 3}, {.padding = {1}}, 3},
      {"groups", {2, 4, 8, 9}, {6, 2, 3, 2}, {.stride = {2, 1}, .padding = {0, 1}, .groups = 2}, 3},
      {"three axes", {1, 2, 3, 4, 5}, {3, 2, 2, 3, 2}, {.dilation = {1, 1, 2}}, 3},
      {"a group for each channel", {2, 5, 6, 6}, {5, 1, 3, 3}, {.padding = {1}, .groups = 5}, 3},
      {"many channels", {3, 17, 6, 5}, {34, 17, 3, 3}, {.padding = {1}}, 3},
      {"more zeros behind, which no window needs",
       {1, 2, 6, 6},
       {3, 2, 3, 3},
       {.stride = {2}, .padding = {1}, .padding_after = {0}},
       3},
      {"more zeros behind, which windows need",
       {1, 2, 6, 6},
       {3, 2, 4, 4},
       {.padding = {1}, .padding_after = {2}},
       0},
      // Samples continue along leading axes, but in the weight's cotangent, which sums over them.
      {"leading axes of the data", {3, 2, 2, 5, 4}, {2, 2, 3, 3}, {.padding = {1}}, 3},
      {"no samples", {0, 2, 5, 5}, {2, 2, 3, 3}, {}, 0},
  };
  return cases;
}

// Numbers in [-1, 1] that the host holds.
Tensor numbers(const Shape& shape, DType type, std::int64_t seed) {
  const Array array = Array::dense(shape, type);
  for (std::int64_t i = 0; i < shape.size(); ++i) {
    const double value = static_cast<double>((i * 7919 + seed * 104729) % 2003) / 1001 - 1;
    if (type == DType::f64)
      array.data<double>()[i] = value;
    else
      array.data<float>()[i] = static_cast<float>(value);
  }
  return leaf(array);
}

// The convolution and both transposes, each a step of its own.
std::vector<Tensor> all_slots(const Tensor& data, const Tensor& weight, const ConvolutionOptions& options) {
  const Tensor result = convolution(data, weight, options);
  const Tensor u = numbers(result.shape(), data.dtype(), 3);
  return {result, vjp([&](const Tensor& x) { return convolution(x, weight, options); }, data, u).cotangent,
          vjp([&](const Tensor& w) { return convolution(data, w, options); }, weight, u).cotangent};
}

Build build_of(const Convolved& x, DType type) {
  return [&x, type] { return all_slots(numbers(x.data, type, 1), numbers(x.weight, type, 2), x.options); };
}

void check_against_cpu(const std::string& what, const Build& build) {
  clear_plan_cache();  // who does a convolution is found out when a plan is new
  for (const std::string& failure : compare_with_cpu(what + ": ", build)) FAIL_CHECK(failure);
}

// Operands that do not lie as cuDNN wants them, and leading axes of the weight. `calls`: of cuDNN.
struct Lying {
  const char* what;
  int calls;
  Build build;
};
std::vector<Lying> lying(DType type) {
  const ConvolutionOptions padded{.padding = {1}};
  const auto of_weights = [=](std::int64_t count) {
    return [=] {
      const Tensor data = numbers({2, 4, 4, 4}, type, 1);
      return std::vector{vmap([&](const Tensor& w) { return convolution(data, w, padded); },
                              numbers({count, 2, 4, 3, 3}, type, 2))};
    };
  };
  const auto of_pairs = [=](const Shape& data, const Shape& weight) {
    return [=] {
      return vmap([&](const std::vector<Tensor>& x) { return std::vector{convolution(x[0], x[1], padded)}; },
                  {numbers(data, type, 1), numbers(weight, type, 2)}, {0, 0});
    };
  };
  return {{"channels last", 3,
           [=] {
             return all_slots(permute(numbers({2, 6, 5, 4}, type, 1), {0, 3, 1, 2}),
                              numbers({3, 4, 3, 3}, type, 2), padded);
           }},
          {"samples of a batch that start anywhere", 3,
           [=] {
             return all_slots(slice(numbers({4, 1, 5, 5}, type, 1), 0, 1, 3), numbers({3, 1, 3, 3}, type, 2),
                              padded);
           }},
          {"one data for all samples", 1,
           [=] {
             return std::vector{convolution(broadcast_to(numbers({1, 2, 5, 5}, type, 1), {3, 2, 5, 5}),
                                            numbers({3, 2, 3, 3}, type, 2), padded)};
           }},
          {"a weight for each data", 3, of_pairs({3, 2, 4, 4, 4}, {3, 2, 4, 3, 3})},
          {"a weight for each data, which start anywhere", 0, of_pairs({3, 2, 1, 4, 4}, {3, 1, 1, 3, 3})},
          {"a few weights", 5, of_weights(5)},
          {"many weights", 0, of_weights(17)}};
}

}  // namespace

TEST_CASE("the three convolutions have the CPU's values") {
  for (const DType type : {DType::f32, DType::f64}) {
    const std::string of_type = ", " + std::string(name_of(type));
    for (const Convolved& x : convolved()) check_against_cpu(x.what + of_type, build_of(x, type));
    for (const Lying& x : lying(type)) check_against_cpu(x.what + of_type, x.build);
  }
}

#ifdef NABLAFLOW_EMULATED_CUDA
namespace {

using cuda::emulator::counters;

// cuDNN refuses that share of convolutions while it lives.
class WithRefusals {
 public:
  explicit WithRefusals(double share) { cuda::emulator::set_convolution_refusals(share); }
  ~WithRefusals() { cuda::emulator::set_convolution_refusals(0); }
  WithRefusals(const WithRefusals&) = delete;
  WithRefusals& operator=(const WithRefusals&) = delete;
};

std::int64_t calls_of_cudnn(const std::function<void()>& f) {
  const std::int64_t before = counters().convolutions_run;
  f();
  return counters().convolutions_run - before;
}

// Of an f32 convolution of numbers of that size, from the one that is exact.
double largest_error(ProductPrecision precision, double size) {
  const auto build = [&](DType type) {
    return convolution(cast(numbers({2, 3, 6, 6}, DType::f32, 1) * size, type),
                       cast(numbers({4, 3, 3, 3}, DType::f32, 2), type));
  };
  const std::vector<double> exact = build(DType::f64).to_vector<double>();
  const WithPrecision with(precision);
  const OnDevice on_device;
  const std::vector<float> found = build(DType::f32).to_vector<float>();
  double largest = 0;
  for (std::size_t i = 0; i < found.size(); ++i)
    largest = std::max(largest, std::isfinite(found[i]) ? std::abs(found[i] - exact[i]) : INFINITY);
  return largest / size;
}

}  // namespace

TEST_CASE("cuDNN does what suits it, and a kernel of ours the rest") {
  for (const DType type : {DType::f32, DType::f64}) {
    for (const Convolved& x : convolved()) {
      INFO(x.what);
      CHECK(calls_of_cudnn([&] { check_against_cpu(x.what, build_of(x, type)); }) == x.by_cudnn);
    }
    for (const Lying& x : lying(type)) {
      INFO(x.what);
      CHECK(calls_of_cudnn([&] { check_against_cpu(x.what, x.build); }) == x.calls);
    }
  }
}

TEST_CASE("a convolution that cuDNN refuses is done by a kernel of ours") {
  std::int64_t all = 0, some = 0;
  for (const Convolved& x : convolved()) {
    INFO(x.what);
    {
      const WithRefusals always(1);
      CHECK(calls_of_cudnn([&] { check_against_cpu(x.what, build_of(x, DType::f32)); }) == 0);
    }
    const WithRefusals at_random(0.5);
    all += x.by_cudnn;
    some += calls_of_cudnn([&] { check_against_cpu(x.what, build_of(x, DType::f32)); });
  }
  CHECK(some > 0);
  CHECK(some < all);
}

TEST_CASE("rows of the spec have the CPU's values and derivatives by kernels of ours alone") {
  const WithRefusals always(1);
  std::vector<std::pair<std::string, Build>> rows;
  std::vector<Build> builds;
  for (const spec::Spec& row : spec::all_rows()) {
    if (!row.primitive.starts_with("convolution")) continue;
    spec::Random random = spec::random_for(row, 82);
    const spec::RowArguments arguments = spec::in_f32(row, spec::sample_arguments(row, random));
    builds.emplace_back([&row, arguments] { return value_and_derivatives(row, arguments); });
    rows.emplace_back(spec::name_of(row), builds.back());
  }
  CHECK(rows.size() > 30);
  load_kernels(builds);
  CHECK(calls_of_cudnn([&] {
          for (const auto& [name, build] : rows) check_against_cpu(name, build);
        }) == 0);
}

TEST_CASE("a convolution that cuDNN refuses when it is to run is done by a kernel of ours from then on") {
  const Convolved& x = convolved()[1];
  for (const char* call :
       {"cudnnConvolutionForward", "cudnnConvolutionBackwardData", "cudnnConvolutionBackwardFilter"})
    for (const cudnnStatus_t status :
         {CUDNN_STATUS_NOT_SUPPORTED_SHAPE, CUDNN_STATUS_BAD_PARAM, CUDNN_STATUS_INTERNAL_ERROR}) {
      INFO(call);
      cuda::emulator::fail_call(call, 1, status);
      CHECK(calls_of_cudnn([&] { check_against_cpu(call, build_of(x, DType::f32)); }) == 2);
    }
  // The same plan again.
  clear_plan_cache();
  const OnDevice on_device;
  const Build build = build_of(x, DType::f32);
  const auto run = [&] {
    evaluate(build());
    synchronize(Device::cuda);
  };
  CHECK(calls_of_cudnn(run) == 3);
  cuda::emulator::fail_call("cudnnConvolutionForward", 1, CUDNN_STATUS_NOT_SUPPORTED);
  CHECK(calls_of_cudnn(run) == 2);
  CHECK(calls_of_cudnn(run) == 2);
}

TEST_CASE("a convolution that fails is an error that names the operator") {
  const Build build = build_of(convolved()[1], DType::f32);
  const OnDevice on_device;
  clear_plan_cache();
  cuda::emulator::fail_call("cudnnConvolutionBackwardData", 1, CUDNN_STATUS_EXECUTION_FAILED);
  const std::string message = message_of([&] { evaluate(build()); });
  CHECK_MESSAGE(message.find("cuda: convolution_to_data: cuDNN: ") == 0, message);
  evaluate(build());
}

TEST_CASE("convolutions keep what the precision keeps") {
  CHECK(largest_error(ProductPrecision::f32, 1) < 1e-6);
  for (const ProductPrecision reduced : {ProductPrecision::tf32, ProductPrecision::bf16}) {
    CHECK(largest_error(reduced, 1) > 1e-5);
    CHECK(largest_error(reduced, 1) < 1e-2);
    CHECK(largest_error(reduced, 1e6) < 1e-2);  // no half precision, whose numbers end at 65504
  }
}

TEST_CASE("convolutions by cuDNN are captured and replayed") {
  const OnDevice on_device;
  const Tensor weight = numbers({4, 3, 3, 3}, DType::f32, 2);
  const auto f = compile([&](const Tensor& x) {
    const Tensor y = convolution(x, weight, {.padding = {1}});
    return sum(cumsum(y, 0) * convolution(x, weight * 2, {.padding = {1}}));
  });
  const Tensor x = numbers({2, 3, 6, 6}, DType::f32, 1);
  const double expected = f(x).item();
  const cuda::RunnerStatistics before = cuda::runner_statistics();
  CHECK(calls_of_cudnn([&] {
          for (int turn = 0; turn < 2; ++turn) CHECK(f(x).item() == expected);
        }) == 4);
  CHECK(cuda::runner_statistics().replayed - before.replayed == 2);
}
#endif

}  // namespace nabla::test
