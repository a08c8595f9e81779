#include "engine/autodiff/jacobian/samplewise.h"

#include <source_location>

#include "tests/engine/numbers.h"

namespace nabla::test {
namespace {

constexpr const char* kThisFile = "samplewise_test.cpp:";

// The message with which divergence refuses a field on four samples of width four (square, so that shapes do
// not tell).
std::string refusal(const Field& field) {
  return error_of([&] { divergence(field, counting({4, 4}, 0.1)); });
}

std::vector<Tensor> twice(const Tensor& x) { return {x, x}; }

bool accepted(const Field& field, const Tensor& x) {
  return error_of([&] { divergence(field, x); }).empty();
}

}  // namespace

TEST_CASE("divergence names the primitive and the line that mix samples") {
  struct Mixing {
    const char* primitive;
    int line;
    Field field;
  };
  const Tensor w = counting({4, 4});
  const Tensor order = i64({1, 0, 3, 2}, {4});
  const Tensor rows = insert_axes(order, {-1});
  const Shape wide{2, 8};
  const Mixing cases[] = {
      {"sum", __LINE__, [](const Tensor& x) { return x - sum(x, {0}, true); }},
      {"sum", __LINE__, [](const Tensor& x) { return x * mean(square(x)); }},
      {"softmax", __LINE__, [](const Tensor& x) { return softmax(x, 0); }},
      {"logsumexp", __LINE__, [](const Tensor& x) { return x + logsumexp(x, {0}, true); }},
      {"reduce_max", __LINE__, [](const Tensor& x) { return x / reduce_max(nabla::abs(x) + 1, {0}, true); }},
      {"contraction", __LINE__, [=](const Tensor& x) { return matmul(w, x); }},
      {"gather", __LINE__, [=](const Tensor& x) { return take(x, order); }},
      {"scatter_add", __LINE__, [=](const Tensor& x) { return scatter_add(x, rows, 0, 4); }},
      {"cumsum", __LINE__, [](const Tensor& x) { return cumsum(x, 0); }},
      {"flip", __LINE__, [](const Tensor& x) { return flip(x, 0); }},
      {"slice", __LINE__, [](const Tensor& x) { return x * x[0]; }},
      {"concatenate", __LINE__, [](const Tensor& x) { return slice(concatenate(twice(x), 0), 0, 0, 4); }},
      {"reshape", __LINE__, [=](const Tensor& x) { return reshape(reshape(x, wide), x.shape()); }},
      {"argsort", __LINE__, [](const Tensor& x) { return x * cast(argsort(x, 0), DType::f64); }},
      {"add", __LINE__, [](const Tensor& x) { return x + transpose(x); }},
      {"contraction", __LINE__, [](const Tensor& x) { return matmul(matmul(x, transpose(x)), x); }},
  };
  for (const Mixing& c : cases) {
    const std::string message = refusal(c.field);
    INFO(c.primitive, ": ", message);
    CHECK(contains(message, std::string("divergence: the field mixes samples in ") + c.primitive + " "));
    CHECK(contains(message, kThisFile + std::to_string(c.line)));
  }
}

TEST_CASE("divergence refuses samples that end on another axis") {
  CHECK(contains(refusal([](const Tensor& x) { return transpose(x); }), "do not end on the outermost axis"));
}

TEST_CASE("what keeps the samples apart is accepted") {
  const Tensor x = counting({4, 2, 6}, 0.1);
  CHECK(accepted(
      [](const Tensor& v) {
        return reshape(nabla::sin(reshape(v, Shape{4, 12})), Shape{4, 2, 6});
      },
      x));
  CHECK(accepted([](const Tensor& v) { return permute(nabla::sin(permute(v, {0, 2, 1})), {0, 2, 1}); }, x));
  // The samples may travel on another axis as long as they return.
  CHECK(accepted([](const Tensor& v) { return permute(softmax(permute(v, {2, 0, 1}), 0), {1, 2, 0}); }, x));
  CHECK(accepted([](const Tensor& v) { return matmul(v, transpose(v)[0] * 0 + 1); }, x) == false);
  CHECK(accepted([](const Tensor& v) { return drop_axes(insert_axes(v, {-3}) * 2, {-3}); }, x));
  CHECK(accepted([](const Tensor& v) { return v * sum(v, {1, 2}, true); }, x));
  CHECK(accepted([](const Tensor& v) { return einsum("bij,bkj->bik", v, v).rank() == 3 ? v * 2 : v; }, x));
  CHECK(accepted([](const Tensor& v) { return flip(cumsum(v, 2), 1); }, x));
  // Rows of a table, which each sample picks for itself.
  const Tensor table = counting({6, 6}, 0.2);
  CHECK(accepted([&](const Tensor& v) { return v * take(table, argmax(v)); }, counting({4, 6}, 0.1)));
  CHECK(accepted([](const Tensor& v) { return v * 2; }, counting({1, 3})));
}

TEST_CASE("sample_jacobian and jacobian_diagonal refuse alike, jacobian does not") {
  const Tensor x = counting({4, 4}, 0.1);
  const Field mixing = [](const Tensor& v) { return softmax(v, 0); };
  CHECK(contains(error_of([&] { sample_jacobian(mixing, x); }),
                 "sample_jacobian: the field mixes samples in softmax"));
  CHECK(contains(error_of([&] { jacobian_diagonal(mixing, x); }),
                 "jacobian_diagonal: the field mixes samples"));
  CHECK(jacobian(mixing, x).shape() == Shape{4, 4, 4, 4});
}

TEST_CASE("mixing counts even where no derivative flows") {
  CHECK(contains(refusal([](const Tensor& x) { return x * stop_gradient(sum(x, {0}, true)); }),
                 "mixes samples in sum"));
  CHECK(contains(refusal([](const Tensor& x) { return x * cast(greater(x, transpose(x)), DType::f64); }),
                 "mixes samples in greater"));
}

}  // namespace nabla::test
