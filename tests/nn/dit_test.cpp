#include "nn/dit.h"

#include <algorithm>

#include "tests/nn/layers.h"
#include "tests/nn/picture_fields.h"

namespace nabla::nn {
TEST_CASE("derivatives of a DiT are right in every mode, whatever its positions and scores are") {
  for (const bool is_plain : {true, false}) {
    CAPTURE(is_plain);
    DiTOptions options = tiny_dit();
    options.learned_positions = options.qk_norm = !is_plain;
    check_field_derivatives(DiT(random_key(1), options), 16);
  }
}

TEST_CASE("a DiT has Laplacians, and derivatives inside vmap and compile") {
  DiTOptions options = tiny_dit();
  options.depth = 1;
  for (const bool has_qk_norm : {false, true}) {
    CAPTURE(has_qk_norm);
    options.qk_norm = has_qk_norm;
    check_nested_derivatives(DiT(random_key(1), options), 16);
  }
}

TEST_CASE("it is explained which parts of a DiT's divergence are applied, and why") {
  check_explanation(DiT(random_key(1), tiny_dit()), 16, "contraction [2, 4, 16, 1]", "nn/dit_block.cpp",
                    "64 x 32");
}

TEST_CASE("a DiT takes classes and a second time, and refuses what does not fit") {
  DiTOptions options = tiny_dit();
  options.second_time = true;
  options.classes = 2;
  check_field_inputs(DiT(random_key(1), options), "dit");
}

TEST_CASE("a DiT has the parameters that are counted by hand") {
  const DiT network(random_key(1), tiny_dit());
  const std::int64_t condition = 9 * 8, first = 5 * 8, last_modulation = 9 * 16, last = 9 * 4;
  const std::int64_t block = 9 * 48 + (9 * 24 + 9 * 8) + (9 * 16 + 17 * 8);
  const std::int64_t expected = condition + first + 2 * block + last_modulation + last;
  CHECK(expected == 2292);
  CHECK(network.parameter_count() == expected);
  DiTOptions options = tiny_dit();
  options.learned_positions = true;
  options.qk_norm = true;
  const DiT other(random_key(1), options);
  CHECK(other.parameter_count() == expected + 4 * 8 + 2 * 2 * 4);
  const std::vector<std::string> names = listed(other);
  for (const char* name :
       {"condition.time.bias [8] f64", "first.weight [8, 4] f64", "positions [4, 8] f64",
        "blocks.0.modulation.weight [48, 8] f64", "blocks.1.attention.in_proj_weight [24, 8] f64",
        "blocks.1.attention.query_norm.weight [4] f64", "blocks.0.mlp1.weight [16, 8] f64",
        "last_modulation.bias [16] f64", "last.weight [4, 8] f64"}) {
    CAPTURE(name);
    CHECK(std::count(names.begin(), names.end(), name) == 1);
  }
}

TEST_CASE("a block of a DiT is its formula in operators, and nothing at first") {
  const DiTBlock block(random_key(1),
                       {.hidden = 4, .heads = 1, .mlp_ratio = 2, .embedding = 3, .dtype = DType::f64});
  const Tensor x = normal(random_key(2), {2, 5, 4}, DType::f64);
  const Tensor e = normal(random_key(3), {2, 3}, DType::f64);
  CHECK(apart(block(x, e), x) == 0);
  fill_parameters(block);
  const auto mapped = [&](const Tensor& y, const std::string& name) {
    return matmul(y, transpose(block.parameter(name + ".weight").get())) +
           block.parameter(name + ".bias").get();
  };
  const auto attended_to = [&](const Tensor& y) {
    const Tensor projected = matmul(y, transpose(block.parameter("attention.in_proj_weight").get())) +
                             block.parameter("attention.in_proj_bias").get();
    const std::vector<Tensor> parts = split(projected, {4, 4, 4}, -1);
    return matmul(attention(parts[0], parts[1], parts[2]),
                  transpose(block.parameter("attention.out_proj.weight").get())) +
           block.parameter("attention.out_proj.bias").get();
  };
  const std::vector<Tensor> m = split(insert_axes(mapped(e, "modulation"), {-2}), {4, 4, 4, 4, 4, 4}, -1);
  const Tensor h = x + m[2] * attended_to(layer_norm(x, 1, 1e-6) * (1 + m[1]) + m[0]);
  const Tensor inner = mapped(layer_norm(h, 1, 1e-6) * (1 + m[4]) + m[3], "mlp1");
  CHECK(apart(block(x, e), h + m[5] * mapped(gelu(inner), "mlp2")) < 1e-12);
}

TEST_CASE("a DiT knows where its patches are, and puts them back there") {
  // Among equal patches only positions make a difference.
  for (const bool learned : {false, true}) {
    DiTOptions options = tiny_dit();
    options.learned_positions = learned;
    const DiT network(random_key(1), options);
    fill_parameters(network);
    const Tensor y = network(ones({1, 1, 4, 4}, DType::f64), full({1, 1}, 0.5, DType::f64));
    CHECK(apart(slice(y, 2, 0, 2), slice(y, 2, 2, 4)) > 1e-3);
    CHECK(apart(slice(y, 3, 0, 2), slice(y, 3, 2, 4)) > 1e-3);
  }
  // At first blocks change nothing, and the result of a patch follows from it alone.
  const DiT network(random_key(1), {.channels = 2, .height = 4, .width = 6, .patch = 2, .dtype = DType::f64});
  network.parameter("last.weight").assign(normal(random_key(3), {8, 64}, DType::f64));
  const Tensor x = normal(random_key(4), Shape{1, 2, 4, 6}, DType::f64);
  const auto field = [&](const Tensor& at) { return network(at, full({1, 1}, 0.5, DType::f64)); };
  const Tensor reached = reshape(abs(jacobian(field, x)), {2, 2, 2, 3, 2, 2, 2, 2, 3, 2});
  const Tensor between = sum(reached, {0, 2, 4, 5, 7, 9});  // [2, 3, 2, 3], from patches to patches
  const std::vector<double> sums = between.to_vector<double>();
  for (std::size_t i = 0; i < 6; ++i)
    for (std::size_t j = 0; j < 6; ++j) CHECK((sums[i * 6 + j] > 0.1) == (i == j));
}

TEST_CASE("a DiT of 28 x 28 pictures starts at zero") {
  const DiT network(random_key(1), {.depth = 1, .classes = 10});
  const Tensor y = network(normal(random_key(2), {2, 784}), full({1, 1}, 0.5));
  REQUIRE(y.shape() == Shape{2, 784});
  CHECK(reduce_max(abs(y)).item() == 0);
}

TEST_CASE("a DiT learns, compiled") {
  DiTOptions options = tiny_dit();
  options.hidden = 16;
  options.dtype = DType::f32;
  const double left = loss_left_by_training(DiT(random_key(1), options), 60);
  CAPTURE(left);
  CHECK(left < 0.7);
}

TEST_CASE("a DiT that cannot be is refused") {
  const auto refuses = [](auto change, const char* text) {
    DiTOptions options = tiny_dit();
    change(options);
    CHECK_THROWS_WITH_AS(DiT(random_key(1), options), doctest::Contains(text), Error);
  };
  refuses([](DiTOptions& o) { o.depth = 0; }, "hidden 8, depth 0 and mlp ratio 2 must all be at least 1");
  refuses([](DiTOptions& o) { o.patch = 3; }, "dit: patches of 3 do not tile a picture of 4 x 4");
  refuses([](DiTOptions& o) { o.hidden = 6; }, "a multiple of 4, not 6");
  refuses([](DiTOptions& o) { o.heads = 3; }, "multi-head attention: a width of 8 does not fall into 3");
  refuses([](DiTOptions& o) { o.embedding = 0; }, "conditioning: a width of 0");
}

}  // namespace nabla::nn
