#include "flow/field_metadata.h"

#include <doctest/doctest.h>

#include "engine/tensor/error.h"

namespace nabla::flow {

TEST_CASE("what is known of a field survives as text") {
  const FieldMetadata written{.path = "trigonometric",
                              .source = "uniform",
                              .source_scale = 0.3,
                              .coupling = "minibatch_ot",
                              .guidance = "2.5",
                              .data_low = 0.1,
                              .data_high = 1e300,
                              .seed = 18446744073709551615u,
                              .step = 12345678901};
  const FieldMetadata read = FieldMetadata::from_text(written.to_text());
  CHECK(read.path == written.path);
  CHECK(read.source == written.source);
  CHECK(read.source_scale == written.source_scale);
  CHECK(read.coupling == written.coupling);
  CHECK(read.guidance == written.guidance);
  CHECK(read.data_low == written.data_low);
  CHECK(read.data_high == written.data_high);
  CHECK(read.seed == written.seed);
  CHECK(read.step == written.step);
}

TEST_CASE("a source without a scale is that of unit variance") {
  auto entries = FieldMetadata{.source_scale = 2}.to_text();
  entries.erase("source_scale");
  CHECK(FieldMetadata::from_text(entries).source_scale == 1);
}

TEST_CASE("text that is missing or no number is refused by name") {
  auto entries = FieldMetadata{}.to_text();
  entries["seed"] = "-1";
  CHECK_THROWS_WITH_AS(FieldMetadata::from_text(entries), doctest::Contains("'seed' is '-1'"), Error);
  entries["seed"] = "7 ";
  CHECK_THROWS_WITH_AS(FieldMetadata::from_text(entries), doctest::Contains("'seed' is '7 '"), Error);
  entries.erase("coupling");
  CHECK_THROWS_WITH_AS(FieldMetadata::from_text(entries), doctest::Contains("'coupling' is missing"), Error);
}

}  // namespace nabla::flow
