#include "engine/backend/cpu/tile/pointwise_rows.h"

#include <algorithm>
#include <concepts>
#include <string>
#include <type_traits>

#include "engine/backend/cpu/kernels/visit.h"
#include "engine/backend/cpu/tile/scalar_functions.h"

namespace nabla::cpu {
namespace {

using Rows = Variants<PointwiseRow>;

// ---------------------------------------------------------------------------------------------------------------------
// For floating types the common strides get loops of their own, which compilers vectorise; the other types
// make do with one.

template <class T>
inline constexpr bool has_fast_rows = std::is_floating_point_v<T>;

template <class F, class T>
concept HasUsualRange = requires(T x) {
  { F::is_usual(x) } -> std::same_as<bool>;
  { F::of_usual(x) } -> std::same_as<T>;
};

template <class F, class T>
NABLAFLOW_INLINED bool all_usual(const T* x, std::int64_t count) {
  std::uint32_t unusual = 0;
  for (std::int64_t i = 0; i < count; ++i) unusual |= mask_of(!F::is_usual(x[i]));
  return unusual == 0;
}

// Of two operands the first one tells.
template <class F, class T>
concept HasUsualFirst = requires(T x) {
  { F::is_usual(x) } -> std::same_as<bool>;
  { F::of_usual(x, x) } -> std::same_as<T>;
};

template <class F, class T>
NABLAFLOW_INLINED void unary_dense_loop(T* out, const T* x, std::int64_t count) {
  if constexpr (HasUsualRange<F, T>) {
    if (all_usual<F>(x, count)) {
      NABLAFLOW_INDEPENDENT_TURNS
      for (std::int64_t i = 0; i < count; ++i) out[i] = F::of_usual(x[i]);
      return;
    }
  }
  NABLAFLOW_INDEPENDENT_TURNS
  for (std::int64_t i = 0; i < count; ++i) out[i] = F::of(x[i]);
}

template <class F, class T>
NABLAFLOW_INLINED void unary_loop(void* out_elements, const void* elements, std::int64_t stride,
                                  std::int64_t count) {
  T* out = static_cast<T*>(out_elements);
  const T* x = static_cast<const T*>(elements);
  if (has_fast_rows<T> && stride == 1) {
    unary_dense_loop<F, T>(out, x, count);
  } else if (has_fast_rows<T> && stride == 0) {
    std::fill(out, out + count, F::of(*x));
  } else {
    NABLAFLOW_INDEPENDENT_TURNS
    for (std::int64_t i = 0; i < count; ++i) out[i] = F::of(x[i * stride]);
  }
}

template <class F, class R, class T>
NABLAFLOW_INLINED void binary_loop(void* out_elements, const void* a_elements, std::int64_t sa,
                                   const void* b_elements, std::int64_t sb, std::int64_t count) {
  R* out = static_cast<R*>(out_elements);
  const T* a = static_cast<const T*>(a_elements);
  const T* b = static_cast<const T*>(b_elements);
  if (has_fast_rows<T> && sa == 1 && sb == 1) {
    if constexpr (HasUsualFirst<F, T>) {
      if (all_usual<F>(a, count)) {
        NABLAFLOW_INDEPENDENT_TURNS
        for (std::int64_t i = 0; i < count; ++i) out[i] = F::of_usual(a[i], b[i]);
        return;
      }
    }
    NABLAFLOW_INDEPENDENT_TURNS
    for (std::int64_t i = 0; i < count; ++i) out[i] = F::of(a[i], b[i]);
  } else if (has_fast_rows<T> && sa == 1 && sb == 0) {
    const T value = *b;
    NABLAFLOW_INDEPENDENT_TURNS
    for (std::int64_t i = 0; i < count; ++i) out[i] = F::of(a[i], value);
  } else if (has_fast_rows<T> && sa == 0 && sb == 1) {
    const T value = *a;
    NABLAFLOW_INDEPENDENT_TURNS
    for (std::int64_t i = 0; i < count; ++i) out[i] = F::of(value, b[i]);
  } else {
    NABLAFLOW_INDEPENDENT_TURNS
    for (std::int64_t i = 0; i < count; ++i) out[i] = F::of(a[i * sa], b[i * sb]);
  }
}

// By a mask: a load that depends on the condition becomes a branch, and nobody foresees conditions of data.
template <class T>
NABLAFLOW_INLINED T chosen(bool condition, T a, T b) {
  if constexpr (std::is_unsigned_v<T>) {
    const T mask = static_cast<T>(T{0} - static_cast<T>(condition));
    return static_cast<T>((a & mask) | (b & static_cast<T>(~mask)));
  } else {
    return condition ? a : b;
  }
}
// T is an unsigned type of the element's size where there is one: select only moves elements.
template <class T>
NABLAFLOW_INLINED void select_loop(T* out, const bool* condition, std::int64_t sc, const T* a,
                                   std::int64_t sa, const T* b, std::int64_t sb, std::int64_t count) {
  if (sc == 1 && sa == 1 && sb == 1) {
    NABLAFLOW_INDEPENDENT_TURNS
    for (std::int64_t i = 0; i < count; ++i) out[i] = chosen(condition[i], a[i], b[i]);
  } else if (sc == 1 && sa == 1 && sb == 0) {
    const T value = *b;
    NABLAFLOW_INDEPENDENT_TURNS
    for (std::int64_t i = 0; i < count; ++i) out[i] = chosen(condition[i], a[i], value);
  } else if (sc == 1 && sa == 0 && sb == 1) {
    const T value = *a;
    NABLAFLOW_INDEPENDENT_TURNS
    for (std::int64_t i = 0; i < count; ++i) out[i] = chosen(condition[i], value, b[i]);
  } else {
    NABLAFLOW_INDEPENDENT_TURNS
    for (std::int64_t i = 0; i < count; ++i) out[i] = chosen(condition[i * sc], a[i * sa], b[i * sb]);
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// The same loops for each instruction set, where they pay: what is too short or strange to be vectorised
// stays.

template <class F, class T>
NABLAFLOW_INLINED void unary_row(void* out, const void* const* x, const std::int64_t* s, std::int64_t count) {
  unary_loop<F, T>(out, x[0], s[0], count);
}
template <class F, class R, class T>
NABLAFLOW_INLINED void binary_row(void* out, const void* const* x, const std::int64_t* s,
                                  std::int64_t count) {
  binary_loop<F, R, T>(out, x[0], s[0], x[1], s[1], count);
}
template <class T>
NABLAFLOW_INLINED void select_row(void* out, const void* const* x, const std::int64_t* s,
                                  std::int64_t count) {
  select_loop(static_cast<T*>(out), static_cast<const bool*>(x[0]), s[0], static_cast<const T*>(x[1]), s[1],
              static_cast<const T*>(x[2]), s[2], count);
}
template <class R, class T>
void cast_row(void* out_elements, const void* const* operands, const std::int64_t* strides,
              std::int64_t count) {
  R* out = static_cast<R*>(out_elements);
  const T* x = static_cast<const T*>(operands[0]);
  const std::int64_t stride = strides[0];
  for (std::int64_t i = 0; i < count; ++i) out[i] = convert<R>(x[i * stride]);
}

template <class T, PointwiseRow kRow>
Rows rows() {
  if constexpr (has_fast_rows<T>) return variants<kRow>();
  return {kRow, kRow, kRow};
}

// ---------------------------------------------------------------------------------------------------------------------
// Rows by the types of the catalogue.

using Types = std::span<const DType>;

template <Op kOp, OperandTypes kTypes>
Rows unary(const char* name, Types, DType result) {
  Rows found{};
  visit<kTypes>(name, result, [&](auto type) {
    using T = typename decltype(type)::type;
    found = rows<T, &unary_row<Function<kOp>, T>>();
  });
  return found;
}
template <Op kOp, OperandTypes kTypes>
Rows binary(const char* name, Types, DType result) {
  Rows found{};
  visit<kTypes>(name, result, [&](auto type) {
    using T = typename decltype(type)::type;
    found = rows<T, &binary_row<Function<kOp>, T, T>>();
  });
  return found;
}
template <Op kOp, OperandTypes kTypes>
Rows comparison(const char* name, Types operands, DType) {
  Rows found{};
  visit<kTypes>(name, operands[0], [&](auto type) {
    using T = typename decltype(type)::type;
    found = rows<T, &binary_row<Function<kOp>, bool, T>>();
  });
  return found;
}
Rows selection(DType result) {
  Rows found{};
  visit_bits(result, [&](auto type) { found = variants<&select_row<typename decltype(type)::type>>(); });
  return found;
}
Rows casting(DType from, DType to) {
  Rows found{};
  visit<OperandTypes::any>("cast", from, [&](auto type) {
    using T = typename decltype(type)::type;
    visit<OperandTypes::any>("cast", to, [&](auto result) {
      constexpr PointwiseRow row = &cast_row<typename decltype(result)::type, T>;
      found = {row, row, row};
    });
  });
  return found;
}

}  // namespace

Rows pointwise_row(const Primitive& primitive, std::span<const DType> operands, DType result) {
  switch (primitive.op()) {
#define UNARY(name, types, signs) \
  case Op::name:                  \
    return unary<Op::name, OperandTypes::types>(#name, operands, result);
#define BINARY(name, types, signs) \
  case Op::name:                   \
    return binary<Op::name, OperandTypes::types>(#name, operands, result);
#define COMPARISON(name, types) \
  case Op::name:                \
    return comparison<Op::name, OperandTypes::types>(#name, operands, result);
#define POINTWISE(name, count, types) BINARY(name, types, )
#include "engine/graph/primitives.def"
    case Op::select:
      return selection(result);
    case Op::cast:
      return casting(operands[0], result);
    default:
      throw Error("cpu: no loop for " + std::string(primitive.name()));
  }
}

}  // namespace nabla::cpu
