#include "examples/report/program.h"

#include <doctest/doctest.h>

#include "io/directory_lock.h"
#include "tests/io/scratch.h"

namespace nabla::report {

TEST_CASE("a program makes its directory, and does no work where another run writes") {
  const io::test::ScratchDirectory scratch;
  const std::filesystem::path out = scratch / "deep/out";
  int runs = 0;
  const auto work = [&]() -> std::string {
    ++runs;
    return runs < 3 ? "" : "a reason";
  };
  CHECK(run_program("test", out, work) == 0);
  {
    const io::DirectoryLock other(out);
    CHECK(run_program("test", out, work) == 1);
    CHECK(runs == 1);
  }
  CHECK(run_program("test", out, work) == 0);
  CHECK(run_program("test", out, work) == 1);
}

}  // namespace nabla::report
