#include "examples/report/progress.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>

namespace nabla::report {

TEST_CASE("a progress line shows share, times, rate and message") {
  CHECK(progress_line({"train", 50, 200, 10.0, "loss 0.5"}, 0) ==
        "train   25%  0:10, 0:30 left  5/s  loss 0.5");
  CHECK(progress_line({"train", 0, 200, 0.0, ""}, 0) == "train    0%  0:00");
  CHECK(progress_line({"train", 200, 200, 40.0, ""}, 4) == "train  ━━━━  100%  0:40  5/s");
  CHECK(progress_line({"train", 100, 200, 40.0, ""}, 4) == "train  ━━╸·   50%  0:40, 0:40 left  2.5/s");
  CHECK(progress_line({"none", 0, 0, 0.0, ""}, 0) == "none  100%  0:00");
}

TEST_CASE("off a terminal there is one plain line for every tenth") {
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  const std::unique_ptr<std::FILE, Close> file(std::tmpfile());
  REQUIRE(file);
  {
    Progress progress("work", 1000, file.get());
    for (int step = 1; step <= 1000; ++step) progress.update(step, "fine");
  }
  std::rewind(file.get());
  std::string text;
  for (int c = std::fgetc(file.get()); c != EOF; c = std::fgetc(file.get())) text += static_cast<char>(c);
  CHECK(std::count(text.begin(), text.end(), '\n') == 10);
  CHECK(text.find("work   10%") == 0);
  CHECK(text.find("work  100%") != std::string::npos);
  CHECK(text.find('\x1b') == std::string::npos);
}

}  // namespace nabla::report
