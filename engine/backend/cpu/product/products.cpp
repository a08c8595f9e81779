#include "engine/backend/products.h"

#include <cstdlib>
#include <string>

#include "engine/tensor/error.h"

namespace nabla {
namespace {

#ifdef NABLAFLOW_HAVE_ONEDNN
constexpr ProductLibrary kBuiltIn = ProductLibrary::onednn;
#else
constexpr ProductLibrary kBuiltIn = ProductLibrary::portable;
#endif

ProductLibrary library_of_environment() {
  const char* const set = std::getenv("NABLAFLOW_PRODUCTS");
  if (!set) return kBuiltIn;
  for (const ProductLibrary library : {ProductLibrary::portable, kBuiltIn})
    if (set == name_of(library)) return library;
  throw Error("NABLAFLOW_PRODUCTS is '" + std::string(set) + "'; there is " +
              (kBuiltIn == ProductLibrary::onednn ? "onednn and portable" : "only portable in this build"));
}

}  // namespace

std::string_view name_of(ProductLibrary library) {
  return library == ProductLibrary::onednn ? "onednn" : "portable";
}

ProductLibrary product_library() {
  static const ProductLibrary library = library_of_environment();
  return library;
}

}  // namespace nabla
