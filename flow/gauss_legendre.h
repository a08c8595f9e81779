#pragma once

#include <cstdint>
#include <vector>

namespace nabla::flow {

/// A rule sum_i weights_i f(nodes_i) for the integral of f over [0, 1].
struct Quadrature {
  std::vector<double> nodes;  ///< inside (0, 1), ascending
  std::vector<double> weights;
};

/// Gauss and Legendre's rule, exact for polynomials of degree 2 count - 1. @throws Error if count < 1.
Quadrature gauss_legendre(std::int64_t count);

}  // namespace nabla::flow
