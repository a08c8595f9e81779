#include "engine/ops/attention.h"

#include <cmath>

#include "tests/spec/rows.h"

namespace nabla::spec {
namespace {

Spec attention_row(const char* label, const AttentionOptions& options, const Shape& q, const Shape& k,
                   const Shape& v) {
  return row(
      "softmax", label, [=](Args x) { return attention(x[0], x[1], x[2], options); },
      {real(q), real(k), real(v)}, !options.mask && !options.causal);
}

void add_masked_rows(std::vector<Spec>& rows) {
  // The last argument is the mask.
  const auto add = [&](const char* label, bool causal, const Shape& q, const Shape& k, const Shape& v,
                       Input mask) {
    rows.push_back(row(
        "softmax", label,
        [=](Args x) { return attention(x[0], x[1], x[2], {.mask = x[3], .causal = causal}); },
        {real(q), real(k), real(v), std::move(mask)}, false));
  };
  add("attention, masked", false, {3, 2}, {4, 2}, {4, 2}, boolean({3, 4}));
  add("attention, one mask for all queries", false, {2, 3, 2}, {2, 4, 2}, {2, 4, 3}, boolean({2, 1, 4}));
  add("attention, a mask by query", false, {3, 2}, {2, 2}, {2, 2}, boolean({3, 1}));
  add("attention, causal and masked", true, {3, 2}, {3, 2}, {3, 2}, boolean({3, 3}));
  add("attention, a mask without keys", false, {3, 2}, {0, 2}, {0, 2}, boolean({3, 0}));
  add("attention, a mask that is added", false, {3, 2}, {4, 2}, {4, 2}, real({3, 4}));
  add("attention, a mask that is added to all", true, {2, 2, 2}, {2, 2, 2}, {2, 2, 2}, real({2}));

  Spec nothing = row(
      "softmax", "attention to nothing", [](Args x) { return attention(x[0], x[1], x[2], {.mask = x[3]}); },
      {real({2, 1}), real({2, 1}), real({2, 1}), boolean({2, 2})}, false);
  nothing.cases = {{.label = "a query without keys, one with a single key",
                    .inputs = {f64({3, 5}, {2, 1}), f64({1, 2}, {2, 1}), f64({7, 11}, {2, 1}),
                               tensor(std::vector<bool>{false, false, false, true}, {2, 2})},
                    .value = {0, 11},
                    .along_ones = {{0, 0}, {0, 0}, {0, 1}},
                    .gradient = {{0, 0}, {0, 0}, {0, 1}}}};
  rows.push_back(nothing);
  Spec added = row(
      "softmax", "attention with -inf added",
      [](Args x) { return attention(x[0], x[1], x[2], {.mask = x[3]}); },
      {real({2, 1}), real({2, 1}), real({2, 1}), real({2, 2})}, false);
  added.cases = {{.label = "a query without keys, one with a single key",
                  .inputs = {f64({3, 5}, {2, 1}), f64({1, 2}, {2, 1}), f64({7, 11}, {2, 1}),
                             f64({-kInf, -kInf, 0.5, -kInf}, {2, 2})},
                  .value = {0, 7},
                  .along_ones = {{0, 0}, {0, 0}, {0, 1}, {0, 0}},
                  .gradient = {{0, 0}, {0, 0}, {1, 0}, {0, 0, 0, 0}}}};
  rows.push_back(added);
}

}  // namespace

std::vector<Spec> rows_attention() {
  std::vector<Spec> rows;
  Spec first = attention_row("attention with a scale", {.scale = 1}, {3, 2}, {4, 2}, {4, 3});
  // Scores 0 and log 3: weights 1/4 and 3/4.
  first.cases = {{.label = "value",
                  .inputs = {f64({std::log(3.0)}, {1, 1}), f64({0, 1}, {2, 1}), f64({4, 8}, {2, 1})},
                  .value = {7},
                  .along_ones = {{0.75}, {0}, {1}},
                  .gradient = {{0.75}, {-0.75 * std::log(3.0), 0.75 * std::log(3.0)}, {0.25, 0.75}}}};
  rows.push_back(first);
  rows.push_back(attention_row("attention, leading axes", {}, {2, 3, 2, 2}, {3, 3, 2}, {1, 3, 2}));
  rows.push_back(attention_row("attention, causal", {.causal = true}, {3, 2}, {3, 2}, {3, 2}));
  rows.push_back(attention_row("attention, causal with more queries than keys", {.causal = true}, {4, 2},
                               {2, 2}, {2, 1}));
  rows.push_back(attention_row("attention, one of each", {}, {1, 1}, {1, 1}, {1, 1}));
  rows.push_back(attention_row("attention, no keys", {}, {2, 3}, {0, 3}, {0, 2}));
  rows.push_back(attention_row("attention, no queries", {.causal = true}, {0, 3}, {2, 3}, {2, 2}));
  rows.push_back(attention_row("attention, of width 0", {}, {2, 0}, {3, 0}, {3, 2}));
  add_masked_rows(rows);
  return rows;
}

}  // namespace nabla::spec
