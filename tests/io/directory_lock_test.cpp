#include "io/directory_lock.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>

#include "engine/tensor/error.h"
#include "tests/io/scratch.h"

namespace nabla::io {

TEST_CASE("a directory is held by one at a time, and leaves nothing behind") {
  const test::ScratchDirectory scratch;
  std::filesystem::create_directory(scratch / "out");
  std::optional<DirectoryLock> first(std::in_place, scratch / "out");
  CHECK_THROWS_WITH_AS(DirectoryLock(scratch / "out"), doctest::Contains("another run writes to '"), Error);
  first.reset();
  CHECK_NOTHROW(DirectoryLock(scratch / "out"));
  CHECK(std::filesystem::is_empty(scratch / "out"));
  CHECK_THROWS_WITH_AS(DirectoryLock(scratch / "none"), doctest::Contains("none': No such file"), Error);
}

TEST_CASE("the lock of a process that is killed is free again") {
  const test::ScratchDirectory scratch;
  std::filesystem::create_directory(scratch / "out");
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const DirectoryLock lock(scratch / "out");
    static_cast<void>(!::write(ready[1], "x", 1));
    ::pause();
  }
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  CHECK_THROWS_AS(DirectoryLock(scratch / "out"), Error);
  ::kill(child, SIGKILL);
  REQUIRE(::waitpid(child, nullptr, 0) == child);
  CHECK_NOTHROW(DirectoryLock(scratch / "out"));
  ::close(ready[0]);
  ::close(ready[1]);
}

}  // namespace nabla::io
