#include "tests/spec/rows.h"

// select, cast, stop_gradient.

namespace nabla::spec {
namespace {

std::vector<Spec> rows_select() {
  Spec row{.primitive = "select",
           .label = "",
           .build = [](Args x) { return select(x[0], x[1], x[2]); },
           .inputs = {boolean({2, 3}), real({2, 3}), real({2, 3})},
           .scalar = [](std::span<const double> x) { return x[0] != 0 ? x[1] : x[2]; }};
  const Tensor condition = tensor(std::vector<bool>{true, false, true, false}, {4});
  row.cases = {{.label = "NaN and infinity in the branch not taken",
                .inputs = {condition, f64({1, kNan, 2, kInf}, {4}), f64({kNan, 3, -kInf, 4}, {4})},
                .value = {1, 3, 2, 4}}};
  std::vector<Spec> rows{row};
  rows.push_back(reshaped(row, "condition broadcast", {{2, 1}, {2, 3}, {3}}));
  rows.push_back(reshaped(row, "branches broadcast", {{2, 3}, {2, 1}, {}}));
  rows.push_back(reshaped(row, "rank 0", {{}, {}, {}}));
  rows.push_back(reshaped(row, "no elements", {{2, 0}, {1, 0}, {2, 1}}));

  // A guarded singularity: neither mode may let the other branch through.
  Spec guarded{.primitive = "select",
               .label = "guards log",
               .build =
                   [](Args x) {
                     return select(greater(x[0], 0), nabla::log(select(greater(x[0], 0), x[0], 1.0)), 0.0);
                   },
               .inputs = {real({5}, 0.5, 3)},
               .analytic = false};
  guarded.cases = {{.label = "outside the guard",
                    .inputs = {f64({-1, 0, 1, 2}, {4})},
                    .value = {0, 0, 0, 0.6931471805599453},
                    .along_ones = {{0, 0, 1, 0.5}},
                    .gradient = {{0, 0, 1, 0.5}}}};
  rows.push_back(guarded);
  Spec infinite{.primitive = "select",
                .label = "hides an infinite derivative",
                .build = [](Args x) { return select(greater(x[0], 0), nabla::sqrt(x[0]), x[0] * 3); },
                .inputs = {real({4}, 0.5, 3)},
                .analytic = false};
  // The derivative of sqrt at 0 is infinite and does not pass: forward mode selects it away. In reverse mode
  // a zero cotangent still meets the infinity inside sqrt's own rule, as select's header says.
  infinite.cases = {
      {.label = "at zero", .inputs = {f64({0, 4}, {2})}, .value = {0, 2}, .along_ones = {{3, 0.25}}}};
  rows.push_back(infinite);
  // where_safe keeps both away: derivatives of sqrt at 0 are infinite, below 0 they are NaN.
  Spec safe{.primitive = "select",
            .label = "where_safe",
            .build =
                [](Args x) {
                  const auto root = [](const Tensor& at) { return nabla::sqrt(at); };
                  return where_safe(greater(x[0], 0), root, x[0], x[0] * 3);
                },
            .inputs = {real({4}, 0.5, 3)},
            .analytic = false};
  safe.cases = {{.label = "zero, negative numbers, NaN",
                 .inputs = {f64({0, -1, -kInf, 4}, {4})},
                 .value = {0, -3, -kInf, 2},
                 .along_ones = {{3, 3, 3, 0.25}},
                 .gradient = {{3, 3, 3, 0.25}},
                 .second = {{0, 0, 0, -1. / 32}}}};
  rows.push_back(safe);
  Spec infinite_behind{.primitive = "select",
                       .label = "under an infinite derivative",
                       .build = [](Args x) { return nabla::sqrt(select(greater(x[0], 0), x[0], 0.0)); },
                       .inputs = {real({4}, 0.5, 3)},
                       .analytic = false};
  infinite_behind.cases = {
      {.label = "branch not taken", .inputs = {f64({-1, 4}, {2})}, .value = {0, 2}, .gradient = {{0, 0.25}}}};
  rows.push_back(infinite_behind);
  return rows;
}

}  // namespace

std::vector<Spec> rows_selection() {
  std::vector<Spec> rows = rows_select();

  // Through f32 and back. Samples are representable in f32, shifted ones are not: hence the tolerance.
  Spec round_trip{.primitive = "cast",
                  .label = "f64 to f32 to f64",
                  .build = [](Args x) { return cast(cast(x[0], DType::f32), DType::f64); },
                  .inputs = {real({2, 3})},
                  .analytic = false,
                  .difference_tolerance = 1e-3,
                  .f32 = false};
  round_trip.cases = {{.label = "rounding",
                       .inputs = {f64({1, 1 + 0x1p-30, kInf}, {3})},
                       .value = {1, 1, kInf},
                       .along_ones = {{1, 1, 1}},
                       .gradient = {{1, 1, 1}}}};
  rows.push_back(round_trip);
  rows.push_back(reshaped(round_trip, "rank 0", {{}}));
  rows.push_back(reshaped(round_trip, "no elements", {{0, 2}}));

  Spec truncated{.primitive = "cast",
                 .label = "to integer and back",
                 .build = [](Args x) { return cast(cast(x[0], DType::i64), DType::f64); },
                 .inputs = {real({2, 3})},
                 .f32 = false,
                 .nondifferentiable = true};
  truncated.cases = {
      {.label = "truncation", .inputs = {f64({1.9, -1.9, 0, -0.5}, {4})}, .value = {1, -1, 0, 0}}};
  rows.push_back(truncated);
  Spec saturated{.primitive = "cast",
                 .label = "to u8 and back",
                 .build = [](Args x) { return cast(cast(x[0], DType::u8), DType::i32); },
                 .inputs = {real({3}, 0, 255)},
                 .f32 = false,
                 .nondifferentiable = true};
  saturated.cases = {{.label = "saturation",
                      .inputs = {f64({300, -3, 7.5, kNan, kInf}, {5})},
                      .value = {255, 0, 7, 0, 255}}};
  rows.push_back(saturated);
  Spec truth{.primitive = "cast",
             .label = "to bool",
             .build = [](Args x) { return cast(x[0], DType::boolean); },
             .inputs = {real({3})},
             .nondifferentiable = true};
  truth.cases = {{.label = "truth", .inputs = {f64({0, -0.0, 0.5, kInf}, {4})}, .value = {0, 0, 1, 1}}};
  rows.push_back(truth);

  // The value passes, the derivative does not; what stands beside it is not disturbed.
  Spec stopped{.primitive = "stop_gradient",
               .label = "",
               .build = [](Args x) { return stop_gradient(x[0]); },
               .inputs = {real({2, 3})},
               .scalar = [](std::span<const double> x) { return x[0]; },
               .nondifferentiable = true};
  stopped.cases = {{.label = "value",
                    .inputs = {f64({1, -kInf, kInf}, {3})},
                    .value = {1, -kInf, kInf},
                    .along_ones = {{0, 0, 0}},
                    .gradient = {{0, 0, 0}}}};
  rows.push_back(stopped);
  rows.push_back(reshaped(stopped, "no elements", {{0}}));
  Input held = real({2, 3});
  held.differentiable = false;
  rows.push_back({.primitive = "stop_gradient",
                  .label = "as a factor",
                  .build = [](Args x) { return stop_gradient(x[0]) * x[1]; },
                  .inputs = {held, real({2, 3})}});
  return rows;
}

}  // namespace nabla::spec
