#include "io/atomic_file.h"

#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

#include "engine/tensor/error.h"
#include "tests/io/scratch.h"

namespace nabla::io {

using test::ScratchDirectory;
using test::slurp;

TEST_CASE("write_file writes, replaces, and leaves nothing else behind") {
  const ScratchDirectory scratch;
  write_file(scratch / "a.txt", "first");
  CHECK(slurp(scratch / "a.txt") == "first");
  write_file(scratch / "a.txt", "");
  CHECK(slurp(scratch / "a.txt").empty());
  const std::string large(3'000'000, 'x');
  write_file(scratch / "a.txt", large);
  CHECK(slurp(scratch / "a.txt") == large);
  CHECK(scratch.file_count() == 1);
}

TEST_CASE("write_file creates the directories on the way") {
  const ScratchDirectory scratch;
  write_file(scratch / "deep/er/a.txt", "text");
  CHECK(slurp(scratch / "deep/er/a.txt") == "text");
}

TEST_CASE("write_file names the path when it cannot write, and cleans up") {
  const ScratchDirectory scratch;
  write_file(scratch / "file", "text");

  SUBCASE("a parent is a file") {
    CHECK_THROWS_WITH_AS(write_file(scratch / "file/below", "x"), doctest::Contains("file/below"), Error);
  }
  SUBCASE("the target is a directory") {
    std::filesystem::create_directory(scratch / "directory");
    CHECK_THROWS_WITH_AS(write_file(scratch / "directory", "x"), doctest::Contains("directory"), Error);
    CHECK(scratch.file_count() == 2);
  }
  SUBCASE("the directory takes no files") {
    CHECK_THROWS_WITH_AS(write_file("/proc/nablaflow.txt", "x"), doctest::Contains("/proc/nablaflow.txt"),
                         Error);
  }
}

TEST_CASE("concurrent writers of one path leave one whole file") {
  const ScratchDirectory scratch;
  std::vector<std::thread> writers;
  for (char letter : {'a', 'b', 'c', 'd'}) {
    writers.emplace_back([&scratch, letter] {
      for (int i = 0; i < 10; ++i) write_file(scratch / "shared", std::string(10'000, letter));
    });
  }
  for (std::thread& writer : writers) writer.join();
  const std::string text = slurp(scratch / "shared");
  REQUIRE(text.size() == 10'000);
  CHECK(text == std::string(10'000, text[0]));
  CHECK(scratch.file_count() == 1);
}

}  // namespace nabla::io
