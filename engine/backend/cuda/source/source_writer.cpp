#include "engine/backend/cuda/source/source_writer.h"

#include <algorithm>
#include <cctype>

#include "engine/tensor/error.h"

namespace nabla::cuda {

std::string type_name(std::string_view primitive, DType dtype) {
  if (dtype == DType::c128) throw_unsupported(primitive, dtype);
  return std::string(name_of(dtype));
}

std::string moved_type_name(std::string_view primitive, DType dtype) {
  switch (size_of(dtype)) {
    case 1:
      return "u8";
    case 4:
      return "u32";
    case 8:
      return "u64";
    default:
      throw_unsupported(primitive, dtype);
  }
}

void throw_unsupported(std::string_view primitive, DType dtype) {
  if (dtype == DType::c128) throw Error(std::string(primitive) + ": complex numbers are for the CPU alone");
  throw Error("cuda: " + std::string(primitive) + " has no kernel for " + std::string(name_of(dtype)));
}

std::string filled(std::string_view text,
                   std::initializer_list<std::pair<std::string_view, std::string>> values) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] != '$') {
      result += text[at++];
      continue;
    }
    std::size_t end = at + 1;
    while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) || text[end] == '_'))
      ++end;
    const std::string_view name = text.substr(at + 1, end - at - 1);
    const auto* value = std::ranges::find(values, name, &std::pair<std::string_view, std::string>::first);
    if (value == values.end()) throw Error("cuda: kernel text has no value for $" + std::string(name));
    result += value->second;
    at = end;
  }
  return result;
}

std::string offset_function(std::string_view name, const Walk<>& walk, std::size_t operand) {
  std::string terms;
  std::int64_t inside = 1;  // places of the axes inside this one
  for (int i = walk.rank(); i-- > 0; inside *= walk[i].extent) {
    const std::int64_t stride = walk[i].strides[operand];
    if (stride == 0) continue;
    std::string coordinate = "i";
    if (inside != 1) coordinate += " / " + std::to_string(inside);
    if (i != 0) coordinate += " % " + std::to_string(walk[i].extent);
    std::string term = "static_cast<i64>(" + coordinate + ")";
    if (stride != 1) term += " * " + std::to_string(stride);
    terms = terms.empty() ? term : term + " + " + terms;
  }
  return filled("__device__ __forceinline__ i64 $name(Index i) { return $terms; }\n",
                {{"name", std::string(name)}, {"terms", terms.empty() ? "0" : terms}});
}

Layout without_axis(Layout layout, int axis) {
  layout.shape[axis] = 1;
  return layout;
}

std::int64_t places_inside(const Shape& shape, int axis) {
  std::int64_t places = 1;
  for (int inner = axis + 1; inner < 0; ++inner) places *= shape[inner];
  return places;
}

std::string index_type(std::int64_t largest) {
  // Indices are rounded up to whole blocks and runs, hence the distance from 2^32.
  return largest < std::int64_t{1} << 31 ? "typedef u32 Index;\n" : "typedef i64 Index;\n";
}

int run_length(std::int64_t extent, std::size_t element_size) {
  int length = static_cast<int>(16 / element_size);
  while (extent % length != 0) length /= 2;
  return length;
}

std::int64_t Scratch::take(std::int64_t bytes) {
  const std::int64_t start = bytes_;
  bytes_ += divided_up(bytes, 256) * 256;
  return start;
}

}  // namespace nabla::cuda
