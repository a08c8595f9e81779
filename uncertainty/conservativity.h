#pragma once

#include <cstdint>

#include "flow/field.h"

// Whether a field is a gradient, as the field of an exact posterior mean is (of |x|^2 and log p_t; arXiv
// 2402.03845): by its Jacobian at a point, and by its work around a loop. Both take the field as it is. For a
// velocity, whose Jacobian near t = 1 is ruled by a multiple of the identity, the mean
// posterior(v, path, x, t).mean() as a field of x shows defects that v hides.

namespace nabla::uncertainty {

/// How far each sample's Jacobian is from symmetric, estimated: [B] each.
struct Conservativity {
  Tensor value;
  Tensor standard_error;  ///< of the value, from the spread of its probes with the ratio linearised
  /// Half the width of the interval around the value that holds the truth 19 times in 20, or 18 where samples
  /// have few elements: the standard error times Student's t, which is 3.2 for 4 probes and 2.1 for 16.
  Tensor half_width;
};

/// |J - J^T|_F^2 / |J + J^T|_F^2 of each sample's Jacobian J = dv/dx: 0 for a gradient, 1 where symmetric and
/// antisymmetric part are equally large, the square of symmetry_defect. Numerator and denominator are means
/// of |J e -+ J^T e|^2 over `probes` random signs e for each sample, one forward and one reverse derivative
/// for all. Where a sample has no more elements than there are probes, its unit vectors take their place:
/// exact, with errors of 0. Fewer than 4 probes cannot tell how far they lie apart. NaN where J is 0. x [B,
/// *S], t [B, 1] or [1, 1]. @throws Error for fewer than 4 probes and where the field mixes samples or
/// changes the shape.
Conservativity conservativity(const flow::TimedField& v, const Tensor& x, const Tensor& t, const Tensor& key,
                              std::int64_t probes = 16);

/// The work of a field around a closed loop.
struct LoopWork {
  Tensor work;   ///< the integral of v . dx, 0 for a gradient: [B]
  Tensor scale;  ///< the integral of |v . dx|, what cancels: |work| / scale is at most 1: [B]
};

/// The integral of v . dx around a closed polygon for each sample, at fixed time, by Gauss and Legendre's
/// rule with `nodes` nodes on each side: exact where v is a polynomial of degree 2 nodes - 1 in x. vertices
/// [P, B, *S] in order, the last joined to the first; t [B, 1] or [1, 1]. For small loops the work is the
/// antisymmetric part of J times the area (Stokes). @throws Error for fewer than 3 vertices and where shapes
/// do not fit.
LoopWork loop_work(const flow::TimedField& v, const Tensor& vertices, const Tensor& t,
                   std::int64_t nodes = 8);

/// A regular polygon of P = `corners` vertices at distance `radius` from each sample x [B, *S], in a random
/// plane of its own: [P, B, *S]. @throws Error if there are fewer than 3 corners or the samples have fewer
/// than 2 elements.
Tensor polygon_around(const Tensor& x, double radius, const Tensor& key, std::int64_t corners = 4);

}  // namespace nabla::uncertainty
