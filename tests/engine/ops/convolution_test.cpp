#include "engine/ops/convolution.h"

#include <array>
#include <random>

#include "engine/plan/cost.h"
#include "tests/engine/numbers.h"

namespace nabla::test {
namespace {

using Three = std::array<std::int64_t, 3>;

// Windows at random on three axes, of which the outer ones may have one element.
struct Draw {
  std::int64_t samples, groups, inputs, outputs;  // channels of a group
  Three data, window, stride, dilation, before, after, places;
  int spatial;

  // Of `width` times as many channels, on data that is longer by so much.
  explicit Draw(std::uint64_t seed, std::int64_t width = 1, std::int64_t longer = 0) {
    std::mt19937_64 random(seed);
    const auto pick = [&](std::int64_t low, std::int64_t high) {
      return low + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(high - low + 1));
    };
    samples = pick(1, 3);
    groups = pick(1, 3) == 3 ? 2 : 1;
    inputs = width * pick(1, 3);
    outputs = width * pick(1, 4);
    spatial = static_cast<int>(pick(1, 3));
    for (std::size_t i = 0; i < 3; ++i) {
      const bool is_there = static_cast<int>(i) >= 3 - spatial;
      window[i] = is_there ? pick(1, 4) : 1;
      stride[i] = is_there ? pick(1, 3) : 1;
      dilation[i] = is_there ? pick(1, 2) : 1;
      before[i] = is_there ? pick(0, 3) : 0;
      after[i] = is_there ? pick(0, 3) : 0;
      const std::int64_t least =
          std::max<std::int64_t>(1, (window[i] - 1) * dilation[i] + 1 - before[i] - after[i]);
      data[i] = is_there ? longer + pick(least, least + (spatial == 1 ? 40 : 5)) : 1;
      places[i] = (data[i] + before[i] + after[i] - (window[i] - 1) * dilation[i] - 1) / stride[i] + 1;
    }
  }
  Shape shape(std::int64_t first, std::int64_t second, const Three& extents) const {
    Shape shape{first, second};
    for (int i = 3 - spatial; i < 3; ++i) shape.push_back(extents[static_cast<std::size_t>(i)]);
    return shape;
  }
  Shape data_shape() const { return shape(samples, groups * inputs, data); }
  Shape weight_shape() const { return shape(groups * outputs, inputs, window); }
  Shape result_shape() const { return shape(samples, groups * outputs, places); }
  ConvolutionOptions options() const {
    const auto last = [&](const Three& list) { return std::vector(list.end() - spatial, list.end()); };
    return {last(stride), last(before), last(after), last(dilation), groups};
  }

