#pragma once

#include "engine/backend/cuda/source/source_writer.h"

// How reductions share their work among blocks and lanes, and the text that they have in common.

namespace nabla::cuda {

/// Which operands are reduced: results are the places that are kept, terms what is reduced into each.
struct ReductionWalks {
  Walk<> results;
  Walk<> terms;
};
/// `axes` of `shape` are reduced.
ReductionWalks reduction_walks(const Shape& shape, std::span<const std::int64_t> axes,
                               std::initializer_list<Layout> operands);

/// A block takes `results` adjacent results with `lanes` threads each; a lane takes every lanes-th run of the
/// terms. Neighbouring threads take neighbouring terms or neighbouring results, whichever lie closer in
/// memory. Few results with many terms are cut into pieces, each a block's own, that a second kernel
/// reduces. All of it depends on shapes and layouts alone.
struct ReductionFrame {
  bool neighbours_are_terms;
  int lanes;
  int results;
  int run;  ///< terms of one access
  std::int64_t pieces;
  std::int64_t piece_length;  ///< in terms

  std::int64_t blocks_of(std::int64_t result_count) const {
    return divided_up(result_count, results) * pieces;
  }
};
ReductionFrame reduction_frame(const ReductionWalks& walks, std::size_t operands, std::size_t element_size);

/// Device functions: NAME_result and NAME_term for operand k of `names` (where a result's terms begin, where
/// a term lies from there), and `combined<Op>(v)`, what the lanes of a result have, for all of them. Needs
/// Index before it.
std::string frame_functions(const ReductionWalks& walks, const ReductionFrame& frame,
                            std::span<const std::string_view> names);

/// The beginning of a kernel with parameters `i64 results, i64 terms, i64 pieces, i64 piece_length`: lane,
/// result (which may lie behind the last one: then `is_result` is false and its terms are those of the last
/// one), and the terms [start, stop) of the block's piece.
std::string frame_positions(const ReductionFrame& frame);
/// The arguments for those parameters.
std::vector<KernelArgument> frame_numbers(const ReductionWalks& walks, const ReductionFrame& frame);

/// A device function `NAME(parameters, Index start, Index stop, Index lane)`: the reduction by `op` of
/// `lifted`, an expression in the element `e.at[k]` and its term `t + k`, combined over all lanes.
struct LaneReduction {
  std::string_view name;
  std::string_view parameters;
  std::string_view total;  ///< type of what is reduced
  std::string_view op;
  std::string_view first;  ///< the value before the first term, of which there may be none
  std::string_view lifted;
  std::span<const std::string_view> operands;  ///< parameters that are pointers to elements
};
std::string lane_reduction(const LaneReduction& reduction, const ReductionFrame& frame);

}  // namespace nabla::cuda
