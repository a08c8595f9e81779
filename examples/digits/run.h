#pragma once

#include <optional>

#include "examples/digits/results.h"

namespace nabla::digits {

/// Trains both networks, samples and measures, with progress on stderr and checkpoints in options.out.
/// Nothing comes back if only training was asked for. @throws Error if the data or a checkpoint cannot be
/// read, or a checkpoint was made with other data or options.
std::optional<Results> run(const Options& options);

}  // namespace nabla::digits
