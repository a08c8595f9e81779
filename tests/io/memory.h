#pragma once

#include <cstddef>

namespace nabla::io::test {

/// Memory from `new` above what was live when it began, and at its highest. The block cache is emptied first.
class PeakMemory {
 public:
  PeakMemory();
  std::size_t peak() const;

 private:
  std::size_t before_;
};

/// While it lives, the allocation by `new` after `allowed` others fails, once.
class FailingAllocation {
 public:
  explicit FailingAllocation(std::size_t allowed);
  FailingAllocation(const FailingAllocation&) = delete;
  FailingAllocation& operator=(const FailingAllocation&) = delete;
  ~FailingAllocation();
  /// Whether it has come to that.
  bool failed() const;
};

}  // namespace nabla::io::test
