#pragma once

#include <string>

#include "engine/graph/op.h"
#include "engine/tensor/complex.h"
#include "engine/tensor/error.h"

namespace nabla::cpu {

template <class T>
struct Type {
  using type = T;
};

/// Calls f(Type<T>{}) for the element type of a floating (or test-only complex) dtype.
template <class F>
void visit_floating(const char* what, DType dtype, F&& f) {
  switch (dtype) {
    case DType::f32:
      return f(Type<float>{});
    case DType::f64:
      return f(Type<double>{});
    case DType::c128:
      return f(Type<std::complex<double>>{});
    default:
      throw Error(std::string(what) + ": not supported for " + std::string(name_of(dtype)));
  }
}

/// Calls f(Type<T>{}) for a real numeric dtype.
template <class F>
void visit_real(const char* what, DType dtype, F&& f) {
  switch (dtype) {
    case DType::f32:
      return f(Type<float>{});
    case DType::f64:
      return f(Type<double>{});
    case DType::i32:
      return f(Type<std::int32_t>{});
    case DType::i64:
      return f(Type<std::int64_t>{});
    case DType::u8:
      return f(Type<std::uint8_t>{});
    case DType::u32:
      return f(Type<std::uint32_t>{});
    default:
      throw Error(std::string(what) + ": not supported for " + std::string(name_of(dtype)));
  }
}

/// Calls f(Type<T>{}) for any dtype but c128, bool included.
template <class F>
void visit_stored(const char* what, DType dtype, F&& f) {
  if (dtype == DType::boolean) return f(Type<bool>{});
  visit_real(what, dtype, f);
}

/// Calls f(Type<T>{}) for any numeric dtype, complex included, bool not.
template <class F>
void visit_numeric(const char* what, DType dtype, F&& f) {
  if (dtype == DType::c128) return f(Type<std::complex<double>>{});
  visit_real(what, dtype, f);
}

/// Calls f(Type<T>{}) for the dtypes of a column of the catalogue.
template <OperandTypes kTypes, class F>
void visit(const char* what, DType dtype, F&& f) {
  if constexpr (kTypes == OperandTypes::floating) visit_floating(what, dtype, f);
  if constexpr (kTypes == OperandTypes::real) visit_real(what, dtype, f);
  if constexpr (kTypes == OperandTypes::numeric) visit_numeric(what, dtype, f);
  if constexpr (kTypes == OperandTypes::ordered) visit_stored(what, dtype, f);
  if constexpr (kTypes == OperandTypes::any) {
    if (dtype == DType::c128) return f(Type<std::complex<double>>{});
    visit_stored(what, dtype, f);
  }
}

/// Calls f(Type<T>{}) with an unsigned type of the element size: for kernels that only move elements.
template <class F>
void visit_bits(DType dtype, F&& f) {
  switch (size_of(dtype)) {
    case 1:
      return f(Type<std::uint8_t>{});
    case 4:
      return f(Type<std::uint32_t>{});
    case 8:
      return f(Type<std::uint64_t>{});
    default:
      return f(Type<std::complex<double>>{});
  }
}

}  // namespace nabla::cpu
