#pragma once

#include <type_traits>
#include <variant>

#include "engine/graph/primitive.h"

// The derivative contract by class. A primitive derives from exactly one of these; it is abstract, and so
// does not compile, until it has the rules its class asks for.

namespace nabla {

// ---------------------------------------------------------------------------------------------------------------------
// Pointwise: out[i] = f(x0[i], x1[i], ..), broadcasting extents of 1. The author writes one partial per
// input.

/// A partial derivative: an expression of the primal rank, or a plain factor (0 is a symbolic zero).
using Partial = std::variant<double, Tensor>;

class PointwisePrimitive final : public Primitive {
 public:
  using PartialRule = Partial (*)(Inputs x, const Tensor& y);

  /// One rule per operand (see pointwise_rule).
  PointwisePrimitive(Op op, std::vector<PartialRule> partials)
      : Primitive(op, Class::pointwise), partials_(std::move(partials)) {}

  TensorType infer(Inputs inputs, const Attributes& attributes) const override;
  std::optional<Tensor> jvp(const Application& at, Tangents tangents) const final;
  std::optional<Tensor> vjp(const Application& at, int slot, const Tensor& cotangent) const final;
  std::optional<int> carried_axis(const Application&, int, int axis) const final { return axis; }
  bool accepts_compressed_cotangent(const Application&, int) const final { return true; }
  std::size_t arity() const { return partials_.size(); }

 private:
  ~PointwisePrimitive() override = default;  // made by new alone: see Primitive

  std::vector<PartialRule> partials_;
};

/// The pointwise primitive of a line of the catalogue, from the partial derivative for each operand: a wrong
/// number of them does not compile.
template <Op kOp, class... Rules>
const PointwisePrimitive& pointwise_rule(Rules... rules) {
  static_assert(sizeof...(Rules) == operands_of(kOp),
                "a pointwise primitive needs one partial derivative for each operand");
  return *new PointwisePrimitive(kOp, {rules...});
}

// ---------------------------------------------------------------------------------------------------------------------
// Linear in the slots it names: jvp applies the operator to the tangents, vjp applies its transpose.

class LinearPrimitive : public Primitive {
 public:
  /// Is the operator linear in this input? Other inputs (indices, conditions) carry no derivative.
  virtual bool linear_in(int slot) const { return slot == 0; }
  /// The transpose with respect to one linear slot.
  virtual Tensor transpose(const Application& at, int slot, const Tensor& cotangent) const = 0;

  /// The operator on tangents; override only where a compressed tangent allows something cheaper.
  std::optional<Tensor> jvp(const Application& at, Tangents tangents) const override;
  std::optional<Tensor> vjp(const Application& at, int slot, const Tensor& cotangent) const final;

 protected:
  explicit LinearPrimitive(Op op) : Primitive(op, Class::linear) {}
};

/// Linear primitives that move or mix entries along one axis, which attribute 0 names; the other axes are
/// carried.
class LinearAlongAxisPrimitive : public LinearPrimitive {
 public:
  std::optional<int> carried_axis(const Application& at, int, int axis) const override {
    if (axis == at.attributes[0]) return std::nullopt;
    return axis;
  }
  bool is_constant_operator(int) const override { return true; }

 protected:
  explicit LinearAlongAxisPrimitive(Op op) : LinearPrimitive(op) {}
};

// ---------------------------------------------------------------------------------------------------------------------
// Multilinear: linear in each slot while the others are held. Both modes follow from the slot transposes.

class MultilinearPrimitive : public Primitive {
 public:
  virtual Tensor transpose(const Application& at, int slot, const Tensor& cotangent) const = 0;

  std::optional<Tensor> jvp(const Application& at, Tangents tangents) const final;
  std::optional<Tensor> vjp(const Application& at, int slot, const Tensor& cotangent) const final;

 protected:
  explicit MultilinearPrimitive(Op op) : Primitive(op, Class::multilinear) {}
};

// ---------------------------------------------------------------------------------------------------------------------
// One pass: the rule finds the cotangents of all inputs together, because it walks a graph of its own.

class OnePassPrimitive : public Primitive {
 public:
  std::optional<Tensor> vjp(const Application& at, int slot, const Tensor& cotangent) const final;
  void vjp_of_slots(const Application& at, const std::vector<bool>& wanted, const Tensor& cotangent,
                    std::vector<std::optional<Tensor>>& results) const override = 0;

 protected:
  explicit OnePassPrimitive(Op op) : Primitive(op, Class::composite) {}
  explicit OnePassPrimitive(std::string_view name) : Primitive(name, Class::composite) {}
};

// ---------------------------------------------------------------------------------------------------------------------
// Composite: a fused operator with both rules written in terms of its own output (so that the primal never
// appears twice), and, where one exists, its definition by other primitives, against which the tests check
// value and rules.

class CompositePrimitive : public Primitive {
 public:
  /// The definition by other primitives; nullopt only where no such definition exists.
  virtual std::optional<Tensor> definition(Inputs inputs, const Attributes& attributes) const = 0;

 protected:
  explicit CompositePrimitive(Op op) : Primitive(op, Class::composite) {}
};

// ---------------------------------------------------------------------------------------------------------------------
// Non-differentiable: symbolic zero in both modes.

class NondifferentiablePrimitive : public Primitive {
 public:
  std::optional<Tensor> jvp(const Application&, Tangents) const final { return std::nullopt; }
  std::optional<Tensor> vjp(const Application&, int, const Tensor&) const final { return std::nullopt; }

 protected:
  explicit NondifferentiablePrimitive(Op op) : Primitive(op, Class::nondifferentiable) {}
};

// ---------------------------------------------------------------------------------------------------------------------
// Shared by the rules.

/// Inserts axes of extent 1 at the left until the rank is `rank`.
Tensor promote(const Tensor& x, int rank);
/// Sums `cotangent` of a value of shape `from` to the cotangent of an operand of shape `to` that was
/// broadcast to `from` (equal ranks). Compressed axes that must be summed are multiplied by their extent
/// instead. Long rows of innermost axes are summed first: what makes the cotangent can do that on the way,
/// and rounding their sums costs no more than the terms have been rounded by.
Tensor sum_to_shape(const Tensor& cotangent, const Shape& from, const Shape& to);
/// The shape that the operands of `name` broadcast to. @throws Error naming it and the shapes where they do
/// not.
Shape broadcast_operands(std::string_view name, Inputs inputs);
/// Zeros for the missing tangent of `input`, with `leading` extra axes of extent 1.
Tensor zero_tangent(const Tensor& input, int leading);
}  // namespace nabla
