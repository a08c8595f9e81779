#include "engine/autodiff/attention.h"

#include <algorithm>
#include <array>
#include <limits>

#include "engine/autodiff/jvp.h"
#include "engine/autodiff/transform.h"
#include "engine/autodiff/vjp.h"
#include "engine/graph/attention_attributes.h"
#include "engine/graph/node.h"
#include "engine/ops/constant.h"
#include "engine/ops/contract.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/shaping.h"
#include "engine/ops/slicing.h"
#include "engine/ops/substitute.h"
#include "engine/tensor/number_text.h"

namespace nabla {
namespace {

using Operands = std::vector<Tensor>;

// softmax(scale q k^T + bias) v of the first operands.
Tensor composed(Inputs primals, const AttentionAttributes& own) {
  return composed_attention({primals[0], primals[1], primals[2]},
                            {.mask = primals.size() > 3 ? std::optional(primals[3]) : std::nullopt,
                             .scale = own.scale,
                             .causal = own.causal});
}

// [*leading, rows, columns] as [*leading, rows columns].
Tensor flat_core(const Tensor& x) {
  const Shape leading = x.shape().first(x.rank() - 2);
  return reshape(x, concatenate(leading, Shape{x.shape()[-2] * x.shape()[-1]}));
}

// What all fused steps share: operands q, k, v and perhaps what is added to the scores, then others.
// Attributes: AttentionAttributes.
class FusedAttention : public CompositePrimitive {
 public:
  std::optional<Tensor> vjp(const Application& at, int slot, const Tensor& cotangent) const final {
    std::vector<bool> wanted(at.inputs.size(), false);
    wanted[slot] = true;
    std::vector<std::optional<Tensor>> results(wanted.size());
    vjp_of_slots(at, wanted, cotangent, results);
    return results[slot];
  }
  bool accepts_compressed_tangent(const Application&, int, int axis) const final { return axis < -2; }
  std::string describe(const Attributes& attributes) const final {
    const auto own = AttentionAttributes::of(attributes);
    return "scale " + number_text(own.scale) + (own.causal ? ", causal" : "");
  }

 protected:
  using CompositePrimitive::CompositePrimitive;

  // Types and shapes of the first operands. Returns their leading axes with those of `others`.
  Shape checked(Inputs inputs, std::size_t primals) const {
    const auto refuse = [&](const std::string& why) {
      throw Error(with_operands(name(), inputs) + ": " + why);
    };
    const Tensor& q = inputs[0];
    const Tensor& k = inputs[1];
    if (q.dtype() != DType::f32 && q.dtype() != DType::f64) refuse("needs f32 or f64; cast first");
    Shape leading;
    for (const Tensor& x : inputs) {
      if (x.dtype() != q.dtype() || x.rank() != q.rank() || x.rank() < 2)
        refuse("the operands differ in type or rank");
      Shape both;
      const Shape own = x.shape().first(x.rank() - 2);
      if (!broadcast_shapes(&x == &q ? own : leading, own, both)) refuse("leading axes must be equal, or 1");
      leading = both;
    }
    if (q.shape()[-1] != k.shape()[-1] || k.shape()[-2] != inputs[2].shape()[-2])
      refuse("queries, keys and values do not fit");
    for (int axis = -2; axis < 0 && primals > 3; ++axis) {
      const std::int64_t extent = inputs[3].shape()[axis];
      if (extent != 1 && extent != (axis == -2 ? q : k).shape()[-2])
        refuse("what is added does not fit the scores");
    }
    return leading;
  }

  // Where an axis of one of the first operands is in [.., Lq, e].
  static std::optional<int> carried_in_primals(const AttentionAttributes& own, int slot, int axis) {
    if (axis < -2) return axis;
    if (axis == -2 && !own.causal && (slot == 0 || slot == 3)) return axis;
    if (axis == -1 && slot == 2) return axis;
    return std::nullopt;
  }

