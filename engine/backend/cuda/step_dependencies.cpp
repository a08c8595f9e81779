#include "engine/backend/cuda/step_dependencies.h"

#include <algorithm>

namespace nabla::cuda {
namespace {

// All of memory that is named, cut where some piece begins or ends.
class Segments {
 public:
  explicit Segments(std::span<const StepMemory> steps) {
    for (const StepMemory& step : steps)
      for (const std::vector<StepMemory::Piece>* pieces : {&step.read, &step.written})
        for (const StepMemory::Piece& piece : *pieces) {
          cuts_.push_back(piece.start);
          cuts_.push_back(piece.start + piece.bytes);
        }
    std::ranges::sort(cuts_, std::less<>{});
    const auto rest = std::ranges::unique(cuts_);
    cuts_.erase(rest.begin(), rest.end());
  }
  std::size_t count() const { return cuts_.size(); }
  std::size_t first(const StepMemory::Piece& piece) const { return at(piece.start); }
  std::size_t last(const StepMemory::Piece& piece) const { return at(piece.start + piece.bytes); }

 private:
  std::size_t at(const std::byte* cut) const {
    return static_cast<std::size_t>(std::ranges::lower_bound(cuts_, cut, std::less<>{}) - cuts_.begin());
  }
  std::vector<const std::byte*> cuts_;
};

// Who has touched a segment last.
struct Users {
  int writer = -1;
  std::vector<int> readers;  // since
};

}  // namespace

std::vector<std::vector<int>> step_dependencies(std::span<const StepMemory> steps) {
  const Segments segments(steps);
  std::vector<Users> users(segments.count());
  std::vector<std::vector<int>> dependencies(steps.size());
  std::vector<std::vector<bool>> behind;  // of a step: all that it waits for, through others too
  for (std::size_t s = 0; s < steps.size(); ++s) {
    const int step = static_cast<int>(s);
    std::vector<int> waits;
    const auto wait_for = [&](int other) {
      if (other >= 0 && other != step) waits.push_back(other);
    };
    for (const StepMemory::Piece& piece : steps[s].read)
      for (std::size_t i = segments.first(piece); i < segments.last(piece); ++i) {
        wait_for(users[i].writer);
        users[i].readers.push_back(step);
      }
    for (const StepMemory::Piece& piece : steps[s].written)
      for (std::size_t i = segments.first(piece); i < segments.last(piece); ++i) {
        wait_for(users[i].writer);
        for (const int reader : users[i].readers) wait_for(reader);
        users[i] = {step, {}};
      }
    std::ranges::sort(waits, std::ranges::greater{});
    const auto rest = std::ranges::unique(waits);
    waits.erase(rest.begin(), rest.end());
    std::vector<bool> reached(steps.size(), false);
    for (const int other : waits) {  // the latest first
      if (reached[other]) continue;
      dependencies[s].push_back(other);
      reached[other] = true;
      const std::vector<bool>& further = behind[other];
      for (std::size_t i = 0; i < static_cast<std::size_t>(other); ++i)
        if (further[i]) reached[i] = true;
    }
    behind.push_back(std::move(reached));
  }
  return dependencies;
}

}  // namespace nabla::cuda
