#include "examples/digits/results.h"

namespace nabla::digits {

double Results::seconds_of(const std::string& part) const {
  double total = 0;
  for (const auto& [name, time] : seconds)
    if (name == part) total += time;
  return total;
}

}  // namespace nabla::digits
