#include "io/atomic_file.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/tensor/error.h"
#include "tests/io/scratch.h"

namespace nabla::io {

using test::ScratchDirectory;
using test::slurp;
using test::spill;

namespace {

/// The id of a process that has ended.
pid_t ended_process() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  REQUIRE(child > 0);
  REQUIRE(::waitpid(child, nullptr, 0) == child);
  return child;
}

/// What was given to fsync.
std::vector<std::string>& synced() {
  static std::vector<std::string> paths;
  return paths;
}

}  // namespace
}  // namespace nabla::io

// In place of the C library's, which the library calls.
extern "C" int fsync(int descriptor) {
  const std::filesystem::path path =
      std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(descriptor));
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  nabla::io::synced().push_back(path.string() +
                                (std::filesystem::exists(path / "a.txt") ? ", with a.txt" : ""));
  return 0;
}

namespace nabla::io {

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

TEST_CASE("write_file writes where a link points, and replaces nothing but files") {
  const ScratchDirectory scratch;
  spill(scratch / "file", "old");
  std::filesystem::create_symlink("file", scratch / "link");
  write_file(scratch / "link", "new");
  CHECK(std::filesystem::is_symlink(scratch / "link"));
  CHECK(slurp(scratch / "file") == "new");
  std::filesystem::remove(scratch / "file");
  CHECK_THROWS_WITH_AS(write_file(scratch / "link", "x"),
                       doctest::Contains("link' is a link to a file that is not there"), Error);
  REQUIRE(::mkfifo((scratch / "pipe").c_str(), 0600) == 0);
  CHECK_THROWS_WITH_AS(write_file(scratch / "pipe", "x"), doctest::Contains("pipe' is a pipe or a device"),
                       Error);
  CHECK(std::filesystem::is_fifo(scratch / "pipe"));
}

TEST_CASE("write_file syncs the file, and after the rename every directory that has changed") {
  const ScratchDirectory scratch;
  const std::string root = std::filesystem::canonical(scratch / "").string() + "/";
  synced().clear();
  write_file(scratch / "deep/er/a.txt", "text");
  REQUIRE(synced().size() == 4);
  CHECK(synced()[0].starts_with(root + "deep/er/a.txt.tmp"));
  CHECK(synced()[1] == root + "deep/er, with a.txt");
  CHECK(synced()[2] == root + "deep");
  CHECK(synced()[3] + "/" == root);
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

TEST_CASE("remove_leftovers removes what ended writers left beside this target, and nothing else") {
  const ScratchDirectory scratch;
  const std::string ended = std::to_string(ended_process());
  const std::string running = std::to_string(::getpid());
  const std::string removed[] = {"a.bin.tmp" + ended + ".0", "a.bin.tmp" + ended + ".4294967295"};
  const std::string kept[] = {
      "a.bin",
      "a.bin.tmp" + running + ".0",  // of a writer at work
      "a.bin.tmp1.0",                // of a process that always runs, and is not ours
      "b.bin.tmp" + ended + ".0",
      "xa.bin.tmp" + ended + ".0",
      "a.bin.tmp" + ended,
      "a.bin.tmp" + ended + ".",
      "a.bin.tmp" + ended + ".0x",
      "a.bin.tmp" + ended + ".00",
      "a.bin.tmp" + ended + ".-1",
      "a.bin.tmp0" + ended + ".0",
      "a.bin.tmp-" + ended + ".0",
      "a.bin.tmp" + ended + ".4294967296",
      "a.bin.tmp.0",
      "a.bin.tmp0.0",
  };
  for (const std::string& name : removed) spill(scratch / name, "x");
  for (const std::string& name : kept) spill(scratch / name, "x");
  const std::string directory = "a.bin.tmp" + ended + ".7";
  std::filesystem::create_directory(scratch / directory);

  remove_leftovers(scratch / "a.bin");
  for (const std::string& name : removed) CHECK_FALSE(std::filesystem::exists(scratch / name));
  for (const std::string& name : kept) {
    CAPTURE(name);
    CHECK(std::filesystem::exists(scratch / name));
  }
  CHECK(std::filesystem::exists(scratch / directory));
}

TEST_CASE("remove_leftovers needs neither the target nor its directory, but a directory it can list") {
  const ScratchDirectory scratch;
  remove_leftovers(scratch / "a.bin");
  remove_leftovers(scratch / "none/a.bin");
  spill(scratch / "file", "");
  CHECK_THROWS_WITH_AS(remove_leftovers(scratch / "file/a.bin"),
                       doctest::Contains("remove_leftovers: cannot list"), Error);
}

}  // namespace nabla::io
