#pragma once

#include <cstdint>
#include <vector>

namespace nabla::flow {

/// steps + 1 times from `from` to `to`, equally spaced. @throws Error if steps < 1.
std::vector<double> time_grid(double from, double to, std::int64_t steps);

/// steps + 1 times from `from` to `to`, in either direction, whose steps shrink towards t = 1, where
/// velocities change fastest: equally spaced in u with 1 - t = u^power. Power 1 is time_grid.
/// @throws Error if steps < 1, power < 1 or a time is above 1.
std::vector<double> graded_grid(double from, double to, std::int64_t steps, double power);

}  // namespace nabla::flow
