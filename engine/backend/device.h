#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/tensor/buffer.h"

namespace nabla {

/// Where plans run.
enum class Device : std::uint8_t { cpu, cuda };

std::string_view name_of(Device device);
/// "cpu" or "cuda". @throws Error for another name.
Device device_named(std::string_view name);

/// Plans run on `device` from now on, for the whole program; the CPU at first. Values stay where they were
/// computed and move when a plan elsewhere, or the host, reads them.
/// @throws Error for cuda where it cannot be used, saying why (why_no_cuda()).
void set_device(Device device);
Device current_device();

/// Why cuda cannot be used: the library was built without it, there is no driver, or no GPU. Empty if it can.
std::string why_no_cuda();

/// Threads and instruction set of the CPU, or the GPU's name with its architecture and the versions of
/// driver, runtime, NVRTC and cuBLASLt.
std::string describe(Device device);

/// Waits for all work of the device.
/// @throws Error if some of it failed.
void synchronize(Device device);

/// Memory that values and plans hold on a device, now and at the highest point: since the last
/// reset_peak_memory() on the host, from the beginning on a GPU. What is cached for later is not counted.
MemoryStatistics memory_statistics(Device device);
/// Gives memory that is cached back to the system, or to the GPU's driver.
void release_memory_cache(Device device);

/// What f32 products are computed in on a GPU. Sums are f32 in all of them. `tf32` keeps 10 bits of the
/// operands' mantissas, `bf16` 7; the default keeps all 23, because the identity of the posterior covariance
/// amplifies errors of the Jacobian.
enum class ProductPrecision : std::uint8_t { f32, tf32, bf16 };
void set_product_precision(ProductPrecision precision);
ProductPrecision product_precision();

}  // namespace nabla
