#include <doctest/doctest.h>

#include <set>

#include "engine/graph/primitive.h"
#include "tests/spec/checks.h"

namespace nabla::spec {
namespace {

// Leaves and variables are where graphs begin: they are never applied to anything.
bool is_exempt(const Primitive& primitive) {
  return primitive.op() == Op::leaf || primitive.op() == Op::variable;
}

bool has_zero_extent(const Spec& spec) {
  Random random = random_for(spec, 60);
  const std::vector<Tensor> inputs = sample_inputs(spec, random);
  for (const Tensor& input : inputs)
    if (input.size() == 0) return true;
  return spec.build(inputs).size() == 0;
}

}  // namespace

TEST_CASE("every primitive has a row") {
  std::set<std::string, std::less<>> covered;
  for (const Spec& spec : all_rows()) covered.insert(spec.primitive);
  for (const Primitive* primitive : all_primitives()) {
    if (is_exempt(*primitive)) continue;
    INFO("primitive ", std::string(primitive->name()));
    CHECK_MESSAGE(covered.contains(primitive->name()), "has no row in tests/spec");
  }
}

TEST_CASE("every primitive that takes a shape has a row without elements") {
  std::set<std::string, std::less<>> covered{"fold_in"};  // a key is never empty
  for (const Spec& spec : all_rows())
    if (has_zero_extent(spec)) covered.insert(spec.primitive);
  for (const Primitive* primitive : all_primitives()) {
    if (is_exempt(*primitive)) continue;
    INFO("primitive ", std::string(primitive->name()));
    CHECK_MESSAGE(covered.contains(primitive->name()), "has no row of size 0 in tests/spec");
  }
}

TEST_CASE("rows name primitives that exist, each row by its own name") {
  std::set<std::string, std::less<>> primitives;
  for (const Primitive* primitive : all_primitives()) primitives.insert(std::string(primitive->name()));
  std::set<std::string> names;
  for (const Spec& spec : all_rows()) {
    INFO("row ", name_of(spec));
    CHECK(primitives.contains(spec.primitive));
    CHECK(names.insert(name_of(spec)).second);
  }
}

TEST_CASE("every row passes every check") {
  for (const Check& check : all_checks()) {
    SUBCASE(check.name) {
      for (const Spec& spec : all_rows())
        for (const std::string& failure : run(check, spec)) {
          INFO("row ", name_of(spec), ", check ", std::string(check.name));
          FAIL_CHECK(failure);
        }
    }
  }
}

}  // namespace nabla::spec
