#include "engine/autodiff/jacobian/laplacian.h"

#include <doctest/doctest.h>

#include "engine/autodiff/jacobian/directional_derivatives.h"
#include "tests/spec/checks.h"
#include "tests/spec/program.h"

// The Laplacian of every primitive and of random fields against second derivatives along every element, one
// by one. The two share no rule but that of the first derivative.

namespace nabla::spec {
namespace {

void check_laplacian(const Field& f, const Tensor& x, double tolerance) {
  const Shape sample = x.shape().without_first(1);
  const Tensor directions =
      reshape(identity(sample.size(), x.dtype()), concatenate(Shape{sample.size(), 1}, sample));
  const Tensor second = directional_derivatives(f, x, directions, 2)[2];
  const Tensor found = laplacian(f, x);
  const Tensor in_chunks = laplacian(f, x, {.tangent_bytes = 1});
  REQUIRE(found.shape() == second.shape().without_first(1));
  if (found.size() == 0) return;
  const double bound = tolerance * (1 + reduce_max(sum(abs(second), {0})).item());
  CHECK(reduce_max(abs(found - sum(second, {0}))).item() <= bound);
  CHECK(reduce_max(abs(in_chunks - found)).item() <= bound);
}

// The inputs of a row that carry derivatives, as one sample: [N].
Tensor packed(const Spec& spec, const std::vector<Tensor>& inputs) {
  std::vector<Tensor> parts;
  for (const std::size_t i : differentiable_inputs(spec)) parts.push_back(reshape(inputs[i], {-1}));
  return concatenate(parts, 0);
}

// The row as a function of them, with the other inputs as they are.
Tensor build_from(const Spec& spec, std::vector<Tensor> inputs, const Tensor& sample) {
  std::int64_t start = 0;
  for (const std::size_t i : differentiable_inputs(spec)) {
    const std::int64_t stop = start + inputs[i].size();
    inputs[i] = reshape(slice(sample, -1, start, stop), inputs[i].shape());
    start = stop;
  }
  return spec.build(inputs);
}

}  // namespace

TEST_CASE("the Laplacian of every row") {
  int checked = 0;
  for (const Spec& spec : all_rows()) {
    if (spec.nondifferentiable) continue;
    INFO("row ", name_of(spec));
    Random random = random_for(spec, 70);
    const std::vector<Tensor> inputs = sample_inputs(spec, random);
    const Tensor x = stack({packed(spec, inputs), packed(spec, sample_inputs(spec, random))}).detach();
    if (x.size() == 0) continue;
    const Field f = [&](const Tensor& at) {
      return vmap([&](const Tensor& sample) { return build_from(spec, inputs, sample); }, at);
    };
    CHECK_NOTHROW(check_laplacian(f, x, 1e2 * spec.tolerance));
    ++checked;
  }
  CHECK(checked > 100);
}

TEST_CASE("the Laplacian of random sample-wise fields") {
  for (std::uint64_t seed = first_seed(); seed < first_seed() + program_count(); ++seed) {
    const RandomField random = random_field(seed);
    INFO("NABLAFLOW_FUZZ_SEED=", seed, "\n", to_text(random.field(random.x)));
    CHECK_NOTHROW(check_laplacian(random.field, random.x, 1e-11));
  }
}

}  // namespace nabla::spec
