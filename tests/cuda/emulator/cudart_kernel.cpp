#include <cuda_runtime_api.h>

#include <bit>
#include <cstring>
#include <utility>

#include "tests/cuda/emulator/machine.h"
#include "tests/cuda/emulator/memory.h"
#include "tests/cuda/emulator/program.h"
#include "tests/cuda/emulator/work.h"

// Loading images and launching their kernels.

namespace nabla::cuda::emulator {

namespace {

constexpr char kImageMark[] = "emulated kernels";

struct LoadedLibrary {
  std::string text;
  std::vector<host::EntryPoint> entries;
  std::vector<cudaKernel_t> kernels;  ///< handed out
};
Registry<cudaLibrary_t, LoadedLibrary>& libraries() {
  static auto& instance = *new Registry<cudaLibrary_t, LoadedLibrary>;
  return instance;
}
Registry<cudaKernel_t, Kernel>& kernels() {
  static auto& instance = *new Registry<cudaKernel_t, Kernel>;
  return instance;
}
std::vector<std::string>& expected_texts() {
  static auto& instance = *new std::vector<std::string>;
  return instance;
}

/// What the kernel is handed, and nothing else, comes within its reach.
void reach_pointers(const Kernel& kernel, const std::vector<std::uint64_t>& arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const auto* pointer = std::bit_cast<const void*>(arguments[i]);
    if (!kernel.entry.is_pointer[i] || pointer == nullptr) continue;
    if (!device_memory().reach(pointer) && !host_memory().reach(pointer))
      throw Failure{cudaErrorIllegalAddress, "kernel " + kernel.entry.name + ": argument " +
                                                 std::to_string(i) +
                                                 " does not point into a live allocation"};
  }
}

void run(const Kernel& kernel, std::int64_t blocks, int threads,
         const std::vector<std::uint64_t>& arguments) {
  reach_pointers(kernel, arguments);
  compile_expected();
  try {
    host::kernel(kernel.text, kernel.entry.name).run(blocks, threads, arguments, machine().order);
  } catch (const host::KernelError& error) {
    throw Failure{error.address != nullptr ? cudaErrorIllegalAddress : cudaErrorLaunchFailure, error.what()};
  }
  ++machine().counters.kernels_run;
}

bool is_launchable(dim3 grid, dim3 block, std::size_t shared_bytes) {
  // Kernels use one dimension, and whole warps.
  return grid.x >= 1 && grid.x <= 0x7fffffff && grid.y == 1 && grid.z == 1 && block.x >= 32 &&
         block.x <= 1024 && block.x % 32 == 0 && block.y == 1 && block.z == 1 && shared_bytes == 0;
}

}  // namespace

std::vector<char> image_of(const std::string& text) {
  std::vector<char> image(kImageMark, kImageMark + sizeof(kImageMark));
  image.insert(image.end(), text.c_str(), text.c_str() + text.size() + 1);
  return image;
}

std::string text_of(const void* image) {
  if (std::strncmp(static_cast<const char*>(image), kImageMark, sizeof(kImageMark)) != 0)
    throw Failure{cudaErrorInvalidKernelImage, "this is not what NVRTC made"};
  return static_cast<const char*>(image) + sizeof(kImageMark);
}

void expect(const std::string& text) { expected_texts().push_back(text); }

void compile_expected() {
  const std::vector<std::string> texts = std::exchange(expected_texts(), {});
  if (texts.empty()) return;
  try {
    host::compile(texts);
  } catch (const host::KernelError& error) {
    throw Failure{cudaErrorInvalidKernelImage, error.what()};
  }
}

}  // namespace nabla::cuda::emulator

using namespace nabla::cuda::emulator;

extern "C" {

cudaError_t cudaLibraryLoadData(cudaLibrary_t* library, const void* code, cudaJitOption*, void**, unsigned,
                                cudaLibraryOption*, void**, unsigned) {
  return runtime_call("cudaLibraryLoadData", [=] {
    forbid_in_capture("kernels are loaded");
    auto made = std::make_shared<LoadedLibrary>();
    made->text = text_of(code);
    made->entries = nabla::cuda::host::entry_points(made->text);
    expect(made->text);
    *library = libraries().add(std::move(made));
    return cudaSuccess;
  });
}

cudaError_t cudaLibraryUnload(cudaLibrary_t handle) {
  return runtime_call("cudaLibraryUnload", [=] {
    forbid_in_capture("kernels are unloaded");
    const auto library = libraries().find(handle);
    if (library == nullptr) return cudaErrorInvalidResourceHandle;
    for (const cudaKernel_t kernel : library->kernels) kernels().remove(kernel);
    libraries().remove(handle);
    return cudaSuccess;
  });
}

cudaError_t cudaLibraryGetKernel(cudaKernel_t* kernel, cudaLibrary_t handle, const char* name) {
  return runtime_call("cudaLibraryGetKernel", [=] {
    const auto library = libraries().find(handle);
    if (library == nullptr) return cudaErrorInvalidResourceHandle;
    for (const nabla::cuda::host::EntryPoint& entry : library->entries) {
      if (entry.name != name) continue;
      *kernel = kernels().add(std::make_shared<Kernel>(Kernel{library->text, entry}));
      library->kernels.push_back(*kernel);
      return cudaSuccess;
    }
    throw Failure{cudaErrorSymbolNotFound, "no kernel " + std::string(name)};
  });
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* function) {
  return runtime_call("cudaFuncGetAttributes", [=] {
    forbid_in_capture("kernels are loaded");
    if (kernels().find(static_cast<cudaKernel_t>(const_cast<void*>(function))) == nullptr)
      return cudaErrorInvalidDeviceFunction;
    *attributes = {};
    attributes->maxThreadsPerBlock = 1024;
    return cudaSuccess;
  });
}

cudaError_t cudaLaunchKernel(const void* function, dim3 grid, dim3 block, void** arguments,
                             size_t shared_bytes, cudaStream_t handle) {
  return runtime_call("cudaLaunchKernel", [=] {
    const auto kernel = kernels().find(static_cast<cudaKernel_t>(const_cast<void*>(function)));
    if (kernel == nullptr) return cudaErrorInvalidDeviceFunction;
    if (!is_launchable(grid, block, shared_bytes))
      throw Failure{cudaErrorInvalidConfiguration, "kernel " + kernel->entry.name + " cannot be launched so"};
    ++machine().counters.launches;
    std::vector<std::uint64_t> values(kernel->entry.is_pointer.size());
    for (std::size_t i = 0; i < values.size(); ++i) std::memcpy(&values[i], arguments[i], sizeof(values[i]));
    return enqueue(stream_of(handle), [kernel, grid, block, values] {
      run(*kernel, grid.x, static_cast<int>(block.x), values);
    });
  });
}

}  // extern "C"
