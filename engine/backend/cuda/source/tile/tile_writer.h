#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/backend/cuda/source/kernel_source.h"
#include "engine/backend/cuda/source/tile/tile_operand.h"
#include "engine/backend/cuda/source/tile/tile_terms.h"

namespace nabla::cuda {

/// The text of the kernel of a tile program, line by line, for `lanes` adjacent places in each thread.
///
/// Term 7 is the constant v7; where it is at hand for all lanes they are elements of a7, what is to be stored
/// elements of b0, b1, .. Inputs are x0, x1, .., outputs y0, y1, ..
class TileWriter {
 public:
  TileWriter(const TileTerms& terms, std::span<const Layout> inputs, int split, int lanes);

  const TileTerms& terms;
  std::vector<TileOperand> operands;
  int lanes;
  bool is_wide = false;  ///< some index or offset may need more than 32 bits

  /// Indices up to here are needed.
  void must_reach(std::int64_t index);
  std::string index_type() const { return is_wide ? "u64" : "u32"; }
  /// Of the block.
  std::string block_index() const { return is_wide ? "u64(blockIdx.x)" : "blockIdx.x"; }
  /// A parameter as an index.
  std::string count(const std::string& parameter) const { return index_type() + "(" + parameter + ")"; }

  void line(const std::string& text);
  void open(const std::string& text);  ///< the line and what is within it
  void close();
  void otherwise();   ///< closes, and opens what is done else
  void open_lanes();  ///< for each lane, if there are several
  void close_lanes();
  void head(const std::string& entry, int threads, std::span<const std::string> numbers);
  /// `first`, where the places of a thread begin.
  void place();
  /// Closes the function.
  KernelSource kernel(std::span<const std::int64_t> numbers, std::int64_t blocks);

  std::string type(int term) const;
  std::string array(int term) const;       ///< a7
  std::string array_type(int term) const;  ///< of all lanes
  /// Element of an array for a lane.
  std::string lane_of(const std::string& array) const { return lanes > 1 ? array + ".at[j]" : array; }

  /// Where a term is at hand: the name of a constant, an element of an array, or empty where it is not.
  std::string& location(int term) { return locations_[term]; }
  /// No term that is not folded is at hand any more.
  void forget_varying();
  /// The terms that `targets` depend on, up to those at hand.
  std::vector<int> needed(std::span<const int> targets) const;

  struct Arrays {
    bool declared = false;
    std::string subscript = {};
  };
  /// Reads inputs at the places from `index` (a name) on; pointer(k) is the name of a pointer to an input's
  /// first one. They become constants where they stand, or elements of arrays that are declared already.
  template <class Pointer>
  void load(std::span<const int> inputs, Pointer pointer, const std::string& index, const Arrays& arrays);
  template <class Pointer>
  void load(std::span<const int> inputs, Pointer pointer, const std::string& index) {
    load(inputs, pointer, index, Arrays{});
  }
  /// The lines that make the targets, of one lane.
  void compute(std::span<const int> targets, bool keep = false);
  /// With one lane the terms are stored; else b0, .. are declared, and filled lane by lane.
  void declare_results(std::span<const int> outputs);
  void fill_results(std::span<const int> outputs);
  void store(int output, const std::string& place);

 private:
  void load_one(int input, const std::string& pointer, const std::string& index, const Arrays& arrays);
  void load_lane(int input, const std::string& pointer, const std::string& index, const Arrays& arrays);
  bool is_by_lane(int input) const;

  std::vector<std::string> locations_;
  std::string text_, entry_;
  int threads_ = 0;
  std::size_t indent_ = 0;
};

/// `pointer[offset]`
std::string element(const std::string& pointer, const std::string& offset);

template <class Pointer>
void TileWriter::load(std::span<const int> inputs, Pointer pointer, const std::string& index,
                      const Arrays& arrays) {
  std::vector<int> by_lane;
  for (const int k : inputs) is_by_lane(k) ? by_lane.push_back(k) : load_one(k, pointer(k), index, arrays);
  if (by_lane.empty()) return;
  if (!arrays.declared)
    for (const int k : by_lane) line(array_type(k) + " " + array(k) + ";");
  open_lanes();
  for (const int k : by_lane) load_lane(k, pointer(k), index, arrays);
  close_lanes();
}

}  // namespace nabla::cuda
