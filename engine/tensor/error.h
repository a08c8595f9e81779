#pragma once

#include <stdexcept>
#include <string>

namespace nabla {

/// The exception of the library. Its message names the operator (or the file), the shapes and what to do.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message) : std::runtime_error(message) {}
};

/// Memory that could not be had, on the host or on a device.
class OutOfMemory : public Error {
 public:
  using Error::Error;
};

}  // namespace nabla
