#if __has_include(<CLI/CLI.hpp>)  // without CLI11 there is no such option

#include <doctest/doctest.h>

#include <CLI/CLI.hpp>
#include <array>
#include <initializer_list>
#include <string>
#include <vector>

#include "engine/backend/device.h"
#include "examples/report/command_line.h"
#include "examples/report/device.h"

namespace nabla::report {
namespace {

// What main would return, or -1 where the program would run.
int code(std::initializer_list<std::string> arguments) {
  std::vector<std::string> words{"program"};
  words.insert(words.end(), arguments);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  CLI::App app("A program");
  int samples = 0;
  app.add_option("--samples", samples);
  add_device_option(app);
  const auto refusal = parse(app, "program", static_cast<int>(argv.size()), argv.data());
  return refusal ? refusal->exit_code : -1;
}

}  // namespace

TEST_CASE("--device chooses where plans run, and refuses what cannot be used") {
  const Device before = current_device();
  CHECK(code({"--device", "cpu"}) == -1);
  CHECK(current_device() == Device::cpu);
  CHECK(code({"--device", "cuda"}) == (why_no_cuda().empty() ? -1 : 2));
  CHECK(current_device() == (why_no_cuda().empty() ? Device::cuda : Device::cpu));
  CHECK(code({}) == -1);
  CHECK(current_device() == Device::cpu);
  set_device(before);
}

TEST_CASE("a device that is refused changes nothing, nor does one beside another error") {
  const Device before = current_device();
  set_device(Device::cpu);
  CHECK(code({"--device", "gpu"}) == 2);
  CHECK(code({"--device"}) == 2);
  CHECK(code({"--device", "cuda", "--samples", "many"}) == 2);
  CHECK(code({"--device", "cuda", "--help"}) == 0);
  CHECK(current_device() == Device::cpu);
  set_device(before);
}

TEST_CASE("the foot of a page names the device") {
  CHECK(with_device("program --seed 0") == "program --seed 0, on " + describe(current_device()));
}

}  // namespace nabla::report

#endif
