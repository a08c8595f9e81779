#include "engine/ops/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "engine/graph/node.h"
#include "engine/graph/primitive.h"
#include "engine/ops/constant.h"
#include "engine/ops/contract.h"
#include "engine/ops/contraction.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduction.h"
#include "engine/ops/shaping.h"
#include "engine/tensor/number_text.h"

namespace nabla {
namespace {

constexpr double kNotAttended = -std::numeric_limits<double>::infinity();

[[noreturn]] void refuse_attention(const AttentionOperands& operands, const std::string& why) {
  throw Error(with_operands("attention", operands) + ": " + why);
}

bool broadcasts_to(const Shape& from, const Shape& to) {
  Shape both;
  return from.rank() <= to.rank() &&
         broadcast_shapes(concatenate(Shape::filled(to.rank() - from.rank(), 1), from), to, both) &&
         both == to;
}

// What broadcasts to the scores: true where a query may attend to a key.
std::optional<Tensor> allowed_by(const AttentionOptions& options, const Shape& scores) {
  std::optional<Tensor> allowed;
  if (options.mask) {
    const Tensor mask = promote(*options.mask, scores.rank());
    allowed = mask.dtype() == DType::boolean ? mask : not_equal(mask, kNotAttended);
  }
  if (!options.causal) return allowed;
  const Tensor reached = iota(scores[-1]) <= insert_axes(iota(scores[-2]), {-1});
  return allowed ? select(reached, *allowed, false) : reached;
}

}  // namespace

Shape check_attention(const AttentionOperands& operands, const AttentionOptions& options) {
  const auto& [q, k, v] = operands;
  if (!is_floating(q.dtype()) || k.dtype() != q.dtype() || v.dtype() != q.dtype())
    refuse_attention(operands, "queries, keys and values need one floating type; cast first");
  if (q.rank() < 2 || k.rank() < 2 || v.rank() < 2)
    refuse_attention(operands, "queries, keys and values need two axes at least");
  if (q.shape()[-1] != k.shape()[-1])
    refuse_attention(operands, "queries and keys differ in their innermost extent");
  if (k.shape()[-2] != v.shape()[-2]) refuse_attention(operands, "there must be a value for each key");
  Shape leading, scores;
  for (const Tensor& x : operands) {
    const int rank = std::max(leading.rank(), x.rank() - 2);
    const auto filled = [&](const Shape& shape) {
      return concatenate(Shape::filled(rank - shape.rank(), 1), shape);
    };
    Shape both;
    if (!broadcast_shapes(filled(leading), filled(x.shape().first(x.rank() - 2)), both))
      refuse_attention(operands, "leading axes must be equal, or 1");
    leading = both;
    if (&x == &k) scores = concatenate(leading, Shape{q.shape()[-2], k.shape()[-2]});
  }
  if (options.scale && !std::isfinite(*options.scale))
    refuse_attention(operands, "the scale is " + number_text(*options.scale));
  if (!options.mask) return scores;
  const Tensor& mask = *options.mask;
  const std::string text = "the mask " + to_string(mask.shape()) + " " + std::string(name_of(mask.dtype()));
  if (mask.dtype() != DType::boolean && mask.dtype() != q.dtype())
    refuse_attention(operands, text + " is neither bool nor of the type of the queries");
  if (!broadcasts_to(mask.shape(), scores))
    refuse_attention(operands, text + " does not broadcast to the scores " + to_string(scores));
  return scores;
}

double attention_scale(const AttentionOperands& operands, const AttentionOptions& options) {
  const std::int64_t width = operands[0].shape()[-1];
  return options.scale.value_or(1 / std::sqrt(static_cast<double>(std::max<std::int64_t>(1, width))));
}

Tensor composed_attention(const AttentionOperands& operands, const AttentionOptions& options) {
  const auto& [q, k, v] = operands;
  Tensor scores = matmul(q * attention_scale(operands, options), transpose(k));
  if (options.mask && is_floating(options.mask->dtype())) scores = scores + *options.mask;
  const std::optional<Tensor> allowed = allowed_by(options, scores.shape());
  if (!allowed || scores.size() == 0) return matmul(softmax(scores), v);
  // A row of nothing but -inf has no softmax: where a query may attend to nothing the scores are 0 instead,
  // and so, in the end, are its weights. What is causal alone leaves every query the first key.
  Tensor elsewhere = literal_like(kNotAttended, scores);
  if (options.mask) {
    const Tensor may_attend = reduce_max(cast(*allowed, DType::u8), {-1}, /*keep_axes=*/true) > 0;
    elsewhere = select(may_attend, elsewhere, 0);
  }
  const Tensor weights = softmax(select(*allowed, scores, elsewhere));
  return matmul(select(*allowed, weights, 0.0), v);
}

}  // namespace nabla
