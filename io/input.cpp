#include "io/input.h"

#include "engine/tensor/error.h"
#include "engine/tensor/printable.h"

namespace nabla::io {

void Input::fail(std::uint64_t byte, const std::string& what) const {
  throw Error(std::string(function) + ": " +
              printable(name + ", byte " + std::to_string(byte) + ": " + what));
}

void Input::fail_cut(std::string_view what) const {
  fail(bytes.size(), "the file ends inside " + std::string(what));
}

}  // namespace nabla::io
