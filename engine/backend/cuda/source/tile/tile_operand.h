#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/backend/walk.h"

namespace nabla::cuda {

/// Some adjacent axes of an operand, walked by one row-major index. An operand that is one element along all
/// of them has no axes.
class OperandWalk {
 public:
  explicit OperandWalk(const Layout& axes);

  bool is_uniform() const { return walk_.rank() == 0; }
  /// The largest distance of an element from the first.
  std::int64_t reach() const;
  /// Is every step of the index but those within the innermost axis a multiple of `lanes` elements?
  bool steps_by(int lanes) const;
  /// Do `lanes` adjacent elements, from a multiple of it on, never leave the innermost axis?
  bool keeps_together(int lanes) const { return walk_.rank() < 2 || walk_.inner_extent() % lanes == 0; }
  std::int64_t innermost_stride() const { return walk_.inner_stride(0, 0); }

  /// An axis along which neighbours lie together in memory, though they do not along the innermost one.
  struct Transposed {
    std::int64_t extent, inner;  ///< of the axis; elements of all axes further in
    std::int64_t innermost;      ///< extent of the innermost axis
  };
  std::optional<Transposed> transposed() const;

  /// May offsets be negative?
  bool is_signed() const;

  /// The offset of an element in the text of a kernel: of `index`, a name. Empty for 0. `is_wide` where it
  /// may not fit 32 bits.
  std::string offset(const std::string& index, bool is_wide) const;

 private:
  Walk<1> walk_;
};

/// `base` moved by an offset as OperandWalk::offset writes it.
std::string moved(const std::string& base, const std::string& offset);

/// How the elements of an operand are read that `lanes` adjacent places need.
enum class TileAccess {
  one,     ///< the same element for all of them
  vector,  ///< by one access
  run,     ///< one by one, at one stride
  each,    ///< one by one, each where the walk says
};

/// An input of a tile program over the axes that its kernel walks one after the other (`outer`: rows, or
/// tangents; none otherwise) and the axes within.
struct TileOperand {
  OperandWalk outer, inner;
  std::int64_t offset;

  /// The axes [0, split) are the outer ones.
  TileOperand(const Layout& layout, int split);
  TileAccess access(int lanes) const;
  std::int64_t reach() const { return outer.reach() + inner.reach(); }
};

}  // namespace nabla::cuda
