#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "tests/spec/sample.h"

// Values of plans on the GPU against those of the CPU.

namespace nabla::test {

/// Plans run on the GPU while it lives.
class OnDevice {
 public:
  OnDevice() { set_device(Device::cuda); }
  ~OnDevice() { set_device(Device::cpu); }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;
};

/// f32 products in another precision while it lives.
class WithPrecision {
 public:
  explicit WithPrecision(ProductPrecision precision) { set_product_precision(precision); }
  ~WithPrecision() { set_product_precision(ProductPrecision::f32); }
  WithPrecision(const WithPrecision&) = delete;
  WithPrecision& operator=(const WithPrecision&) = delete;
};

/// Builds a graph on leaves of its own, the same one every time.
using Build = std::function<std::vector<Tensor>()>;

/// How far a value may be from the CPU's plan without optimisations, relative to the largest magnitude among
/// all values on the way (and terms of products): CUDA's elementary functions are within 2 ulp (pow 4), and
/// sums go in another order.
inline constexpr double kF32Bound = 4e-6;
inline constexpr double kF64Bound = 1e-12;

/// Compiles and loads the kernels of many graphs at once, by all processors, which saves a test that runs
/// them one by one much time.
void load_kernels(const std::vector<Build>& builds);

/// What is wrong with the outputs on the GPU, evaluated together; nothing if nothing is.
spec::Failures compare_with_cpu(const std::string& what, const Build& build);

/// The message of the Error that f throws.
inline std::string message_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace nabla::test
