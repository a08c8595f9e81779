#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "engine/tensor/dtype.h"

namespace nabla::io {

/// How a file stores elements. What no tensor holds becomes, without rounding, the smallest type that holds
/// it: f16, bf16 and the f8 types become f32; i8, i16 and u16 become i32; u64 becomes i64, where its values
/// fit.
enum class StoredType : std::uint8_t {
  f64,
  f32,
  f16,
  bf16,
  f8_e5m2,  ///< the upper half of an f16
  f8_e4m3,  ///< with NaN and no infinity: the largest value is 448
  f8_e8m0,  ///< a power of two, 2^(bits - 127), or NaN
  i64,
  i32,
  i16,
  i8,
  u64,
  u32,
  u16,
  u8,
  boolean,
};

std::size_t size_of(StoredType type);
/// The type of the tensor that the elements become.
DType dtype_of(StoredType type);

/// Whether an element of a tensor is the same bytes, those of the machine's own order, whatever they are.
bool is_stored_as_held(StoredType type);

/// Turns `count` elements in the byte order of the machine into those of a tensor. Returns how many it could:
/// fewer where a u64 has no i64 or a boolean is neither 0 nor 1.
std::size_t convert(StoredType type, const std::byte* from, std::byte* to, std::size_t count);

}  // namespace nabla::io
