#include "nn/attention.h"

#include "nn/initialise.h"
#include "tests/nn/layers.h"

namespace nabla::nn {
namespace {

constexpr std::size_t kWidth = 6, kHeads = 2, kOwn = kWidth / kHeads;

using Rows = std::vector<std::vector<double>>;

Rows rows_of(const Tensor& x) {
  const std::vector<double> values = x.to_vector<double>();
  const auto width = static_cast<std::size_t>(x.shape()[-1]);
  Rows rows;
  for (std::size_t i = 0; i < values.size(); i += width)
    rows.emplace_back(values.begin() + static_cast<std::ptrdiff_t>(i),
                      values.begin() + static_cast<std::ptrdiff_t>(i + width));
  return rows;
}

// x times the transpose of rows first .. first + kWidth of a weight, plus those of a bias.
Rows projected(const Rows& x, const Rows& weight, const std::vector<double>& bias, std::size_t first) {
  Rows y;
  for (const std::vector<double>& row : x) {
    y.emplace_back();
    for (std::size_t o = first; o < first + kWidth; ++o) {
      double total = bias[o];
      for (std::size_t i = 0; i < kWidth; ++i) total += row[i] * weight[o][i];
      y.back().push_back(total);
    }
  }
  return y;
}

// One sample, by loops. A key counts where `may` says so of its place behind the query's.
template <class May>
std::vector<double> attended(const MultiHeadAttention& layer, const Tensor& queries, const Tensor& keys,
                             const Tensor& values, const May& may) {
  const std::vector<Tensor> at = layer.leaves();
  const Rows in_weight = rows_of(at[0]), out_weight = rows_of(at[2]);
  const std::vector<double> in_bias = at[1].to_vector<double>(), out_bias = at[3].to_vector<double>();
  const Rows q = projected(rows_of(queries), in_weight, in_bias, 0);
  const Rows k = projected(rows_of(keys), in_weight, in_bias, kWidth);
  const Rows v = projected(rows_of(values), in_weight, in_bias, 2 * kWidth);
  Rows joined(q.size(), std::vector<double>(kWidth));
  for (std::size_t h = 0; h < kHeads; ++h)
    for (std::size_t i = 0; i < q.size(); ++i) {
      std::vector<double> weights;
      double total = 0;
      for (std::size_t j = 0; j < k.size(); ++j) {
        double score = 0;
        for (std::size_t c = h * kOwn; c < (h + 1) * kOwn; ++c) score += q[i][c] * k[j][c];
        weights.push_back(may(h, i, j) ? std::exp(score / std::sqrt(double{kOwn})) : 0);
        total += weights.back();
      }
      for (std::size_t j = 0; j < k.size(); ++j)
        for (std::size_t c = h * kOwn; c < (h + 1) * kOwn; ++c) joined[i][c] += weights[j] / total * v[j][c];
    }
  std::vector<double> result;
  for (const std::vector<double>& row : projected(joined, out_weight, out_bias, 0))
    result.insert(result.end(), row.begin(), row.end());
  return result;
}

// Biases start at 0, which would hide them.
void fill_biases(const MultiHeadAttention& layer) {
  layer.parameter("in_proj_bias").assign(normal(random_key(20), Shape{3 * kWidth}, DType::f64));
  layer.parameter("out_proj.bias").assign(normal(random_key(21), Shape{kWidth}, DType::f64));
}

const auto kEverything = [](std::size_t, std::size_t, std::size_t) { return true; };

}  // namespace

TEST_CASE("attention in heads is that of loops") {
  const MultiHeadAttention layer(random_key(1), kWidth, kHeads, {.dtype = DType::f64});
  fill_biases(layer);
  const Tensor q = normal(random_key(2), Shape{3, kWidth}, DType::f64);
  const Tensor k = normal(random_key(3), Shape{4, kWidth}, DType::f64);
  const Tensor v = normal(random_key(4), Shape{4, kWidth}, DType::f64);
  check_close(layer(q, k, v), attended(layer, q, k, v, kEverything));
  check_close(layer(q, q, q, {.causal = true}),
              attended(layer, q, q, q, [](auto, auto i, auto j) { return j <= i; }));
  const std::vector<bool> may{true,  false, false, true, false, true, true, true, true, true, false, false,
                              false, false, true,  true, true,  true, true, true, true, true, true,  false};
  check_close(layer(q, k, v, {.mask = tensor(may, {2, 3, 4})}),
              attended(layer, q, k, v, [&](auto h, auto i, auto j) { return may[(h * 3 + i) * 4 + j]; }));
  check_gradients(layer, [&] { return layer(q, k, v, {.mask = tensor(may, {2, 3, 4})}); });

  const Tensor both = stack({q, q * 0.5 + 1});
  const std::vector<double> first = attended(layer, q, q, q, kEverything);
  const Tensor other = both[1];
  std::vector<double> expected = attended(layer, other, other, other, kEverything);
  expected.insert(expected.begin(), first.begin(), first.end());
  const Tensor y = layer(both, both, both);
  CHECK(y.shape() == Shape{2, 3, kWidth});
  check_close(y, expected);
}

TEST_CASE("attention in heads has PyTorch's names, layouts and initial values") {
  const MultiHeadAttention layer(random_key(1), 32, 4);
  CHECK(listed(layer) == std::vector<std::string>{"in_proj_weight [96, 32] f32", "in_proj_bias [96] f32",
                                                  "out_proj.weight [32, 32] f32", "out_proj.bias [32] f32"});
  CHECK(layer.parameter_count() == 96 * 33 + 32 * 33);
  CHECK(layer.width() == 32);
  CHECK(layer.heads() == 4);
  check_uniform(layer.leaves()[0], std::sqrt(6.0 / (32 + 96)));
  check_uniform(layer.leaves()[2], 1 / std::sqrt(32.0));
  // Neither repeats the numbers of the other.
  const float ratio = layer.leaves()[0].to_vector<float>()[0] / layer.leaves()[2].to_vector<float>()[0];
  CHECK(ratio != doctest::Approx(std::sqrt(6.0 / 4)).epsilon(1e-4));
  CHECK(reduce_max(abs(layer.leaves()[1])).item() == 0);
  CHECK(reduce_max(abs(layer.leaves()[3])).item() == 0);
  const MultiHeadAttention plain(random_key(1), 32, 4, {.bias = false, .dtype = DType::f64});
  CHECK(listed(plain) ==
        std::vector<std::string>{"in_proj_weight [96, 32] f64", "out_proj.weight [32, 32] f64"});
  CHECK(plain(zeros({3, 32}, DType::f64), zeros({2, 32}, DType::f64), zeros({2, 32}, DType::f64)).shape() ==
        Shape{3, 32});
}

TEST_CASE("normalised queries and keys score the same whatever their size") {
  const MultiHeadAttention layer(random_key(1), kWidth, kHeads, {.qk_norm = true, .dtype = DType::f64});
  CHECK(listed(layer)[4] == "query_norm.weight [3] f64");
  CHECK(listed(layer)[5] == "key_norm.weight [3] f64");
  const Tensor q = normal(random_key(2), Shape{3, kWidth}, DType::f64);
  const Tensor k = normal(random_key(3), Shape{4, kWidth}, DType::f64);
  const std::vector<double> found = layer(q, k, k).to_vector<double>();
  check_close(layer(q * 10, k, k), found);
  check_close(layer(q, k * 10, k), found);
  layer.parameter("query_norm.weight").assign(normal(random_key(4), Shape{3}, DType::f64));
  layer.parameter("key_norm.weight").assign(normal(random_key(5), Shape{3}, DType::f64));
  check_gradients(layer, [&] { return layer(q, k, k); });
}

TEST_CASE("attention in heads refuses what does not fit") {
  const MultiHeadAttention layer(random_key(1), kWidth, kHeads);
  const Tensor x = zeros({3, kWidth});
  CHECK_THROWS_WITH_AS(layer(zeros({3, 5}), x, x),
                       doctest::Contains("multi-head attention: queries [3, 5] must be [.., L, 6]"), Error);
  CHECK_THROWS_WITH_AS(layer(x, zeros({kWidth}), x), doctest::Contains("keys [6] must be [.., L, 6]"), Error);
  CHECK_THROWS_WITH_AS(layer(x, x, zeros({2, kWidth})),
                       doctest::Contains("there must be a value for each key"), Error);
  CHECK_THROWS_WITH_AS(layer(x, x, x, {.mask = zeros({4, 3})}),
                       doctest::Contains("does not broadcast to the scores [2, 3, 3]"), Error);
  CHECK_THROWS_WITH_AS(MultiHeadAttention(random_key(1), 6, 4),
                       doctest::Contains("multi-head attention: a width of 6 does not fall into 4 heads"),
                       Error);
  CHECK_THROWS_WITH_AS(MultiHeadAttention(random_key(1), 0, 1), doctest::Contains("a width of 0"), Error);
  CHECK_THROWS_WITH_AS(MultiHeadAttention(random_key(1), 6, 0), doctest::Contains("into 0 heads"), Error);
}

}  // namespace nabla::nn
