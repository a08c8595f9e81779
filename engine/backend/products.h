#pragma once

#include <string_view>

namespace nabla {

/// What multiplies f32 matrices on the CPU; products of other types are always our own.
enum class ProductLibrary {
  portable,  ///< kernels of our own
  onednn,
};
std::string_view name_of(ProductLibrary library);

/// The one in use: oneDNN where it was built in, unless NABLAFLOW_PRODUCTS=portable in the environment when
/// this is first asked. Plans keep operands in its layout, so that it does not change while a program runs.
/// @throws Error where that names no library, or one that was not built in.
ProductLibrary product_library();

}  // namespace nabla
