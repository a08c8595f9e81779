#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "engine/tensor/tensor.h"
#include "io/input.h"

namespace nabla::io {

/// The bytes that a dense array of `shape` takes, with elements of `item_size` bytes. Nothing where they
/// cannot be counted in 63 bits; extents of 0 count as 1 in that check, so that strides can be counted too.
std::optional<std::uint64_t> dense_bytes(const Shape& shape, std::size_t item_size);

/// The elements of a tensor as they lie in memory, row-major. Computes them if need be; valid while a handle
/// lives.
std::span<const std::byte> bytes_of(const Tensor& tensor);

/// The bytes of a freshly made array, to be filled.
std::span<std::byte> bytes_of(Array& array);

/// Turns elements of `item_size` bytes from the machine's byte order to `order`, or back.
void convert_order(std::span<std::byte> elements, std::size_t item_size, std::endian order);

/// Fails at the first of `count` bytes from `begin` that is neither 0 nor 1.
void require_booleans(const Input& input, std::size_t begin, std::size_t count);

}  // namespace nabla::io
