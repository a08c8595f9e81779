#pragma once

// Everything a program needs of the uncertainty of a flow.

#include "uncertainty/calibration.h"            // IWYU pragma: export
#include "uncertainty/diagnostics.h"            // IWYU pragma: export
#include "uncertainty/posterior.h"              // IWYU pragma: export
#include "uncertainty/symmetric_eigenvalues.h"  // IWYU pragma: export
