#include "examples/report/device.h"

#include <doctest/doctest.h>

#include "engine/backend/device.h"

namespace nabla::report {

TEST_CASE("the foot of a page names the device") {
  CHECK(with_device("program --seed 0") == "program --seed 0, on " + describe(current_device()));
}

}  // namespace nabla::report
