#include "tests/spec/program_plan.h"

#include <array>

namespace nabla::spec {
namespace {

// Extents: short and long rows, and those around a tile of 4096 bytes.
constexpr std::array<std::int64_t, 8> kSmall{1, 2, 3, 5, 7, 8, 0, 12};
constexpr std::array<std::int64_t, 8> kLarge{1, 2, 3, 9, 64, 257, 700, 1025};
constexpr std::int64_t kMostSmall = 300;
constexpr std::int64_t kMostLarge = 150'000;

class PlanProgram {
 public:
  PlanProgram(std::uint64_t seed, ProgramSize size) : random_(seed), size_(size) {
    for (std::int64_t& extent : extents_) extent = (size == ProgramSize::small ? kSmall : kLarge)[pick(8)];
  }

  std::vector<Tensor> leaves(DType dtype) {
    std::vector<Tensor> made;
    for (int count = 2 + pick(3); count > 0; --count)
      made.push_back(cast(direction(random_, shape()) * 2, dtype).detach());
    return made;
  }

  std::vector<Tensor> build(const std::vector<Tensor>& leaves) {
    this->leaves(leaves[0].dtype());  // the same draws as when they were made
    for (const Tensor& leaf : leaves) values_.push_back({leaf, true});
    for (int count = 6 + pick(30); count > 0; --count) add_step();
    std::vector<Tensor> results{values_.back().tensor};
    for (int more = pick(4); more > 0; --more) results.push_back(any().tensor);
    return results;
  }

 private:
  struct Value {
    Tensor tensor;
    bool is_exact;  // no contraction behind it
  };

  int pick(int count) { return static_cast<int>(random_() % static_cast<std::uint64_t>(count)); }
  bool flip_coin() { return pick(2) == 0; }
  std::int64_t most() const { return size_ == ProgramSize::small ? kMostSmall : kMostLarge; }

  Shape shape() {
    Shape made;
    const int rank = pick(4);
    for (int i = 0; i < rank; ++i) {
      const std::int64_t extent = pick(5) == 0 ? 1 : extents_[pick(3)];
      made.push_back(made.size() * extent <= most() ? extent : 1);
    }
    return made;
  }
  Value any() {
    const std::size_t count = values_.size();
    return values_[flip_coin() ? count - 1 - random_() % std::min<std::size_t>(count, 3) : random_() % count];
  }
  Value number() {
    const Value found = any();
    return {as_number(found.tensor), found.is_exact};
  }
  DType dtype() const { return values_[0].tensor.dtype(); }
  Tensor as_number(const Tensor& x) const {
    if (x.dtype() == dtype()) return x;
    return cast(x, dtype()) * (x.dtype() == DType::boolean ? 0.5 : 0.01);
  }
  static bool fit(const Shape& a, const Shape& b) {
    for (int axis = -1; axis >= -std::max(a.rank(), b.rank()); --axis) {
      const std::int64_t m = a.extent_or_one(axis);
      const std::int64_t n = b.extent_or_one(axis);
      if (m != n && m != 1 && n != 1) return false;
    }
    return true;
  }
  Value partner(const Value& x) {
    for (int tries = 0; tries < 8; ++tries) {
      const Value y = number();
      if (fit(x.tensor.shape(), y.tensor.shape())) return y;
    }
    return x;
  }

  void add(const Tensor& made, bool is_exact) {
    if (made.size() > most() || made.rank() > 4) return;
    values_.push_back({made, is_exact});
  }

  void add_step() {
    const Value x = number();
    switch (pick(10)) {
      case 0:
      case 1:
      case 2:
        return add(unary(x.tensor), x.is_exact);
      case 3:
      case 4:
      case 5: {
        const Value y = partner(x);
        return add(binary(x.tensor, y.tensor), x.is_exact && y.is_exact);
      }
      case 6:
        return other_types(x);
      case 7:
      case 8:
        return shaping(x);
      default:
        return mixing(x);
    }
  }

  // Values stay within a few units, so that nothing overflows however long the program.
  Tensor unary(const Tensor& x) {
    switch (pick(16)) {
      case 0:
        return nabla::sin(x);
      case 1:
        return nabla::tanh(x);
      case 2:
        return nabla::exp(nabla::tanh(x));
      case 3:
        return neg(x);
      case 4:
        return neg(neg(x));
      case 5:
        return x * 1;
      case 6:
        return 1 * x;
      case 7:
        return x - 0;
      case 8:
        return x / 1;
      case 9:
        return x + 0;
      case 10:
        return stop_gradient(x);
      case 11:
        return nabla::sqrt(square(x) + 1) * 0.5;
      case 12:
        return sigmoid(x);
      case 13:
        return nabla::abs(x) * 0.7;
      case 14:
        return x * ones(x.shape(), x.dtype());
      default:
        return nabla::log1p(square(x)) * 0.5;
    }
  }

  Tensor binary(const Tensor& x, const Tensor& y) {
    switch (pick(7)) {
      case 0:
        return (x + y) * 0.5;
      case 1:
        return nabla::tanh(x * y);
      case 2:
        return x * nabla::sin(y) - nabla::sin(y) * x + (y - x) * 0.3;
      case 3:
        return x / (square(y) + 1);
      case 4:
        return nabla::max(x, y);
      case 5:
        return nabla::min(x, y);
      default:
        return nabla::sin(x + y) + nabla::sin(y + x) * 0.5;
    }
  }

