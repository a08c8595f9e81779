#include "engine/autodiff/jacobian/trace_estimate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "engine/autodiff/jacobian/colouring.h"
#include "engine/autodiff/jacobian/probes.h"
#include "engine/graph/primitive.h"
#include "engine/graph/walk.h"
#include "engine/ops/constant.h"
#include "engine/ops/contraction.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/random.h"
#include "engine/ops/reduction.h"
#include "engine/ops/shaping.h"
#include "engine/ops/slicing.h"
#include "engine/plan/evaluate.h"

namespace nabla {
namespace {

const Tensor& key_of(const char* what, const JacobianOptions& options) {
  if (!options.key) throw Error(std::string(what) + ": a method that draws random signs needs options.key");
  return *options.key;
}

// Orthonormal directions [K, B, D] that span those given, sample by sample (Gram and Schmidt, each twice).
// What is spanned already becomes zero. The result is the same for directions of any length, so that squares
// are kept in range by a constant.
Tensor orthonormal(const Tensor& given) {
  const Tensor largest = stop_gradient(reduce_max(abs(given), {-1}, /*keep_axes=*/true));
  const Tensor directions = given / select(equal(largest, 0), 1.0, largest);
  const std::int64_t count = directions.shape()[0];
  std::vector<Tensor> basis;
  for (std::int64_t k = 0; k < count; ++k) {
    Tensor v = slice(directions, 0, k, k + 1);
    const Tensor before = sum(square(v), {-1}, true);
    for (int turn = 0; turn < 2; ++turn)
      for (const Tensor& q : basis) v = v - q * sum(q * v, {-1}, true);
    const Tensor squared = sum(square(v), {-1}, true);
    const Tensor is_new = greater(squared, before * (directions.dtype() == DType::f64 ? 1e-24 : 1e-10));
    basis.push_back(select(is_new, v * rsqrt(select(is_new, squared, 1.0)), 0.0));
  }
  return concatenate(basis, 0);
}

bool has_elements(const Tensor& x) {
  return std::ranges::none_of(nodes_behind(x),
                              [](const Node* node) { return node->primitive().is_variable(); });
}

// Colours of a field that reaches farther than the radius would mix what they should keep apart. Two random
// directions in a random row, zero on one side or the other of a random place, tell: nothing of them may
// arrive farther behind that place than the radius, nor in other rows.
void require_radius(const char* what, const FieldOnVariable& field, std::int64_t radius) {
  const std::int64_t extent = field.x.shape()[-1], rows = field.extent() / std::max<std::int64_t>(1, extent);
  if (field.x.size() == 0 || (rows == 1 && radius + 1 >= extent)) return;
  const std::vector<double> at = uniform(random_key(2), Shape{2}, DType::f64).to_vector<double>();
  const std::int64_t row = static_cast<std::int64_t>(at[0] * static_cast<double>(rows));
  // Behind the place there must be something beyond the radius.
  const std::int64_t room = extent - radius - 1;
  const std::int64_t place =
      room > 0 ? 1 + static_cast<std::int64_t>(at[1] * static_cast<double>(room)) : extent;
  std::vector<double> inside(2 * rows * extent, 0.0), allowed = inside;
  for (std::int64_t j = 0; j < extent; ++j) {
    const std::size_t before = static_cast<std::size_t>(row * extent + j),
                      behind = before + static_cast<std::size_t>(rows * extent);
    inside[before] = j < place;
    inside[behind] = j >= extent - place;
    allowed[before] = j < place + radius;
    allowed[behind] = j >= extent - place - radius;
  }
  const Shape shape{2, 1, rows * extent};
  const Tensor directions = normal(random_key(1), {2, field.samples(), rows * extent}, field.dtype()) *
                            cast(tensor(inside, shape), field.dtype());
  const Tensor arrived = abs(field.put_back(field.times(directions)));
  if (!has_elements(arrived)) return;
  const double all = reduce_max(arrived).item();
  const double beyond = reduce_max(arrived * cast(1.0 - tensor(allowed, shape), field.dtype())).item();
  const double rounding = 64 * (field.dtype() == DType::f64 ? std::numeric_limits<double>::epsilon()
                                                            : std::numeric_limits<float>::epsilon());
  if (beyond > rounding * all)
    throw Error(
        std::string(what) + ": the field " + to_string(field.x.shape()) +
        " reaches farther than the radius " + std::to_string(radius) +
        " along its last axis, or across rows; coloured would not be exact (signed_colouring is unbiased)");
}

}  // namespace

Estimate estimate_by_probes(const char* what, const FieldOnVariable& field, Estimated estimated,
                            const JacobianOptions& options) {
  const bool sketches = options.method == JacobianMethod::hutch_plus_plus;
  if (options.products < (sketches ? 6 : 2))
    throw Error(std::string(what) + ": " + std::to_string(options.products) +
                " products are too few; at least " + (sketches ? "6 for hutch_plus_plus" : "2"));
  const Tensor& key = key_of(what, options);
  const bool is_trace = estimated == Estimated::trace;
  const auto signs = [&](const Tensor& of, std::int64_t count) {
    return random_signs(of, {count, field.samples(), field.extent()}, field.dtype());
  };
  // a_i b_i, or their sum: [K, B, D] or [K, B].
  const auto meet = [&](const Tensor& a, const Tensor& b) { return is_trace ? sum(a * b, {-1}) : a * b; };
  if (!sketches) {
    const Tensor e = signs(key, options.products);
    return mean_of_probes(meet(e, field.times(e)));
  }
  const std::int64_t third = options.products / 3;
  const Tensor keys = split(key, 2);
  const auto key_at = [&](std::int64_t i) { return drop_axes(slice(keys, 0, i, i + 1), {0}); };
  const Tensor q = orthonormal(field.times(signs(key_at(0), third)));
  const Tensor on_range = sum(meet(q, field.times(q)), {0});
  // J = J Q Q^T + J (I - Q Q^T): probes of the second part. Of a trace the left factor may lose its part in
  // the range too, for Q^T J (I - Q Q^T) Q is zero; of a diagonal it may not.
  const Tensor e = signs(key_at(1), options.products - 2 * third);
  const Tensor rest = e - einsum("kqb,qbd->kbd", einsum("kbd,qbd->kqb", e, q), q);
  Estimate found = mean_of_probes(meet(is_trace ? rest : e, field.times(rest)));
  found.value = found.value + on_range;
  return found;
}

Estimate estimate_by_colours(const char* what, const FieldOnVariable& field, Estimated estimated,
                             const JacobianOptions& options) {
  if (options.radius < 0 || field.x.rank() < 2)
    throw Error(std::string(what) + ": colouring with radius " + std::to_string(options.radius) +
                " of samples " + to_string(field.x.shape()) +
                "; it must not be negative, and samples need an axis");
  const std::int64_t extent = field.x.shape()[-1];
  const std::int64_t rows = field.extent() / std::max<std::int64_t>(1, extent);
  const std::int64_t near = std::min(options.radius + 1, extent);
  // One colour for each place of a period, in each row of the other axes.
  const Colouring colouring{{rows, extent}, {rows, near}};
  const std::int64_t colours = colouring.colours();
  const DType dtype = field.dtype();
  const Tensor seeds = reshape(colour_seeds(colouring, 0, colours, dtype), {1, colours, 1, rows * extent});
  const auto met = [&](const Tensor& signed_seeds) {  // [repeats, colours, B or 1, D]
    const Shape full{signed_seeds.shape()[0], colours, field.samples(), field.extent()};
    const Tensor directions =
        reshape(broadcast_to(signed_seeds, full), {full[0] * colours, field.samples(), field.extent()});
    const Tensor diagonals = sum(reshape(field.times(directions), full) * signed_seeds, {1});
    return estimated == Estimated::trace ? sum(diagonals, {-1}) : diagonals;
  };
  if (options.method == JacobianMethod::coloured) {
    require_radius(what, field, options.radius);
    const Tensor value = drop_axes(met(seeds), {0});
    return {value, zeros(value.shape(), dtype)};
  }
  const std::int64_t repeats =
      std::max<std::int64_t>(2, options.products / std::max<std::int64_t>(1, colours));
  return mean_of_probes(
      met(seeds * random_signs(key_of(what, options), {repeats, 1, field.samples(), field.extent()}, dtype)));
}

}  // namespace nabla