  // The rules of the definition on variables, with the operands in their place.
  std::optional<Tensor> jvp_of_definition(const Application& at, Tangents tangents) const {
    const std::vector<Tensor> variables = variables_like(at.inputs, at.output.node().where());
    const Tensor y = *definition(variables, at.attributes);
    Operands xs, dxs;
    for (std::size_t i = 0; i < tangents.size(); ++i) {
      if (!tangents[i]) continue;
      xs.push_back(variables[i]);
      dxs.push_back(*tangents[i]);
    }
    const std::optional<Tensor> pushed = jvp_compressed(std::span(&y, 1), xs, dxs)[0];
    if (!pushed) return std::nullopt;
    return substitute(std::span(&*pushed, 1), variables, at.inputs)[0];
  }
  void vjp_of_definition(const Application& at, const std::vector<bool>& wanted, const Tensor& cotangent,
                         std::vector<std::optional<Tensor>>& results) const {
    const std::vector<Tensor> variables = variables_like(at.inputs, at.output.node().where());
    const Tensor y = *definition(variables, at.attributes);
    Operands xs;
    std::vector<std::size_t> slots;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (!wanted[i]) continue;
      xs.push_back(variables[i]);
      slots.push_back(i);
    }
    const auto pulled = nabla::vjp(std::span(&y, 1), xs, std::span(&cotangent, 1));
    for (std::size_t i = 0; i < slots.size(); ++i)
      if (pulled[i]) results[slots[i]] = substitute(std::span(&*pulled[i], 1), variables, at.inputs)[0];
  }
};

Operands promoted(Inputs inputs, int rank) {
  Operands operands;
  for (const Tensor& x : inputs) operands.push_back(promote(x, rank));
  return operands;
}

// The tangent of attention along those tangents that are there.
Tensor pushed_through(Inputs primals, Tangents tangents, AttentionAttributes attributes) {
  attributes.tangents = 0;
  int rank = primals[0].rank();
  for (std::size_t i = 0; i < tangents.size(); ++i)
    if (tangents[i]) {
      attributes.tangents |= std::uint64_t{1} << i;
      rank = tangents[i]->rank();
    }
  Operands operands = promoted(primals, rank);
  for (const std::optional<Tensor>& tangent : tangents)
    if (tangent) operands.push_back(*tangent);
  return apply(primitive_of(Op::attention_jvp), operands, attributes.packed());
}

// Cotangents of what is repeated to queries, keys and values: of inputs of the shapes `targets`, where there
// is one.
std::array<std::optional<Tensor>, 3> pull_through(Inputs primals, const Tensor& cotangent,
                                                  AttentionAttributes attributes, const Shape& output,
                                                  const std::array<std::optional<Shape>, 3>& targets) {
  Operands operands = promoted(primals, cotangent.rank());
  operands.push_back(cotangent);
  attributes.tangents = 0;
  const Tensor all = apply(primitive_of(Op::attention_vjp), operands, attributes.packed());
  std::array<std::optional<Tensor>, 3> results;
  std::int64_t first = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    const Shape core{primals[i].shape()[-2], primals[i].shape()[-1]};
    const std::int64_t last = first + core.size();
    if (targets[i]) {
      const Tensor part =
          reshape(slice(all, -1, first, last), concatenate(all.shape().first(all.rank() - 1), core));
      results[i] = sum_to_shape(part, concatenate(output.first(output.rank() - 2), core), *targets[i]);
    }
    first = last;
  }
  return results;
}

// The operands, each repeated along the leading axes of the output, so that derivatives sum nothing there.
Operands repeated(Inputs inputs, const Shape& output) {
  const Shape leading = output.first(inputs[0].rank() - 2);
  Operands operands;
  for (const Tensor& x : inputs)
    operands.push_back(broadcast_to(x, concatenate(leading, Shape{x.shape()[-2], x.shape()[-1]})));
  return operands;
}

class Attention final : public FusedAttention {
 public:
  Attention() : FusedAttention(Op::attention) {}
  TensorType infer(Inputs inputs, const Attributes&) const override {
    const Shape leading = checked(inputs, inputs.size());
    return {concatenate(leading, Shape{inputs[0].shape()[-2], inputs[2].shape()[-1]}), inputs[0].dtype()};
  }
  std::optional<Tensor> definition(Inputs inputs, const Attributes& attributes) const override {
    return composed(inputs, AttentionAttributes::of(attributes));
  }
  std::optional<Tensor> jvp(const Application& at, Tangents tangents) const override {
    return pushed_through(at.inputs, tangents, AttentionAttributes::of(at.attributes));
  }
  void vjp_of_slots(const Application& at, const std::vector<bool>& wanted, const Tensor& cotangent,
                    std::vector<std::optional<Tensor>>& results) const override {
    std::array<std::optional<Shape>, 3> targets;
    for (std::size_t i = 0; i < 3; ++i)
      if (wanted[i]) targets[i] = at.inputs[i].shape();
    if (wanted[0] || wanted[1] || wanted[2])
      std::ranges::move(pull_through(at.inputs, cotangent, AttentionAttributes::of(at.attributes),
                                     at.output.shape(), targets),
                        results.begin());
    if (wanted.size() < 4 || !wanted[3]) return;
    vjp_of_definition(at, {false, false, false, true}, cotangent, results);
  }
  std::optional<int> carried_axis(const Application& at, int slot, int axis) const override {
    return carried_in_primals(AttentionAttributes::of(at.attributes), slot, axis);
  }
  bool accepts_compressed_cotangent(const Application&, int axis) const override { return axis < -2; }
};
const Attention& kAttention = *new Attention;

