#pragma once

#include <cstddef>
#include <vector>

#include "engine/spectral/dense/tridiagonal.h"

namespace nabla::dense {

/// Applies the rotations of many sweeps to the rows of a basis together, strip by strip of columns, which
/// then stay in the cache: one sweep after the other would walk all of the basis each time.
class Rotations {
 public:
  explicit Rotations(Basis& basis) : basis_(basis) {}

  /// Begins a sweep: its rotations turn rows top - 1 and top, then top - 2 and top - 1, and so on.
  void begin(std::size_t top);
  /// The next rotation of the sweep: (row, next) becomes (c row - s next, s row + c next).
  void add(double c, double s) {
    factors_.push_back(c);
    factors_.push_back(s);
  }
  /// Applies what has been added.
  void apply();

 private:
  struct Sweep {
    std::size_t top;
    std::size_t begin;  // of its factors
  };
  Basis& basis_;
  std::vector<Sweep> sweeps_;
  std::vector<double> factors_;
};

}  // namespace nabla::dense
