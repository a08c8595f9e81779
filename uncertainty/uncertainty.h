#pragma once

// Everything a program needs of the uncertainty of a flow, and of what it stands on.

#include "flow/flow.h"                        // IWYU pragma: export
#include "uncertainty/calibration.h"          // IWYU pragma: export
#include "uncertainty/conservativity.h"       // IWYU pragma: export
#include "uncertainty/diagnostics.h"          // IWYU pragma: export
#include "uncertainty/intrinsic_dimension.h"  // IWYU pragma: export
#include "uncertainty/one_step.h"             // IWYU pragma: export
#include "uncertainty/posterior.h"            // IWYU pragma: export
#include "uncertainty/preconditions.h"        // IWYU pragma: export
#include "uncertainty/validity.h"             // IWYU pragma: export
