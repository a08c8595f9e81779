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

/// The matrix, row by row, that takes the values of f at the nodes of such a rule to the first
/// rule.nodes.size() coefficients of its series in Legendre polynomials on [0, 1]. How they fall tells how
/// far the integral may be off: the rule sees those of twice the degree as ones of degree 0.
std::vector<double> legendre_coefficients(const Quadrature& rule);

}  // namespace nabla::flow
