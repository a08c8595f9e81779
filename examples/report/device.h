#pragma once

#include <string>

namespace nabla::report {

/// A command with the device that ran it, for the foot of a page: "gmm_oracle --seed 0, on <processor>".
std::string with_device(const std::string& command);

}  // namespace nabla::report
