#include "engine/spectral/dense/rotations.h"

#include <algorithm>

#include "engine/spectral/dense/tridiagonal_loops.h"

namespace nabla::dense {
namespace {

// Sweeps over all rows that may wait. A strip of the basis is read and written once for all of them.
constexpr std::size_t kSweeps = 32;

}  // namespace

void Rotations::begin(std::size_t top) {
  if (factors_.size() > 2 * kSweeps * basis_.stride) apply();
  sweeps_.push_back({top, factors_.size()});
}

void Rotations::apply() {
  const std::size_t lanes = basis_.stride / kLanes;
  for (std::size_t lane = 0; lane < lanes; lane += kStrip)
    for (std::size_t i = 0; i < sweeps_.size(); ++i) {
      const std::size_t end = i + 1 < sweeps_.size() ? sweeps_[i + 1].begin : factors_.size();
      tridiagonal_loops().rotate(basis_.rows.data() + sweeps_[i].top * basis_.stride + lane * kLanes,
                                 basis_.stride, std::min(kStrip, lanes - lane),
                                 factors_.data() + sweeps_[i].begin, (end - sweeps_[i].begin) / 2);
    }
  sweeps_.clear();
  factors_.clear();
}

}  // namespace nabla::dense
