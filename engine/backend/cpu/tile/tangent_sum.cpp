#include "engine/backend/cpu/tile/tangent_sum.h"

#include "engine/backend/cpu/kernels/sum_order.h"
#include "engine/backend/cpu/kernels/visit.h"

namespace nabla::cpu {
namespace {

template <class T>
struct TangentSums {
  using A = Accumulator<T>;

  template <bool kFirst>
  NABLAFLOW_INLINED static void add(void* sums_elements, const void* elements, std::int64_t stride,
                                    std::int64_t count) {
    A* __restrict sums = static_cast<A*>(sums_elements);
    const T* x = static_cast<const T*>(elements);
    // Every sum starts at +0.
    if (stride == 1) {
      for (std::int64_t i = 0; i < count; ++i) sums[i] = (kFirst ? A{} : sums[i]) + static_cast<A>(x[i]);
    } else {
      for (std::int64_t i = 0; i < count; ++i)
        sums[i] = (kFirst ? A{} : sums[i]) + static_cast<A>(x[i * stride]);
    }
  }
  NABLAFLOW_INLINED static void merge(void* sums_elements, const void* above_elements, std::int64_t count) {
    A* __restrict sums = static_cast<A*>(sums_elements);
    const A* above = static_cast<const A*>(above_elements);
    for (std::int64_t i = 0; i < count; ++i) sums[i] += above[i];
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
    using S = TangentSums<T>;
    found = {sizeof(Accumulator<T>), variants<&S::template add<true>>(), variants<&S::template add<false>>(),
             variants<&S::merge>(), &S::finish};
  });
  return found;
}

}  // namespace nabla::cpu
