// What a checkpoint says of its field decides whether a posterior is told of it, and how many directions the
// digits themselves have.

#include <doctest/doctest.h>

#include "engine/engine.h"
#include "examples/digits/checkpoint.h"
#include "examples/digits/measure.h"
#include "examples/digits/measure_one_step.h"
#include "examples/digits/model.h"
#include "io/safetensors.h"
#include "tests/io/scratch.h"
#include "uncertainty/uncertainty.h"

namespace nabla::digits {

TEST_CASE("the field of a checkpoint tells a posterior only if its metadata let it") {
  const io::test::ScratchDirectory scratch;
  Options options;
  options.data = NABLAFLOW_DIGITS;
  options.out = scratch / "out";
  std::filesystem::create_directories(options.out);
  options.steps = options.mean_flow_steps = 3;
  options.batch = 8;
  options.width = 12;
  options.layers = 1;
  const Split data = split_of_run(read_images(options.data), options.seed);
  const Moments moments = pixel_moments(data.training);
  for (const Kind kind : {Kind::flow_matching, Kind::mean_flow}) {
    CAPTURE(name_of(kind));
    Training training(kind, moments, data, options, random_key(1), random_key(2));
    training.step();
    save_checkpoint(training, options);
    Training restored(kind, moments, data, options, random_key(1), random_key(2));
    const auto metadata = load_checkpoint(restored, options);
    REQUIRE(metadata);
    CHECK(metadata->step == 1);
    CHECK(metadata->coupling == "independent");

    const Model model(kind, random_key(1), moments, options);
    restored.copy_average_to(model);
    const Tensor x1 = dequantise(data.training.levels({range(0, 5)}), random_key(3));
    CHECK(measure_posterior(model.velocity(), *metadata, nullptr, x1, .5, random_key(4)).trace_mean > 0);
    // The same file with another coupling.
    io::Safetensors file = io::read_safetensors(checkpoint_path(options, kind), io::Checksums::required);
    file.metadata["coupling"] = "minibatch_ot";
    const flow::FieldMetadata coupled = flow::FieldMetadata::from_text(file.metadata);
    CHECK_THROWS_WITH_AS(measure_posterior(model.velocity(), coupled, nullptr, x1, .5, random_key(4)),
                         doctest::Contains("coupled by 'minibatch_ot'"), Error);
    CHECK_THROWS_AS(posterior_maps(model.velocity(), coupled, x1, x1, .5), Error);
    if (kind == Kind::mean_flow) {
      CHECK_THROWS_AS(measure_one_step(model.average_velocity(), coupled, x1, random_key(4)), Error);
      CHECK_THROWS_AS(one_step_maps(model.average_velocity(), coupled, x1, .5), Error);
    }
  }
}

TEST_CASE("at the level of the noise half-way the digits have a handful of directions out of 64") {
  const Images images = read_images(NABLAFLOW_DIGITS);
  const Tensor points = cast(dequantise(images.levels, random_key(1)), DType::f64);
  const Tensor known = points({range(0, 1500)}), x1 = points({range(1500, 1540)});
  const flow::EmpiricalField field(known);
  const flow::TimedField v = [&](const Tensor& x, const Tensor& t) { return field.velocity(x, t); };
  for (const double time : {.5, .6}) {
    CAPTURE(time);
    const Tensor t = flow::shared_time(time, DType::f64);
    const Tensor noise = normal(random_key(2), x1.shape(), DType::f64);
    const Tensor x = flow::interpolate(flow::linear_path(), noise, x1, t).x.detach();
    const uncertainty::IntrinsicDimension found =
        uncertainty::intrinsic_dimension(uncertainty::posterior(v, flow::linear_path(), x, t));
    // 1500 points in 64 dimensions lie apart already, so that S has few directions, some of them wide: the
    // sum is more than their number.
    const double trace = mean(found.trace).item(), rank = mean(found.rank).item();
    CAPTURE(trace);
    CAPTURE(rank);
    CHECK(trace > 3);
    CHECK(trace < 30);
    CHECK(rank > 1);
    CHECK(rank < trace);
  }
}

}  // namespace nabla::digits
