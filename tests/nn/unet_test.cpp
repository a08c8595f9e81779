#include "nn/unet.h"

#include <algorithm>

#include "tests/nn/layers.h"
#include "tests/nn/picture_fields.h"

namespace nabla::nn {
TEST_CASE("derivatives of a U-Net are right in every mode, with norms and attention and without") {
  for (const bool has_norms : {true, false}) {
    CAPTURE(has_norms);
    UNetOptions options = tiny_unet();
    if (!has_norms) options.groups = options.heads = 0;
    // Without norms large weights make features, and what differences of them leave out, ever larger.
    check_field_derivatives(UNet(random_key(1), options), 16, has_norms ? 0.4 : 0.2);
  }
}

TEST_CASE("a U-Net has Laplacians, and derivatives inside vmap and compile, with norms and without") {
  for (const bool has_norms : {true, false}) {
    CAPTURE(has_norms);
    UNetOptions options = tiny_unet();
    if (!has_norms) options.groups = options.heads = 0;
    check_nested_derivatives(UNet(random_key(1), options), 16, has_norms ? 0.4 : 0.2);
  }
}

TEST_CASE("it is explained which parts of a U-Net's divergence are applied, and why") {
  for (const bool has_norms : {true, false}) {
    CAPTURE(has_norms);
    UNetOptions options = tiny_unet();
    if (!has_norms) options.groups = options.heads = 0;
    check_explanation(UNet(random_key(1), options), 16, "convolution [2, 4, 4, 4]", "nn/residual_block.cpp",
                      "64 x 64", has_norms ? 0.4 : 0.2);
  }
}

TEST_CASE("a U-Net takes classes and a second time, and refuses what does not fit") {
  UNetOptions options = tiny_unet();
  options.second_time = true;
  options.classes = 2;
  check_field_inputs(UNet(random_key(1), options), "unet");
  const UNet plain(random_key(1), tiny_unet());
  const Tensor x = zeros({2, 16}, DType::f64), t = zeros({2, 1}, DType::f64);
  CHECK_THROWS_WITH_AS(plain(x, t, t), doctest::Contains("unet: a second time is given"), Error);
  CHECK_THROWS_WITH_AS(plain(x, t, std::nullopt, zeros({2}, DType::i64)),
                       doctest::Contains("unet: classes are given, but the options do not ask for any"),
                       Error);
}

TEST_CASE("a U-Net has the parameters that are counted by hand") {
  const UNet network(random_key(1), tiny_unet());
  const auto convolution_count = [](std::int64_t in, std::int64_t out, std::int64_t extent) {
    return in * out * extent * extent + out;
  };
  const auto block = [&](std::int64_t in, std::int64_t out) {
    const std::int64_t norms = 2 * in + 2 * out, film = 9 * 2 * out;
    return norms + film + convolution_count(in, out, 3) + convolution_count(out, out, 3) +
           (in == out ? 0 : convolution_count(in, out, 1));
  };
  const std::int64_t condition = 9 * 8, attention = 16 + 9 * 24 + 9 * 8;
  const std::int64_t down = block(4, 4) + convolution_count(4, 4, 3) + block(4, 8);
  const std::int64_t up = block(8 + 8, 8) + convolution_count(8, 8, 3) + block(8 + 4, 4);
  const std::int64_t expected = condition + convolution_count(1, 4, 3) + down + 2 * block(8, 8) + attention +
                                up + 8 + convolution_count(4, 1, 3);
  CHECK(expected == 8165);
  CHECK(network.parameter_count() == expected);
  const std::vector<std::string> names = listed(network);
  for (const char* name :
       {"condition.time.weight [8, 8] f64", "down.0.blocks.0.conv1.weight [4, 4, 3, 3] f64",
        "down.0.blocks.0.film.weight [8, 8] f64", "down.0.downsample.weight [4, 4, 3, 3] f64",
        "down.1.blocks.0.skip.weight [8, 4, 1, 1] f64", "middle.attention.out_proj.bias [8] f64",
        "middle.norm.weight [8] f64", "up.1.upsample.bias [8] f64", "up.0.blocks.0.norm1.weight [12] f64",
        "last_norm.bias [4] f64", "last.weight [1, 4, 3, 3] f64"}) {
    CAPTURE(name);
    CHECK(std::count(names.begin(), names.end(), name) == 1);
  }
}

TEST_CASE("a residual block is its skip at first") {
  const Tensor x = normal(random_key(2), {2, 4, 3, 3}), e = normal(random_key(3), {1, 64});
  const ResidualBlock same(random_key(1), 4, 4, {.groups = 2});
  CHECK(apart(same(x, e), x) == 0);
  const ResidualBlock wider(random_key(1), 4, 6, {.groups = 2});
  const Tensor weight = wider.parameter("skip.weight").get(), bias = wider.parameter("skip.bias").get();
  CHECK(apart(wider(x, e), convolution(x, weight) + insert_axes(bias, {-1, -2})) < 1e-6);
}

TEST_CASE("a residual block is its formula in operators") {
  const ResidualBlock block(random_key(1), 4, 6, {.embedding = 3, .groups = 2, .dtype = DType::f64});
  fill_parameters(block);
  const auto value = [&](const std::string& name) { return block.parameter(name).get(); };
  const auto along = [&](const Tensor& numbers) { return insert_axes(numbers, {-1, -2}); };
  const auto convolved = [&](const Tensor& x, const std::string& name, std::int64_t padding) {
    return convolution(x, value(name + ".weight"), {.padding = {padding}}) + along(value(name + ".bias"));
  };
  const auto normed = [&](const Tensor& x, const std::string& name) {
    return group_norm(x, 2, 2) * along(value(name + ".weight")) + along(value(name + ".bias"));
  };
  const Tensor x = normal(random_key(2), {2, 4, 3, 3}, DType::f64);
  const Tensor e = normal(random_key(3), {2, 3}, DType::f64);
  const Tensor film = matmul(e, transpose(value("film.weight"))) + value("film.bias");
  const Tensor shift = along(slice(film, 1, 0, 6)), scale = along(slice(film, 1, 6, 12));
  const Tensor h = normed(convolved(silu(normed(x, "norm1")), "conv1", 1), "norm2") * (1 + scale) + shift;
  CHECK(apart(block(x, e), convolved(x, "skip", 0) + convolved(silu(h), "conv2", 1)) < 1e-12);
}

TEST_CASE("a U-Net of 28 x 28 pictures halves them twice, and starts at zero") {
  const UNet network(random_key(1), {.heads = 2, .classes = 10});
  const Tensor y = network(normal(random_key(2), {2, 784}), full({1, 1}, 0.5));
  REQUIRE(y.shape() == Shape{2, 784});
  CHECK(reduce_max(abs(y)).item() == 0);
  fill_parameters(network, 0.1);
  const Tensor z = network(normal(random_key(2), {2, 1, 28, 28}), full({2, 1}, 0.5));
  REQUIRE(z.shape() == Shape{2, 1, 28, 28});
  CHECK(reduce_max(abs(z)).item() > 0);
}

TEST_CASE("a U-Net learns, compiled") {
  UNetOptions options = tiny_unet();
  options.dtype = DType::f32;
  const double left = loss_left_by_training(UNet(random_key(1), options), 60);
  CAPTURE(left);
  CHECK(left < 0.7);
}

TEST_CASE("a U-Net that cannot be is refused") {
  const auto refuses = [](auto change, const char* text) {
    UNetOptions options = tiny_unet();
    change(options);
    CHECK_THROWS_WITH_AS(UNet(random_key(1), options), doctest::Contains(text), Error);
  };
  refuses([](UNetOptions& o) { o.base = 0; }, "unet: channels 1, height 4, width 4, base 0, blocks 1 and");
  refuses([](UNetOptions& o) { o.multipliers = {}; }, "multipliers [], of which there is one");
  refuses([](UNetOptions& o) { o.multipliers = {1, 0}; }, "multipliers [1, 0], of which");
  refuses([](UNetOptions& o) { o.groups = 3; }, "unet: 3 groups must divide the base of 4 channels, or be 0");
  refuses([](UNetOptions& o) { o.heads = -1; }, "unet: -1 heads");
  refuses([](UNetOptions& o) { o.heads = 3; }, "multi-head attention: a width of 8 does not fall into 3");
  refuses(
      [](UNetOptions& o) {
        o.height = 6, o.multipliers = {1, 1, 1};
      },
      "unet: a picture of 6 x 4 cannot be halved 2 times");
  refuses([](UNetOptions& o) { o.embedding = 0; }, "conditioning: a width of 0 and 0 classes");
  refuses([](UNetOptions& o) { o.classes = -1; }, "conditioning: a width of 8 and -1 classes");
}

}  // namespace nabla::nn
