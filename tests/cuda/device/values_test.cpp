#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>

#include "tests/cuda/device/on_device.h"
#ifdef NABLAFLOW_EMULATED_CUDA
#include "tests/cuda/emulator/emulator.h"
#endif

// Values move between the devices, and what goes wrong on the GPU is told.

namespace nabla::test {
namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a value is used wherever it was computed") {
  const Tensor x = tensor<float>({1, 2, 3, 4}, {2, 2});
  Tensor doubled;
  {
    const OnDevice on_device;
    doubled = x * 2;
    evaluate({doubled});
    CHECK(doubled.to_vector<float>() == std::vector<float>{2, 4, 6, 8});
    CHECK(transpose(doubled).to_vector<float>() == std::vector<float>{2, 6, 4, 8});
  }
  CHECK((doubled + x).to_vector<float>() == std::vector<float>{3, 6, 9, 12});
  const Tensor tripled = x * 3;
  CHECK(tripled.to_vector<float>() == std::vector<float>{3, 6, 9, 12});
  const OnDevice on_device;
  CHECK((tripled - doubled).to_vector<float>() == std::vector<float>{1, 2, 3, 4});
}

TEST_CASE("values of all types and large ones arrive as they were") {
  const OnDevice on_device;
  const std::int64_t many = (std::int64_t{3} << 20) + 7;  // more than one piece of a copy
  const Tensor counted = iota(many, DType::i64);
  const Tensor shifted = (counted + 1).detach();
  const std::span<const std::int64_t> elements = shifted.data<std::int64_t>();
  bool all_right = true;
  for (std::int64_t i = 0; i < many; ++i) all_right = all_right && elements[i] == i + 1;
  CHECK(all_right);
  set_device(Device::cpu);
  const Tensor on_host = (iota(many, DType::f32) * 0.5).detach();
  const Tensor expected = sum(on_host, {0});
  const double total = expected.item();
  set_device(Device::cuda);
  CHECK(sum(on_host, {0}).item() == doctest::Approx(total).epsilon(1e-6));
  CHECK(greater(on_host, 1.0)[Index(3)].item() == 1);
  CHECK(cast(on_host, DType::u8)[Index(9)].item() == 4);
}

TEST_CASE("a leaf that shows a part of its memory is read on the GPU") {
  Array whole = Array::dense({4000}, DType::f64);
  for (int i = 0; i < 4000; ++i) whole.data<double>()[i] = i;
  Layout part;
  part.shape = Shape{3};
  part.strides[0] = -2;
  part.offset = 7;
  const OnDevice on_device;
  const auto twice = compile([](const Tensor& x) { return x * 2; });
  for (int turn = 0; turn < 2; ++turn)
    CHECK(twice(leaf({whole.buffer, part, DType::f64})).to_vector<double>() ==
          std::vector<double>{14, 10, 6});
}

TEST_CASE("memory of the GPU is counted, and given back") {
  const OnDevice on_device;
  const std::size_t before = memory_statistics(Device::cuda).live_bytes;
  Tensor x = (iota(std::int64_t{1} << 20, DType::f32) * 2).detach();
  const std::size_t with = memory_statistics(Device::cuda).live_bytes;
  CHECK(with - before >= std::size_t{4} << 20);
  x = Tensor();
  CHECK(with - memory_statistics(Device::cuda).live_bytes == std::size_t{4} << 20);
  CHECK(memory_statistics(Device::cuda).peak_bytes >= with);
  release_memory_cache(Device::cuda);
  CHECK((iota(16, DType::f32) * 2)[Index(3)].item() == 6);
}

TEST_CASE("a loss is read some steps late") {
  const OnDevice on_device;
  std::vector<Tensor> losses;
  Tensor x = tensor<float>({1, 2}, {2});
  for (int step = 0; step < 5; ++step) {
    x = (x * 0.5).detach();
    losses.push_back(sum(square(x), {0}));
    start_read_back(losses.back());
  }
  double expected = 5;
  for (const Tensor& loss : losses) CHECK(loss.item() == doctest::Approx(expected /= 4));
}

