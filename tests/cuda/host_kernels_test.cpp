#include "tests/cuda/host_kernels.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <numeric>
#include <string>
#include <vector>

#include "engine/backend/cpu/vector_math/vector_math.h"
#include "tests/cuda/host_step.h"

// What runs kernels on the host, by kernels written by hand, right ones and wrong ones.

namespace nabla::cuda::host {
namespace {

using From = KernelArgument::From;

template <class T>
std::span<const std::byte> bytes_of(const std::vector<T>& values) {
  return std::as_bytes(std::span(values));
}
template <class T>
std::span<std::byte> writable_bytes_of(std::vector<T>& values) {
  return std::as_writable_bytes(std::span(values));
}

/// A step of one kernel from input 0 to output 0.
StepSource step_of(std::string text, std::int64_t blocks, int threads,
                   std::vector<KernelArgument> arguments = {{From::input, 0}, {From::output, 0}}) {
  StepSource step;
  const std::string entry = entry_points(text).at(0).name;
  step.kernels.push_back({entry, std::move(text), std::move(arguments), blocks, threads});
  return step;
}

/// What run_step() says of a wrong kernel, or "" if nothing.
std::string complaint_about(const StepSource& step, std::size_t in = 256, std::size_t out = 256) {
  const std::vector<float> x(in, 1.0F);
  std::vector<float> y(out);
  try {
    const StepInput input{bytes_of(x)};
    const StepOutput output{writable_bytes_of(y)};
    run_step(step, {&input, 1}, {&output, 1});
  } catch (const KernelError& error) {
    return error.what();
  }
  return "";
}

void check_mentions(const std::string& text, std::initializer_list<const char*> parts) {
  for (const char* part : parts) {
    INFO(text);
    CHECK(text.find(part) != std::string::npos);
  }
}

TEST_CASE("threads of a block meet at barriers and exchange values by shuffles") {
  const StepSource step = step_of(R"(
extern "C" __global__ void sum_of_block(const float* x, double* y) {
  __shared__ double of_warp[32];
  double v = x[blockIdx.x * blockDim.x + threadIdx.x];
  for (int d = 16; d > 0; d /= 2) v += __shfl_down_sync(0xffffffffu, v, d);
  if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = v;
  __syncthreads();
  if (threadIdx.x == 0) {
    for (int w = 1; w < blockDim.x / 32; ++w) v += of_warp[w];
    y[blockIdx.x] = v;
  }
})",
                                  3, 256);
  std::vector<float> x(3 * 256);
  std::iota(x.begin(), x.end(), 1.0F);
  std::vector<double> y(3);
  const StepInput input{bytes_of(x)};
  const StepOutput output{writable_bytes_of(y)};
  CHECK_FALSE(run_step(step, {&input, 1}, {&output, 1}).has_value());
  for (std::size_t b = 0; b < 3; ++b)
    CHECK(y[b] == std::accumulate(x.begin() + static_cast<std::ptrdiff_t>(256 * b),
                                  x.begin() + static_cast<std::ptrdiff_t>(256 * (b + 1)), 0.0));
}

TEST_CASE("the preamble's reductions give the result to all threads") {
  const StepSource step = step_of(R"(
extern "C" __global__ void reduced(const float* x, float* y) {
  const float v = x[threadIdx.x];
  y[threadIdx.x] = block_reduce<SumOf>(v) + 1000.0f * block_reduce<MaxOf>(v) + warp_reduce<MinOf>(v) / 4;
})",
                                  1, 128);
  std::vector<float> x(128);
  std::iota(x.begin(), x.end(), 0.0F);
  std::vector<float> y(128);
  const StepInput input{bytes_of(x)};
  const StepOutput output{writable_bytes_of(y)};
  run_step(step, {&input, 1}, {&output, 1});
  for (std::size_t t = 0; t < 128; ++t)
    CHECK(y[t] == 8128.0F + 127000.0F + static_cast<float>(t / 32 * 32) / 4);
}

