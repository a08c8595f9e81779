#include "nn/module.h"

#include <doctest/doctest.h>

#include <set>

#include "engine/engine.h"
#include "nn/mlp.h"

namespace nabla::nn {
namespace {

class TwoLayers : public Module {
 public:
  TwoLayers() : a_(random_key(1), 3, 4), b_(random_key(2), 4, 2, {.bias = false}) {
    add_parameter("scale", ones(Shape{2}));
    add_part("a", a_);
    add_part("b", b_);
  }
  void add_again() { add_part("a", a_); }
  void add_integer() { add_parameter("count", zeros(Shape{2}, DType::i32)); }

 private:
  Linear a_;
  Linear b_;
};

}  // namespace

TEST_CASE("parameters are listed in order, with the names of their parts") {
  const TwoLayers module;
  std::vector<std::string> names;
  for (const Parameter& parameter : module.parameters()) names.push_back(parameter.name);
  CHECK(names == std::vector<std::string>{"scale", "a.weight", "a.bias", "b.weight"});
  CHECK(module.parameter_count() == 2 + 12 + 4 + 8);
  CHECK(module.parameter("b.weight").get().shape() == Shape{4, 2});
  CHECK(module.leaves().size() == 4);
}

TEST_CASE("a module that has moved keeps its cells") {
  TwoLayers module;
  Cell* const cell = &module.parameter("a.weight");
  const TwoLayers moved = std::move(module);
  CHECK(&moved.parameter("a.weight") == cell);
}

TEST_CASE("a module refuses names that are taken or missing, and parameters that cannot be trained") {
  TwoLayers module;
  CHECK_THROWS_WITH_AS(module.add_again(), doctest::Contains("already a parameter 'a.weight'"), Error);
  CHECK_THROWS_WITH_AS(module.add_integer(), doctest::Contains("'count' is i32"), Error);
  CHECK_THROWS_WITH_AS(module.parameter("c"),
                       doctest::Contains("no parameter 'c'; there are: scale, a.weight"), Error);
}

TEST_CASE("value_and_grad gives loss, gradients by parameter and auxiliary results") {
  const TwoLayers module;
  const LossAndGradients result = value_and_grad(module, [&]() -> std::vector<Tensor> {
    const Tensor scale = module.parameter("scale").get();
    return {sum(square(scale)), scale * 2};
  });
  CHECK(result.loss.item() == 2);
  CHECK(result.gradients[0].to_vector<float>() == std::vector<float>{2, 2});
  REQUIRE(result.gradients.size() == 4);
  // The loss does not depend on the others.
  CHECK(result.gradients[1].shape() == Shape{3, 4});
  CHECK(sum(abs(result.gradients[1])).item() == 0);
  REQUIRE(result.auxiliary.size() == 1);
  CHECK(result.auxiliary[0].to_vector<float>() == std::vector<float>{2, 2});
  CHECK_THROWS_WITH_AS(value_and_grad(module, [] { return std::vector<Tensor>{}; }),
                       doctest::Contains("no loss"), Error);
}

TEST_CASE("copy_parameters copies all or nothing") {
  const TwoLayers a;
  const TwoLayers b;
  a.parameter("scale").assign(full(Shape{2}, 3));
  copy_parameters(a, b);
  CHECK(b.parameter("scale").get().to_vector<float>() == std::vector<float>{3, 3});
  const Linear other(random_key(0), 3, 4);
  CHECK_THROWS_WITH_AS(copy_parameters(other, a), doctest::Contains("2 parameters cannot replace 4"), Error);
  const Linear wide(random_key(0), 3, 5);
  CHECK_THROWS_WITH_AS(copy_parameters(wide, other), doctest::Contains("'weight' [3, 5] f32 cannot replace"),
                       Error);
}

TEST_CASE("names of a network's parameters are unique, and seeds decide its weights") {
  const MlpOptions options{
      .inputs = 3, .outputs = 2, .width = 8, .hidden_layers = 2, .second_time = true, .output_gain = 1};
  const Mlp a(random_key(5), options);
  const Mlp b(random_key(5), options);
  const Mlp c(random_key(6), options);
  std::set<std::string> names;
  for (const Parameter& parameter : a.parameters()) names.insert(parameter.name);
  CHECK(names.size() == a.parameters().size());
  for (std::size_t i = 0; i < a.parameters().size(); ++i) {
    const std::string& name = a.parameters()[i].name;
    CAPTURE(name);
    const std::vector<float> weights = a.leaves()[i].to_vector<float>();
    CHECK(weights == b.leaves()[i].to_vector<float>());
    if (name.ends_with("weight")) CHECK(weights != c.leaves()[i].to_vector<float>());
  }
}

}  // namespace nabla::nn