// Behind the first operands those tangents that the attributes name.
class AttentionJvp final : public FusedAttention {
 public:
  AttentionJvp() : FusedAttention(Op::attention_jvp) {}
  TensorType infer(Inputs inputs, const Attributes& attributes) const override {
    const auto own = AttentionAttributes::of(attributes);
    const Shape leading = checked(inputs, own.primals);
    for (std::size_t i = own.primals; i < inputs.size(); ++i) {
      const Shape& core = inputs[own.primal_of(i)].shape();
      if (inputs[i].shape()[-2] != core[-2] || inputs[i].shape()[-1] != core[-1])
        throw Error(with_operands(name(), inputs) + ": a tangent does not have the shape of its operand");
    }
    return {concatenate(leading, Shape{inputs[0].shape()[-2], inputs[2].shape()[-1]}), inputs[0].dtype()};
  }
  std::optional<Tensor> definition(Inputs inputs, const Attributes& attributes) const override {
    const auto own = AttentionAttributes::of(attributes);
    const Operands operands = repeated(inputs, infer(inputs, attributes).shape);
    const Inputs primals = Inputs(operands).first(own.primals);
    const std::vector<Tensor> variables = variables_like(primals, inputs[0].node().where());
    const Tensor y = composed(variables, own);
    Operands xs;
    for (std::size_t i = own.primals; i < inputs.size(); ++i) xs.push_back(variables[own.primal_of(i)]);
    const Tensor pushed = *nabla::jvp(std::span(&y, 1), xs, Inputs(operands).subspan(own.primals))[0];
    return substitute(std::span(&pushed, 1), variables, primals)[0];
  }
  std::optional<Tensor> jvp(const Application& at, Tangents tangents) const override {
    const auto own = AttentionAttributes::of(at.attributes);
    if (std::ranges::any_of(tangents.first(own.primals), [](const auto& x) { return x.has_value(); }))
      return jvp_of_definition(at, tangents);
    // It is linear in the tangents.
    std::vector<std::optional<Tensor>> along(own.primals);
    for (std::size_t i = own.primals; i < tangents.size(); ++i) along[own.primal_of(i)] = tangents[i];
    return pushed_through(at.inputs.first(own.primals), along, own);
  }
  void vjp_of_slots(const Application& at, const std::vector<bool>& wanted, const Tensor& cotangent,
                    std::vector<std::optional<Tensor>>& results) const override {
    const auto own = AttentionAttributes::of(at.attributes);
    bool linear = true;
    std::array<std::optional<Shape>, 3> targets;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (!wanted[i]) continue;
      linear = linear && i >= own.primals && own.primal_of(i) < 3;
      if (linear) targets[own.primal_of(i)] = at.inputs[i].shape();
    }
    if (!linear) return vjp_of_definition(at, wanted, cotangent, results);
    const auto pulled =
        pull_through(at.inputs.first(own.primals), cotangent, own, at.output.shape(), targets);
    for (std::size_t i = own.primals; i < wanted.size(); ++i)
      if (wanted[i]) results[i] = pulled[own.primal_of(i)];
  }
  std::optional<int> carried_axis(const Application& at, int slot, int axis) const override {
    const auto own = AttentionAttributes::of(at.attributes);
    const std::size_t i = static_cast<std::size_t>(slot);
    return carried_in_primals(own, static_cast<int>(i < own.primals ? i : own.primal_of(i)), axis);
  }
  bool accepts_compressed_cotangent(const Application&, int axis) const override { return axis < -2; }
};
const AttentionJvp& kAttentionJvp = *new AttentionJvp;