TEST_CASE("shared memory serves a transpose, in place too") {
  const StepSource step = step_of(R"(
extern "C" __global__ void transpose(const float* x, float* y) {
  __shared__ float tile[32][33];
  for (int row = threadIdx.x / 32; row < 32; row += 8) tile[row][threadIdx.x % 32] = x[row * 32 + threadIdx.x % 32];
  __syncthreads();
  for (int row = threadIdx.x / 32; row < 32; row += 8) y[row * 32 + threadIdx.x % 32] = tile[threadIdx.x % 32][row];
})",
                                  1, 256);
  std::vector<float> x(1024);
  std::iota(x.begin(), x.end(), 0.0F);
  for (const int in_place_of : {-1, 0}) {
    std::vector<float> y(1024);
    const StepInput input{bytes_of(x)};
    const StepOutput output{writable_bytes_of(y), in_place_of};
    run_step(step, {&input, 1}, {&output, 1});
    for (std::size_t i = 0; i < 32; ++i)
      for (std::size_t j = 0; j < 32; ++j) CHECK(y[i * 32 + j] == x[j * 32 + i]);
  }
}

TEST_CASE("all shuffles and votes") {
  const std::string text = R"(
extern "C" __global__ void shuffles(int* y) {
  const int lane = threadIdx.x;
  y[lane] = __shfl_sync(0xffffffffu, lane, 5);
  y[32 + lane] = __shfl_up_sync(0xffffffffu, lane, 3);
  y[64 + lane] = __shfl_down_sync(0xffffffffu, lane, 3);
  y[96 + lane] = __shfl_xor_sync(0xffffffffu, lane, 9);
  y[128 + lane] = __shfl_sync(0xffffffffu, lane, 9, 8);
  y[160 + lane] = __shfl_down_sync(0xffffffffu, lane, 3, 8);
  y[192 + lane] = __ballot_sync(0xffffffffu, lane % 3 == 0);
  y[224 + lane] = lane < 16 ? __shfl_xor_sync(0x0000ffffu, lane, 1) : -1;
  __syncwarp();
})";
  std::vector<int> y(256);
  const std::vector<std::uint64_t> arguments = {std::bit_cast<std::uint64_t>(y.data())};
  for (const Order order : {Order::forward, Order::backward}) {
    kernel(text, "shuffles").run(1, 32, arguments, order);
    unsigned votes = 0;
    for (unsigned lane = 0; lane < 32; lane += 3) votes |= 1U << lane;
    for (int lane = 0; lane < 32; ++lane) {
      const auto at = [&](int row) { return y[32 * row + lane]; };
      CHECK(at(0) == 5);
      CHECK(at(1) == (lane < 3 ? lane : lane - 3));
      CHECK(at(2) == (lane > 28 ? lane : lane + 3));
      CHECK(at(3) == (lane ^ 9));
      CHECK(at(4) == lane / 8 * 8 + 1);
      CHECK(at(5) == (lane % 8 > 4 ? lane : lane + 3));
      CHECK(static_cast<unsigned>(at(6)) == votes);
      CHECK(at(7) == (lane < 16 ? lane ^ 1 : -1));
    }
  }
}

TEST_CASE("a barrier or shuffle that not all threads reach is an error that names the kernel") {
  check_mentions(complaint_about(step_of(R"(
extern "C" __global__ void skips_barrier(const float* x, float* y) {
  if (threadIdx.x != 77) __syncthreads();
  y[threadIdx.x] = x[threadIdx.x];
})",
                                         1, 256)),
                 {"skips_barrier", "__syncthreads (line 3)", "thread 77, which has returned"});
  check_mentions(complaint_about(step_of(R"(
extern "C" __global__ void other_barrier(const float* x, float* y) {
  if (threadIdx.x < 64) {
    __syncthreads();
  } else {
    __syncthreads();
  }
  y[threadIdx.x] = x[threadIdx.x];
})",
                                         1, 256)),
                 {"other_barrier", "line 4", "line 6"});
  check_mentions(complaint_about(step_of(R"(
extern "C" __global__ void skips_shuffle(const float* x, float* y) {
  float v = x[threadIdx.x];
  if (threadIdx.x % 32 != 5) v += __shfl_xor_sync(0xffffffffu, v, 1);
  y[threadIdx.x] = v;
})",
                                         1, 256)),
                 {"skips_shuffle", "__shfl_xor_sync (line 4)", "thread 5, which has returned"});
  check_mentions(complaint_about(step_of(R"(
extern "C" __global__ void outside_mask(const float* x, float* y) {
  float v = x[threadIdx.x];
  if (threadIdx.x < 16) v += __shfl_sync(0xffffu, v, 20);
  y[threadIdx.x] = v;
})",
                                         1, 256)),
                 {"outside_mask", "lane 20, which is not in the mask"});
}

