#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>

#include "engine/tensor/axes.h"

namespace nabla {

/// The integers that complete a primitive's meaning: axes from the right, extents, bits of a constant.
/// Immutable once built; up to four are stored inline, because every node has one of these.
class Attributes {
 public:
  Attributes() = default;
  Attributes(std::initializer_list<std::int64_t> values) : Attributes(values.begin(), values.size()) {}
  explicit Attributes(const Axes& axes) : size_(axes.size()) {
    std::copy(axes.begin(), axes.end(), reserve());
  }
  /// `head` followed by `tail`.
  Attributes(std::initializer_list<std::int64_t> head, std::span<const std::int64_t> tail)
      : size_(head.size() + tail.size()) {
    std::copy(tail.begin(), tail.end(), std::copy(head.begin(), head.end(), reserve()));
  }
  Attributes(const Attributes& other) : Attributes(other.begin(), other.size()) {}
  Attributes(Attributes&&) noexcept = default;
  Attributes& operator=(const Attributes& other) { return *this = Attributes(other); }
  Attributes& operator=(Attributes&&) noexcept = default;
  ~Attributes() = default;

  const std::int64_t* begin() const { return heap_ ? heap_.get() : inline_; }
  const std::int64_t* end() const { return begin() + size_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::int64_t operator[](std::size_t i) const { return begin()[i]; }
  bool contains(std::int64_t value) const {
    for (const std::int64_t v : *this)
      if (v == value) return true;
    return false;
  }
  std::span<const std::int64_t> from(std::size_t first) const { return {begin() + first, size_ - first}; }

  friend bool operator==(const Attributes& a, const Attributes& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  static constexpr std::size_t kInline = 4;
  Attributes(const std::int64_t* values, std::size_t size) : size_(size) {
    std::copy(values, values + size, reserve());
  }
  std::int64_t* reserve() {
    if (size_ <= kInline) return inline_;
    heap_ = std::make_unique<std::int64_t[]>(size_);
    return heap_.get();
  }

  std::int64_t inline_[kInline];
  std::unique_ptr<std::int64_t[]> heap_;
  std::size_t size_ = 0;
};

}  // namespace nabla
