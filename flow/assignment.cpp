#include "flow/assignment.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "engine/tensor/error.h"

namespace nabla::flow {

std::vector<std::int64_t> optimal_assignment(std::span<const double> costs, std::int64_t n) {
  const std::size_t size = n;
  if (n < 0 || costs.size() != size * size)
    throw Error("optimal_assignment: " + std::to_string(costs.size()) + " costs for " + std::to_string(n) +
                " rows and columns");
  if (!std::ranges::all_of(costs, [](double cost) { return std::isfinite(cost); }))
    throw Error("optimal_assignment: a cost is not finite");
  // Prices and distances are sums of costs, which must not overflow; a power of two changes no digit.
  const double largest = std::accumulate(costs.begin(), costs.end(), 0.0, [](double most, double cost) {
    return std::max(most, std::abs(cost));
  });
  const double scale = largest > 0x1p900 ? 0x1p-200 : 1;
  // Columns are counted from 1; column 0 stands for the row that looks for a place.
  constexpr std::size_t kNone = 0;
  std::vector<double> row_price(size + 1, 0.0), column_price(size + 1, 0.0);
  std::vector<std::size_t> row_of(size + 1, kNone), before(size + 1, kNone);
  for (std::size_t row = 1; row <= size; ++row) {
    // Dijkstra's method in reduced costs, from this row to the nearest free column.
    std::vector<double> distance(size + 1, std::numeric_limits<double>::infinity());
    std::vector<bool> settled(size + 1, false);
    std::size_t column = 0;
    row_of[0] = row;
    do {
      settled[column] = true;
      const std::size_t from = row_of[column];
      double nearest = std::numeric_limits<double>::infinity();
      std::size_t next = 0;
      for (std::size_t j = 1; j <= size; ++j) {
        if (settled[j]) continue;
        const double reduced = scale * costs[(from - 1) * size + j - 1] - row_price[from] - column_price[j];
        if (reduced < distance[j]) {
          distance[j] = reduced;
          before[j] = column;
        }
        if (distance[j] < nearest) {
          nearest = distance[j];
          next = j;
        }
      }
      for (std::size_t j = 0; j <= size; ++j) {
        if (settled[j]) {
          row_price[row_of[j]] += nearest;
          column_price[j] -= nearest;
        } else {
          distance[j] -= nearest;
        }
      }
      column = next;
    } while (row_of[column] != kNone);
    for (; column != 0; column = before[column]) row_of[column] = row_of[before[column]];
  }
  std::vector<std::int64_t> permutation(size);
  for (std::size_t j = 1; j <= size; ++j) permutation[row_of[j] - 1] = static_cast<std::int64_t>(j - 1);
  return permutation;
}

}  // namespace nabla::flow
