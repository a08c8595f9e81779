#include "examples/jacobian_inspect/run.h"

#include <doctest/doctest.h>

#include <array>
#include <filesystem>
#include <string>

#include "engine/engine.h"
#include "examples/digits/run.h"
#include "examples/digits/training.h"
#include "examples/jacobian_inspect/command_line.h"
#include "examples/jacobian_inspect/metrics.h"
#include "examples/jacobian_inspect/write_report.h"
#include "io/safetensors.h"
#include "tests/io/scratch.h"

namespace nabla::jacobian_inspect {
namespace {

Options small_run(const std::filesystem::path& out, int threads) {
  Options options;
  options.data = NABLAFLOW_DIGITS;
  options.out = out;
  options.steps = 5;
  options.samples = 3;
  options.batch = 16;
  options.seconds = 0;
  options.seed = 2;
  options.threads = threads;
  return options;
}

// The metrics without times.
std::string comparable(const Results& results) {
  Results same = results;
  same.seconds = 0;
  for (SubjectResults& subject : same.subjects)
    for (WayCost& way : subject.cost.ways) way.first_milliseconds = way.milliseconds = 0;
  return metrics_json(same);
}

// The digits example trained for a moment; its directory holds the checkpoints.
digits::Options small_digits(const std::filesystem::path& out) {
  digits::Options options;
  options.data = NABLAFLOW_DIGITS;
  options.out = out;
  options.steps = options.mean_flow_steps = 4;
  options.batch = 16;
  options.width = 24;
  options.layers = 2;
  options.seed = 3;
  options.train_only = true;
  return options;
}

}  // namespace

TEST_CASE("a run gives the same numbers for any number of threads, and leaves its report") {
  const int threads = thread_count();
  const io::test::ScratchDirectory scratch;
  const Results first = run(small_run(scratch / "out", 1));
  const Results again = run(small_run(scratch / "out", 3));
  set_thread_count(threads);
  CHECK(comparable(first) == comparable(again));

  REQUIRE(first.subjects.size() == 3);
  for (const SubjectResults& subject : first.subjects) {
    CAPTURE(subject.name);
    CHECK(subject.spectrum.size() == 11);
    for (const WayCost& way : subject.cost.ways) {
      CAPTURE(way.name);
      CHECK((way.is_estimate || way.difference < (subject.name == "closed_form" ? 1e-11 : 1e-5)));
      CHECK(way.each > 0);
    }
  }
  // The exact field is symmetric where it does not know the digit for sure.
  for (const SpectrumAtTime& at : first.subjects[2].spectrum)
    if (at.t <= 0.5) CHECK(at.symmetry_defect < 1e-12);
  const DivergenceCost& digits = first.subjects[1].cost;
  CHECK(digits.chosen == "contracted, searched");
  CHECK(digits.ways.back().is_estimate);

  std::filesystem::create_directories(scratch / "out");
  write_outputs(first);
  CHECK(io::test::slurp(scratch / "out/metrics.json") == metrics_json(first));
  const std::string page = io::test::slurp(scratch / "out/report.html");
  for (const char* part : {"Spectrum", "Rank", "Symmetry", "What a divergence takes", "<svg", "64 tangents",
                           "vertices are eliminated in the order"})
    CHECK(page.find(part) != std::string::npos);
}

TEST_CASE(
    "the network of a checkpoint is the averaged one of the digits example, and sees digits held out there") {
  const io::test::ScratchDirectory scratch;
  const digits::Options trained = small_digits(scratch / "digits");
  std::filesystem::create_directories(trained.out);
  CHECK_FALSE(digits::run(trained).has_value());
  const digits::Split data = digits::split_of_run(digits::read_images(trained.data), trained.seed);
  for (const digits::Kind kind : {digits::Kind::flow_matching, digits::Kind::mean_flow}) {
    CAPTURE(digits::name_of(kind));
    const std::filesystem::path checkpoint = trained.out / (digits::name_of(kind) + ".safetensors");
    Options options = small_run(scratch / "out", 0);
    options.checkpoint = checkpoint;
    const Subject subject = make_subjects(options)[1];

    const digits::Model model(kind, random_key(5), digits::pixel_moments(data.training), trained);
    nn::Ema average(model.network(), trained.ema);
    average.load(nn::part_of(io::read_safetensors(checkpoint).tensors, "ema"));
    average.copy_to(model.network());
    const Tensor x = normal(random_key(6), {3, digits::kPixels}), t = flow::shared_time(0.4, DType::f32);
    CHECK(subject.velocity(x, t).to_vector<float>() == model.velocity()(x, t).to_vector<float>());
    // Dequantised, a digit stays within its level.
    const Tensor levels = (subject.data + 1) * (digits::kLevels / 2.0);
    CHECK(reduce_max(abs(levels - data.held_out.levels - 0.5)).item() < 0.5001);
  }
}

TEST_CASE("a file that is no checkpoint of the digits example is refused with its name") {
  const io::test::ScratchDirectory scratch;
  Options options = small_run(scratch / "out", 0);
  options.checkpoint = scratch / "other.safetensors";
  const auto refusal = [&](io::Safetensors file) {
    io::write_safetensors(options.checkpoint, file);
    try {
      make_subjects(options);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  io::Safetensors file{{}, {{"x", zeros({1})}}};
  CHECK(refusal(file).ends_with(
      "other.safetensors' is no checkpoint of the digits example: its metadata have no 'network'"));
  file.metadata = {{"network", "diffusion"}};
  CHECK(refusal(file).ends_with("other.safetensors': no network 'diffusion'"));
  file.metadata = {{"network", "flow_matching"}, {"seed", "0"}, {"width", "wide"}};
  CHECK(refusal(file).ends_with("other.safetensors': 'width' is 'wide', no number"));
  const std::string data = digits::describe(digits::split_of_run(digits::read_images(NABLAFLOW_DIGITS), 0));
  file.metadata = {{"network", "flow_matching"},
                   {"seed", "0"},
                   {"width", "8"},
                   {"layers", "1"},
                   {"ema", "0.9"},
                   {"data", "other"}};
  CHECK(refusal(file).ends_with("other.safetensors' was trained with other data: other instead of " + data));
  file.metadata["data"] = data;
  CHECK(refusal(file).ends_with(
      "other.safetensors' does not say that its linear weights are [outputs, inputs]: "
      "it was made when they were [inputs, outputs]"));
  file.metadata["linear_weights"] = "[outputs, inputs]";
  CHECK(refusal(file).find("other.safetensors': ema: ") != std::string::npos);
}

TEST_CASE("wrong options are refused") {
  Options options;
  std::array<char*, 3> arguments = {const_cast<char*>("jacobian_inspect"), const_cast<char*>("--samples"),
                                    const_cast<char*>("0")};
  const auto refusal = parse_command_line(3, arguments.data(), options);
  REQUIRE(refusal);
  CHECK(refusal->exit_code == 2);
}

}  // namespace nabla::jacobian_inspect
