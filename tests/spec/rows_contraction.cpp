#include "tests/spec/rows.h"

namespace nabla::spec {
namespace {

Spec product_row(const char* label, Builder build, const Shape& a, const Shape& b) {
  return {
      .primitive = "contraction", .label = label, .build = std::move(build), .inputs = {real(a), real(b)}};
}

Builder summed_over(std::vector<int> summed) {
  return [summed = std::move(summed)](Args x) { return contraction(x[0], x[1], summed); };
}
Tensor product(Args x) { return matmul(x[0], x[1]); }

}  // namespace

std::vector<Spec> rows_contraction() {
  std::vector<Spec> rows;
  Spec first = product_row("matrix product", &product, {2, 3}, {3, 4});
  first.cases = {{.label = "value",
                  .inputs = {f64({1, 2, 3, 4}, {2, 2}), f64({5, 6, 7, 8}, {2, 2})},
                  .value = {19, 22, 43, 50},
                  .along_ones = {{12, 14, 12, 14}, {3, 3, 7, 7}},
                  .gradient = {{11, 15, 11, 15}, {4, 4, 6, 6}}}};
  rows.push_back(first);
  rows.push_back(product_row("matrix and vector", &product, {2, 3}, {3}));
  rows.push_back(product_row("vector and matrix", &product, {3}, {3, 2}));
  rows.push_back(product_row("inner product", &product, {3}, {3}));
  rows.push_back(product_row("batched", &product, {2, 2, 3}, {2, 3, 2}));
  rows.push_back(product_row("one matrix for the batch", &product, {2, 2, 3}, {3, 2}));
  rows.push_back(product_row("one operand's batch broadcast", &product, {2, 1, 2, 3}, {1, 3, 3, 2}));
  rows.push_back(product_row("larger than a block", &product, {17, 9}, {9, 13}));

  rows.push_back(product_row("no summed axis", summed_over({}), {2, 3}, {2, 1}));
  rows.push_back(product_row("outer product", summed_over({}), {2, 1}, {1, 3}));
  rows.push_back(product_row("all axes summed", summed_over({0, 1}), {2, 3}, {2, 3}));
  rows.push_back(
      product_row("an axis summed that only the first has", summed_over({1}), {2, 3, 2}, {2, 1, 2}));
  rows.push_back(product_row("an axis summed that only the second has", summed_over({-1}), {2, 1}, {2, 3}));
  rows.push_back(
      product_row("batch axis outside, inside and between", summed_over({1}), {2, 3, 1, 2}, {2, 3, 4, 2}));
  rows.push_back(product_row("two summed axes apart", summed_over({0, 2}), {2, 3, 2, 1}, {2, 1, 2, 3}));
  rows.push_back(product_row("operands of different rank", summed_over({-1}), {3}, {2, 3}));
  rows.push_back(product_row("einsum with a transposed operand",
                             [](Args x) { return einsum("ib,ij->jb", x[0], x[1]); }, {3, 2}, {3, 4}));
  rows.push_back(product_row("einsum, batch", [](Args x) { return einsum("bhqd,bhkd->bhqk", x[0], x[1]); },
                             {2, 2, 3, 2}, {2, 2, 4, 2}));
  rows.push_back(product_row("einsum, letters of one operand summed",
                             [](Args x) { return einsum("ijk,jl->kl", x[0], x[1]); }, {2, 3, 2}, {3, 2}));

  rows.push_back(product_row("axes of one", &product, {1, 1}, {1, 1}));
  rows.push_back(product_row("one summed element", &product, {2, 1}, {1, 3}));
  rows.push_back(product_row("over none", &product, {2, 0}, {0, 3}));
  rows.push_back(product_row("no rows", &product, {0, 3}, {3, 2}));
  rows.push_back(product_row("no batch", &product, {0, 2, 3}, {3, 2}));

  rows.push_back({.primitive = "contraction",
                  .label = "with itself",
                  .build = [](Args x) { return matmul(x[0], transpose(x[0])); },
                  .inputs = {real({2, 3})}});
  rows.push_back({.primitive = "contraction",
                  .label = "three factors",
                  .build = [](Args x) { return matmul(matmul(x[0], x[1]), x[2]); },
                  .inputs = {real({2, 3}), real({3, 2}), real({2, 2})}});
  return rows;
}

}  // namespace nabla::spec
