#include "examples/report/device.h"

#include "engine/backend/device.h"

namespace nabla::report {

std::string with_device(const std::string& command) { return command + ", on " + describe(current_device()); }

}  // namespace nabla::report
