#pragma once

#include <string_view>

#include "tests/cuda/shim/library_interface.h"

// The text behind which the preamble and the kernels compile on the host: the files of shim/, embedded. A
// library holds many texts, each in a namespace of its own; all of it has internal linkage but
// `nablaflow_host_library`.

namespace nabla::cuda::host {

extern const std::string_view library_interface, cuda_on_host;

}  // namespace nabla::cuda::host
