#pragma once

#include <concepts>
#include <iosfwd>
#include <source_location>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/tensor/buffer.h"
#include "engine/tensor/dtype.h"
#include "engine/tensor/error.h"
#include "engine/tensor/shape.h"

namespace nabla {

class Node;
struct Index;

/// A handle to an immutable node of the expression graph. Copying copies the handle, never the elements.
/// Operators build nodes; nothing is computed until a value is asked for (`item`, `to_vector`, `evaluate`).
/// Build tensors after main has begun: before, the operators themselves may not exist yet.
class Tensor {
 public:
  /// The empty handle: it holds no node, and every operator refuses it.
  Tensor() = default;
  /// A handle to an existing node (engine internals).
  explicit Tensor(Node* node);
  Tensor(const Tensor& other);
  Tensor(Tensor&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
  /// Of handles that stay: an assignment to x[0] would change nothing.
  Tensor& operator=(Tensor other) & noexcept {
    std::swap(node_, other.node_);
    return *this;
  }
  ~Tensor();

  /// False for the empty handle.
  bool defined() const { return node_ != nullptr; }
  /// A tensor of bool is no condition of if or ?: (read item(), or compute with select); see also defined().
  explicit operator bool() const = delete;
  /// The node; throws Error for the empty handle.
  Node& node() const {
    if (!node_) throw_empty();
    return *node_;
  }
  /// Same node, which is to say same expression.
  friend bool same(const Tensor& a, const Tensor& b) { return a.node_ == b.node_; }

  const Shape& shape() const;
  DType dtype() const;
  int rank() const { return shape().rank(); }
  std::int64_t size() const { return shape().size(); }

  /// The elements, computed now if they have not been. Dense and row-major; valid while a handle lives.
  /// @throws Error if the expression depends on the variable of a transform (it has no value yet).
  const Array& value() const;
  /// The elements as a row-major range; T must match dtype().
  template <class T>
  std::span<const T> data() const {
    require_dtype(dtype_of<T>, "data");
    const Array& array = value();
    return {array.data<const T>(), static_cast<std::size_t>(size())};
  }
  template <class T>
  std::vector<T> to_vector() const {
    require_dtype(dtype_of<T>, "to_vector");
    const Array& array = value();
    return std::vector<T>(array.data<const T>(), array.data<const T>() + size());
  }
  /// The single element of a tensor of size 1, converted from any real element type.
  /// @throws Error for an integer beyond 2^53, which a double cannot hold exactly.
  double item() const;

  /// A leaf with the same value: derivatives stop here, and the history is let go.
  Tensor detach() const;
  /// x[i] picks entry i of the outermost axis; negative i counts from the end.
  Tensor operator[](const Index& i) const;
  /// x({range(1, 3), all, -1}) takes one index per axis, outermost first; axes not named are taken whole.
  Tensor operator()(std::initializer_list<Index> indices) const;

 private:
  friend class InternTable;
  struct Adopt {};
  Tensor(Node* node, Adopt) : node_(node) {}  // takes over a reference already counted
  [[noreturn]] static void throw_empty();
  void require_dtype(DType expected, const char* what) const;

  Node* node_ = nullptr;
};

/// Half-open range of indices with a step, for Tensor::operator(). Negative bounds count from the end.
struct Range {
  std::int64_t start = 0;
  std::int64_t stop = INT64_MAX;
  std::int64_t step = 1;
};
inline constexpr Range all{};
constexpr Range range(std::int64_t start, std::int64_t stop, std::int64_t step = 1) {
  return {start, stop, step};
}

/// One index of Tensor::operator(): an integer drops the axis, a Range keeps it.
struct Index {
  Index(std::integral auto i,  // NOLINT(*-explicit-*)
        std::source_location w = std::source_location::current())
      : integer(true), start(static_cast<std::int64_t>(i)), where(w) {}
  Index(Range r,  // NOLINT(*-explicit-*)
        std::source_location w = std::source_location::current())
      : start(r.start), stop(r.stop), step(r.step), where(w) {}
  bool integer = false;
  std::int64_t start = 0;
  std::int64_t stop = 0;
  std::int64_t step = 1;
  std::source_location where;
};

/// An argument of an operator: a tensor or a weak literal that takes the type of the tensor beside it.
/// It remembers the source line of the call, for error messages and the NaN mode. Lives only during the call.
class Operand {
 public:
  Operand(const Tensor& tensor,  // NOLINT(*-explicit-*)
          std::source_location where = std::source_location::current())
      : tensor_(&tensor), where_(where) {}
  /// A temporary: nobody can ask for its value once the expression that it stands in has been evaluated, so
  /// that an evaluation within the expression (`sum(exp(x)).item()`) need not keep it.
  Operand(Tensor&& tensor,  // NOLINT(*-explicit-*)
          std::source_location where = std::source_location::current())
      : tensor_(&tensor), where_(where), is_temporary_(true), before_(std::exchange(last_temporary, this)) {}
  ~Operand() {
    if (is_temporary_) last_temporary = before_;
  }
  Operand(const Operand&) = delete;
  Operand& operator=(const Operand&) = delete;
  /// @throws Error for an integer beyond 2^53, which a literal cannot hold exactly.
  template <class T>
  requires std::is_arithmetic_v<T> Operand(
      T literal, std::source_location where = std::source_location::current())  // NOLINT(*-explicit-*)
      : literal_(static_cast<double>(literal)), where_(where) {
    if constexpr (std::is_integral_v<T> && sizeof(T) == 8) {
      constexpr std::int64_t kLargest = std::int64_t{1} << 53;
      if (std::cmp_greater(literal, kLargest) || std::cmp_less(literal, -kLargest)) throw_inexact();
    }
  }

  bool is_literal() const { return tensor_ == nullptr; }
  const Tensor& tensor() const;
  double literal() const { return literal_; }
  std::source_location where() const { return where_; }

  /// The temporaries among the operands of this thread's unfinished expressions.
  static std::vector<const Tensor*> temporaries();

 private:
  [[noreturn]] static void throw_inexact();

  // Operands go in the reverse order of their coming, so that those of temporaries are a stack.
  static inline thread_local constinit const Operand* last_temporary = nullptr;

  const Tensor* tensor_ = nullptr;
  double literal_ = 0;
  std::source_location where_;
  bool is_temporary_ = false;
  const Operand* before_ = nullptr;
};

/// A leaf that holds a copy of `values` in row-major order.
/// @throws Error if their number is not shape.size().
template <class T>
Tensor tensor(std::span<const T> values, const Shape& shape);
template <class T>
Tensor tensor(const std::vector<T>& values, const Shape& shape) {
  return tensor(std::span<const T>(values), shape);
}
template <class T>
Tensor tensor(std::initializer_list<T> values, const Shape& shape) {
  return tensor(std::span<const T>(values.begin(), values.size()), shape);
}
Tensor tensor(const std::vector<bool>& values, const Shape& shape);
/// A leaf that owns an array of the library.
Tensor leaf(Array array);

/// Prints shape, type and values ("..." where there are many); computes them if need be.
std::ostream& operator<<(std::ostream& stream, const Tensor& tensor);

}  // namespace nabla
