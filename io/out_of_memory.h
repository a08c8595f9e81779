#pragma once

#include <new>
#include <stdexcept>
#include <string>
#include <string_view>

#include "engine/tensor/error.h"

namespace nabla::io {

/// Does `work` for a function on a file; memory that it cannot have becomes an error that names both.
template <class Work>
auto telling_shortage(std::string_view function, const std::string& name, Work work) {
  const auto fail = [&] {
    throw OutOfMemory(std::string(function) + ": " + name + ": there is not enough memory");
  };
  try {
    return work();
  } catch (const std::bad_alloc&) {
    fail();
  } catch (const std::length_error&) {  // more than any container holds
    fail();
  }
  throw;  // not reached
}

}  // namespace nabla::io
