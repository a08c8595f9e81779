#include "tests/spec/rows.h"

// Primitives without differentiable inputs: constants and random numbers. Statistics are tested in
// tests/engine.

namespace nabla::spec {
namespace {

Input key() { return {.shape = {2}, .low = 0, .high = 4294967295.0, .dtype = DType::u32}; }

Spec plain(const char* primitive, const char* label, Builder build, std::vector<Input> inputs = {}) {
  return {.primitive = primitive,
          .label = label,
          .build = std::move(build),
          .inputs = std::move(inputs),
          .f32 = false,
          .nondifferentiable = true};
}

}  // namespace

std::vector<Spec> rows_source() {
  std::vector<Spec> rows;
  Spec constant = plain("constant", "", [](Args) { return full({2, 3}, 1.5, DType::f64); });
  constant.cases = {{.label = "value", .inputs = {}, .value = {1.5, 1.5, 1.5, 1.5, 1.5, 1.5}}};
  rows.push_back(constant);
  rows.push_back(plain("constant", "no elements", [](Args) { return full({0, 3}, 1.5, DType::f64); }));
  rows.push_back({.primitive = "constant",
                  .label = "as a literal",
                  .build = [](Args x) { return 3 - x[0] * 2; },
                  .inputs = {real({2, 3})},
                  .scalar = [](std::span<const double> x) { return 3 - 2 * x[0]; }});
  Spec count = plain("iota", "", [](Args) { return iota(4, DType::f64); });
  count.cases = {{.label = "value", .inputs = {}, .value = {0, 1, 2, 3}}};
  rows.push_back(count);
  rows.push_back(plain("iota", "no elements", [](Args) { return iota(0); }));
  Spec identity_matrix = plain("iota", "identity", [](Args) { return identity(2, DType::f64); });
  identity_matrix.cases = {{.label = "value", .inputs = {}, .value = {1, 0, 0, 1}}};
  rows.push_back(identity_matrix);

  Spec bits = plain("random_bits", "", [](Args x) { return random_bits(x[0], {2, 2}); }, {key()});
  // The published answer of Philox 4x32-10 for counter 0 and key 0.
  bits.cases = {{.label = "key 0",
                 .inputs = {tensor<std::uint32_t>({0, 0}, {2})},
                 .value = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}}};
  rows.push_back(bits);
  rows.push_back(plain("random_bits", "no elements", [](Args x) { return random_bits(x[0], {0}); }, {key()}));
  rows.push_back(plain("random_bits", "split", [](Args x) { return split(x[0], 3); }, {key()}));
  rows.push_back(plain("random_uniform", "",
                       [](Args x) {
                         return uniform(x[0], {3, 2}, DType::f64);
                       },
                       {key()}));
  rows.push_back(plain("random_uniform", "f32", [](Args x) { return uniform(x[0], {5}); }, {key()}));
  rows.push_back(plain("random_uniform", "no elements",
                       [](Args x) {
                         return uniform(x[0], {0, 2});
                       },
                       {key()}));
  rows.push_back(plain("random_uniform", "normal",
                       [](Args x) {
                         return normal(x[0], {3, 3}, DType::f64);
                       },
                       {key()}));
  // Randomness is an argument: reparametrised samples differentiate by their parameters.
  rows.push_back({.primitive = "random_uniform",
                  .label = "reparametrised",
                  .build =
                      [](Args x) {
                        return x[1] + x[2] * cast(normal(x[0], {2, 3}, DType::f64), x[1].dtype());
                      },
                  .inputs = {key(), real({2, 3}), real({3})},
                  .f32 = false});
  rows.push_back(plain("fold_in", "number", [](Args x) { return fold_in(x[0], 7); }, {key()}));
  rows.push_back(plain("fold_in", "tensor", [](Args x) { return fold_in(x[0], x[1]); },
                       {key(), {.shape = {}, .low = 0, .high = 100, .dtype = DType::i64}}));
  return rows;
}

}  // namespace nabla::spec
