#pragma once

#include <complex>
#include <cstdint>
#include <span>

#include "engine/backend/instruction_set.h"

namespace nabla::cpu {

/// c[m, n] = sum_k a[m, k] b[k, n]; strides in elements, the columns of c are adjacent.
struct MatmulShape {
  std::int64_t m, n, k;
  std::int64_t a_row, a_column;
  std::int64_t b_row, b_column;
  std::int64_t c_row;

  /// Does b lie in the order that a kernel prefers? Its strides are 0 then.
  bool has_packed_b() const { return b_row == 0 && b_column == 0; }

  friend bool operator==(const MatmulShape&, const MatmulShape&) = default;
};
template <class T>
struct MatmulArguments : MatmulShape {
  const T* a;
  const T* b;
  T* c;
};

/// Run on the calling thread.
void matmul(const MatmulArguments<float>& arguments);
void matmul(const MatmulArguments<double>& arguments);
void matmul(const MatmulArguments<std::complex<double>>& arguments);

/// The panels that the f64 product's kernel reads b from. It makes those of a call by itself; here products
/// that have b in common share them. All are made for the instruction set of this moment.
class RightPanels {
 public:
  explicit RightPanels(const MatmulShape& product);
  /// Elements of all panels.
  std::int64_t size() const;
  /// The panels can be made by so many threads.
  std::int64_t parts() const;
  void pack(std::int64_t part, const double* b, double* panels) const;
  /// The product of some rows of a, with all panels as its b. Run on the calling thread.
  void multiply(MatmulArguments<double> rows) const;

 private:
  MatmulShape product_;
  InstructionSet set_;
  std::int64_t width_;   // columns of a panel
  std::int64_t across_;  // parts beside each other
};

/// The f32 product through oneDNN; false if it was not built in or the strides do not suit it.
bool matmul_onednn(const MatmulArguments<float>& arguments);

// oneDNN copies b of f32 into a layout of its own in every call, unless it finds it there: b is "packed"
// then, and both of its strides are 0 in the product's shape. What follows takes shapes of a b that is not
// packed yet.

/// Is there one such layout for all these products, which have b in common, other than the one b lies in?
bool worth_packing(std::span<const MatmulShape> products);
/// Elements of the packed b.
std::int64_t packed_size(const MatmulShape& product);
/// Columns that lie together in it, which can be packed alone only at once.
std::int64_t packed_columns(const MatmulShape& product);
/// Packs columns [first, last) of b to their place in what starts at `packed`. Both are multiples of
/// packed_columns(), or n.
void pack(const MatmulShape& product, std::int64_t first, std::int64_t last, const float* b, float* packed);

/// For whoever forks: waits until oneDNN makes nothing and lets it begin nothing; both processes unlock it.
/// The child, which has no other threads, forgets them first.
void lock_products();
void unlock_products();
void forget_other_products();

}  // namespace nabla::cpu
