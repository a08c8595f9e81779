#include "engine/tensor/shape.h"

#include "tests/engine/numbers.h"

namespace nabla::test {

TEST_CASE("axes count from either side") {
  const Shape shape{2, 3, 4};
  CHECK(shape[0] == 2);
  CHECK(shape[-1] == 4);
  CHECK(shape.size() == 24);
  CHECK(shape.extent_or_one(-4) == 1);
  CHECK(Shape{}.size() == 1);
  CHECK(axis_from_right("op", shape, 0) == -3);
  CHECK(axis_from_right("op", shape, -3) == -3);
  CHECK_THROWS_WITH_AS(axis_from_right("op", shape, 3), "op: no axis 3 in shape [2, 3, 4]", Error);
  CHECK_THROWS_WITH_AS(axis_from_right("op", shape, -4), "op: no axis -4 in shape [2, 3, 4]", Error);
}

TEST_CASE("shapes broadcast where extents are equal or 1") {
  Shape result;
  CHECK(broadcast_shapes({2, 1, 4}, {1, 3, 4}, result));
  CHECK(result == Shape{2, 3, 4});
  CHECK(broadcast_shapes({0, 1}, {1, 2}, result));
  CHECK(result == Shape{0, 2});
  CHECK_FALSE(broadcast_shapes({2}, {3}, result));
  CHECK_FALSE(broadcast_shapes({0}, {2}, result));
  CHECK_FALSE(broadcast_shapes({2}, {1, 2}, result));
}

TEST_CASE("a shape refuses more axes than it can hold, and negative extents") {
  CHECK(contains(error_of([] { Shape::filled(kMaxRank + 1, 1); }), "more than"));
  CHECK(contains(error_of([] { Shape{2, -1}; }), "negative extent -1"));
}

TEST_CASE("operators name themselves and the shapes that do not fit") {
  const Tensor a = zeros({2, 3});
  const Tensor b = zeros({2, 4});
  const auto message = [&](auto f) { return error_of([&] { f(); }); };
  CHECK(message([&] { return a + b; }) ==
        "add: operands [2, 3] f32 and [2, 4] f32 do not broadcast (each axis: equal extents, or 1)");
  CHECK(contains(message([&] {
                   return a * zeros({2, 3}, DType::f64);
                 }),
                 "mul: operands [2, 3] f32 and [2, 3] f64"));
  CHECK(contains(message([&] { return matmul(a, b); }), "matmul: operands [2, 3] f32 and [2, 4] f32"));
  CHECK(contains(message([&] { return contraction(a, b, {1}); }),
                 "contraction: operands [2, 3] f32 and [2, 4] f32"));
  CHECK(contains(message([&] {
                   return concatenate({a, b}, 0);
                 }),
                 "concatenate: operands [2, 3] f32 and [2, 4] f32"));
  CHECK(contains(message([&] { return stack({a, b}); }), "stack: shapes [2, 3] and [2, 4]"));
  CHECK(contains(message([&] { return reshape(a, Shape{4}); }), "reshape: operands [2, 3] f32"));
  CHECK(contains(message([&] { return reshape(a, std::vector<std::int64_t>{4, -1}); }), "reshape: [2, 3]"));
  CHECK(contains(message([&] {
                   return permute(a, {0, 0});
                 }),
                 "permute: the order must name each of the 2 axes"));
  CHECK(contains(message([&] { return permute(a, {0}); }), "permute"));
  CHECK(contains(message([&] { return broadcast_to(a, Shape{2, 5}); }), "broadcast: operands [2, 3] f32"));
  CHECK(contains(message([&] { return broadcast_to(a, Shape{3}); }), "broadcast_to: [2, 3]"));
  CHECK(contains(message([&] { return sum(a, {2}); }), "sum: no axis 2 in shape [2, 3]"));
  CHECK(contains(message([&] { return sum(a, {1, -1}); }), "named twice"));
  CHECK(contains(message([&] { return drop_axes(a, {0}); }), "drop_axes: operands [2, 3] f32: axis -2"));
  CHECK(contains(message([&] { return insert_axes(a, {-4}); }), "insert_axes"));
  CHECK(contains(message([&] { return slice(a, 0, 0, 2, 0); }), "slice: step 0"));
  CHECK(contains(message([&] { return slice(a, 0, 3, 4); }), "slice: range 3"));
  CHECK(contains(message([&] { return pad(a, 0, -1, 0); }), "pad: negative"));
  CHECK(contains(message([&] { return reduce_max(zeros({0, 2}), {0}); }), "reduce_max: operands [0, 2] f32"));
  CHECK(contains(message([&] { return argmax(zeros({2, 0})); }), "argmax: operands [2, 0] f32"));
  CHECK(contains(message([&] { return nabla::exp(iota(3)); }), "exp: operands [3] i64"));
  CHECK(contains(message([&] { return softmax(iota(3)); }), "softmax: operands [3] i64"));
  CHECK(contains(message([&] { return sum(equal(a, 0)); }), "sum: operands [2, 3] bool"));
  CHECK(contains(message([&] { return select(a, a, a); }), "select: operands [2, 3] f32"));
  CHECK(contains(message([&] { return select(equal(a, 0), 1, 2); }), "select: both branches are literals"));
  CHECK(contains(message([&] { return split(a, {1, 1}, 1); }), "split: the extents do not add up"));
  CHECK(contains(message([&] { return clamp(a, 2, 1); }), "clamp: low"));
  CHECK(contains(message([&] { return cross_entropy(a, iota(2, DType::i64)[0]); }),
                 "cross_entropy: logits [2, 3]"));
  CHECK(contains(message([&] { return Tensor() + a; }), "empty"));
  CHECK(contains(message([&] { return nabla::add(1, 2); }), "literal"));
}

}  // namespace nabla::test
