#include "engine/autodiff/attention.h"

#include <cmath>

#include "engine/graph/attention_attributes.h"
#include "engine/graph/primitive.h"
#include "tests/spec/rows.h"

namespace nabla::spec {
namespace {

// The composed form goes through softmax, which knows complex numbers; the other has a step of its own.
Spec attention_row(AttentionForm form, const std::string& label, const Builder& build,
                   std::vector<Input> inputs, bool is_analytic = false) {
  const bool is_fused = form == AttentionForm::fused;
  return row(is_fused ? "attention" : "softmax", is_fused ? label + ", fused" : label, build,
             std::move(inputs), is_analytic && !is_fused);
}

Spec attention_row(AttentionOptions options, AttentionForm form, const char* label, const Shape& q,
                   const Shape& k, const Shape& v) {
  options.form = form;
  return attention_row(
      form, label, [=](Args x) { return attention(x[0], x[1], x[2], options); }, {real(q), real(k), real(v)},
      !options.mask && !options.causal);
}

void add_masked_rows(std::vector<Spec>& rows, AttentionForm form) {
  // The last argument is the mask.
  const auto add = [&](const char* label, bool causal, const Shape& q, const Shape& k, const Shape& v,
                       Input mask) {
    rows.push_back(attention_row(
        form, label,
        [=](Args x) { return attention(x[0], x[1], x[2], {.mask = x[3], .causal = causal, .form = form}); },
        {real(q), real(k), real(v), std::move(mask)}));
  };
  add("attention, masked", false, {3, 2}, {4, 2}, {4, 2}, boolean({3, 4}));
  add("attention, one mask for all queries", false, {2, 3, 2}, {2, 4, 2}, {2, 4, 3}, boolean({2, 1, 4}));
  add("attention, a mask by query", false, {3, 2}, {2, 2}, {2, 2}, boolean({3, 1}));
  add("attention, causal and masked", true, {3, 2}, {3, 2}, {3, 2}, boolean({3, 3}));
  add("attention, a mask without keys", false, {3, 2}, {0, 2}, {0, 2}, boolean({3, 0}));
  add("attention, a mask that is added", false, {3, 2}, {4, 2}, {4, 2}, real({3, 4}));
  add("attention, a mask that is added to all", true, {2, 2, 2}, {2, 2, 2}, {2, 2, 2}, real({2}));

  const Builder masked = [=](Args x) { return attention(x[0], x[1], x[2], {.mask = x[3], .form = form}); };
  Spec nothing = attention_row(form, "attention to nothing", masked,
                               {real({2, 1}), real({2, 1}), real({2, 1}), boolean({2, 2})});
  nothing.cases = {{.label = "a query without keys, one with a single key",
                    .inputs = {f64({3, 5}, {2, 1}), f64({1, 2}, {2, 1}), f64({7, 11}, {2, 1}),
                               tensor(std::vector<bool>{false, false, false, true}, {2, 2})},
                    .value = {0, 11},
                    .along_ones = {{0, 0}, {0, 0}, {0, 1}},
                    .gradient = {{0, 0}, {0, 0}, {0, 1}}}};
  rows.push_back(nothing);
  Spec added = attention_row(form, "attention with -inf added", masked,
                             {real({2, 1}), real({2, 1}), real({2, 1}), real({2, 2})});
  added.cases = {{.label = "a query without keys, one with a single key",
                  .inputs = {f64({3, 5}, {2, 1}), f64({1, 2}, {2, 1}), f64({7, 11}, {2, 1}),
                             f64({-kInf, -kInf, 0.5, -kInf}, {2, 2})},
                  .value = {0, 7},
                  .along_ones = {{0, 0}, {0, 0}, {0, 1}, {0, 0}},
                  .gradient = {{0, 0}, {0, 0}, {1, 0}, {0, 0, 0, 0}}}};
  rows.push_back(added);
}

void add_rows(std::vector<Spec>& rows, AttentionForm form) {
  Spec first = attention_row({.scale = 1}, form, "attention with a scale", {3, 2}, {4, 2}, {4, 3});
  // Scores 0 and log 3: weights 1/4 and 3/4.
  first.cases = {{.label = "value",
                  .inputs = {f64({std::log(3.0)}, {1, 1}), f64({0, 1}, {2, 1}), f64({4, 8}, {2, 1})},
                  .value = {7},
                  .along_ones = {{0.75}, {0}, {1}},
                  .gradient = {{0.75}, {-0.75 * std::log(3.0), 0.75 * std::log(3.0)}, {0.25, 0.75}}}};
  rows.push_back(first);
  const auto add = [&](const char* label, const AttentionOptions& options, const Shape& q, const Shape& k,
                       const Shape& v) { rows.push_back(attention_row(options, form, label, q, k, v)); };
  add("attention, leading axes", {}, {2, 3, 2, 2}, {3, 3, 2}, {1, 3, 2});
  add("attention, causal", {.causal = true}, {3, 2}, {3, 2}, {3, 2});
  add("attention, causal with more queries than keys", {.causal = true}, {4, 2}, {2, 2}, {2, 1});
  add("attention, one of each", {}, {1, 1}, {1, 1}, {1, 1});
  add("attention, no keys", {}, {2, 3}, {0, 3}, {0, 2});
  add("attention, no queries", {.causal = true}, {0, 3}, {2, 3}, {2, 2});
  add("attention, of width 0", {}, {2, 0}, {3, 0}, {3, 2});
  add_masked_rows(rows, form);
}

// The steps of the derivatives, as rules build them: operands q, k and v, what is added to the scores if it
// is wanted, and tangents of those that `tangents` names, or a cotangent.
Spec derivative_row(Op op, const char* label, bool causal, bool added, std::uint64_t tangents, const Shape& q,
                    const Shape& k, const Shape& v, const Shape& leading = {}) {
  std::vector<Input> inputs{real(q), real(k), real(v)};
  const Shape scores = concatenate(q.first(q.rank() - 1), Shape{k[-2]});
  if (added) inputs.push_back(real(scores));
  const AttentionAttributes attributes{causal, inputs.size(), 0.7, tangents};
  for (std::size_t i = 0; i < attributes.primals; ++i)
    if (tangents >> i & 1) {
      Shape shape = inputs[i].shape;
      if (leading.rank() > 0) shape[0] = leading[0];
      inputs.push_back(real(shape));
    }
  if (op == Op::attention_vjp) inputs.push_back(real(concatenate(q.first(q.rank() - 1), Shape{v[-1]})));
  return row(
      std::string(facts_of(op).name), label,
      [=](Args x) { return apply(primitive_of(op), x, attributes.packed()); }, inputs, false);
}

void add_derivative_rows(std::vector<Spec>& rows) {
  const auto jvp = [&](const char* label, bool causal, bool added, std::uint64_t tangents, const Shape& q,
                       const Shape& k, const Shape& v, const Shape& leading = {}) {
    rows.push_back(derivative_row(Op::attention_jvp, label, causal, added, tangents, q, k, v, leading));
  };
  jvp("along all", false, false, 7, {3, 2}, {4, 2}, {4, 3});
  jvp("along queries", true, false, 1, {3, 2}, {3, 2}, {3, 2});
  jvp("along keys", false, false, 2, {2, 2}, {3, 2}, {3, 1});
  jvp("along values", false, false, 4, {2, 2}, {3, 2}, {3, 1});
  jvp("along what is added", false, true, 8, {2, 2}, {3, 2}, {3, 1});
  jvp("along all four", false, true, 15, {2, 1, 2}, {2, 2, 2}, {2, 2, 1});
  jvp("several tangents of one operand", false, false, 7, {1, 2, 2}, {1, 2, 2}, {1, 2, 2}, Shape{3});
  jvp("no keys", false, false, 7, {2, 2}, {0, 2}, {0, 2});
  jvp("no queries", false, false, 1, {0, 2}, {2, 2}, {2, 2});
  const auto vjp = [&](const char* label, bool causal, bool added, const Shape& q, const Shape& k,
                       const Shape& v) {
    rows.push_back(derivative_row(Op::attention_vjp, label, causal, added, 0, q, k, v));
  };
  vjp("one after the other", false, false, {3, 2}, {4, 2}, {4, 3});
  vjp("causal", true, false, {3, 2}, {3, 2}, {3, 2});
  vjp("with scores added", false, true, {2, 2, 2}, {1, 3, 2}, {1, 3, 1});
  vjp("no keys", false, false, {2, 2}, {0, 2}, {0, 2});
  vjp("no queries", false, false, {0, 2}, {2, 2}, {2, 2});
}

}  // namespace

std::vector<Spec> rows_attention() {
  std::vector<Spec> rows;
  add_rows(rows, AttentionForm::composed);
  add_rows(rows, AttentionForm::fused);
  add_derivative_rows(rows);
  return rows;
}

}  // namespace nabla::spec
