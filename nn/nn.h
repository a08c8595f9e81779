#pragma once

// Everything a program needs to build and train networks.

#include "nn/activation.h"            // IWYU pragma: export
#include "nn/adam.h"                  // IWYU pragma: export
#include "nn/attention.h"             // IWYU pragma: export
#include "nn/batch_norm.h"            // IWYU pragma: export
#include "nn/batches.h"               // IWYU pragma: export
#include "nn/clip.h"                  // IWYU pragma: export
#include "nn/conditioning.h"          // IWYU pragma: export
#include "nn/convolution.h"           // IWYU pragma: export
#include "nn/dit.h"                   // IWYU pragma: export
#include "nn/dit_block.h"             // IWYU pragma: export
#include "nn/dropout.h"               // IWYU pragma: export
#include "nn/ema.h"                   // IWYU pragma: export
#include "nn/embedding.h"             // IWYU pragma: export
#include "nn/fourier_features.h"      // IWYU pragma: export
#include "nn/gradient_accumulator.h"  // IWYU pragma: export
#include "nn/initialise.h"            // IWYU pragma: export
#include "nn/linear.h"                // IWYU pragma: export
#include "nn/mlp.h"                   // IWYU pragma: export
#include "nn/modulate.h"              // IWYU pragma: export
#include "nn/module.h"                // IWYU pragma: export
#include "nn/norm.h"                  // IWYU pragma: export
#include "nn/pictures.h"              // IWYU pragma: export
#include "nn/residual_block.h"        // IWYU pragma: export
#include "nn/running_state.h"         // IWYU pragma: export
#include "nn/scalar.h"                // IWYU pragma: export
#include "nn/schedule.h"              // IWYU pragma: export
#include "nn/sgd.h"                   // IWYU pragma: export
#include "nn/state.h"                 // IWYU pragma: export
#include "nn/step_inputs.h"           // IWYU pragma: export
#include "nn/unet.h"                  // IWYU pragma: export
#include "nn/update.h"                // IWYU pragma: export
