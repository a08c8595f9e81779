#pragma once

// Everything a program needs of flow matching, and of the engine below it.

#include "engine/engine.h"              // IWYU pragma: export
#include "flow/average_sampling.h"      // IWYU pragma: export
#include "flow/cfm_loss.h"              // IWYU pragma: export
#include "flow/coupling.h"              // IWYU pragma: export
#include "flow/empirical_field.h"       // IWYU pragma: export
#include "flow/field.h"                 // IWYU pragma: export
#include "flow/gaussian.h"              // IWYU pragma: export
#include "flow/gaussian_mixture.h"      // IWYU pragma: export
#include "flow/meanflow.h"              // IWYU pragma: export
#include "flow/path.h"                  // IWYU pragma: export
#include "flow/preconditioned_field.h"  // IWYU pragma: export
#include "flow/sample.h"                // IWYU pragma: export
#include "flow/times.h"                 // IWYU pragma: export
