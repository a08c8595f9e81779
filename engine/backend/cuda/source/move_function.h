#pragma once

#include <string>
#include <string_view>

#include "engine/backend/cuda/source/source_writer.h"

namespace nabla::cuda {

/// A device function `void NAME(const Element* from, Element* to, u32 block)` that moves elements from one
/// layout to another of the same shape. It takes blocks 0 .. blocks-1 of kThreads threads. The text
/// needs the types Element and Index and device_text::runs before it.
struct MoveFunction {
  std::string text;
  std::int64_t blocks;
};
MoveFunction move_function(std::string_view name, const Layout& to, const Layout& from,
                           std::size_t element_size);

}  // namespace nabla::cuda
