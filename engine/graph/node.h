#pragma once

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <source_location>
#include <span>

#include "engine/graph/attributes.h"
#include "engine/tensor/tensor.h"

namespace nabla {

class Primitive;

/// One immutable expression: a primitive applied to inputs. Interned: the same expression built twice, while
/// the first lives, is the same node. Ids grow monotonically, so an input's id is always smaller than its
/// user's.
class Node {
 public:
  const Primitive& primitive() const { return *primitive_; }
  const Attributes& attributes() const { return attributes_; }
  std::span<Node* const> inputs() const {
    return {input_count_ <= kInlineInputs ? inline_inputs_ : heap_inputs_.get(), input_count_};
  }
  const Shape& shape() const { return shape_; }
  DType dtype() const { return dtype_; }
  std::uint64_t id() const { return id_; }
  /// The line of user code that built the node, or the primal node it is derived from.
  const std::source_location& where() const { return where_; }

  /// Tensor handles outside the graph that refer to the node.
  std::uint64_t handles() const { return references_.load(std::memory_order_acquire) / kHandle; }
  bool has_handle() const { return handles() > 0; }
  /// The value, which exists after evaluation. Touch it only under the evaluation lock, or holding a handle
  /// after evaluate() has returned.
  const Array& value() const { return *value_; }
  bool has_value() const { return value_ != nullptr; }
  void set_value(Array value) { value_ = std::make_unique<Array>(std::move(value)); }
  std::unique_ptr<Array> take_value() { return std::move(value_); }

 private:
  friend class Tensor;
  friend class InternTable;
  static constexpr std::size_t kInlineInputs = 3;
  // References from handles are counted in the high half, references from other nodes in the low half.
  static constexpr std::uint64_t kHandle = std::uint64_t{1} << 32;
  static constexpr std::uint64_t kUse = 1;

  Node() = default;
  void retain(std::uint64_t unit) { references_.fetch_add(unit, std::memory_order_relaxed); }

  const Primitive* primitive_ = nullptr;
  std::uint64_t id_ = 0;
  std::uint64_t hash_ = 0;
  std::atomic<std::uint64_t> references_ = 0;
  Node* inline_inputs_[kInlineInputs] = {};
  std::unique_ptr<Node*[]> heap_inputs_;
  std::uint32_t input_count_ = 0;
  DType dtype_ = DType::f32;
  std::source_location where_;
  Attributes attributes_;
  std::unique_ptr<Array> value_;
  Shape shape_;
};

/// Applies a primitive: checks the inputs, infers shape and type, and returns the interned node.
/// `where` is recorded unless a SourceScope is active.
/// @throws Error naming the primitive and the shapes if the inputs do not fit.
Tensor apply(const Primitive& primitive, std::span<const Tensor> inputs, Attributes attributes,
             std::source_location where = std::source_location::current());

inline Tensor apply(const Primitive& primitive, std::initializer_list<Tensor> inputs,
                    Attributes attributes = {},
                    std::source_location where = std::source_location::current()) {
  return apply(primitive, std::span(inputs.begin(), inputs.size()), std::move(attributes), where);
}

/// A fresh node without inputs that is never interned: leaves and variables.
Tensor make_leaf(const Primitive& primitive, const Shape& shape, DType dtype, Array value,
                 Attributes attributes = {}, std::source_location where = std::source_location::current());

/// While it lives, nodes built on this thread record this line instead of the library's own. The outermost
/// wins.
class SourceScope {
 public:
  explicit SourceScope(const std::source_location& where);
  ~SourceScope();
  SourceScope(const SourceScope&) = delete;
  SourceScope& operator=(const SourceScope&) = delete;

 private:
  bool active_;
};

/// Like SourceScope, but replaces an outer one: transforms name the primal node's line in the nodes they
/// derive.
class DerivedSourceScope {
 public:
  explicit DerivedSourceScope(const std::source_location& where);
  ~DerivedSourceScope();
  DerivedSourceScope(const DerivedSourceScope&) = delete;
  DerivedSourceScope& operator=(const DerivedSourceScope&) = delete;

 private:
  std::source_location saved_;
  bool saved_active_;
};

/// Number of nodes alive now, for tests and for finding programs that pile up pending work.
std::size_t live_node_count();

/// Called (never by default) with a message when something looks wrong but can go on, such as a graph that
/// grows without being evaluated. May be called from any thread.
using WarningHandler = void (*)(const std::string& message);
void set_warning_handler(WarningHandler handler);
/// Calls it, if there is one.
void warn(const std::string& message);

}  // namespace nabla
