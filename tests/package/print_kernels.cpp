#include <iostream>

#include "engine/engine.h"
#include "engine/explain/cuda_kernels.h"

// Fails unless the plan of a sum of exponentials is a kernel of that.
int main() {
  const nabla::Tensor x = nabla::tensor<float>({1, 2, 3}, {3});
  const nabla::Tensor y = sum(exp(x));
  const auto steps = nabla::cuda_kernels(*nabla::make_plan({&y, 1}).plan);
  bool found = false;
  for (const nabla::cuda::StepSource& step : steps)
    for (const nabla::cuda::KernelSource& kernel : step.kernels) {
      std::cout << nabla::cuda::preamble() << kernel.text;
      found = found || kernel.text.find("scalar::exp(") != std::string::npos;
    }
  return found ? 0 : 1;
}