  // Calls term(data index, weight index, result index) for every product of the trilinear form.
  template <class Term>
  void for_each_term(const Term& term) const {
    const auto inside = [](std::int64_t i, std::int64_t extent) { return i >= 0 && i < extent; };
    for (std::int64_t n = 0; n < samples; ++n)
      for (std::int64_t o = 0; o < groups * outputs; ++o)
        for (std::int64_t c = 0; c < inputs; ++c)
          for (std::int64_t r = 0; r < places[0] * places[1] * places[2]; ++r)
            for (std::int64_t w = 0; w < window[0] * window[1] * window[2]; ++w) {
              const Three at_r{r / (places[1] * places[2]), r / places[2] % places[1], r % places[2]};
              const Three at_w{w / (window[1] * window[2]), w / window[2] % window[1], w % window[2]};
              Three at;
              bool is_inside = true;
              for (std::size_t i = 0; i < 3; ++i) {
                at[i] = at_r[i] * stride[i] + at_w[i] * dilation[i] - before[i];
                is_inside = is_inside && inside(at[i], data[i]);
              }
              if (!is_inside) continue;
              const std::int64_t channel = o / outputs * inputs + c;
              term((((n * groups * inputs + channel) * data[0] + at[0]) * data[1] + at[1]) * data[2] + at[2],
                   (o * inputs + c) * window[0] * window[1] * window[2] + w,
                   (n * groups * outputs + o) * places[0] * places[1] * places[2] + r);
            }
  }
};

struct Slots {
  Tensor result, data, weight;
};

Slots slots_of(const Tensor& x, const Tensor& w, const Tensor& c, const ConvolutionOptions& options) {
  const auto by_data = [&](const Tensor& d) { return convolution(d, w, options); };
  const auto by_weight = [&](const Tensor& v) { return convolution(x, v, options); };
  return {convolution(x, w, options), vjp(by_data, x, c).cotangent, vjp(by_weight, w, c).cotangent};
}

Slots by_loops(const Draw& draw, const Tensor& x, const Tensor& w, const Tensor& c) {
  const std::vector<double> xs = values(x), ws = values(w), cs = values(c);
  std::vector<double> result(cs.size()), data(xs.size()), weight(ws.size());
  draw.for_each_term([&](std::int64_t d, std::int64_t v, std::int64_t r) {
    const auto i = static_cast<std::size_t>(d), j = static_cast<std::size_t>(v),
               k = static_cast<std::size_t>(r);
    result[k] += xs[i] * ws[j];
    data[i] += cs[k] * ws[j];
    weight[j] += cs[k] * xs[i];
  });
  return {f64(result, c.shape()), f64(data, x.shape()), f64(weight, w.shape())};
}

// A field whose Jacobian is that of a small convolutional network: [B, 2 * 4 * 4] to the same.
Tensor network(const Tensor& x, const Tensor& w1, const Tensor& w2) {
  const ConvolutionOptions same{.padding = {1}};
  Shape picture = x.shape().first(x.rank() - 1);
  for (const std::int64_t extent : {2, 4, 4}) picture.push_back(extent);
  const Tensor h = tanh(convolution(reshape(x, picture), w1, same));
  return reshape(convolution(h, w2, same), x.shape());
}

}  // namespace

namespace {

void check_against_loops(const Draw& draw, std::uint64_t seed, DType dtype, double most) {
  INFO("seed ", seed);
  const Tensor x = random_normal(draw.data_shape(), 3 * seed, dtype);
  const Tensor w = random_normal(draw.weight_shape(), 3 * seed + 1, dtype);
  const Tensor c = random_normal(draw.result_shape(), 3 * seed + 2, dtype);
  const Slots found = slots_of(x, w, c, draw.options());
  const Slots expected = by_loops(draw, x, w, c);
  CHECK(distance(found.result, expected.result) < most);
  CHECK(distance(found.data, expected.data) < most);
  CHECK(distance(found.weight, expected.weight) < most);
}

}  // namespace

TEST_CASE("convolutions and both transposes are what loops give, for windows at random") {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    check_against_loops(Draw(seed), seed, DType::f64, 1e-12);
    check_against_loops(Draw(seed), seed, DType::f32, 1e-4);
  }
  // What a library takes where there is one.
  for (std::uint64_t seed = 300; seed < 320; ++seed)
    check_against_loops(Draw(seed, 8, 8), seed, DType::f32, 1e-3);
}

TEST_CASE("convolutions large enough to be cut have the same bits for any number of threads and layout") {
  const int threads = thread_count();
  const ConvolutionOptions same{.padding = {1}};
  // Pictures that are cut into blocks, and a line longer than a block.
  for (const auto& [data, weight] : {std::pair<Shape, Shape>{{5, 8, 40, 37}, {8, 8, 3, 3}},
                                     std::pair<Shape, Shape>{{2, 3, 20000}, {4, 3, 3}},
                                     std::pair<Shape, Shape>{{40, 6, 9, 9}, {10, 6, 1, 1}}}) {
    const ConvolutionOptions options = weight[-1] == 1 ? ConvolutionOptions{} : same;
    for (const DType dtype : {DType::f32, DType::f64}) {
      const Tensor x = random_normal(data, 1, dtype);
      const Tensor w = random_normal(weight, 2, dtype);
      const Tensor c = random_normal(convolution(x, w, options).shape(), 3, dtype);
      const Tensor turned = transpose(transpose(x, 0, 1).detach(), 0, 1);
      std::vector<std::vector<double>> first;
      for (const int count : {1, 2, 3}) {
        set_thread_count(count);
        for (const Tensor& layout : {x, turned}) {
          const Slots slots = slots_of(layout, w, c, options);
          const std::vector<std::vector<double>> now{values(slots.result), values(slots.data),
                                                     values(slots.weight)};
          if (first.empty()) first = now;
          CHECK(now == first);
        }
      }
      // Against f64 by the definition: a sum of shifted products.
      if (dtype == DType::f64) {
        Draw draw(0);
        draw.samples = data[0];
        draw.groups = 1;
        draw.inputs = data[1];
        draw.outputs = weight[0];
        draw.spatial = data.rank() - 2;
        draw.stride = draw.dilation = {1, 1, 1};
        draw.data = draw.window = draw.before = draw.places = {1, 1, 1};
        draw.before = {0, 0, 0};
        for (int i = 0; i < draw.spatial; ++i) {
          const std::size_t at = static_cast<std::size_t>(3 - draw.spatial + i);
          draw.data[at] = draw.places[at] = data[i + 2];
          draw.window[at] = weight[i + 2];
          draw.before[at] = weight[i + 2] / 2;
        }
        const Slots expected = by_loops(draw, x, w, c);
        const Slots found = slots_of(x, w, c, options);
        CHECK(distance(found.result, expected.result) < 1e-10);
        CHECK(distance(found.data, expected.data) < 1e-10);
        CHECK(distance(found.weight, expected.weight) < 1e-9);
      }
    }
  }
  set_thread_count(threads);
}