TEST_CASE("accesses out of bounds are found") {
  check_mentions(complaint_about(step_of(R"(
extern "C" __global__ void writes_behind(const float* x, float* y) { y[threadIdx.x + 1] = x[threadIdx.x]; })",
                                         1, 256)),
                 {"writes_behind", "thread 255", "output 0, 0 bytes behind its end"});
  check_mentions(complaint_about(step_of(R"(
extern "C" __global__ void writes_before(const float* x, float* y) { y[(int)threadIdx.x - 1] = x[threadIdx.x]; })",
                                         1, 256)),
                 {"writes_before", "out of the bounds of output 0"});
  check_mentions(complaint_about(step_of(R"(
extern "C" __global__ void reads_behind(const float* x, float* y) { y[threadIdx.x] = x[threadIdx.x + 1]; })",
                                         1, 256)),
                 {"reads_behind", "thread 255", "input 0, 0 bytes behind its end"});
  // 255 elements leave room for one behind them.
  check_mentions(complaint_about(step_of(R"(
extern "C" __global__ void writes_rest(const float* x, float* y) { y[threadIdx.x] = x[threadIdx.x]; })",
                                         1, 256),
                                 256, 255),
                 {"writes_rest", "out of the bounds of output 0"});
  check_mentions(complaint_about(step_of(R"(
extern "C" __global__ void writes_input(float* x, float* y) { y[threadIdx.x] = x[threadIdx.x] = 0; })",
                                         1, 256)),
                 {"writes_input", "input 0, 0 bytes inside"});
  check_mentions(complaint_about(step_of(R"(
extern "C" __global__ void divides(const float* x, float* y) { y[threadIdx.x] = 7 / (int)(x[0] - 1); })",
                                         1, 256)),
                 {"divides", "divides an integer by zero"});
  check_mentions(complaint_about(step_of(R"(
extern "C" __global__ void takes_much(const float* x, float* y) {
  volatile float large[100000];
  large[threadIdx.x * 300] = x[0];
  y[threadIdx.x] = large[threadIdx.x * 300];
})",
                                         1, 256)),
                 {"takes_much", "overflows its stack"});
}

TEST_CASE("results that depend on the order of threads are found, and shared memory starts poisoned") {
  check_mentions(complaint_about(step_of(R"(
extern "C" __global__ void races(const float* x, float* y) { y[0] = x[threadIdx.x] * threadIdx.x; })",
                                         1, 256),
                                 256, 1),
                 {"races", "depends on the order"});
  const StepSource step = step_of(R"(
extern "C" __global__ void unset(const float* x, float* y) {
  __shared__ float s[64];
  if (threadIdx.x < 32) s[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  y[blockIdx.x * 64 + threadIdx.x] = s[threadIdx.x];
  __syncthreads();
  s[threadIdx.x] = 3;
})",
                                  2, 64);
  const std::vector<float> x(32, 1.0F);
  std::vector<float> y(128);
  const StepInput input{bytes_of(x)};
  const StepOutput output{writable_bytes_of(y)};
  run_step(step, {&input, 1}, {&output, 1});
  for (std::size_t i = 0; i < 128; ++i) {
    if (i % 64 < 32) CHECK(y[i] == 1.0F);
    if (i % 64 >= 32) CHECK(std::isnan(y[i]));
  }
}

