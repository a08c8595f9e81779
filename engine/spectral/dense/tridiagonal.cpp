#include "engine/spectral/dense/tridiagonal.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/spectral/dense/tridiagonal_loops.h"

namespace nabla::dense {
namespace {

// Reflections that the rest of the matrix meets at once: more make passes over it rarer and the corrections
// of the rows between dearer.
constexpr std::size_t kPairs = 16;

std::size_t lanes_of(std::size_t n) { return (n + kLanes - 1) / kLanes; }

// Rows of whole lanes, an odd number of them, so that rows above each other do not share places of the cache.
std::size_t padded(std::size_t n) { return (lanes_of(n) | 1) * kLanes; }

// The lower triangle by tiles (tridiagonal_loops.h), times a power of 2 that may itself be no number.
std::vector<double> tiles_of(std::span<const double> matrix, std::size_t n, int exponent) {
  const double half = std::ldexp(1.0, exponent / 2);
  const double other = std::ldexp(1.0, exponent - exponent / 2);
  std::vector<double> tiles(tile_row(lanes_of(n)), 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    const double* from = matrix.data() + i * n;
    double* to = tiles.data() + tile_row(i / kLanes) + i % kLanes * kLanes;
    for (std::size_t j = 0; j <= i; ++j) to[j / kLanes * kTile + j % kLanes] = from[j] * half * other;
  }
  // Those on the diagonal are whole.
  for (std::size_t row = 0; row < lanes_of(n); ++row) {
    double* tile = tiles.data() + tile_row(row + 1) - kTile;
    for (std::size_t i = 0; i < kLanes; ++i)
      for (std::size_t j = 0; j < i; ++j) tile[j * kLanes + i] = tile[i * kLanes + j];
  }
  return tiles;
}

class Reduction {
 public:
  Reduction(std::span<const double> matrix, std::size_t n, int exponent)
      : n_(n),
        stride_(padded(n)),
        loops_(tridiagonal_loops()),
        tiles_(tiles_of(matrix, n, exponent)),
        pairs_(2 * kPairs * stride_),
        row_(stride_),
        result_{std::vector<double>(n), std::vector<double>(n)} {}

  // `reflections`: n rows of which row i becomes the u of the reflection I - u u^T that made row i, or 0.
  Tridiagonal run(std::vector<double>* reflections) {
    for (std::size_t i = n_; i-- > 0;) {
      load_row(i);
      result_.diagonal[i] = row_[i];
      if (i == 0) break;
      row_[i] = 0;
      if (!make_reflection(i)) continue;
      if (reflections) std::copy(row_.begin(), row_.end(), reflections->begin() + offset(i * stride_));
      add_pair(i);
      if (held_ == kPairs) apply_pairs(lanes_of(i));
    }
    return std::move(result_);
  }

 private:
  static std::ptrdiff_t offset(std::size_t n) { return static_cast<std::ptrdiff_t>(n); }
  double* pair(std::size_t b) { return pairs_.data() + 2 * b * stride_; }

  // Row i up to its diagonal, less the pairs that wait.
  void load_row(std::size_t i) {
    const std::size_t lanes = lanes_of(i + 1);
    const double* tile = tiles_.data() + tile_row(i / kLanes) + i % kLanes * kLanes;
    for (std::size_t lane = 0; lane < lanes; ++lane, tile += kTile)
      std::copy_n(tile, kLanes, row_.begin() + offset(lane * kLanes));
    double factors[2 * kPairs];
    for (std::size_t b = 0; b < held_; ++b) {
      factors[2 * b] = pair(b)[stride_ + i];
      factors[2 * b + 1] = pair(b)[i];
    }
    loops_.subtract_rows(pairs_.data(), stride_, 2 * held_, lanes, factors, row_.data());
    std::fill(row_.begin() + offset(i + 1), row_.end(), 0.0);
  }

  // Makes of the i elements of the row the u of the reflection I - u u^T that leaves the last of them alone,
  // |u|^2 = 2; false where they are so already.
  bool make_reflection(std::size_t i) {
    double scale = 0;
    for (std::size_t j = 0; j + 1 < i; ++j) scale = std::max(scale, std::abs(row_[j]));
    double& last = row_[i - 1];
    result_.below[i - 1] = last;
    if (scale == 0) return false;
    scale = std::max(scale, std::abs(last));
    double squares = 0;
    for (std::size_t j = 0; j < i; ++j) {
      row_[j] /= scale;
      squares += row_[j] * row_[j];
    }
    const double length = std::copysign(std::sqrt(squares), last);
    result_.below[i - 1] = -length * scale;
    const double size = std::sqrt(squares + std::abs(last * length));
    last += length;
    for (std::size_t j = 0; j < i; ++j) row_[j] /= size;
    return true;
  }

  // For u in the row: (I - u u^T) A (I - u u^T) = A - u w^T - w u^T with w = A u - (u^T A u / 2) u.
  void add_pair(std::size_t i) {
    const std::size_t lanes = lanes_of(i);
    double* u = pair(held_);
    double* w = u + stride_;
    std::copy(row_.begin(), row_.end(), u);
    loops_.multiply(tiles_.data(), lanes, u, w);
    double products[2 * kPairs];
    loops_.row_products(pairs_.data(), stride_, 2 * held_, lanes, u, products);
    for (std::size_t b = 0; b < held_; ++b) std::swap(products[2 * b], products[2 * b + 1]);
    loops_.subtract_rows(pairs_.data(), stride_, 2 * held_, lanes, products, w);
    std::fill(w + i, w + stride_, 0.0);
    double overlap;
    loops_.row_products(w, stride_, 1, lanes, u, &overlap);
    overlap /= 2;
    loops_.subtract_rows(u, stride_, 1, lanes, &overlap, w);
    ++held_;
  }

  void apply_pairs(std::size_t lanes) {
    loops_.subtract_pairs(tiles_.data(), lanes, pairs_.data(), stride_, held_);
    held_ = 0;
  }

  std::size_t n_, stride_;
  const TridiagonalLoops& loops_;
  std::vector<double> tiles_;
  std::vector<double> pairs_;  // u and w of the reflections that wait, row after row
  std::vector<double> row_;
  std::size_t held_ = 0;
  Tridiagonal result_;
};

// The product of the reflections, the first to be applied on the right: it grows from the corner that the
// last ones change.
Basis product_of(const std::vector<double>& reflections, std::size_t n) {
  const std::size_t stride = padded(n);
  std::vector<double> rows(n * stride, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    rows[i * stride + i] = 1;
    tridiagonal_loops().reflect(rows.data(), stride, i, lanes_of(i), reflections.data() + i * stride);
  }
  return {std::move(rows), stride};
}

}  // namespace

Tridiagonal tridiagonalise(std::span<const double> matrix, std::size_t n, int exponent, Basis* basis) {
  Reduction reduction(matrix, n, exponent);
  if (!basis) return reduction.run(nullptr);
  std::vector<double> reflections(n * padded(n), 0.0);
  Tridiagonal result = reduction.run(&reflections);
  *basis = product_of(reflections, n);
  return result;
}

}  // namespace nabla::dense