TEST_CASE("a transposed convolution undoes the shape of the convolution, and is its adjoint") {
  const Tensor w = random_normal({3, 2, 4, 4}, 1);
  const ConvolutionOptions window{.stride = {2}, .padding = {1}};
  const Tensor x = random_normal({2, 2, 8, 8}, 2);
  const Tensor y = random_normal({2, 3, 4, 4}, 3);
  const Tensor up = transposed_convolution(y, w, {.window = window});
  REQUIRE(up.shape() == x.shape());
  CHECK(sum(up * x).item() == doctest::Approx(sum(convolution(x, w, window) * y).item()));
  CHECK(transposed_convolution(y, w, {.window = window, .output_padding = {1, 0}}).shape() ==
        Shape{2, 2, 9, 8});
}

TEST_CASE("transforms go through a convolutional network") {
  const Tensor w1 = random_normal({3, 2, 3, 3}, 1) * 0.3;
  const Tensor w2 = random_normal({2, 3, 3, 3}, 2) * 0.3;
  evaluate({w1, w2});
  const auto field = [&](const Tensor& x) { return network(x, w1, w2); };
  const Tensor x = random_normal({3, 32}, 3);
  const Tensor whole = jacobian(field, x, {.method = JacobianMethod::reverse});
  CHECK(distance(whole, jacobian(field, x, {.method = JacobianMethod::forward})) < 1e-12);
  const Tensor diagonal = reshape(identity(96, DType::f64), whole.shape());
  const Tensor trace = sum(whole * diagonal, {1, 2, 3});
  for (const JacobianMethod method :
       {JacobianMethod::automatic, JacobianMethod::forward, JacobianMethod::reverse,
        JacobianMethod::contraction, JacobianMethod::loop_cut})
    CHECK(distance(divergence(field, x, {.method = method}), trace) < 1e-12);

  // Gradients by the weights, checkpointed and compiled, and of a vmap over weights.
  const auto loss = [&](const Tensor& w) { return sum(square(network(x, w, w2))); };
  const Tensor gradient = grad(loss, w1);
  const auto checkpointed = [&](const Tensor& w) {
    return sum(square(checkpoint([&](const Tensor& v) { return network(x, v, w2); }, w)));
  };
  CHECK(distance(grad(checkpointed, w1), gradient) < 1e-12);
  CHECK(distance(compile([&](const Tensor& w) { return grad(loss, w); })(w1), gradient) < 1e-12);
  const Tensor many = random_normal({4, 3, 2, 3, 3}, 5);
  const Tensor each = vmap([&](const Tensor& w) { return grad(loss, w); }, many);
  for (int i = 0; i < 4; ++i) {
    const auto one_of = [&](const Tensor& t) { return drop_axes(slice(t, 0, i, i + 1), {0}); };
    CHECK(distance(one_of(each), grad(loss, one_of(many))) < 1e-10);
  }

  // The Laplacian of a number per sample.
  const auto energy = [&](const Tensor& v) {
    return sum(square(network(v, w1, w2)), {-1}, /*keep_axes=*/true);
  };
  const auto slope = [&](const Tensor& v) {
    return grad([&](const Tensor& u) { return sum(energy(u)); }, v);
  };
  CHECK(distance(laplacian(energy, x), reshape(sum(jacobian(slope, x) * diagonal, {1, 2, 3}), {3, 1})) <
        1e-9);
}

