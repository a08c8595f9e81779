#pragma once

#include <stdexcept>
#include <string>

namespace nabla {

/// The one exception of the library. Its message names the operator (or the file), the shapes and what to do.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message) : std::runtime_error(message) {}
};

}  // namespace nabla
