#pragma once

// Everything a program needs of the engine.

#include "engine/autodiff/attention.h"                         // IWYU pragma: export
#include "engine/autodiff/checkpoint.h"                        // IWYU pragma: export
#include "engine/autodiff/custom_derivative.h"                 // IWYU pragma: export
#include "engine/autodiff/grad.h"                              // IWYU pragma: export
#include "engine/autodiff/jacobian/directional_derivatives.h"  // IWYU pragma: export
#include "engine/autodiff/jacobian/hessian.h"                  // IWYU pragma: export
#include "engine/autodiff/jacobian/jacobian.h"                 // IWYU pragma: export
#include "engine/autodiff/jacobian/laplacian.h"                // IWYU pragma: export
#include "engine/autodiff/jvp.h"                               // IWYU pragma: export
#include "engine/autodiff/vjp.h"                               // IWYU pragma: export
#include "engine/autodiff/vmap.h"                              // IWYU pragma: export
#include "engine/backend/device.h"                             // IWYU pragma: export
#include "engine/backend/instruction_set.h"                    // IWYU pragma: export
#include "engine/backend/products.h"                           // IWYU pragma: export
#include "engine/backend/threads.h"                            // IWYU pragma: export
#include "engine/compile/compile.h"                            // IWYU pragma: export
#include "engine/explain/explain.h"                            // IWYU pragma: export
#include "engine/explain/explain_jacobian.h"                   // IWYU pragma: export
#include "engine/graph/print.h"                                // IWYU pragma: export
#include "engine/ops/arranging.h"                              // IWYU pragma: export
#include "engine/ops/composed.h"                               // IWYU pragma: export
#include "engine/ops/constant.h"                               // IWYU pragma: export
#include "engine/ops/contraction.h"                            // IWYU pragma: export
#include "engine/ops/convolution.h"                            // IWYU pragma: export
#include "engine/ops/indexing.h"                               // IWYU pragma: export
#include "engine/ops/matrices.h"                               // IWYU pragma: export
#include "engine/ops/normalise.h"                              // IWYU pragma: export
#include "engine/ops/pointwise.h"                              // IWYU pragma: export
#include "engine/ops/pooling.h"                                // IWYU pragma: export
#include "engine/ops/random.h"                                 // IWYU pragma: export
#include "engine/ops/reduction.h"                              // IWYU pragma: export
#include "engine/ops/shaping.h"                                // IWYU pragma: export
#include "engine/ops/slicing.h"                                // IWYU pragma: export
#include "engine/ops/upsampled_convolution.h"                  // IWYU pragma: export
#include "engine/plan/evaluate.h"                              // IWYU pragma: export
#include "engine/plan/plan.h"                                  // IWYU pragma: export
#include "engine/spectral/deflated_trace.h"                    // IWYU pragma: export
#include "engine/spectral/linear_operator.h"                   // IWYU pragma: export
#include "engine/spectral/operator_determinant.h"              // IWYU pragma: export
#include "engine/spectral/spectrum.h"                          // IWYU pragma: export
#include "engine/tensor/cell.h"                                // IWYU pragma: export
#include "engine/tensor/tensor.h"                              // IWYU pragma: export