TEST_CASE("a plan tells the operations of convolutions") {
  const Tensor x = random_normal({2, 6, 8, 8}, 1);
  const Tensor w = random_normal({4, 3, 3, 3}, 2);
  const ConvolutionOptions options{.padding = {1}, .groups = 2};
  const auto result = [&](const Tensor& v, const Tensor& u) { return convolution(v, u, options); };
  const Tensor y = result(x, w);
  const auto operations = [](const Tensor& output) {
    return cost_of(*make_plan(std::span(&output, 1)).plan).flops;
  };
  const double expected = 2.0 * 2 * 4 * 64 * 27;
  const auto by_data = [&](const Tensor& v) { return result(v, w); };
  const auto by_weight = [&](const Tensor& v) { return result(x, v); };
  CHECK(operations(y) == expected);
  CHECK(contains(explain(y), "convolution padding"));
  CHECK(operations(vjp(by_data, x, y.detach()).cotangent) == expected);
  CHECK(operations(vjp(by_weight, w, y.detach()).cotangent) == expected);
}

TEST_CASE("what is no convolution is refused with the reason") {
  const Tensor x = zeros({2, 6, 5, 5});
  const auto refusal = [&](const Tensor& data, const Tensor& weight, const ConvolutionOptions& options) {
    return error_of([&] { convolution(data, weight, options); });
  };
  const Tensor w = zeros({4, 6, 3, 3});
  CHECK(contains(
      refusal(x, zeros({4, 5, 3, 3}), {}),
      "convolution: operands [2, 6, 5, 5] f32 and [4, 5, 3, 3] f32: channels or samples do not fit"));
  CHECK(contains(refusal(x, zeros({5, 3, 3, 3}), {.groups = 2}), "do not fit in 2 groups"));
  CHECK(contains(refusal(x, w, {.groups = 0}), "0 groups; there is 1 at least"));
  CHECK(contains(refusal(x, zeros({4, 6, 7, 3}), {}), "the window of 7 does not fit"));
  CHECK(contains(refusal(x, zeros({4, 6, 0, 3}), {}), "the window of 0 does not fit"));
  CHECK(contains(refusal(x, w, {.dilation = {3}}), "does not fit"));
  CHECK(contains(refusal(x, w, {.stride = {0}}), "stride is 0; it is from 1 to 2147483648"));
  CHECK(contains(refusal(x, w, {.padding = {-1, 0}}), "padding is -1; it is from 0 to 2147483648"));
  CHECK(contains(refusal(x, w, {.dilation = {1, 1, 1}}), "dilation has 3 numbers for 2 spatial axes"));
  CHECK(contains(refusal(x, zeros({4, 6}), {}), "one to three spatial ones"));
  CHECK(contains(refusal(zeros({5, 5}), w, {}), "the data needs an axis of channels"));
  CHECK(contains(refusal(x, zeros({4, 6, 3, 3}, DType::f64), {}), "differ in type; cast one of them"));
  CHECK(contains(refusal(zeros({2, 6, 5, 5}, DType::i64), zeros({4, 6, 3, 3}, DType::i64), {}),
                 "needs a floating type; cast first"));
  CHECK(contains(
      error_of([&] {
        transposed_convolution(x, zeros({6, 2, 3, 3}), {.output_padding = {1}});
      }),
      "transposed_convolution: operands [2, 6, 5, 5] f32 and [6, 2, 3, 3] f32: output_padding is 1; it is "
      "below the stride"));
  CHECK(contains(error_of([&] {
                   transposed_convolution(x, zeros({6, 2, 1, 1}), {.window = {.padding = {3}}});
                 }),
                 "nothing is left of axis -2"));
  CHECK(contains(error_of([&] {
                   transposed_convolution(x, zeros({5, 2, 3, 3}));
                 }),
                 "channels or samples do not fit"));
}

}  // namespace nabla::test
