#include "engine/backend/cuda/kernels.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <set>
#include <thread>
#include <vector>

#include "engine/backend/cuda/compiler.h"
#include "engine/backend/cuda/context.h"

namespace nabla::cuda {

Kernels& Kernels::instance() {
  static Kernels& kernels = *new Kernels;  // never destroyed, like the context
  return kernels;
}

Kernels::Loaded Kernels::load_one(const KernelSource& source) {
  const int architecture = Context::instance().architecture();
  const auto try_loading = [&](const std::string& code, Loaded& kernel) {
    cudaError_t status =
        cudaLibraryLoadData(kernel.library.address(), code.data(), nullptr, nullptr, 0, nullptr, nullptr, 0);
    if (status == cudaSuccess)
      status = cudaLibraryGetKernel(&kernel.kernel, kernel.library.get(), source.entry.c_str());
    // The driver would put it off until the first launch: who asks for attributes has it loaded here and now.
    cudaFuncAttributes attributes{};
    return status == cudaSuccess ? cudaFuncGetAttributes(&attributes, kernel.kernel) : status;
  };
  if (const std::optional<std::string> code = cache_.find(source, architecture)) {
    Loaded kernel;
    if (try_loading(*code, kernel) == cudaSuccess) return kernel;
    cudaGetLastError();  // a damaged file: made again
  }
  const std::string code = compile(source, architecture);
  Loaded kernel;
  check(try_loading(code, kernel), source.entry);
  cache_.keep(source, architecture, code);
  const std::lock_guard lock(mutex_);
  ++compiled_;
  return kernel;
}

void Kernels::load(std::span<const KernelSource* const> sources) {
  std::vector<const KernelSource*> missing;
  {
    const std::lock_guard lock(mutex_);
    std::set<std::string_view> seen;
    for (const KernelSource* source : sources)
      if (!loaded_.contains(source->text) && seen.insert(source->text).second) missing.push_back(source);
  }
  if (missing.empty()) return;

  std::vector<std::exception_ptr> failures(missing.size());
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < missing.size(); i = next++) {
      try {
        Loaded kernel = load_one(*missing[i]);
        const std::lock_guard lock(mutex_);
        loaded_.emplace(missing[i]->text, std::move(kernel));
      } catch (...) {
        failures[i] = std::current_exception();
      }
    }
  };
  const std::size_t count =
      std::min<std::size_t>(missing.size(), std::max(1U, std::thread::hardware_concurrency()));
  std::vector<std::jthread> helpers;
  for (std::size_t i = 1; i < count; ++i) helpers.emplace_back(work);
  work();
  helpers.clear();
  for (const std::exception_ptr& failure : failures)
    if (failure) std::rethrow_exception(failure);
}

cudaKernel_t Kernels::find(const KernelSource& source) {
  const std::lock_guard lock(mutex_);
  return loaded_.at(source.text).kernel;
}

Kernels::Statistics Kernels::statistics() {
  const std::lock_guard lock(mutex_);
  return {loaded_.size(), compiled_};
}

}  // namespace nabla::cuda
