#include "io/file_bytes.h"

#include <sys/stat.h>

#include <thread>

#include "tests/io/files.h"
#include "tests/io/scratch.h"

namespace nabla::io {

using test::bytes_of_text;
using test::ScratchDirectory;
using test::spill;

TEST_CASE("read_bytes gives a file as it is") {
  const ScratchDirectory scratch;
  spill(scratch / "empty", "");
  CHECK(read_bytes(scratch / "empty").empty());
  const std::string text("\x1f\x8b\0 no gzip\r\n", 12);
  spill(scratch / "small", text);
  CHECK(read_bytes(scratch / "small") == bytes_of_text(text));
  const std::string large(3'000'001, 'x');
  spill(scratch / "large", large);
  CHECK(read_bytes(scratch / "large") == bytes_of_text(large));
}

TEST_CASE("read_bytes reads a pipe, which has no size, to its end") {
  const ScratchDirectory scratch;
  REQUIRE(::mkfifo((scratch / "pipe").c_str(), 0600) == 0);
  const std::string text(300'000, 'y');
  std::thread writer([&] { spill(scratch / "pipe", text); });
  const auto bytes = read_bytes(scratch / "pipe");
  writer.join();
  CHECK(bytes == bytes_of_text(text));
}

TEST_CASE("read_bytes names the file it cannot read") {
  const ScratchDirectory scratch;
  std::filesystem::create_directory(scratch / "directory");
  CHECK_THROWS_WITH_AS(read_bytes(scratch / "none"), doctest::Contains("none': No such file"), Error);
  CHECK_THROWS_WITH_AS(read_bytes(scratch / "directory"), doctest::Contains("directory' is a directory"),
                       Error);
  CHECK_THROWS_WITH_AS(read_bytes("/proc/self/mem"), doctest::Contains("cannot read '/proc/self/mem'"),
                       Error);
}

}  // namespace nabla::io