// The cotangent of [.., Lq, e] stands last. The output [.., n] has those of queries, keys and values, each in
// row-major order, one behind the other.
class AttentionVjp final : public FusedAttention {
 public:
  AttentionVjp() : FusedAttention(Op::attention_vjp) {}
  TensorType infer(Inputs inputs, const Attributes& attributes) const override {
    const auto own = AttentionAttributes::of(attributes);
    const Shape leading = checked(inputs, own.primals);
    const Shape& cotangent = inputs.back().shape();
    if (cotangent[-2] != inputs[0].shape()[-2] || cotangent[-1] != inputs[2].shape()[-1])
      throw Error(with_operands(name(), inputs) + ": the cotangent does not have the shape of the output");
    std::int64_t elements = 0;
    for (const Tensor& x : inputs.first(3)) elements += x.shape()[-2] * x.shape()[-1];
    return {concatenate(leading, Shape{elements}), inputs[0].dtype()};
  }
  std::vector<std::int64_t> parts(std::span<const Shape> inputs, const Attributes&) const override {
    std::vector<std::int64_t> extents;
    for (const Shape& x : inputs.first(3)) extents.push_back(x[-2] * x[-1]);
    return extents;
  }
  std::optional<Tensor> definition(Inputs inputs, const Attributes& attributes) const override {
    const auto own = AttentionAttributes::of(attributes);
    const Operands operands = repeated(inputs, infer(inputs, attributes).shape);
    const Inputs primals = Inputs(operands).first(own.primals);
    const Tensor& cotangent = operands.back();
    const std::vector<Tensor> variables = variables_like(primals, inputs[0].node().where());
    const Tensor y = composed(variables, own);
    const auto pulled = nabla::vjp(std::span(&y, 1), std::span(variables).first(3), std::span(&cotangent, 1));
    Operands parts;
    for (std::size_t i = 0; i < 3; ++i)
      parts.push_back(flat_core(pulled[i] ? *pulled[i] : zeros(primals[i].shape(), primals[i].dtype())));
    const Tensor joined = concatenate(parts, -1);
    return substitute(std::span(&joined, 1), variables, primals)[0];
  }
  std::optional<Tensor> jvp(const Application& at, Tangents tangents) const override {
    const auto own = AttentionAttributes::of(at.attributes);
    if (std::ranges::any_of(tangents.first(own.primals), [](const auto& x) { return x.has_value(); }))
      return jvp_of_definition(at, tangents);
    Operands operands = promoted(at.inputs.first(own.primals), tangents.back()->rank());
    operands.push_back(*tangents.back());
    return apply(*this, operands, at.attributes);
  }
  void vjp_of_slots(const Application& at, const std::vector<bool>& wanted, const Tensor& cotangent,
                    std::vector<std::optional<Tensor>>& results) const override {
    vjp_of_definition(at, wanted, cotangent, results);
  }
  std::optional<int> carried_axis(const Application&, int, int axis) const override {
    if (axis < -2) return axis + 1;
    return std::nullopt;
  }
  bool accepts_compressed_cotangent(const Application&, int axis) const override { return axis < -1; }
};
const AttentionVjp& kAttentionVjp = *new AttentionVjp;

// Measured on processors (docs/decisions.md): with fewer keys the matrix of scores stays in the caches.
constexpr std::int64_t kFewestKeys = 64;

bool is_fused(const AttentionOperands& operands, AttentionForm form) {
  const Tensor& k = operands[1];
  const bool possible = k.dtype() == DType::f32 || k.dtype() == DType::f64;
  if (form == AttentionForm::fused && !possible)
    throw Error(with_operands("attention", operands) + ": the fused form needs f32 or f64; cast first");
  return form == AttentionForm::fused ||
         (form == AttentionForm::automatic && possible && k.shape()[-2] >= kFewestKeys);
}

// What is added to the scores.
std::optional<Tensor> bias_of(const AttentionOptions& options, DType dtype) {
  if (!options.mask || options.mask->dtype() != DType::boolean) return options.mask;
  const Tensor zero = zeros(Shape::filled(options.mask->rank(), 1), dtype);
  return select(*options.mask, zero, full(zero.shape(), -std::numeric_limits<double>::infinity(), dtype));
}

}  // namespace

Tensor attention(const Operand& q, const Operand& k, const Operand& v, const AttentionOptions& options) {
  const SourceScope scope(q.where());
  const AttentionOperands operands{q.tensor(), k.tensor(), v.tensor()};
  check_attention(operands, options);
  if (!is_fused(operands, options.form)) return composed_attention(operands, options);
  Operands inputs(operands.begin(), operands.end());
  if (const std::optional<Tensor> bias = bias_of(options, inputs[0].dtype())) inputs.push_back(*bias);
  int rank = 2;
  for (const Tensor& x : inputs) rank = std::max(rank, x.rank());
  const AttentionAttributes attributes{
      .causal = options.causal, .primals = inputs.size(), .scale = attention_scale(operands, options)};
  return apply(kAttention, promoted(inputs, rank), attributes.packed());
}

}  // namespace nabla
