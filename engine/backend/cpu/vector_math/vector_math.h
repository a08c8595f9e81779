#pragma once

#include "engine/backend/cpu/vector_math/complex.h"
#include "engine/backend/cpu/vector_math/erf.h"
#include "engine/backend/cpu/vector_math/exp.h"
#include "engine/backend/cpu/vector_math/f64.h"
#include "engine/backend/cpu/vector_math/log.h"
#include "engine/backend/cpu/vector_math/logaddexp.h"
#include "engine/backend/cpu/vector_math/power.h"
#include "engine/backend/cpu/vector_math/sigmoid.h"
#include "engine/backend/cpu/vector_math/trigonometric.h"

// Elementary functions for the pointwise kernels. Those of f32 are our own, within 2 ulp of the exact value
// for every argument (sech 2.5, erfc and normal_cdf 4; tests/engine/backend/cpu/vector_math_test.cpp), with
// NaN, infinity, signed zeros and subnormals as in C99 Annex F. They are made for loops that compilers
// vectorise (bits.h).
