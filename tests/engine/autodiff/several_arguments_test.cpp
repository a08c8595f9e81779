#include "engine/autodiff/list_function.h"
#include "tests/engine/numbers.h"

// Function forms of transforms with several arguments, against the forms of one argument.

namespace nabla::test {
namespace {

Tensor f(const Tensor& x, const Tensor& t) { return nabla::sin(x) * t + square(x); }
Tensor loss(const Tensor& x, const Tensor& t) { return sum(f(x, t) * x); }

struct Arguments {
  Tensor x = random_normal({2, 3}, 1), t = random_normal({2, 1}, 2);
  Tensor dx = random_normal({2, 3}, 3), dt = random_normal({2, 1}, 4);
};

// f of x alone, and of t alone.
Tensor along_x(const Arguments& a) {
  return jvp([&](const Tensor& x) { return f(x, a.t); }, a.x, a.dx).tangent;
}
Tensor along_t(const Arguments& a) {
  return jvp([&](const Tensor& t) { return f(a.x, t); }, a.t, a.dt).tangent;
}

}  // namespace

TEST_CASE("jvp of several arguments is the sum over each") {
  const Arguments a;
  const ValueAndTangent found = jvp(&f, {a.x, a.t}, {a.dx, a.dt});
  CHECK(same(found.value, f(a.x, a.t)));
  CHECK(distance(found.tangent, along_x(a) + along_t(a)) < 1e-14);
  // K tangents, one argument that has one for all of them, and directions that are built in the call.
  const Tensor many = random_normal({5, 2, 3}, 5);
  const Tensor pushed = jvp([](const Tensor& x, const Tensor& t) { return f(x, t); }, {a.x, a.t},
                            {many, insert_axes(a.dt, {-3})})
                            .tangent;
  CHECK(pushed.shape() == Shape{5, 2, 3});
  Arguments last = a;
  last.dx = many[4];
  CHECK(distance(pushed[4], along_x(last) + along_t(a)) < 1e-14);
  CHECK(jvp([](const Tensor& x) { return x * 2; }, {a.x}, {a.dx}).tangent.shape() == a.x.shape());
}

TEST_CASE("a function of several results has a tangent for each") {
  const Arguments a;
  const auto pair = [](const Tensor& x, const Tensor& t) { return std::pair{f(x, t), t * 2.0}; };
  const ValuesAndTangents found = jvp(pair, {a.x, a.t}, {a.dx, a.dt});
  REQUIRE(found.tangents.size() == 2);
  CHECK(distance(found.tangents[0], along_x(a) + along_t(a)) < 1e-14);
  CHECK(distance(found.tangents[1], a.dt * 2.0) == 0);
  const auto list = [](const Tensor& x, const Tensor&) { return std::vector{x, square(x), x + 1.0}; };
  const ValuesAndTangents three = jvp(list, {a.x, a.t}, {a.dx, a.dt});
  REQUIRE(three.tangents.size() == 3);
  CHECK(distance(three.tangents[1], a.x * a.dx * 2.0) < 1e-14);
}

TEST_CASE("vjp of several arguments has a cotangent for each") {
  const Arguments a;
  const Tensor ct = random_normal({2, 3}, 5), other = random_normal({2, 1}, 6);
  const ValueAndCotangents found = vjp(&f, {a.x, a.t}, ct);
  CHECK(same(found.value, f(a.x, a.t)));
  REQUIRE(found.cotangents.size() == 2);
  const auto by_x = [&](const Tensor& x) { return f(x, a.t); };
  const auto by_t = [&](const Tensor& t) { return f(a.x, t); };
  CHECK(distance(found.cotangents[0], vjp(by_x, a.x, ct).cotangent) < 1e-14);
  CHECK(distance(found.cotangents[1], vjp(by_t, a.t, ct).cotangent) < 1e-14);
  // <ct, J d> = <J^T ct, d>
  const Tensor pushed = jvp(&f, {a.x, a.t}, {a.dx, a.dt}).tangent;
  CHECK(sum(pushed * ct).item() ==
        doctest::Approx((sum(found.cotangents[0] * a.dx) + sum(found.cotangents[1] * a.dt)).item()));
  const auto pair = [](const Tensor& x, const Tensor& t) { return std::pair{f(x, t), t * 2.0}; };
  const ValuesAndCotangents both = vjp(pair, {a.x, a.t}, {ct, other});
  REQUIRE(both.values.size() == 2);
  CHECK(distance(both.cotangents[0], found.cotangents[0]) == 0);
  CHECK(distance(both.cotangents[1], found.cotangents[1] + other * 2.0) < 1e-14);
  // K cotangents.
  const Tensor many = random_normal({5, 2, 3}, 7);
  const Tensor pulled = vjp(&f, {a.x, a.t}, many).cotangents[1];
  CHECK(distance(pulled[3], vjp(by_t, a.t, many[3]).cotangent) < 1e-14);
}

TEST_CASE("gradients of several arguments, with auxiliary results") {
  const Arguments a;
  const std::vector<Tensor> found = grad(&loss, {a.x, a.t});
  REQUIRE(found.size() == 2);
  CHECK(distance(found[0], grad([&](const Tensor& x) { return loss(x, a.t); }, a.x)) < 1e-14);
  CHECK(distance(found[1], grad([&](const Tensor& t) { return loss(a.x, t); }, a.t)) < 1e-14);
  const auto with_one = [](const Tensor& x, const Tensor& t) { return std::pair{loss(x, t), x + t}; };
  const ValueAndGrad one = value_and_grad(with_one, {a.x, a.t});
  CHECK(distance(one.grads[1], found[1]) == 0);
  REQUIRE(one.auxiliary.size() == 1);
  CHECK(same(one.auxiliary[0], a.x + a.t));
  const auto with_list = [](const Tensor& x, const Tensor& t) {
    return std::pair{loss(x, t), std::vector{argmax(x), t}};
  };
  CHECK(value_and_grad(with_list, {a.x, a.t}).auxiliary.size() == 2);
  CHECK(value_and_grad([](const Tensor& x) { return sum(square(x)); }, {a.x}).grads.size() == 1);
}

TEST_CASE("second order in several arguments") {
  const Arguments a;
  // The Hessian in blocks, by nested gradients and by Hessian-vector products.
  const std::vector<Tensor> found = hvp(&loss, {a.x, a.t}, {a.dx, a.dt});
  const auto slope = [&](const Tensor& x, const Tensor& t) {
    const std::vector<Tensor> g = grad(&loss, {x, t});
    return sum(g[0] * a.dx) + sum(g[1] * a.dt);
  };
  const std::vector<Tensor> expected = grad(slope, {a.x, a.t});
  CHECK(distance(found[0], expected[0]) < 1e-13);
  CHECK(distance(found[1], expected[1]) < 1e-13);
  // d/dx (x d/dy (x y)) = 2 x: the inner derivative does not see what it captures.
  const Tensor two = f64({2}, {}), three = f64({3}, {});
  const auto nested = [&](const Tensor& x, const Tensor& y) {
    return x * grad([&](const Tensor& u, const Tensor& v) { return x * u * v; }, {y, y})[0];
  };
  const std::vector<Tensor> outer = grad(nested, {two, three});  // x^2 y
  CHECK(outer[0].item() == 12);
  CHECK(outer[1].item() == 4);
}

TEST_CASE("Jacobians by several arguments") {
  const Arguments a;
  for (const JacobianMethod method :
       {JacobianMethod::automatic, JacobianMethod::forward, JacobianMethod::reverse}) {
    const std::vector<Tensor> found = jacobian(&f, {a.x, a.t}, {.method = method});
    REQUIRE(found.size() == 2);
    CHECK(found[0].shape() == Shape{2, 3, 2, 3});
    CHECK(found[1].shape() == Shape{2, 3, 2, 1});
    CHECK(distance(found[0], jacobian([&](const Tensor& x) { return f(x, a.t); }, a.x)) < 1e-14);
    CHECK(distance(found[1], jacobian([&](const Tensor& t) { return f(a.x, t); }, a.t)) < 1e-14);
  }
}

TEST_CASE("an argument that nothing depends on has zeros") {
  const Arguments a;
  const auto first = [](const Tensor& x, const Tensor&) { return x * 2.0; };
  CHECK(distance(jvp(first, {a.x, a.t}, {a.dx, a.dt}).tangent, a.dx * 2.0) == 0);
  CHECK(distance(vjp(first, {a.x, a.t}, a.dx).cotangents[1], zeros_like(a.t)) == 0);
  CHECK(distance(jacobian(first, {a.x, a.t})[1], zeros({2, 3, 2, 1}, DType::f64)) == 0);
  const auto total = [](const Tensor& x, const Tensor&) { return sum(square(x)); };
  CHECK(distance(grad(total, {a.x, a.t})[1], zeros_like(a.t)) == 0);
  CHECK(distance(hvp(total, {a.x, a.t}, {a.dx, a.dt})[1], zeros_like(a.t)) == 0);
  const auto constant = [](const Tensor&, const Tensor&) { return f64({4}, {}); };
  CHECK(
      values(jvp(constant, {a.x, a.t}, {random_normal({3, 2, 3}, 1), random_normal({3, 2, 1}, 2)}).tangent) ==
      std::vector<double>{0, 0, 0});
}

TEST_CASE("what does not fit several arguments is refused with function and shapes") {
  const Arguments a;
  CHECK(contains(error_of([&] {
                   jvp(&f, {a.x, a.t}, {a.dx, a.dx});
                 }),
                 "jvp: direction 1 [2, 3] f64 does not end in the shape [2, 1] f64"));
  CHECK(contains(error_of([&] {
                   vjp(&f, {a.x, a.t}, ones({3, 1}, DType::f64));
                 }),
                 "vjp: direction 0 [3, 1] f64 does not end in the shape [2, 3] f64"));
  const auto pair = [](const Tensor& x, const Tensor& t) { return std::pair{x, t}; };
  CHECK(contains(error_of([&] {
                   vjp(pair, {a.x, a.t}, {a.x, a.t, a.t});
                 }),
                 "vjp: 2 values but 3 directions"));
  CHECK(contains(error_of([&] {
                   grad(&f, {a.x, a.t});
                 }),
                 "grad: the function's result [2, 3] has more than one element"));
  const auto widened = [](const Tensor& x, const Tensor& t) { return x * cast(t, DType::f64); };
  CHECK(contains(error_of([&] {
                   jacobian(widened, {a.x, cast(a.t, DType::f32)});
                 }),
                 "jacobian: argument f32 and result f64 must be of one floating type"));
  const std::vector<Tensor> one{a.x}, two{a.dx, a.dt};
  const auto list = [](const std::vector<Tensor>& at) { return at; };
  CHECK(contains(error_of([&] { jvp(list, one, two); }), "jvp: 1 values but 2 directions"));
  const auto nothing = [](const Tensor&, const Tensor&) { return std::vector<Tensor>{}; };
  CHECK(contains(error_of([&] {
                   value_and_grad(nothing, {a.x, a.t});
                 }),
                 "value_and_grad: the function returned nothing"));
}

// A function that does not fit is told by static_assert; these say what fits.
static_assert(TakesTensors<decltype(&f), 2> && !TakesTensors<decltype(&f), 1> &&
              !TakesTensors<decltype(&f), 3>);
static_assert(ReturnsTensor<decltype(&f), 2> && !ReturnsTensor<decltype(&f), 3> &&
              !TakesTensorList<decltype(&f)>);
static_assert(TakesTensorList<std::vector<Tensor> (*)(const std::vector<Tensor>&)>);

}  // namespace nabla::test
