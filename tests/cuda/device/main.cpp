#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>

#include "engine/backend/device.h"

// Everything that test_cuda runs needs a GPU, or what stands in for one. Tests that were written for the CPU
// are linked with it too, and then run on the GPU.

int main(int argc, char** argv) {
  constexpr int kSkipped = 77;  // as CTest is told
#ifdef NABLAFLOW_EMULATED_CUDA
  // What the emulator compiles is no use to a GPU.
  setenv("NABLAFLOW_CACHE_DIR", NABLAFLOW_EMULATED_CUDA, 1);
#endif
  if (const std::string reason = nabla::why_no_cuda(); !reason.empty()) {
    std::printf("skipped: no CUDA device can be used: %s\n", reason.c_str());
    return kSkipped;
  }
  std::printf("on %s\n", nabla::describe(nabla::Device::cuda).c_str());
#ifdef NABLAFLOW_TESTS_OF_THE_CPU
  nabla::set_device(nabla::Device::cuda);
#endif
  doctest::Context context(argc, argv);
  return context.run();
}