TEST_CASE("a step's scratch memory, numbers, offsets and refusal") {
  StepSource step;
  const std::string text = R"(
extern "C" __global__ void first(const float* x, float* scratch, i64 n) {
  const i64 i = i64(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < n) scratch[i] = x[-i];
}
extern "C" __global__ void second(const float* scratch, float* y, i64 n, Refusal* refusal) {
  const i64 i = i64(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= n) return;
  if (scratch[i] == 98.0f) refuse(refusal, i + 1000);
  y[i] = scratch[i] * 2;
})";
  step.scratch_bytes = 256 + 400;
  step.kernels.push_back(
      {"first", text, {{From::input, 0}, {From::scratch, 256}, {From::number, 100}}, 4, 32});
  step.kernels.push_back({"second",
                          text,
                          {{From::scratch, 256}, {From::output, 0}, {From::number, 100}, {From::refusal}},
                          4,
                          32});
  std::vector<float> x(100);
  std::iota(x.begin(), x.end(), 0.0F);
  std::vector<float> y(100);
  const StepInput input{bytes_of(x), 99 * sizeof(float)};
  const StepOutput output{writable_bytes_of(y)};
  const auto refused = run_step(step, {&input, 1}, {&output, 1});
  REQUIRE(refused.has_value());
  CHECK(*refused == 1001);
  for (std::size_t i = 0; i < 100; ++i) CHECK(y[i] == 2 * x[99 - i]);
}

TEST_CASE("elementary functions are those of the CPU") {
  const StepSource step = step_of(R"(
extern "C" __global__ void elementary(const float* x, float* y) {
  const float v = x[threadIdx.x];
  y[threadIdx.x] = expf(v) + logf(v) * tanhf(v) - powf(v, 1.7f) / sqrtf(v) + (float)erf((double)v);
})",
                                  1, 256);
  std::vector<float> x(256);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = 0.01F * static_cast<float>(i + 1);
  std::vector<float> y(256);
  const StepInput input{bytes_of(x)};
  const StepOutput output{writable_bytes_of(y)};
  run_step(step, {&input, 1}, {&output, 1});
  for (std::size_t i = 0; i < x.size(); ++i) {
    const float v = x[i];
    CHECK(y[i] == cpu::exp(v) + cpu::log(v) * cpu::tanh(v) - cpu::pow(v, 1.7F) / std::sqrt(v) +
                      static_cast<float>(cpu::erf(static_cast<double>(v))));
  }
}

TEST_CASE("a new kernel finds the rest of CUDA's mathematics") {
  const std::vector<std::pair<std::string, double (*)(double)>> functions{
      {"round", std::round},   {"nearbyint", std::nearbyint}, {"logb", std::logb},   {"cbrt", std::cbrt},
      {"exp2", std::exp2},     {"log2", std::log2},           {"log10", std::log10}, {"tan", std::tan},
      {"asin", std::asin},     {"acos", std::acos},           {"atan", std::atan},   {"sinh", std::sinh},
      {"cosh", std::cosh},     {"asinh", std::asinh},         {"atanh", std::atanh}, {"erfc", std::erfc},
      {"lgamma", std::lgamma}, {"tgamma", std::tgamma}};
  std::string calls;
  for (const auto& [name, function] : functions) {
    calls += "  *y++ = " + name + "(*x);\n  *z++ = " + name + "f((float)*x);\n";
  }
  const StepSource step = step_of(
      "extern \"C\" __global__ void others(const double* x, double* y, float* z) {\n"
      "if (threadIdx.x != 0) return;\n" +
          calls + "}",
      1, 32, {{From::input, 0}, {From::output, 0}, {From::output, 1}});
  const std::vector<double> x{0.3};
  std::vector<double> y(functions.size());
  std::vector<float> z(functions.size());
  const StepInput input{bytes_of(x)};
  const std::vector<StepOutput> outputs{{writable_bytes_of(y)}, {writable_bytes_of(z)}};
  run_step(step, {&input, 1}, outputs);
  for (std::size_t i = 0; i < functions.size(); ++i) {
    INFO(functions[i].first);
    CHECK(y[i] == functions[i].second(0.3));
    CHECK(z[i] == doctest::Approx(functions[i].second(0.3F)).epsilon(1e-6));
  }
}

