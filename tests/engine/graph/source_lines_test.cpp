#include "tests/engine/numbers.h"

// Where a function under a transform reads a value, the message names lines of this file: that of the
// transform and that of the value's expression.

namespace nabla::test {
namespace {

std::string here(std::source_location where = std::source_location::current()) {
  return "source_lines_test.cpp:" + std::to_string(where.line());
}

Tensor reads(const Tensor& x) { return x * x.to_vector<double>()[0]; }
std::vector<Tensor> read_all(const std::vector<Tensor>& xs) { return {reads(xs[0])}; }

}  // namespace

TEST_CASE("a value that is read under a transform is refused with the line that calls the transform") {
  const Tensor x = f64({1, 2}, {2, 1});
  const auto refused = [](const std::string& line, const auto& call) {
    const std::string message = error_of(call);
    INFO(line, " in ", message);
    CHECK(contains(message, "evaluate: "));
    CHECK(contains(message, line));
    CHECK_FALSE(contains(message, "engine/autodiff"));
  };
  const ScalarFunction scalar = [](const Tensor& y) { return sum(reads(y)); };
  refused(here(), [&] { jvp(reads, x, x); });
  refused(here(), [&] { jvp(read_all, {x}, {x}); });
  refused(here(), [&] { vjp(reads, x, x); });
  refused(here(), [&] { vjp(read_all, {x}, {x}); });
  refused(here(), [&] { grad(scalar, x); });
  refused(here(), [&] { grad(scalar)(x); });
  refused(here(), [&] { value_and_grad(read_all, {x}); });
  refused(here(), [&] { hvp(scalar, x, x); });
  refused(here(), [&] { vmap(reads, x); });
  refused(here(), [&] { vmap(read_all, {x}, {0}); });
  refused(here(), [&] { jacobian(reads, x); });
  refused(here(), [&] { sample_jacobian(reads, x); });
  refused(here(), [&] { divergence(reads, x); });
  refused(here(), [&] { jacobian_diagonal(reads, x); });
  refused(here(), [&] { laplacian(reads, x); });
  refused(here(), [&] { directional_derivatives(reads, x, x, 2); });
  refused(here(), [&] { jacobian_operator(reads, x); });
  refused(here(), [&] { explain_divergence(reads, x); });
  const ScalarFunction twice = [](const Tensor& y) {
    const Tensor z = y * 2;
    return sum(y * z[0].item());
  };
  refused(here(), [&] { grad(twice, x); });
}

}  // namespace nabla::test
