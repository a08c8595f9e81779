#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace nabla {

/// Element types. There is no implicit promotion between tensors; literals take the type of the tensor beside
/// them.
enum class DType : std::uint8_t {
  f32,
  f64,
  i32,
  i64,
  u8,
  u32,
  boolean,
  c128,  ///< complex<double>: only for complex-step checks of derivative rules; not a public numeric type
};

std::size_t size_of(DType dtype);
std::string_view name_of(DType dtype);

/// True for the types that carry derivatives.
constexpr bool is_floating(DType dtype) {
  return dtype == DType::f32 || dtype == DType::f64 || dtype == DType::c128;
}

/// True for the types that count: neither bool nor those that carry derivatives.
constexpr bool is_integer(DType dtype) { return dtype != DType::boolean && !is_floating(dtype); }

template <class T>
struct DTypeOf;
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::f32;
};
template <>
struct DTypeOf<double> {
  static constexpr DType value = DType::f64;
};
template <>
struct DTypeOf<std::int32_t> {
  static constexpr DType value = DType::i32;
};
template <>
struct DTypeOf<std::int64_t> {
  static constexpr DType value = DType::i64;
};
template <>
struct DTypeOf<std::uint8_t> {
  static constexpr DType value = DType::u8;
};
template <>
struct DTypeOf<std::uint32_t> {
  static constexpr DType value = DType::u32;
};
template <>
struct DTypeOf<bool> {
  static constexpr DType value = DType::boolean;
};

/// The DType of a C++ element type; does not compile for a type that no tensor can hold. That of complex
/// numbers is in complex.h.
template <class T>
inline constexpr DType dtype_of = DTypeOf<T>::value;

}  // namespace nabla