  // Jumps: not behind a contraction, whose rounding they would magnify without a bound.
  void other_types(const Value& x) {
    const Value y = partner(x);
    if (!x.is_exact || !y.is_exact) return;
    const Tensor& a = x.tensor;
    const Tensor& b = y.tensor;
    switch (pick(8)) {
      case 0:
        return add(greater(a, b), true);
      case 1:
        return add(equal(less(a, b), less_equal(b, 0.5)), true);
      case 2:
        return add(select(less(a, b), nabla::sin(a), b * 0.5), true);
      case 3:
        return add(cast(nabla::tanh(a) * 100, DType::i32), true);
      case 4: {
        const Tensor i = cast(nabla::tanh(a) * 100, DType::i64);
        const Tensor j = cast(nabla::sin(b) * 100, DType::i64);
        return add(select(not_equal(i, j), i + j, neg(i - j)), true);
      }
      case 5: {
        const DType other = dtype() == DType::f32 ? DType::f64 : DType::f32;
        return add(cast(nabla::sin(cast(a, other)), dtype()), true);
      }
      case 6:
        return add(cast(cast(greater(a, 0.1), DType::i32) + cast(less(b, 0.2), DType::i32), dtype()), true);
      default:
        return add(sign(a) * b + cast(greater_equal(b, a), dtype()), true);
    }
  }

  void shaping(const Value& v) {
    const Tensor& x = v.tensor;
    if (x.rank() == 0) return add(broadcast_to(insert_axes(x, {-1}), {extents_[0]}), v.is_exact);
    const int axis = -1 - pick(x.rank());
    const std::int64_t extent = x.shape()[axis];
    const auto shaped = [&]() -> Tensor {
      switch (pick(9)) {
        case 0:
          return transpose(x, axis, 0);
        case 1:
          return flip(x, axis);
        case 2:
          return slice(x, axis, extent / 3, extent, 1);
        case 3:
          return slice(x, axis, 0, extent, 2);
        case 4:
          return reshape(x, Shape{x.size()});
        case 5:
          return insert_axes(x, {axis});
        case 6: {
          Shape target = x.shape();
          return broadcast_to(insert_axes(x, {-x.rank() - 1}), concatenate(Shape{2}, target));
        }
        case 7:
          return transpose(reshape(transpose(x, axis, 0), Shape{1, x.size()}));
        default:
          return extent == 1 ? drop_axes(x, {axis}) : reshape(flip(x, axis), Shape{1, x.size(), 1});
      }
    };
    const Tensor made = shaped();
    add(flip_coin() ? nabla::tanh(made) : made, v.is_exact);
  }

  void mixing(const Value& v) {
    const Tensor& x = v.tensor;
    if (x.rank() == 0) return;
    const int axis = -1 - pick(x.rank());
    const std::int64_t extent = x.shape()[axis];
    switch (pick(10)) {
      case 0:
        return add(sum(x, {axis}, flip_coin()) * (1.0 / static_cast<double>(extent + 1)), v.is_exact);
      case 1:
        return add(x - mean(x + 1, {axis}, true), v.is_exact);
      case 2:
        return add(softmax(x, axis), v.is_exact);
      case 3:
        return add(extent == 0 ? x : reduce_max(x, {axis}, true) * x, v.is_exact);
      case 4:
        return add(nabla::tanh(cumsum(x, axis)), v.is_exact);
      case 5:
        return add(concatenate({x, flip(x, axis)}, axis), v.is_exact);
      case 6:
        return add(pad(x, axis, 1, 2), v.is_exact);
      case 7: {
        const Value y = number();
        if (y.tensor.rank() == 0 || y.tensor.shape()[y.tensor.rank() == 1 ? -1 : -2] != x.shape()[-1] ||
            y.tensor.rank() > 2)
          return;
        return add(nabla::tanh(matmul(x, y.tensor)), false);
      }
      default:
        return identities(v);
    }
  }

  // Rows of the identity beside a product, as tangents and traces have them.
  void identities(const Value& v) {
    const Tensor& x = v.tensor;
    const std::int64_t n = x.shape()[-1];
    if (n == 0 || n > 70) return;
    const std::int64_t first = pick(static_cast<int>(n));
    const std::int64_t last = first + 1 + pick(static_cast<int>(n - first));
    const Tensor rows = slice(identity(n, x.dtype()), 0, first, last);
    switch (pick(4)) {
      case 0:
        return add(matmul(x, flip_coin() ? transpose(rows) : identity(n, x.dtype())), false);
      case 1:
        return x.rank() < 2 ? void()
                            : add(matmul(slice(identity(x.shape()[-2], x.dtype()), 0, 0, 1), x), false);
      case 2: {
        if (x.rank() != 2) return;
        // tr and diagonal of [rows, samples, n] along the rows.
        const Tensor a = nabla::sin(reshape(rows, {last - first, 1, n}) * x);
        const Tensor product = matmul(a, nabla::cos(reshape(iota(n * n, x.dtype()), {n, n})));
        if (product.size() > most()) return;
        const Tensor seeds = reshape(rows, {last - first, 1, n});
        return add(
            nabla::tanh(flip_coin() ? contraction(product, seeds, {0, 2}) : contraction(product, seeds, {0})),
            false);
      }
      default: {
        const Tensor turned = flip_coin() ? flip(rows, -1) : transpose(flip(identity(n, x.dtype()), 0));
        return add(matmul(x, transpose(turned)), false);
      }
    }
  }

  Random random_;
  ProgramSize size_;
  std::array<std::int64_t, 3> extents_{};
  std::vector<Value> values_;
};

}  // namespace

std::vector<Tensor> plan_program_leaves(std::uint64_t seed, ProgramSize size, DType dtype) {
  return PlanProgram(seed, size).leaves(dtype);
}

std::vector<Tensor> plan_program(std::uint64_t seed, ProgramSize size, const std::vector<Tensor>& leaves) {
  return PlanProgram(seed, size).build(leaves);
}

}  // namespace nabla::spec
