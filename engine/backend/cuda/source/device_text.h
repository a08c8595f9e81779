#pragma once

#include <string_view>

// The files of device/ as text, each under its own name, embedded when the library is built
// (NablaflowEmbedText).

namespace nabla::cuda::device_text {

extern const std::string_view types, elementary, conversion, running_sum, reductions, refusal, refuse;
extern const std::string_view runs, block_scan, philox;

/// scalar.inc, which other backends compile as it is.
extern const std::string_view scalar;

}  // namespace nabla::cuda::device_text
