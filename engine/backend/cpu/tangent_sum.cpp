#include "engine/backend/cpu/tangent_sum.h"

#include "engine/backend/cpu/lane_sum.h"
#include "engine/backend/cpu/visit.h"

namespace nabla::cpu {
namespace {

template <class T>
struct Sums {
  using A = Accumulator<T>;

  NABLAFLOW_INLINED static void add(void* sums_elements, const void* elements, std::int64_t stride,
                                    std::int64_t count) {
    A* __restrict sums = static_cast<A*>(sums_elements);
    const T* x = static_cast<const T*>(elements);
    if (stride == 1) {
      for (std::int64_t i = 0; i < count; ++i) sums[i] += static_cast<A>(x[i]);
    } else {
      for (std::int64_t i = 0; i < count; ++i) sums[i] += static_cast<A>(x[i * stride]);
    }
  }
  static void baseline(void* sums, const void* x, std::int64_t stride, std::int64_t count) {
    add(sums, x, stride, count);
  }
  NABLAFLOW_TARGET_AVX2 static void avx2(void* sums, const void* x, std::int64_t stride, std::int64_t count) {
    add(sums, x, stride, count);
  }
  NABLAFLOW_TARGET_AVX512 static void avx512(void* sums, const void* x, std::int64_t stride,
                                             std::int64_t count) {
    add(sums, x, stride, count);
  }
  static void finish(void* out_elements, const void* sums_elements, std::int64_t count) {
    T* out = static_cast<T*>(out_elements);
    const A* sums = static_cast<const A*>(sums_elements);
    for (std::int64_t i = 0; i < count; ++i) out[i] = static_cast<T>(sums[i]);
  }
};

}  // namespace

TangentSum tangent_sum(DType dtype) {
  TangentSum found{};
  visit_floating("sum", dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    using S = Sums<T>;
    found = {sizeof(Accumulator<T>), &S::baseline, &S::avx2, &S::avx512, &S::finish};
  });
  return found;
}

}  // namespace nabla::cpu
