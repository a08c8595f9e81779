#include "engine/autodiff/jacobian/colouring.h"

#include <doctest/doctest.h>

#include "engine/autodiff/jacobian/jacobian_ways.h"
#include "engine/engine.h"
#include "tests/engine/numbers.h"

namespace nabla::test {
namespace {

// Samples of 9 x 8 in one channel, perhaps flat.
constexpr std::int64_t kRows = 9, kColumns = 8;

Tensor window(std::int64_t outputs, std::int64_t inputs, std::int64_t height, std::int64_t width, int key) {
  return random_normal({outputs, inputs, height, width}, static_cast<std::uint64_t>(key)) * 0.4;
}

// 3 x 3, 1 x 3 with a dilation, a residual, and a window that looks ahead alone: reaches 2 along columns, 1 +
// 2 to the left, and 1 + 2 + 2 to the right.
Tensor network(const Tensor& pictures) {
  const Tensor first =
      nabla::tanh(convolution(pictures, window(3, 1, 3, 3, 1), {.padding = {1, 0}, .padding_after = {1, 2}}));
  const Tensor second =
      first + nabla::tanh(convolution(first, window(3, 3, 1, 3, 2), {.padding = {0, 2}, .dilation = {1, 2}}));
  const Tensor third = transposed_convolution(nabla::sin(second), window(3, 2, 3, 3, 3),
                                              {.window = {.padding = {1, 2}, .padding_after = {1, 0}}});
  return sum(third, {-3}, /*keep_axes=*/true);
}

Field on_flat(const std::function<Tensor(const Tensor&)>& f) {
  return [=](const Tensor& x) {
    return reshape(f(reshape(x, Shape{x.shape()[0], 1, kRows, kColumns})), x.shape());
  };
}

std::optional<Colouring> colours_of(const Field& field, const Tensor& x) {
  return colouring_of(samplewise_on_variable("test", field, x, /*same_shape=*/true, {}));
}

}  // namespace

TEST_CASE("colours of convolutions give diagonal and trace, from the reach that the graph shows") {
  for (const Tensor& x :
       {random_normal({2, 1, kRows, kColumns}, 5), random_normal({2, kRows * kColumns}, 5)}) {
    const Field field = x.rank() == 2 ? on_flat(network) : Field(network);
    const std::optional<Colouring> colouring = colours_of(field, x);
    REQUIRE(colouring);
    CHECK(colouring->picture == Shape{1, kRows, kColumns});
    CHECK(colouring->periods == Shape{1, 3, 7});
    const Tensor diagonal = jacobian_diagonal(field, x, {.method = JacobianMethod::forward});
    const FieldOnVariable on = samplewise_on_variable("test", field, x, /*same_shape=*/true, {});
    int found = 0;
    for (const EliminationGoal goal : {EliminationGoal::trace, EliminationGoal::diagonal})
      for (const JacobianWay& way : jacobian_ways(on, goal, {})) {
        if (way.kind != JacobianWay::Kind::colours) continue;
        ++found;
        CHECK(way.name == "21 colours");
        const Tensor by_colours = on.put_back(by_way(on, goal, way));
        const bool is_trace = goal == EliminationGoal::trace;
        const Tensor expected =
            is_trace ? sum(reshape(diagonal, Shape{2, kRows * kColumns}), {-1}) : diagonal;
        CHECK(distance(by_colours, expected) < 1e-12);
        JacobianWay in_chunks = way;
        in_chunks.at_once = 5;
        CHECK(distance(on.put_back(by_way(on, goal, in_chunks)), expected) < 1e-12);
      }
    CHECK(found == 2);
    CHECK(distance(jacobian_diagonal(field, x), diagonal) < 1e-12);
  }
}

TEST_CASE("elements that mix along an axis have a colour each along it, and none are left where all mix") {
  const Tensor x = random_normal({2, 1, kRows, kColumns}, 5);
  const Tensor weight = window(1, 1, 3, 3, 1);
  const auto near = [&](const Tensor& h) { return convolution(h, weight, {.padding = {1}}); };
  const auto columns = [&](const Tensor& h) { return near(h) * softmax(h, -2); };
  REQUIRE(colours_of(columns, x));
  CHECK(colours_of(columns, x)->periods == Shape{1, kRows, 2});
  CHECK_FALSE(colours_of([&](const Tensor& h) { return near(h) - mean(h, {-1, -2}, true); }, x));
  CHECK_FALSE(colours_of([&](const Tensor& h) { return near(transpose(h, -1, -2)); },
                         random_normal({2, 1, kColumns, kColumns}, 5)));
  // A place sees itself through strides of two, but not the same distance from all places.
  const auto strided = [&](const Tensor& h) {
    return transposed_convolution(convolution(h, weight, {.stride = {2}, .padding = {1}}), weight,
                                  {.window = {.stride = {2}, .padding = {1}}, .output_padding = {0, 1}});
  };
  CHECK_FALSE(colours_of(strided, x));
  // Elements that do not mix at all need one.
  const std::optional<Colouring> alone = colours_of([](const Tensor& h) { return nabla::sin(h); }, x);
  REQUIRE(alone);
  CHECK(alone->colours() == 1);
}

}  // namespace nabla::test
