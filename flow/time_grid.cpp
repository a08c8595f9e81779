#include "flow/time_grid.h"

#include <cmath>
#include <string>

#include "engine/tensor/error.h"
#include "engine/tensor/number_text.h"

namespace nabla::flow {

std::vector<double> time_grid(double from, double to, std::int64_t steps) {
  if (steps < 1) throw Error("time_grid: " + std::to_string(steps) + " steps; there must be at least one");
  std::vector<double> grid;
  for (std::int64_t i = 0; i <= steps; ++i) {
    const double share = static_cast<double>(i) / static_cast<double>(steps);
    grid.push_back(from * (1 - share) + to * share);
  }
  return grid;
}

std::vector<double> graded_grid(double from, double to, std::int64_t steps, double power) {
  if (steps < 1) throw Error("graded_grid: " + std::to_string(steps) + " steps; there must be at least one");
  if (!(power >= 1) || !std::isfinite(power))
    throw Error("graded_grid: the power " + number_text(power) + " must be at least 1");
  if (!(from <= 1 && to <= 1))
    throw Error("graded_grid: times " + number_text(from) + " and " + number_text(to) +
                " must not be above 1");
  std::vector<double> grid = time_grid(std::pow(1 - from, 1 / power), std::pow(1 - to, 1 / power), steps);
  for (double& t : grid) t = 1 - std::pow(t, power);
  grid.front() = from;
  grid.back() = to;
  return grid;
}

}  // namespace nabla::flow
