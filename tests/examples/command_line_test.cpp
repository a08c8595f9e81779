#include "examples/report/command_line.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "engine/backend/device.h"
#include "tests/io/scratch.h"

namespace nabla::report {
namespace {

// What the command line of a program left.
struct Parsed {
  int code = -1;      // what main would return; -1 where the program would run
  std::string error;  // the line on stderr
  std::int64_t samples = 16;
  double rate = 0.5;
  double decay = 0.25;
  double learning_rate = 0.125;
  std::filesystem::path checkpoint;
  bool resume = false;
  std::filesystem::path out = "out/program";
  std::uint64_t seed = 0;
  int threads = 0;
};

Parsed parsed(std::initializer_list<std::string> arguments) {
  std::vector<std::string> words{"program"};
  words.insert(words.end(), arguments);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  const std::unique_ptr<std::FILE, Close> file(std::tmpfile());
  REQUIRE(file);

  Parsed result;
  CommandLine command_line("program", "A program");
  command_line.add_option("--samples", result.samples, "Samples", {1, 1000});
  command_line.add_option("--rate", result.rate, "Rate", {0, 0.75});
  command_line.add_option("--decay", result.decay, "Decay", kNonNegative);
  command_line.add_option("--learning-rate", result.learning_rate, "Learning rate", kPositive);
  command_line.add_existing_file("--checkpoint", result.checkpoint, "A file");
  command_line.add_flag("--resume", result.resume, "Go on");
  command_line.add_out(result.out, "files");
  command_line.add_seed(result.seed, "everything");
  command_line.add_threads(result.threads);
  command_line.add_device();
  const auto refusal = command_line.parse(static_cast<int>(argv.size()), argv.data(), file.get());
  if (refusal) result.code = refusal->exit_code;
  std::rewind(file.get());
  for (int c = std::fgetc(file.get()); c != EOF; c = std::fgetc(file.get()))
    result.error += static_cast<char>(c);
  return result;
}

// Checks that the program would not run, and that its one line holds all of `texts`.
void check_refused(std::initializer_list<std::string> arguments, std::initializer_list<std::string> texts) {
  const Parsed result = parsed(arguments);
  CAPTURE(result.error);
  CHECK(result.code == 2);
  CHECK(result.error.starts_with("program: "));
  CHECK(result.error.ends_with(" (see --help)\n"));
  CHECK(result.error.find('\n') == result.error.size() - 1);
  for (const std::string& text : texts) {
    CAPTURE(text);
    CHECK(result.error.find(text) != std::string::npos);
  }
}

}  // namespace

TEST_CASE("options are read into variables, which keep their defaults where nothing is said") {
  const Parsed none = parsed({});
  CHECK(none.code == -1);
  CHECK(none.error.empty());
  CHECK(none.samples == 16);
  CHECK(none.checkpoint.empty());
  CHECK(none.out == "out/program");

  const io::test::ScratchDirectory scratch;
  const std::filesystem::path file = scratch / "a file";
  io::test::spill(file, "content");
  const Parsed all = parsed({"--samples", "1000", "--rate", "0.75", "--decay", "0", "--learning-rate", "1e-3",
                             "--checkpoint", file.string(), "--resume", "--out", "elsewhere", "--seed",
                             "4611686018427387904", "--threads", "1024", "--device", "cpu"});
  CHECK(all.code == -1);
  CHECK(all.samples == 1000);
  CHECK(all.rate == 0.75);
  CHECK(all.decay == 0);
  CHECK(all.learning_rate == 1e-3);
  CHECK(all.checkpoint == file);
  CHECK(all.resume);
  CHECK(all.out == "elsewhere");
  CHECK(all.seed == std::uint64_t{1} << 62);
  CHECK(all.threads == 1024);
}

TEST_CASE("a value out of bounds is refused with the option and its range") {
  check_refused({"--samples", "0"}, {"--samples: Value 0 not in range 1 to 1000"});
  check_refused({"--samples", "1001"}, {"--samples: Value 1001 not in range 1 to 1000"});
  check_refused({"--samples", "many"}, {"--samples: Value many not in range 1 to 1000"});
  check_refused({"--samples", "99999999999999999999"},
                {"--samples: Value 99999999999999999999 not in range 1 to 1000"});
  check_refused({"--rate", "0.8"}, {"--rate: Value 0.8 not in range 0.000000 to 0.75"});
  check_refused({"--rate", "nan"}, {"--rate: Value nan is not a number"});
  check_refused({"--decay", "-nan"}, {"--decay: Value -nan is not a number"});
  check_refused({"--decay", "-0.1"}, {"--decay: Value -0.1 is not NONNEGATIVE"});
  check_refused({"--learning-rate", "0"}, {"--learning-rate: Value 0 is not POSITIVE"});
  check_refused({"--learning-rate", "inf"}, {"--learning-rate: Value inf is not POSITIVE"});
  check_refused({"--seed", "-1"}, {"--seed: Value -1 not in range 0 to 4611686018427387904"});
  check_refused({"--seed", "18446744073709551616"}, {"--seed: Value 18446744073709551616 not in range 0 to"});
  check_refused({"--threads", "1025"}, {"--threads: Value 1025 not in range 0 to 1024"});
}

TEST_CASE("a file that is not there is refused, and so is a directory") {
  const io::test::ScratchDirectory scratch;
  const std::string missing = (scratch / "missing").string();
  check_refused({"--checkpoint", missing}, {"--checkpoint", missing});
  check_refused({"--checkpoint", (scratch / "").string()}, {"--checkpoint", "directory"});
}

TEST_CASE("what is no option, lacks its value or is said twice is refused") {
  check_refused({"--no-such-option"}, {"--no-such-option"});
  check_refused({"word"}, {"word"});
  check_refused({"--samples"}, {"--samples"});
  check_refused({"--samples", "2", "--samples", "3"}, {"--samples"});
}

TEST_CASE("--device chooses where plans run, and refuses what cannot be used") {
  const Device before = current_device();
  CHECK(parsed({"--device", "cpu"}).code == -1);
  CHECK(current_device() == Device::cpu);
  CHECK(parsed({"--device", "cuda"}).code == (why_no_cuda().empty() ? -1 : 2));
  CHECK(current_device() == (why_no_cuda().empty() ? Device::cuda : Device::cpu));
  CHECK(parsed({}).code == -1);
  CHECK(current_device() == Device::cpu);
  set_device(before);
}

TEST_CASE("a device that is refused changes nothing, nor does one beside another error") {
  const Device before = current_device();
  set_device(Device::cpu);
  check_refused({"--device", "gpu"}, {"--device", "gpu not in {cpu,cuda}"});
  check_refused({"--device"}, {"--device"});
  check_refused({"--device", "cuda", "--samples", "many"}, {"--samples"});
  CHECK(parsed({"--device", "cuda", "--help"}).code == 0);
  CHECK(current_device() == Device::cpu);
  set_device(before);
}

}  // namespace nabla::report
