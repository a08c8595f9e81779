#include "engine/tensor/tensor.h"

#include <limits>
#include <sstream>
#include <type_traits>
#include <utility>

#include "tests/engine/numbers.h"

namespace nabla::test {
namespace {

std::string printed(const Tensor& x) {
  std::ostringstream stream;
  stream << x;
  return stream.str();
}

}  // namespace

// if (a < b), a ? b : c, std::max(a, b) and x[0] = y do not compile: they would not do what they say.
static_assert(!std::is_constructible_v<bool, Tensor> && !std::is_convertible_v<Tensor, bool>);
static_assert(std::is_assignable_v<Tensor&, Tensor> && !std::is_assignable_v<Tensor, Tensor>);
static_assert(std::is_swappable_v<Tensor> && std::is_nothrow_move_constructible_v<Tensor>);

TEST_CASE("the empty handle is not defined") {
  Tensor x;
  CHECK_FALSE(x.defined());
  x = ones({1});
  CHECK(x.defined());
  const Tensor taken = std::move(x);
  CHECK_FALSE(x.defined());  // NOLINT(bugprone-use-after-move)
}

TEST_CASE("leaves hold what they were given") {
  const Tensor x = tensor<float>({1, 2, 3, 4, 5, 6}, {2, 3});
  CHECK(x.shape() == Shape{2, 3});
  CHECK(x.dtype() == DType::f32);
  CHECK(x.to_vector<float>() == std::vector<float>{1, 2, 3, 4, 5, 6});
  CHECK(x.data<float>()[4] == 5);
  CHECK(contains(error_of([] { tensor<float>({1, 2}, {3}); }), "tensor: 2 values for shape [3]"));
  CHECK(contains(error_of([&] { x.to_vector<double>(); }), "holds f32, not f64"));
  CHECK(tensor(std::vector<bool>{true, false}, {2}).to_vector<bool>() == std::vector<bool>{true, false});
}

TEST_CASE("item takes the only element of any real type") {
  CHECK(f64({2.5}, {}).item() == 2.5);
  CHECK(i64({-7}, {1, 1}).item() == -7);
  CHECK(equal(f64({1}, {}), 1).item() == 1);
  CHECK(tensor<std::uint8_t>({200}, {1}).item() == 200);
  CHECK(error_of([] { zeros({2}).item(); }) == "item: the tensor [2] does not hold exactly one element");
  CHECK(contains(error_of([] { Tensor().item(); }), "the handle is empty"));
}

TEST_CASE("literals take the type of the tensor beside them") {
  CHECK((iota(2) + 1).dtype() == DType::i64);
  CHECK((f64({1}, {1}) * 2).dtype() == DType::f64);
  CHECK((ones({1}) / 3).item() == static_cast<double>(1.0F / 3.0F));
  CHECK(contains(error_of([] { iota(2) + 0.5; }), "does not fit beside a tensor of i64"));
  CHECK(
      contains(error_of([] { tensor<std::uint8_t>({1}, {1}) + 256; }), "does not fit beside a tensor of u8"));
  CHECK(contains(error_of([] { tensor<std::uint32_t>({1}, {1}) * -1; }),
                 "does not fit beside a tensor of u32"));
  CHECK(contains(error_of([] { full({1}, 3e9, DType::i32); }), "full: i32 cannot hold"));
  CHECK(contains(error_of([] { full({1}, 2, DType::boolean); }), "full: bool cannot hold"));
  CHECK(contains(error_of([] { full({1}, 1e39); }), "full: f32 cannot hold"));
  CHECK(contains(error_of([] { ones({1}) * -3.5e38; }), "literal: -3.5e+38"));
  CHECK(full({}, std::numeric_limits<float>::max()).item() == std::numeric_limits<float>::max());
  CHECK(full({}, -INFINITY).item() == -INFINITY);
}

TEST_CASE("indexing picks entries and ranges") {
  const Tensor x = counting({3, 4});
  CHECK(values(x[1]) == std::vector<double>{4, 5, 6, 7});
  CHECK(values(x[-1]) == std::vector<double>{8, 9, 10, 11});
  CHECK(x[1][2].item() == 6);
  CHECK(values(x({all, 1})) == std::vector<double>{1, 5, 9});
  CHECK(values(x({range(0, 3, 2), range(1, 3)})) == std::vector<double>{1, 2, 9, 10});
  CHECK(x({range(0, 3, 2), -1}).shape() == Shape{2});
  CHECK(values(x({range(-2, INT64_MAX), 0})) == std::vector<double>{4, 8});
  CHECK(same(x({all, all}), x));
  CHECK(error_of([&] { x[3]; }) == "index: 3 is outside axis -2 of [3, 4]");
  CHECK(contains(error_of([&] { x({0, 0, 0}); }), "index: 3 indices for shape [3, 4]"));
}

TEST_CASE("tensors print shape, type and values") {
  CHECK(printed(f64({1, 2.5, -3, 4}, {2, 2})) == "Tensor([[1, 2.5], [-3, 4]], shape=[2, 2], dtype=f64)");
  CHECK(printed(f64({7}, {})) == "Tensor(7, shape=[], dtype=f64)");
  CHECK(printed(equal(iota(2), 1)) == "Tensor([false, true], shape=[2], dtype=bool)");
  CHECK(printed(tensor<std::uint8_t>({65}, {1})) == "Tensor([65], shape=[1], dtype=u8)");
  CHECK(printed(zeros({0})) == "Tensor([], shape=[0], dtype=f32)");
  CHECK(printed(iota(100)) == "Tensor([0, 1, 2, ..., 97, 98, 99], shape=[100], dtype=i64)");
  CHECK(printed(Tensor()) == "Tensor()");
}

TEST_CASE("integers wrap around and divide into refusals") {
  const Tensor big = tensor<std::int32_t>({INT32_MAX}, {1});
  CHECK((big + 1).item() == INT32_MIN);
  CHECK((-tensor<std::int32_t>({INT32_MIN}, {1})).item() == INT32_MIN);
  CHECK((tensor<std::uint8_t>({250}, {1}) + 10).item() == 4);
  CHECK((big * big).item() == 1);
  CHECK(contains(error_of([&] { big / big; }), "div: operands [1] i32"));
}

TEST_CASE("reshape, permute and broadcast compose as views") {
  const Tensor x = counting({2, 3});
  CHECK(values(reshape(transpose(x), Shape{2, 3})) == std::vector<double>{0, 3, 1, 4, 2, 5});
  CHECK(values(flip(transpose(x), 0)[0]) == std::vector<double>{2, 5});
  CHECK(values(broadcast_to(x[0], Shape{2, 3}) + transpose(transpose(x))) ==
        std::vector<double>{0, 2, 4, 3, 5, 7});
  CHECK(values(slice(flip(counting({7}), 0), 0, 1, 7, 2)) == std::vector<double>{5, 3, 1});
  const std::vector<Tensor> parts = split(counting({2, 5}), {2, 3}, 1);
  CHECK(values(parts[1]) == std::vector<double>{2, 3, 4, 7, 8, 9});
}

}  // namespace nabla::test
