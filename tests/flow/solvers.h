#pragma once

#include "flow/butcher.h"

namespace nabla::flow {

inline constexpr Solver kSolvers[] = {
    Solver::euler,          Solver::midpoint,  Solver::heun, Solver::rk4, Solver::bogacki_shampine,
    Solver::dormand_prince, Solver::tsitouras,
};

/// Those that estimate their error.
inline constexpr Solver kEmbedded[] = {Solver::bogacki_shampine, Solver::dormand_prince, Solver::tsitouras};

}  // namespace nabla::flow
