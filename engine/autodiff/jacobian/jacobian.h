#pragma once

#include <cstdint>
#include <optional>
#include <source_location>

#include "engine/autodiff/jacobian/field.h"
#include "engine/autodiff/list_function.h"

namespace nabla {

/// How a Jacobian, its diagonal or its trace is found.
/// Exact:
///   automatic: forward, reverse, contraction or, of traces and diagonals, directions of many elements that
///     the graph shows not to meet (a network of convolutions without norms: colouring.h), whichever has the
///     plan with the least work (operations, and what is moved through memory) among those that fit into
///     tangent_bytes.
///   forward: tangents, one for each element of a sample; of a trace or diagonal only the diagonal of the
///     last product is formed.
///   reverse: cotangents, one for each element of a result.
///   contraction: the product of the field's linear pieces in the cheapest order, which for products with
///     shared matrices, diagonals and norms takes far less (jacobian_contraction.h); what has no such form is
///     applied to vectors. Of sample-wise fields.
///   loop_cut: the contraction that starts at the narrowest vector between the layers, tr(GH) = tr(HG).
/// Exact where result i depends on arguments j with |i - j| <= radius along the innermost axis only, with
/// radius + 1 directions for each row of a sample; of diagonals and traces:
///   coloured: directions of ones; a radius that random directions show to be too small is refused.
///   signed_colouring: of random signs; unbiased for any field.
/// Unbiased estimates from few products with the Jacobian, of diagonals and traces:
///   hutchinson: mean of e^T J e over random signs e (Hutchinson, Commun. Stat. Simul. 19, 1990), for the
///     diagonal of e * (J e) (Bekas, Kokiopoulou and Saad, Appl. Numer. Math. 57, 2007).
///   hutch_plus_plus: exact on a sketched range, hutchinson on the rest (Meyer, Musco, Musco and Woodruff,
///     SOSA 2021); less variance where few directions hold most of the trace.
enum class JacobianMethod {
  automatic,
  forward,
  reverse,
  contraction,
  loop_cut,
  coloured,
  signed_colouring,
  hutchinson,
  hutch_plus_plus
};

/// Functions that take them refuse, by name, what is set and not used by the method.
struct JacobianOptions {
  JacobianMethod method = JacobianMethod::automatic;
  /// Bytes that tangents, or the matrices of a contraction, may take at once beside the field's own values;
  /// directions and samples are taken in chunks that fit, at least one at a time. Of a whole Jacobian, beside
  /// its parts.
  std::int64_t tangent_bytes = std::int64_t{256} << 20;
  /// Of the colourings.
  std::int64_t radius = 0;
  /// Random key [2] of what draws signs: signed colouring and the estimates.
  std::optional<Tensor> key = {};
  /// Products with the Jacobian of an estimate: at least 2, and at least 6 for hutch_plus_plus, which spends
  /// a third on the sketch, a third on its range and a third on the rest. Signed colouring repeats its
  /// directions as often as they fit in, at least twice.
  std::int64_t products = 16;
};

/// Builds all derivatives of f at x: [*shape of f(x), *shape of x]. Methods automatic, forward and reverse.
Tensor jacobian(const Field& f, const Tensor& x, const JacobianOptions& options = {},
                std::source_location where = std::source_location::current());
/// The same by each of several arguments in a list: [*shape of f(xs), *shape of xs[i]].
std::vector<Tensor> jacobian(const std::function<Tensor(const std::vector<Tensor>&)>& f,
                             const std::vector<Tensor>& xs, const JacobianOptions& options = {},
                             std::source_location where = std::source_location::current());
/// The same for a function of several tensors: jacobian([](const Tensor& x, const Tensor& t) {..}, {x, t}).
template <std::size_t N, OfSeveral<N> F>
std::vector<Tensor> jacobian(F&& f, const Tensor (&xs)[N], const JacobianOptions& options = {},
                             std::source_location where = std::source_location::current()) {
  if constexpr (TakesTensors<F, N>)
    static_assert(ReturnsTensor<F, N>, "jacobian: the function returns one Tensor");
  const ListFunction listed = list_function<N>(f);
  return jacobian([&](const std::vector<Tensor>& at) { return listed(at)[0]; }, std::vector(xs, xs + N),
                  options, where);
}

/// One Jacobian per sample of a sample-wise field: [B, *S', *S]. One-hot directions [K, 1, *S] are shared by
/// all samples. Methods automatic, forward, reverse, contraction and loop_cut.
/// @throws Error naming the primitive and the line where the field mixes samples, or the method that does not
/// make a whole Jacobian.
Tensor sample_jacobian(const Field& v, const Tensor& x, const JacobianOptions& options = {},
                       std::source_location where = std::source_location::current());

/// Divergence of a sample-wise field with S' = S, the trace of each sample's Jacobian: [B]. Exact unless the
/// method says otherwise.
/// @throws Error where the field mixes samples or changes the shape, or the method lacks a key.
Tensor divergence(const Field& v, const Tensor& x, const JacobianOptions& options = {},
                  std::source_location where = std::source_location::current());

/// Diagonal of each sample's Jacobian: [B, *S]. Errors as for divergence.
Tensor jacobian_diagonal(const Field& v, const Tensor& x, const JacobianOptions& options = {},
                         std::source_location where = std::source_location::current());

/// What an estimate found, and how well.
struct Estimate {
  Tensor value;
  Tensor standard_error;  ///< of the value, from the spread of its probes; the same shape. 0 of what is exact
};

/// divergence with its standard error, both [B]. Each sample has probes of its own.
Estimate estimate_divergence(const Field& v, const Tensor& x, const JacobianOptions& options,
                             std::source_location where = std::source_location::current());

/// jacobian_diagonal with its standard error, both [B, *S].
Estimate estimate_jacobian_diagonal(const Field& v, const Tensor& x, const JacobianOptions& options,
                                    std::source_location where = std::source_location::current());

}  // namespace nabla