TEST_CASE("an index outside its axis is refused on the GPU as on the CPU") {
  const OnDevice on_device;
  const Tensor x = tensor<double>({1, 2, 3}, {3});
  const auto at = [&](std::int64_t i) { return gather(x, tensor<std::int64_t>({0, i}, {2}), 0); };
  CHECK(message_of([&] { evaluate({at(3)}); }) == "gather: index 3 is outside axis -1 of [3]");
  CHECK(message_of([&] { evaluate({at(-1)}); }) == "gather: index -1 is outside axis -1 of [3]");
  CHECK(at(2).to_vector<double>() == std::vector<double>{1, 3});
  // A cell keeps what it had, where the plan is captured too.
  Cell cell(x);
  const auto step = compile([&](const Tensor& i) {
    const Tensor change = sum(cumsum(gather(cell.get(), i, 0), 0), {0}) + 1;
    cell.assign(cell.get() + change);
  });
  std::vector<double> expected{1, 2, 3};
  for (int turn = 0; turn < 5; ++turn) {
    CHECK(message_of([&] { step(tensor<std::int64_t>({7}, {1})); }) ==
          "gather: index 7 is outside axis -1 of [3]");
    CHECK(cell.get().to_vector<double>() == expected);
    step(tensor<std::int64_t>({1}, {1}));
    const double change = expected[1] + 1;
    for (double& v : expected) v += change;
  }
  CHECK(cell.get().to_vector<double>() == expected);
}

TEST_CASE("NaN mode names the operator and the line on the GPU") {
  const OnDevice on_device;
  set_nan_mode(true);
  const Tensor x = tensor<float>({-1, 4}, {2});
  const std::string message = message_of([&] { evaluate({nabla::sqrt(x) + 1}); });
  set_nan_mode(false);
  CHECK(contains(message, "nan mode: sqrt [2] built at "));
  CHECK(contains(message, "values_test.cpp"));
}

TEST_CASE("complex numbers are for the CPU alone") {
  const Tensor x = cast(tensor<double>({1, 2}, {2}), DType::c128).detach();
  const OnDevice on_device;
  const std::string message = message_of([&] { evaluate({x * x}); });
  INFO(message);
  CHECK(message == "mul: complex numbers are for the CPU alone");
}

TEST_CASE("memory that the GPU has not is told with what the plan takes") {
  const OnDevice on_device;
  const Tensor x = iota(std::int64_t{1} << 41, DType::f64);
  const std::string message = message_of([&] { evaluate({x + 1}); });
  INFO(message);
  CHECK(contains(message, "cannot allocate"));
  CHECK(contains(message, "the plan takes"));
  CHECK(contains(message, "result of #"));
  CHECK((tensor<double>({1}, {1}) + 1).item() == 2);  // and work goes on
}

#ifdef NABLAFLOW_EMULATED_CUDA
TEST_CASE("plans that do not run give their temporaries up where memory is short") {
  const OnDevice on_device;
  const std::int64_t count = std::int64_t{1} << 20;
  // Temporaries of 8 MiB each, kept with the plan.
  const auto total = [&](double start) {
    const Tensor x = iota(count, DType::f64) + start;
    return sum(cumsum(cumsum(x, 0), 0), {0});
  };
  const double expected = total(1).item();
  const std::size_t used = cuda::emulator::device_bytes();
  cuda::emulator::set_memory_limit(used + (std::size_t{4} << 20));
  CHECK(cumsum(iota(count * 3 / 4, DType::f64), 0)[Index(2)].item() == 3);  // does not fit beside them
  CHECK(total(1).item() == expected);
  cuda::emulator::set_memory_limit(std::size_t{4} << 30);
}
#endif

TEST_CASE("products of another precision are off by its rounding and no more") {
  const Tensor a = uniform(random_key(1), {64, 256}, DType::f32).detach();
  const Tensor b = uniform(random_key(2), {256, 32}, DType::f32).detach();
  const std::vector<double> exact = spec::elements(matmul(cast(a, DType::f64), cast(b, DType::f64)));
  const OnDevice on_device;
  const auto error = [&](ProductPrecision precision) {
    const WithPrecision with(precision);
    const std::vector<double> got = spec::elements(matmul(a, b));
    double largest = 0;
    for (std::size_t i = 0; i < got.size(); ++i)
      largest = std::max(largest, std::abs(got[i] - exact[i]) / exact[i]);
    return largest;
  };
  CHECK(error(ProductPrecision::f32) < 2e-6);
  const double tf32 = error(ProductPrecision::tf32);
  CHECK(tf32 > 1e-6);
  CHECK(tf32 < 1e-3);
  const double bf16 = error(ProductPrecision::bf16);
  CHECK(bf16 > tf32);
  CHECK(bf16 < 1e-2);
}

}  // namespace nabla::test