TEST_CASE("many texts with the same names are compiled together") {
  std::vector<std::string> texts;
  for (int i = 0; i < 150; ++i)
    texts.push_back("__device__ int value() { return " + std::to_string(i) +
                    "; }\nextern \"C\" __global__ void same(i64* y) { y[threadIdx.x] = value(); }");
  compile(texts);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    std::vector<std::int64_t> y(32);
    const std::vector<std::uint64_t> arguments = {std::bit_cast<std::uint64_t>(y.data())};
    kernel(std::string(preamble()) + texts[i], "same").run(1, 32, arguments);
    CHECK(y[31] == static_cast<std::int64_t>(i));
  }
}

TEST_CASE("what has been compiled can be kept for later runs") {
  std::string directory = (std::filesystem::temp_directory_path() / "nablaflow_kept_XXXXXX").string();
  REQUIRE(mkdtemp(directory.data()) != nullptr);
  const auto* const before = std::getenv("NABLAFLOW_HOST_KERNELS");
  const std::string earlier = before == nullptr ? "" : before;
  setenv("NABLAFLOW_HOST_KERNELS", (directory + "/kept").c_str(), 1);
  const std::string text = "extern \"C\" __global__ void kept(i64* y) { *y = 12345; }";
  std::int64_t y = 0;
  const std::vector<std::uint64_t> arguments = {std::bit_cast<std::uint64_t>(&y)};
  kernel(text, "kept").run(1, 32, arguments);
  CHECK(y == 12345);
  std::size_t libraries = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory + "/kept")) {
    ++libraries;
    CHECK(std::filesystem::exists(entry.path() / "kernels.so"));
    CHECK(std::filesystem::exists(entry.path() / "kernels.cpp"));
  }
  CHECK(libraries == 1);
  if (before == nullptr) unsetenv("NABLAFLOW_HOST_KERNELS");
  if (before != nullptr) setenv("NABLAFLOW_HOST_KERNELS", earlier.c_str(), 1);
  std::filesystem::remove_all(directory);
}

TEST_CASE("a launch or a text that cannot be is an error") {
  const std::string text =
      "extern \"C\" __global__ __launch_bounds__(64) void two(const float* x, Vec<float, 4>* y) { y[0].at[0] "
      "= x[0]; }";
  const std::vector<EntryPoint> entries = entry_points(text);
  REQUIRE(entries.size() == 1);
  CHECK(entries[0].name == "two");
  CHECK(entries[0].is_pointer == std::vector<bool>{true, true});
  const HostKernel& two = kernel(text, "two");
  const std::vector<std::uint64_t> arguments(2);
  CHECK_THROWS_AS(two.run(0, 32, arguments), KernelError);
  CHECK_THROWS_AS(two.run(1, 33, arguments), KernelError);
  CHECK_THROWS_AS(two.run(1, 32, std::span(arguments).first(1)), KernelError);
  CHECK_THROWS_AS(two.run(1, 32, arguments), KernelError);  // null pointers
  CHECK_THROWS_AS(kernel(text, "three"), KernelError);
  CHECK_THROWS_AS(kernel("extern \"C\" __global__ void f(int* x) { x = y; }", "f"), KernelError);
  CHECK_THROWS_AS(kernel("extern \"C\" __global__ void f(int x) {}", "f"), KernelError);
  const std::string large =
      "extern \"C\" __global__ void large(float* x) { __shared__ float s[20000]; s[0] = *x; }";
  CHECK_THROWS_AS(kernel(large, "large").run(1, 32, std::span(arguments).first(1)), KernelError);
}

}  // namespace
}  // namespace nabla::cuda::host
