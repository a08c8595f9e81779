#include <cstring>

#include "tests/engine/numbers.h"

// The ways through memory of gather and scatter_add, and the digits that scatter_add keeps.

namespace nabla::test {
namespace {

struct GatherCase {
  Shape data, indices;  // of gather; updates of scatter_add have the shape of its result
  int axis;
};

// Lines of their own, columns side by side, rows of a table, lists that rows share, lines cut into ranges.
const std::vector<GatherCase> kGatherCases{
    {{50, 40}, {50, 60}, 1},      {{40, 50}, {60, 50}, 0},       {{40, 50}, {60, 1}, 0},
    {{40, 3}, {70, 1}, 0},        {{40, 50}, {1, 60}, 1},        {{3, 40, 20}, {3, 90, 20}, 1},
    {{3, 40, 20}, {3, 90, 1}, 1}, {{3, 40, 20}, {1, 90, 20}, 1}, {{5000}, {3000}, 0},
    {{270000}, {66000}, 0},       {{2000, 17}, {9, 17}, 0},      {{4, 300, 700}, {4, 7, 1}, 1}};

std::int64_t offset_of(const Shape& shape, std::int64_t place, const Shape& of) {
  std::int64_t offset = 0, stride = 1;
  for (int axis = of.rank(); axis-- > 0;) {
    const std::int64_t at = place % of[axis];
    place /= of[axis];
    if (shape[axis] != 1) offset += at * stride;
    stride *= shape[axis];
  }
  return offset;
}

// Where result `place` of gather(data, indices) comes from.
std::int64_t source_of(const GatherCase& c, const Shape& result, std::int64_t place, std::int64_t index) {
  std::int64_t inside = 1;
  for (int axis = c.axis + 1; axis < result.rank(); ++axis) inside *= c.data[axis];
  const std::int64_t outer = place / inside / result[c.axis];
  return (outer * c.data[c.axis] + index) * inside + place % inside;
}

}  // namespace

TEST_CASE("gather and scatter_add agree with one element at a time, however they lie") {
  for (const GatherCase& c : kGatherCases)
    for (const DType dtype : {DType::f32, DType::f64}) {
      INFO(to_string(c.data), " by ", to_string(c.indices), " along ", c.axis);
      const Tensor key = random_key(3);
      const Tensor x = normal(key, c.data, dtype).detach();
      const Tensor indices = integers(fold_in(key, 1), c.indices, 0, c.data[c.axis]).detach();
      Shape shape = c.data;
      shape[c.axis] = c.indices[c.axis];
      const Tensor updates = normal(fold_in(key, 2), shape, dtype).detach();
      const std::vector<double> from = values(x), added = values(updates);
      const std::vector<std::int64_t> index = indices.to_vector<std::int64_t>();
      std::vector<double> gathered(shape.size());
      std::vector<long double> sums(c.data.size());
      for (std::int64_t i = 0; i < shape.size(); ++i) {
        const std::int64_t j = index[offset_of(c.indices, i, shape)];
        const std::size_t place = source_of(c, shape, i, j);
        gathered[i] = from[place];
        sums[place] += static_cast<long double>(added[i]);
      }
      CHECK(values(gather(x, indices, c.axis)) == gathered);
      const Tensor odd = flip(flip(x, -1).detach(), -1);  // elements lie backwards
      CHECK(values(gather(odd, indices, c.axis)) == gathered);
      const Tensor scattered = scatter_add(updates, indices, c.axis, c.data[c.axis]);
      const Tensor turned =
          scatter_add(flip(flip(updates, -1).detach(), -1), indices, c.axis, c.data[c.axis]);
      std::vector<double> expected;
      for (const long double sum : sums)
        expected.push_back(dtype == DType::f32 ? static_cast<double>(static_cast<float>(sum))
                                               : static_cast<double>(sum));
      CHECK(distance(scattered, f64(expected, c.data)) <= (dtype == DType::f32 ? 1e-6 : 1e-15));
      CHECK(values(turned) == values(scattered));
    }
}

TEST_CASE("many updates of one row lose no digits") {
  // One at 2^24 and many of 1, which f32 cannot add to it; in f64 one at 2^53.
  constexpr std::int64_t kCount = 3001;
  for (const DType dtype : {DType::f32, DType::f64}) {
    const double large = dtype == DType::f32 ? 0x1p24 : 0x1p53;
    const Tensor updates = concatenate({full({1}, large, dtype), full({kCount - 1}, 1.0, dtype)}, 0).detach();
    const double right = large + (kCount - 1);
    const Tensor list = zeros({kCount}, DType::i64);
    const Tensor columns = reshape(updates, {kCount, 1}) * ones({1, 20}, dtype);
    CHECK(values(scatter_add(updates, list, 0, 3)) == std::vector<double>{right, 0, 0});
    const Tensor column = reshape(list, {kCount, 1});
    CHECK(values(scatter_add(columns, column, 0, 2)[0]) == std::vector<double>(20, right));
    const Tensor own = broadcast_to(column, {kCount, 20});
    CHECK(values(scatter_add(columns, own, 0, 2)[0]) == std::vector<double>(20, right));
    CHECK(values(scatter_add(transpose(columns), transpose(own), 1, 2)) ==
          values(transpose(scatter_add(columns, own, 0, 2))));
    // The cotangent of take, and of gather.
    const Tensor x = ones({4}, dtype);
    const auto picked = [&](const Tensor& v) { return sum(take(v, list) * updates); };
    CHECK(values(grad(picked, x)) == std::vector<double>{right, 0, 0, 0});
    const auto gathered = [&](const Tensor& v) { return sum(gather(v, own, 0) * columns); };
    CHECK(values(grad(gathered, ones({4, 20}, dtype))[0]) == std::vector<double>(20, right));
  }
  // Infinities arrive, and meet as NaN.
  const double infinity = std::numeric_limits<double>::infinity();
  const Tensor none_finite =
      scatter_add(f64({infinity, 1, infinity, -infinity}, {4}), i64({0, 0, 1, 1}, {4}), 0, 3);
  CHECK(values(none_finite)[0] == infinity);
  CHECK(std::isnan(values(none_finite)[1]));
  CHECK(values(none_finite)[2] == 0);
}

TEST_CASE("an index outside its axis is refused on every way") {
  for (const GatherCase& c : kGatherCases) {
    INFO(to_string(c.data), " by ", to_string(c.indices), " along ", c.axis);
    for (const std::int64_t wrong : {std::int64_t{-1}, c.data[c.axis], std::int64_t{1} << 62}) {
      std::vector<std::int64_t> index(c.indices.size());
      index.back() = wrong;
      const Tensor indices = i64(index, c.indices);
      Shape shape = c.data;
      shape[c.axis] = c.indices[c.axis];
      const std::string message =
          "index " + std::to_string(wrong) + " is outside axis " + std::to_string(c.axis - c.data.rank());
      CHECK(contains(error_of([&] { gather(ones(c.data), indices, c.axis).to_vector<float>(); }), message));
      CHECK(contains(
          error_of([&] { scatter_add(ones(shape), indices, c.axis, c.data[c.axis]).to_vector<float>(); }),
          message));
    }
  }
}

}  // namespace nabla::test
