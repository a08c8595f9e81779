#include "engine/backend/device.h"

#include <atomic>

#include "engine/backend/backend.h"
#include "engine/backend/cuda_backend.h"
#include "engine/backend/instruction_set.h"
#include "engine/backend/threads.h"
#include "engine/tensor/error.h"

namespace nabla {
namespace {

std::atomic<Device> device = Device::cpu;
std::atomic<ProductPrecision> precision = ProductPrecision::f32;

}  // namespace

std::string_view name_of(Device of) { return of == Device::cuda ? "cuda" : "cpu"; }

Device device_named(std::string_view name) {
  for (const Device each : {Device::cpu, Device::cuda})
    if (name_of(each) == name) return each;
  throw Error("device: '" + std::string(name) + "' is neither cpu nor cuda");
}

void set_device(Device to) {
  if (const std::string reason = to == Device::cuda ? why_no_cuda() : ""; !reason.empty())
    throw Error("set_device: cuda cannot be used: " + reason);
  device = to;
}
Device current_device() { return device; }

std::string why_no_cuda() { return cuda::why_unusable(); }

std::string describe(Device of) {
  if (of == Device::cuda) return cuda::description();
  return "CPU, " + std::to_string(thread_count()) + " threads, " + std::string(name_of(instruction_set()));
}

void synchronize(Device of) {
  if (of == Device::cuda) cuda::synchronize();
}

MemoryStatistics memory_statistics(Device of) {
  return of == Device::cuda ? cuda::memory_statistics() : memory_statistics();
}
void release_memory_cache(Device of) {
  of == Device::cuda ? cuda::release_memory_cache() : release_memory_cache();
}

void set_product_precision(ProductPrecision to) { precision = to; }
ProductPrecision product_precision() { return precision; }

const Backend& current_backend() { return device == Device::cuda ? cuda::backend() : cpu_backend(); }

}  // namespace nabla
