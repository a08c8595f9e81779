#include <doctest/doctest.h>

#include <numbers>

#include "engine/engine.h"
#include "nn/nn.h"

// All layers in one network, trained.

namespace nabla::nn {
namespace {

// Tells images [N, 1, 6, 6] of horizontal stripes from those of vertical ones, or the other way round,
// whichever a question of two asks for.
class StripesNetwork : public Module {
 public:
  StripesNetwork()
      : lift_(random_key(1), 1, 4, {3, 3}, {.window = {.padding = {1}}}),
        norm_(2, 4),
        halve_(random_key(2), 4, 8, {2, 2}, {.window = {.stride = {2}}}),
        question_(random_key(3), 2, 8),
        token_norm_(Shape{8}),
        attention_(random_key(4), 8, 2),
        last_norm_(Shape{8}),
        head_(random_key(5), 8, 2) {
    add_part("lift", lift_);
    add_part("norm", norm_);
    add_part("halve", halve_);
    add_part("question", question_);
    add_part("token_norm", token_norm_);
    add_part("attention", attention_);
    add_part("last_norm", last_norm_);
    add_part("head", head_);
  }

  Tensor operator()(const Tensor& images, const Tensor& questions) const {
    const Tensor places = halve_(silu(norm_(lift_(images))));  // [N, 8, 3, 3]
    const Tensor seen = transpose(reshape(places, {images.shape()[0], 8, 9}));
    const Tensor tokens = concatenate({insert_axes(question_(questions), {-2}), seen}, -2);
    const Tensor normed = token_norm_(tokens);
    return head_(last_norm_(mean(tokens + attention_(normed, normed, normed), {-2})));
  }

 private:
  Convolution lift_;
  GroupNorm norm_;
  Convolution halve_;
  Embedding question_;
  LayerNorm token_norm_;
  MultiHeadAttention attention_;
  RmsNorm last_norm_;
  Linear head_;
};

struct StripesTraining {
  StripesNetwork net;
  Adam adam = Adam(net);

  Tensor step(const Tensor& number, const Tensor& rate) {
    const Tensor keys = split(fold_in(random_key(9), number), 4);
    const Tensor is_vertical = integers(keys[0], {32, 1, 1, 1}, 0, 2);
    const Tensor shift = integers(keys[3], {32, 1, 1, 1}, 0, 2);
    const Tensor rows = cos(cast(iota(6) + shift, DType::f32) * std::numbers::pi);  // 1, -1, ..
    const Tensor images =
        select(equal(is_vertical, 1), rows, transpose(rows)) + 0.3 * normal(keys[1], {32, 1, 6, 6});
    const Tensor questions = integers(keys[2], {32}, 0, 2);
    const Tensor answers = cast(equal(reshape(is_vertical, {32}), questions), DType::i64);
    const LossAndGradients result = value_and_grad(
        net, [&]() -> std::vector<Tensor> { return {mean(cross_entropy(net(images, questions), answers))}; });
    commit(adam.updates(result.gradients, rate), {result.loss});
    return result.loss;
  }
};

}  // namespace

TEST_CASE("a network of all layers learns, compiled as well, to the last bit") {
  StripesTraining plain;
  StripesTraining compiled;
  const auto step = compile([&](const Tensor& n, const Tensor& rate) { return compiled.step(n, rate); });
  double last = 0;
  for (std::int64_t n = 0; n < 120; ++n) {
    last = step(n, 0.01).item();
    if (n < 10)
      REQUIRE(plain.step(tensor<std::int64_t>({n}, Shape{}), tensor<double>({0.01}, Shape{})).item() == last);
  }
  CAPTURE(last);
  CHECK(last < 0.1);  // guessing gives log 2
  CHECK(step.statistics().traces == 1);

  StripesNetwork other;
  load_state(other, state_of(compiled.net));
  const Tensor images = normal(random_key(20), {3, 1, 6, 6});
  const Tensor questions = tensor<std::int64_t>({0, 1, 1}, {3});
  CHECK(other(images, questions).to_vector<float>() == compiled.net(images, questions).to_vector<float>());
}

}  // namespace nabla::nn
