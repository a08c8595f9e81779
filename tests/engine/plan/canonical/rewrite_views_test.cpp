#include <doctest/doctest.h>

#include "engine/plan/canonical/canonical.h"
#include "tests/engine/rewrites.h"

namespace nabla::test {
namespace {

// The operations that are left of the graph of y, by name.
std::string canonical_form(const Tensor& y) {
  const std::span<const Tensor> outputs(&y, 1);
  std::string names;
  for (const PlanNode& node : canonical(make_plan_graph(make_schedule(outputs), outputs)).nodes)
    if (!node.is_leaf()) names += (names.empty() ? "" : " ") + std::string(node.primitive->name());
  return names;
}

Tensor leaf_of(const Shape& shape) { return sin(counting(shape)).detach(); }

// Tensors [6, 5, 40] that lie in different ways.
const std::function<Tensor()> kOperands[] = {
    [] {
      return leaf_of({6, 5, 40});
    },
    [] {
      return exp(leaf_of({6, 5, 40}));
    },
    [] {
      return transpose(leaf_of({5, 6, 40}), 0, 1);
    },
    [] {
      return transpose(leaf_of({6, 40, 5}));
    },
    [] {
      return slice(leaf_of({6, 5, 43}), 2, 2, 42);
    },
    [] {
      return flip(slice(leaf_of({13, 5, 40}), 0, 1, 13, 2), 0);
    },
    [] {
      return broadcast_to(leaf_of({6, 1, 40}), Shape{6, 5, 40});
    },
};

// Checks what is left of f of a leaf [6, 5, 40], and that f of anything has the elements that it has without
// the canonical form, laid out as they are there: sums show it.
void check_form(const std::function<Tensor(const Tensor&)>& f, const std::string& expected) {
  INFO("expected: ", expected);
  CHECK(canonical_form(f(leaf_of({6, 5, 40}))) == expected);
  for (const auto& operand : kOperands) {
    const auto shown = [&] { return f(operand()); };
    const auto read = [&] { return sin(f(operand())); };
    CHECK(values(shown()) == reference(shown));
    CHECK(values(read()) == reference(read));
    for (int axis = -f(operand()).rank(); axis < 0; ++axis) {
      const auto added = [&] { return sum(f(operand()), {axis}); };
      CHECK(values(added()) == reference(added));
    }
  }
}

}  // namespace

TEST_CASE("axes of extent 1 that come and go are one renaming, or none") {
  check_form([](const Tensor& x) { return drop_axes(insert_axes(x, {-2}), {-2}); }, "");
  check_form(
      [](const Tensor& x) {
        return drop_axes(insert_axes(insert_axes(x, {-1}), {-3}), {-1, -3});
      },
      "");
  check_form([](const Tensor& x) { return insert_axes(insert_axes(x, {-1}), {-3}); }, "insert_axes");
  check_form([](const Tensor& x) { return drop_axes(insert_axes(x, {-1, -3}), {-3}); }, "insert_axes");
  check_form([](const Tensor& x) { return drop_axes(insert_axes(x, {-4}), {-4}) * 2; }, "constant mul");
  // A tangent's direction and back.
  check_form([](const Tensor& x) { return reshape(insert_axes(x, {-3}), Shape{6, 5, 40}); }, "");
  check_form([](const Tensor& x) { return reshape(x, Shape{1, 6, 5, 1, 40}); }, "insert_axes");
  check_form([](const Tensor& x) { return transpose(insert_axes(x, {-1}), -1, -2); }, "insert_axes");
  check_form([](const Tensor& x) { return stop_gradient(insert_axes(stop_gradient(x), {-1})); },
             "insert_axes");
}

TEST_CASE("reshapes of reshapes are one") {
  check_form([](const Tensor& x) { return reshape(reshape(x, Shape{30, 40}), Shape{6, 5, 40}); }, "");
  check_form([](const Tensor& x) { return reshape(reshape(x, Shape{30, 40}), Shape{1200}); }, "reshape");
  check_form(
      [](const Tensor& x) {
        return insert_axes(reshape(insert_axes(x, {-1}), Shape{30, 40}), {-2});
      },
      "reshape");
  check_form(
      [](const Tensor& x) {
        return reshape(reshape(x, Shape{1200}), Shape{6, 1, 5, 40});
      },
      "insert_axes");
  check_form([](const Tensor& x) { return reshape(transpose(x), Shape{6, 200}); }, "permute reshape");
  // What moves elements does so once, whatever its result is called.
  const Tensor x = leaf_of({6, 5, 40});
  const auto moved = [&] { return reshape(transpose(x), Shape{6, 200}); };
  CHECK(computed(cumsum(insert_axes(moved(), {-1}), 0) + cumsum(insert_axes(moved(), {-2}), 0)) ==
        "add cumsum cumsum reshape");
}

TEST_CASE("permutations, slices, repetitions and flips of their like are one, or none") {
  check_form([](const Tensor& x) { return transpose(transpose(x)); }, "");
  check_form([](const Tensor& x) { return permute(permute(x, {2, 0, 1}), {1, 2, 0}); }, "");
  check_form([](const Tensor& x) { return permute(permute(x, {2, 0, 1}), {2, 0, 1}); }, "permute");
  check_form([](const Tensor& x) { return transpose(transpose(x), 0, 1); }, "permute");
  check_form([](const Tensor& x) { return slice(slice(x, 2, 3, 33), 2, 2, 20); }, "slice");
  check_form([](const Tensor& x) { return slice(slice(x, 2, 3, 38, 2), 2, 2, 15, 3); }, "slice");
  check_form([](const Tensor& x) { return slice(slice(x, 2, 3, 33), 1, 2, 4); }, "slice slice");
  check_form([](const Tensor& x) { return slice(slice(x, 2, 3, 5), 2, 1, 1); }, "slice");
  check_form([](const Tensor& x) { return flip(flip(x, 1), 1); }, "");
  check_form([](const Tensor& x) { return flip(flip(x, 1), 2); }, "flip flip");
  check_form(
      [](const Tensor& x) {
        return broadcast_to(broadcast_to(insert_axes(x, {-2, -5}), Shape{1, 6, 5, 2, 40}),
                            Shape{3, 6, 5, 2, 40});
      },
      "insert_axes broadcast");
}

TEST_CASE("axes of extent 1 come and go by a reshape whatever the strides") {
  check_form([](const Tensor& x) { return reshape(transpose(x), {6, 1, 40, 5, 1}); }, "permute insert_axes");
  check_form([](const Tensor& x) { return reshape(transpose(x), {6, 200}); }, "permute reshape");
}

TEST_CASE("one expression by different views is computed once") {
  const Tensor x = leaf_of({6, 5});
  const Tensor a = cumsum(insert_axes(x, {-1}), 0);
  const Tensor b = cumsum(reshape(insert_axes(x, {-3}), Shape{6, 5, 1}), 0);
  CHECK(computed(a + b) == "add cumsum");
}

TEST_CASE("views of constants are constants") {
  const auto two = [] { return full({3, 1}, 2, DType::f64); };
  for (const Tensor& view : {insert_axes(two(), {-1}), drop_axes(two(), {-1}), transpose(two()),
                             broadcast_to(two(), Shape{3, 4}), slice(two(), 0, 1, 3), flip(two(), 0)})
    CHECK(canonical_form(view) == "constant");
}

TEST_CASE("transposes are absorbed by the products that read them") {
  const Tensor a = leaf_of({7, 5});
  const Tensor b = leaf_of({6, 7});
  const auto product = [&] { return matmul(transpose(a), transpose(b)); };
  CHECK(computed(product()) == "contraction");
  CHECK(computed(einsum("ki,jk->ij", a, b)) == "contraction");
  CHECK(distance(product(), einsum("ki,jk->ij", a, b)) == 0);
  // A product that is read the other way round by one pointwise step is made that way round ..
  CHECK(canonical_form(exp(transpose(product()))).ends_with("contraction drop_axes exp"));
  const auto turned = [&] { return values(exp(transpose(product())) * sin(leaf_of({6, 5}))); };
  CHECK(turned() == reference([&] { return exp(transpose(product())) * sin(leaf_of({6, 5})); }));
  // .. unless another operand is turned as well, somebody else reads it, or there are samples.
  CHECK(canonical_form(transpose(product()) * transpose(leaf_of({5, 6}))).find("drop_axes permute") !=
        std::string::npos);
  CHECK(canonical_form(sum(exp(transpose(product())) * sum(product()))).find("permute exp") !=
        std::string::npos);
  CHECK(canonical_form(exp(transpose(matmul(leaf_of({2, 5, 7}), leaf_of({2, 7, 6})))))
            .ends_with("permute exp"));
  // The gradients of a product read both its operands the other way round.
  const Tensor x = leaf_of({8, 5});
  const Tensor w = leaf_of({5, 6});
  const auto loss = [&](const std::vector<Tensor>& at) {
    return std::vector{sum(sin(matmul(at[0], at[1])))};
  };
  const auto [value, gradients, none] = value_and_grad(loss, {x, w});
  CHECK(computed(concatenate({reshape(gradients[0], Shape{40}), reshape(gradients[1], Shape{30})}, 0)) ==
        "concatenate contraction contraction contraction cos");
}

}  // namespace nabla::test
