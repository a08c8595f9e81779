#include <iomanip>
#include <locale>
#include <ostream>
#include <sstream>

#include "engine/tensor/complex.h"
#include "engine/tensor/tensor.h"

// operator<< shows values, so it evaluates: the graph's own text is in engine/graph/print.h.

namespace nabla {
namespace {

constexpr std::int64_t kEdge = 3;      // elements shown at either end of a long axis
constexpr std::int64_t kMaxSize = 64;  // tensors up to this size are shown whole

template <class T>
void print_element(std::ostream& stream, T value) {
  if constexpr (std::is_same_v<T, std::uint8_t>) {
    stream << static_cast<int>(value);
  } else if constexpr (std::is_same_v<T, bool>) {
    stream << (value ? "true" : "false");
  } else {
    stream << value;
  }
}

template <class T>
void print_elements(std::ostream& stream, const T* values, const Shape& shape, int axis, bool whole) {
  if (axis == shape.rank()) return print_element(stream, *values);
  const std::int64_t step = shape.without_first(axis + 1).size();
  stream << "[";
  for (std::int64_t i = 0; i < shape[axis]; ++i) {
    if (i > 0) stream << ", ";
    if (!whole && i == kEdge && shape[axis] > 2 * kEdge) {
      stream << "..., ";
      i = shape[axis] - kEdge;
    }
    print_elements(stream, values + i * step, shape, axis + 1, whole);
  }
  stream << "]";
}

template <class T>
void print_tensor(std::ostream& stream, const Tensor& tensor) {
  print_elements(stream, tensor.value().data<const T>(), tensor.shape(), 0, tensor.size() <= kMaxSize);
}

}  // namespace

std::ostream& operator<<(std::ostream& stream, const Tensor& tensor) {
  if (!tensor.defined()) return stream << "Tensor()";
  std::ostringstream text;
  text.imbue(std::locale::classic());
  text << std::setprecision(6);
  switch (tensor.dtype()) {
    case DType::f32:
      print_tensor<float>(text, tensor);
      break;
    case DType::f64:
      print_tensor<double>(text, tensor);
      break;
    case DType::i32:
      print_tensor<std::int32_t>(text, tensor);
      break;
    case DType::i64:
      print_tensor<std::int64_t>(text, tensor);
      break;
    case DType::u8:
      print_tensor<std::uint8_t>(text, tensor);
      break;
    case DType::u32:
      print_tensor<std::uint32_t>(text, tensor);
      break;
    case DType::boolean:
      print_tensor<bool>(text, tensor);
      break;
    case DType::c128:
      print_tensor<std::complex<double>>(text, tensor);
      break;
  }
  return stream << "Tensor(" << text.str() << ", shape=" << to_string(tensor.shape())
                << ", dtype=" << name_of(tensor.dtype()) << ")";
}

}  // namespace nabla
