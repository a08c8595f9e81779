#pragma once

#include "tests/spec/sample.h"

// Results of optimised plans against those of the plan with every optimisation off, in which each node is a
// step of its own.

namespace nabla::spec {

/// Plans without optimisations while it lives.
class WithoutOptimisations {
 public:
  WithoutOptimisations() { set_plan_optimisations(false); }
  ~WithoutOptimisations() { set_plan_optimisations(true); }
  WithoutOptimisations(const WithoutOptimisations&) = delete;
  WithoutOptimisations& operator=(const WithoutOptimisations&) = delete;
};

/// A value by the reference, and how far another plan may be off.
struct Expected {
  Tensor value;
  double bound;  ///< of every element; 0 where the bits must be equal
};

/// The nodes behind these that have no value yet, in the order in which they were built.
std::vector<Tensor> operations_behind(const std::vector<Tensor>& outputs);
/// Values of all operations behind some outputs, which must be alone in reading what they are built from,
/// lest constants that another graph shares keep their values too.
///
/// Bits must be equal, except behind a contraction: a product read off by rows of the identity takes its sums
/// in another order, or does not take them at all. There the bound is 1e-12 (f64) or 4e-6 (f32) of the sum of
/// absolute terms. Terms of a contraction are those of contraction(|a|, |b|); what follows it may magnify
/// their rounding, which shows in the values on the way unless it cancels, so the largest of both over the
/// whole graph stands for the sum.
std::vector<Expected> expected_values(const std::vector<Tensor>& operations);

/// The same bits; one NaN is as good as another.
bool same_bits(const Tensor& a, const Tensor& b);
void expect_value(Failures& failures, const std::string& what, const Tensor& got, const Expected& expected);

/// Evaluates by an optimised plan, whose memory must be right and as much as the plan says (beyond
/// what a contraction may need while it runs).
void evaluate_checked(Failures& failures, const std::string& what, std::vector<Tensor> outputs);

}  // namespace nabla::spec
