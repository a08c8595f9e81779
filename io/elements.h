#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "engine/tensor/tensor.h"
#include "io/byte_stream.h"
#include "io/input.h"
#include "io/stored_type.h"

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

/// Where and how the elements of an array lie in a file.
struct StoredElements {
  StoredType type = StoredType::f32;
  std::endian order = std::endian::little;
  bool first_axis_fastest = false;
  std::uint64_t begin = 0;  ///< byte in the file
};

/// Makes the tensor of a shape from the next bytes of a stream, which hold its elements; the stream is read
/// to their end and no further, a block at a time, and `on_block`, unless it is empty, is shown each.
/// Fails before it takes memory if there cannot be so many bytes, and where they end, or an element is
/// refused.
Tensor read_elements(ByteStream& stream, const Input& input, const Shape& shape, const StoredElements& stored,
                     const std::function<void(std::span<const std::byte>)>& on_block = nullptr);

/// Fails if another byte follows the array, which ends at byte `end`.
void require_end(ByteStream& stream, const Input& input, std::uint64_t end);

}  // namespace nabla::io
