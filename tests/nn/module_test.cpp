#include "nn/module.h"

#include <doctest/doctest.h>

#include <set>

#include "engine/engine.h"
#include "nn/mlp.h"
#include "nn/state.h"

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
  CHECK(module.parameter("b.weight").get().shape() == Shape{2, 4});
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
  CHECK(result.gradients[1].shape() == Shape{4, 3});
  CHECK(sum(abs(result.gradients[1])).item() == 0);
  REQUIRE(result.auxiliary.size() == 1);
  CHECK(result.auxiliary[0].to_vector<float>() == std::vector<float>{2, 2});
  CHECK_THROWS_WITH_AS(value_and_grad(module, [] { return std::vector<Tensor>{}; }),
                       doctest::Contains("no loss"), Error);
}

TEST_CASE("a state gives its values to a module of the same make, all or nothing") {
  const TwoLayers a;
  const TwoLayers b;
  a.parameter("scale").assign(full(Shape{2}, 3));
  load_state(b, state_of(a));
  CHECK(b.parameter("scale").get().to_vector<float>() == std::vector<float>{3, 3});

  State damaged = state_of(b);
  damaged.front().value = damaged.front().value + 1;
  const auto refused = [&](const State& state, const char* why) {
    const std::vector<float> before = a.leaves()[0].to_vector<float>();
    CHECK_THROWS_WITH_AS(load_state(a, state), doctest::Contains(why), Error);
    CHECK(a.leaves()[0].to_vector<float>() == before);
  };
  State longer = damaged;
  longer.push_back({"extra", zeros(Shape{1})});
  refused(longer, "'extra' belongs to nothing here");
  State wide = damaged;
  wide.back().value = zeros(Shape{7});
  refused(wide, "[7] f32 cannot replace");
  State other_type = damaged;
  other_type.back().value = cast(other_type.back().value, DType::f64);
  refused(other_type, "f64 cannot replace");
  damaged.pop_back();
  refused(damaged, "is missing");

  // All that does not fit is named at once.
  State wrong{{"scale", zeros(Shape{3})},
              {"a.bias", zeros(Shape{4}, DType::f64)},
              {"b.weight", zeros(Shape{2, 4})},
              {"a.bais", zeros(Shape{4})},
              {"b.weight", zeros(Shape{2, 4})}};
  CHECK_THROWS_WITH_AS(
      load_state(a, wrong),
      "module: 'b.weight' was saved twice; the saved 'scale' [3] f32 cannot replace [2] f32; "
      "'a.weight' is missing in what was saved; the saved 'a.bias' [4] f64 cannot replace [4] "
      "f32; the saved 'a.bais' belongs to nothing here",
      Error);
}

TEST_CASE("parts of a state keep their names apart") {
  State all;
  append_part(all, "a", {{"x", zeros(Shape{1})}, {"b.x", zeros(Shape{2})}});
  append_part(all, "ab", {{"x", zeros(Shape{3})}});
  const State a = part_of(all, "a");
  REQUIRE(a.size() == 2);
  CHECK(a[1].name == "b.x");
  CHECK(entry("test", part_of(all, "ab"), "x").shape() == Shape{3});
  CHECK_THROWS_WITH_AS(entry("test", a, "y"), doctest::Contains("test: 'y' is missing"), Error);
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
