#pragma once

#include "tests/spec/sample.h"

// The properties that every row must have. Each check returns what failed; an empty list is a pass. Throwing
// is a failure too (see run).

namespace nabla::spec {

/// The builder uses the primitive that the row claims to test.
Failures check_use(const Spec& spec);
/// Values against the row's plain C++ expression.
Failures check_value(const Spec& spec);
/// jvp against central differences, and against the complex step where the row is analytic.
Failures check_differences(const Spec& spec);
Failures check_complex_step(const Spec& spec);
/// <u, J v> = <J^T u, v>.
Failures check_adjoint(const Spec& spec);
/// Every subset of active inputs in both modes; what is not active is a symbolic zero.
Failures check_active_subsets(const Spec& spec);
/// K tangents or cotangents at once equal K single ones, with one and with two leading axes.
Failures check_leading_axes(const Spec& spec);
/// vmap of value, jvp and vjp equals a loop.
Failures check_vmap(const Spec& spec);
/// Tangents and cotangents of extent 1 mean a broadcast, along every subset of axes.
Failures check_compressed(const Spec& spec);
/// Operands and directions that are views (permuted, strided, flipped, broadcast) give what dense ones give.
Failures check_layouts(const Spec& spec);
/// jvp of jvp, jvp of vjp, vjp of jvp and vjp of vjp agree with each other and with differences of the jvp.
Failures check_second_order(const Spec& spec);
/// The row's inputs with known answers.
Failures check_cases(const Spec& spec);
/// The primal appears once in the graphs of its derivatives.
Failures check_sharing(const Spec& spec);
/// f32 agrees with f64.
Failures check_f32(const Spec& spec);
/// A composite agrees with its definition in value and both modes.
Failures check_definition(const Spec& spec);
/// Value and derivatives by optimised plans are those of the plan with every optimisation off.
Failures check_plans(const Spec& spec);

struct Check {
  const char* name;
  Failures (*run)(const Spec&);
};
std::span<const Check> all_checks();
/// Those that ask for nothing but a differentiable builder: what random programs run.
std::span<const Check> program_checks();

/// Runs one check on one row; an exception becomes a failure.
Failures run(const Check& check, const Spec& spec);

/// A generator seeded by row and check alone, so that rows may be added and reordered freely.
Random random_for(const Spec& spec, std::uint64_t salt);

}  // namespace nabla::spec
