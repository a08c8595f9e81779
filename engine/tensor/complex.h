#pragma once

#include <complex>

#include "engine/tensor/dtype.h"

// For the few who compute with complex numbers: the header is a dear one.

namespace nabla {

template <>
struct DTypeOf<std::complex<double>> {
  static constexpr DType value = DType::c128;
};

}  // namespace nabla
