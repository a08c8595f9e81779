#pragma once

// Everything a program needs of flow matching, and of the engine below it.

#include "engine/engine.h"                    // IWYU pragma: export
#include "flow/adaptive_step.h"               // IWYU pragma: export
#include "flow/assignment.h"                  // IWYU pragma: export
#include "flow/average_sampling.h"            // IWYU pragma: export
#include "flow/butcher.h"                     // IWYU pragma: export
#include "flow/cfm_loss.h"                    // IWYU pragma: export
#include "flow/coupling.h"                    // IWYU pragma: export
#include "flow/dense_output.h"                // IWYU pragma: export
#include "flow/empirical_field.h"             // IWYU pragma: export
#include "flow/field.h"                       // IWYU pragma: export
#include "flow/field_metadata.h"              // IWYU pragma: export
#include "flow/fixed_step.h"                  // IWYU pragma: export
#include "flow/gauss_legendre.h"              // IWYU pragma: export
#include "flow/gaussian.h"                    // IWYU pragma: export
#include "flow/gaussian_mixture.h"            // IWYU pragma: export
#include "flow/likelihood.h"                  // IWYU pragma: export
#include "flow/meanflow.h"                    // IWYU pragma: export
#include "flow/metrics/controls.h"            // IWYU pragma: export
#include "flow/metrics/nearest_neighbour.h"   // IWYU pragma: export
#include "flow/metrics/pairwise_distance.h"   // IWYU pragma: export
#include "flow/metrics/precision_recall.h"    // IWYU pragma: export
#include "flow/metrics/sliced_wasserstein.h"  // IWYU pragma: export
#include "flow/paired_field.h"                // IWYU pragma: export
#include "flow/path.h"                        // IWYU pragma: export
#include "flow/preconditioned_field.h"        // IWYU pragma: export
#include "flow/time_grid.h"                   // IWYU pragma: export
#include "flow/times.h"                       // IWYU pragma: export
