#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/plan/cost.h"

// The steps of a plan in a reader's words, for the table and the page.

namespace nabla {

/// What a step spends its time on.
enum class StepKind { product, pointwise, reduction, random, movement };

StepKind kind_of(const PlanStep& step);

struct ExplainedStep {
  StepKind kind;
  std::string what;                 ///< "contraction m64 n512 k64", "fused 3: mul add tanh"
  std::string result;               ///< "[64, 512] f32", of three results of one type "[64, 512] f32 x3"
  std::vector<std::string> inputs;  ///< "L0", "#3", "const"; of a program, as its instructions count them
  std::string operands;             ///< these, each once, without constants
  std::string place;                ///< "@4096", "result", "over #3"
  std::string line;                 ///< "mlp.cpp:42"
  PlanCost cost;
};

std::vector<ExplainedStep> explained_steps(const Plan& plan);

/// The instructions of a program, one a line: "%4 = mul L0 %3".
std::string instructions_of(const PlanStep& step, const ExplainedStep& explained);

/// "[64, 512] f32"
std::string type_of(const PlanValue& value);
/// Bytes of the elements that a value shows, each repeated one once.
double held_bytes(const PlanValue& value);

/// The extents of a contraction by role: `batch` products of m x k and k x n.
struct ContractionExtents {
  double batch = 1;
  double m = 1;
  double n = 1;
  double k = 1;
};
ContractionExtents contraction_extents(const Plan& plan, const PlanStep& step);

/// Three digits and a prefix: "1.26 G", "128 ".
std::string with_prefix(double count);
/// The same of bytes: "1.26 GB", "128 B".
std::string bytes(double count);
inline std::string bytes(std::size_t count) { return bytes(static_cast<double>(count)); }

}  // namespace nabla
