#include "tests/cuda/device/on_device.h"

#include <algorithm>
#include <cmath>

#include "engine/backend/cuda/kernels.h"
#include "engine/explain/cuda_kernels.h"
#include "engine/graph/node.h"
#include "tests/spec/plan_reference.h"

namespace nabla::test {
namespace {

double largest_magnitude(const std::vector<spec::Expected>& values) {
  double largest = 1;
  for (const spec::Expected& value : values) {
    if (!is_floating(value.value.dtype())) continue;
    for (const double v : spec::elements(value.value))
      if (std::isfinite(v)) largest = std::max(largest, std::abs(v));
  }
  return largest;
}

}  // namespace

void load_kernels(const std::vector<Build>& builds) {
  const OnDevice on_device;
  std::vector<cuda::StepSource> steps;
  for (const Build& build : builds) {
    std::vector<Tensor> outputs = build();
    std::erase_if(outputs, [](const Tensor& output) { return output.node().has_value(); });
    if (outputs.empty()) continue;
    for (cuda::StepSource& step : cuda_kernels(*make_plan(outputs).plan)) steps.push_back(std::move(step));
  }
  std::vector<const cuda::KernelSource*> kernels;
  for (const cuda::StepSource& step : steps)
    for (const cuda::KernelSource& kernel : step.kernels) kernels.push_back(&kernel);
  cuda::Kernels::instance().load(kernels);
}

spec::Failures compare_with_cpu(const std::string& what, const Build& build) {
  std::vector<spec::Expected> expected = spec::expected_values(spec::operations_behind(build()));
  const double magnitude = largest_magnitude(expected);
  for (spec::Expected& value : expected)
    if (is_floating(value.value.dtype()))
      value.bound =
          std::max(value.bound, magnitude * (value.value.dtype() == DType::f32 ? kF32Bound : kF64Bound));

  spec::Failures failures;
  const OnDevice on_device;
  std::vector<Tensor> outputs;
  std::vector<std::size_t> places;
  {
    const std::vector<Tensor> all = build();
    const std::vector<Tensor> operations = spec::operations_behind(all);
    if (operations.size() != expected.size()) throw Error("the graph is another when it is built again");
    for (const Tensor& output : all)
      for (std::size_t i = 0; i < operations.size(); ++i)
        if (same(output, operations[i])) {
          outputs.push_back(output);
          places.push_back(i);
        }
  }
  evaluate(outputs);
  for (std::size_t i = 0; i < outputs.size(); ++i)
    spec::expect_value(failures, what + "output " + std::to_string(i), outputs[i], expected[places[i]]);
  return failures;
}

}  // namespace nabla::test
