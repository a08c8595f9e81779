#pragma once

#include <cstddef>

namespace nabla::dense {

// The loops in which the reduction to tridiagonal form spends its time. Vectors are whole lanes long, which
// means that they are padded with zeros to a multiple of kLanes. A symmetric matrix is the lower triangle of
// its tiles of kLanes x kLanes, row after row of tiles and each row-major, those on the diagonal whole: it is
// half as large as a matrix, and is read from front to back.

inline constexpr std::size_t kLanes = 8;
inline constexpr std::size_t kTile = kLanes * kLanes;

/// Lanes of columns that are turned together.
inline constexpr std::size_t kStrip = 4;

/// Where the tiles of a row of tiles begin.
constexpr std::size_t tile_row(std::size_t row) { return row * (row + 1) / 2 * kTile; }

/// For each instruction set; all give the same bits. Lengths are in lanes, rows lie `stride` elements apart.
struct TridiagonalLoops {
  /// product = the matrix of `tiles` times x, for its first `lanes` rows of tiles.
  void (*multiply)(const double* tiles, std::size_t lanes, const double* x, double* product);
  /// Subtracts v w^T + w v^T from the first `lanes` rows of tiles for each of `pairs` pairs of rows v, w.
  void (*subtract_pairs)(double* tiles, std::size_t lanes, const double* rows, std::size_t stride,
                         std::size_t pairs);
  /// products[i] = row i times x.
  void (*row_products)(const double* rows, std::size_t stride, std::size_t count, std::size_t lanes,
                       const double* x, double* products);
  /// Subtracts factors[i] times row i from y, for all i.
  void (*subtract_rows)(const double* rows, std::size_t stride, std::size_t count, std::size_t lanes,
                        const double* factors, double* y);
  /// Turns a row and the one above it by the first of `count` pairs of cosine and sine, then that one and the
  /// next by the second, and so on upwards; `lanes` is kStrip at most.
  void (*rotate)(double* row, std::size_t stride, std::size_t lanes, const double* factors,
                 std::size_t count);
  /// rows <- rows (I - u u^T).
  void (*reflect)(double* rows, std::size_t stride, std::size_t count, std::size_t lanes, const double* u);
};

/// Those of the instruction set in use.
const TridiagonalLoops& tridiagonal_loops();

}  // namespace nabla::dense
