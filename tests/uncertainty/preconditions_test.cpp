#include "uncertainty/preconditions.h"

#include <doctest/doctest.h>

#include "engine/engine.h"
#include "tests/uncertainty/oracles.h"
#include "uncertainty/posterior.h"

namespace nabla::uncertainty {
namespace {

using namespace test;

Posterior posterior_with(const flow::FieldMetadata& metadata, Preconditions preconditions,
                         double source_scale = 1) {
  const flow::TimedField v = [](const Tensor& x, const Tensor&) { return -x; };
  return posterior(v, flow::linear_path(), ones(Shape{2, 3}, DType::f64), time_of(.5),
                   {.source_scale = source_scale, .metadata = metadata, .preconditions = preconditions});
}

// Refused with these words; let through, on request, with them as the only warning.
void check_refused(const flow::FieldMetadata& metadata, const std::string& words, double source_scale = 1) {
  CAPTURE(words);
  CHECK_THROWS_WITH_AS(posterior_with(metadata, Preconditions::refuse, source_scale),
                       doctest::Contains(words.c_str()), Error);
  const Posterior warned = posterior_with(metadata, Preconditions::warn, source_scale);
  REQUIRE(warned.warnings().size() == 1);
  CHECK(warned.warnings()[0].find(words) != std::string::npos);
  CHECK(warned.trace().shape() == Shape{2});
}

}  // namespace

TEST_CASE("a field of the identity's kind passes without a word") {
  CHECK(posterior_with({}, Preconditions::refuse).warnings().empty());
  CHECK(posterior_with({.source_scale = 2}, Preconditions::refuse, 2).warnings().empty());
  const flow::TimedField v = [](const Tensor& x, const Tensor&) { return -x; };
  for (const flow::AffinePath& path : paths())
    CHECK(posterior(v, path, ones(Shape{2, 3}, DType::f64), time_of(.5),
                    {.metadata = flow::FieldMetadata{.path = path.name}})
              .warnings()
              .empty());
}

TEST_CASE("metadata that contradict the identity are refused with the reason, or kept as warnings") {
  check_refused({.coupling = "minibatch_ot"}, "noise and data are coupled by 'minibatch_ot'");
  check_refused({.coupling = "reflow"}, "Cov(x1, x0 | x_t)");
  check_refused({.guidance = "2.5"}, "the field is guided (2.5)");
  check_refused({.source = "uniform"}, "the source is 'uniform', not normal");
  check_refused({.path = "trigonometric"}, "the path 'trigonometric', not on 'linear'");
  check_refused({.source_scale = 2}, "S would be off by the factor 0.25");
  check_refused({}, "S would be off by the factor 9", 3);
}

TEST_CASE("all reasons are given") {
  const flow::FieldMetadata metadata{
      .path = "trigonometric", .source = "laplace", .coupling = "reflow", .guidance = "3"};
  CHECK(posterior_with(metadata, Preconditions::warn).warnings().size() == 4);
  for (const char* words : {"trigonometric", "laplace", "reflow", "(3)", "Preconditions::warn"})
    CHECK_THROWS_WITH_AS(posterior_with(metadata, Preconditions::refuse), doctest::Contains(words), Error);
}

}  // namespace nabla::uncertainty
