#include "engine/backend/cuda/source/reduction_frame.h"

#include <algorithm>
#include <bit>
#include <cstdlib>

namespace nabla::cuda {
namespace {

std::int64_t power_of_two_below(std::int64_t n) {
  return static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(std::max<std::int64_t>(n, 1))));
}
std::int64_t power_of_two_above(std::int64_t n) {
  return static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(std::max<std::int64_t>(n, 1))));
}

// Bytes of memory that a step along the innermost axis touches, roughly: a far step costs what a line of
// memory does.
std::int64_t step_cost(const Walk<>& walk, std::size_t operands) {
  constexpr std::int64_t kFar = 16;
  std::int64_t cost = 0;
  for (std::size_t k = 0; k < operands; ++k) cost += std::min(std::abs(walk.inner_stride(k)), kFar);
  return cost;
}

// Enough threads to fill a large GPU, and enough blocks to share among its multiprocessors.
constexpr std::int64_t kManyThreads = 131072;
constexpr std::int64_t kManyBlocks = 512;

// Terms side by side: lanes of a warp, or the whole block where rows are long or few.
std::int64_t lanes_along_terms(std::int64_t results, std::int64_t runs) {
  if (runs >= 4096 || (runs >= 256 && results * 32 < kManyThreads)) return kThreads;
  return std::clamp<std::int64_t>(power_of_two_below(runs / 2), 1, 32);
}

// Results side by side: more lanes for each only while there are too few results to fill the GPU.
std::int64_t lanes_along_results(const Walk<>& results, std::int64_t terms) {
  const std::int64_t side_by_side = std::min<std::int64_t>(32, power_of_two_above(results.inner_extent()));
  return std::clamp<std::int64_t>(
      std::min(power_of_two_below(terms / 4), power_of_two_above(divided_up(kManyThreads, results.size()))),
      1, kThreads / side_by_side);
}

std::string combined_function(const ReductionFrame& frame) {
  std::string text = R"(
template <class T>
__device__ __forceinline__ T of_other_lane(T v, int distance) {
  return static_cast<T>(__shfl_xor_sync(0xffffffffu, v, distance));
}
// What all lanes of a result have together, for each of them.
template <class Op, class T>
__device__ __forceinline__ T combined(T v) {)";
  if (frame.lanes == 1) return text + "\n  return v;\n}\n";
  if (!frame.neighbours_are_terms)
    return text +
           filled(R"(
  __shared__ T parts[256];
  __syncthreads();  // the last result has been read
  parts[threadIdx.x] = v;
  for (u32 lanes = $lanes / 2; lanes > 0; lanes /= 2) {
    __syncthreads();
    if (threadIdx.x / $results < lanes)
      parts[threadIdx.x] = Op::of(parts[threadIdx.x], parts[threadIdx.x + lanes * $results]);
  }
  __syncthreads();
  return parts[threadIdx.x % $results];
}
)",
                  {{"lanes", std::to_string(frame.lanes)}, {"results", std::to_string(frame.results)}});
  text += filled(R"(
  for (int distance = $half; distance > 0; distance /= 2) v = Op::of(v, of_other_lane(v, distance));)",
                 {{"half", std::to_string(std::min(frame.lanes, 32) / 2)}});
  if (frame.lanes > 32)
    text += R"(
  __shared__ T of_warp[8];
  __syncthreads();  // the last result has been read
  if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = v;
  __syncthreads();
  v = of_warp[0];
  for (int warp = 1; warp < 8; ++warp) v = Op::of(v, of_warp[warp]);)";
  return text + "\n  return v;\n}\n";
}

}  // namespace

ReductionWalks reduction_walks(const Shape& shape, std::span<const std::int64_t> axes,
                               std::initializer_list<Layout> operands) {
  Shape results = shape;
  Shape terms = Shape::filled(shape.rank(), 1);
  for (const std::int64_t axis : axes) {
    results[static_cast<int>(axis)] = 1;
    terms[static_cast<int>(axis)] = shape[static_cast<int>(axis)];
  }
  return {merged(results, operands), merged(terms, operands)};
}

ReductionFrame reduction_frame(const ReductionWalks& walks, std::size_t operands, std::size_t element_size) {
  const std::int64_t results = walks.results.size();
  const std::int64_t terms = walks.terms.size();
  ReductionFrame frame{};
  frame.neighbours_are_terms =
      results == 1 || (terms > 1 && step_cost(walks.terms, operands) < step_cost(walks.results, operands));
  bool dense_terms = frame.neighbours_are_terms;
  for (std::size_t k = 0; k < operands; ++k) dense_terms = dense_terms && walks.terms.inner_stride(k) == 1;
  frame.run = dense_terms ? run_length(walks.terms.inner_extent(), element_size) : 1;
  frame.lanes = static_cast<int>(frame.neighbours_are_terms ? lanes_along_terms(results, terms / frame.run)
                                                            : lanes_along_results(walks.results, terms));
  frame.results = kThreads / frame.lanes;
  // A piece is worth a block if every lane has several accesses in it.
  constexpr std::int64_t kAccessesOfLane = 8;
  const std::int64_t step = frame.lanes * frame.run;
  const std::int64_t enough_blocks = kManyBlocks / divided_up(results, frame.results);
  const std::int64_t pieces =
      std::max<std::int64_t>(1, std::min(enough_blocks, terms / (step * kAccessesOfLane)));
  frame.piece_length = divided_up(std::max<std::int64_t>(1, divided_up(terms, pieces)), step) * step;
  frame.pieces = std::max<std::int64_t>(1, divided_up(terms, frame.piece_length));
  return frame;
}

std::string frame_functions(const ReductionWalks& walks, const ReductionFrame& frame,
                            std::span<const std::string_view> names) {
  std::string text;
  for (std::size_t k = 0; k < names.size(); ++k)
    text += offset_function(std::string(names[k]) + "_result", walks.results, k) +
            offset_function(std::string(names[k]) + "_term", walks.terms, k);
  return text + std::string(combined_function(frame));
}

std::string frame_positions(const ReductionFrame& frame) {
  const std::string lanes = std::to_string(frame.lanes);
  const std::string results = std::to_string(frame.results);
  return filled(
      R"(  const Index piece = blockIdx.x % static_cast<u32>(pieces);
  const Index place = static_cast<Index>(blockIdx.x / static_cast<u32>(pieces)) * $results + $place;
  const bool is_result = place < static_cast<Index>(results);
  const Index result = is_result ? place : static_cast<Index>(results) - 1;
  const Index lane = $lane;
  const Index start = piece * static_cast<Index>(piece_length);
  const Index end = start + static_cast<Index>(piece_length);
  const Index stop = end < static_cast<Index>(terms) ? end : static_cast<Index>(terms);
)",
      {{"results", results},
       {"place", frame.neighbours_are_terms ? "threadIdx.x / " + lanes : "threadIdx.x % " + results},
       {"lane", frame.neighbours_are_terms ? "threadIdx.x % " + lanes : "threadIdx.x / " + results}});
}

std::vector<KernelArgument> frame_numbers(const ReductionWalks& walks, const ReductionFrame& frame) {
  return {number(walks.results.size()), number(walks.terms.size()), number(frame.pieces),
          number(frame.piece_length)};
}

std::string lane_reduction(const LaneReduction& reduction, const ReductionFrame& frame) {
  const bool in_runs = frame.run > 1;
  std::string loads;
  for (std::size_t k = 0; k < reduction.operands.size(); ++k)
    loads += filled(in_runs ? "    const auto $e = load_run<$run>($x + $x_term(t));\n"
                            : "    const Element $e = $x[$x_term(t)];\n",
                    {{"e", k == 0 ? "e" : "f"},
                     {"run", std::to_string(frame.run)},
                     {"x", std::string(reduction.operands[k])},
                     {"x_term", std::string(reduction.operands[k]) + "_term"}});
  const std::string element = in_runs ? ".at[k]" : "";
  const std::string lifted = filled(
      reduction.lifted, {{"e", "e" + element}, {"f", "f" + element}, {"t", in_runs ? "(t + k)" : "t"}});
  return filled(R"(
__device__ __forceinline__ $total $name($parameters, Index start, Index stop, Index lane) {
  $total v = $first;
  for (Index t = start + $lane; t < stop; t += $step) {
$loads    $each_v = $op::of(v, $lifted);
  }
  return combined<$op>(v);
}
)",
                {{"total", std::string(reduction.total)},
                 {"name", std::string(reduction.name)},
                 {"parameters", std::string(reduction.parameters)},
                 {"first", std::string(reduction.first)},
                 {"lane", in_runs ? "lane * " + std::to_string(frame.run) : "lane"},
                 {"step", std::to_string(frame.run * frame.lanes)},
                 {"loads", loads},
                 {"each_v", in_runs ? "for (int k = 0; k < " + std::to_string(frame.run) + "; ++k) v" : "v"},
                 {"op", std::string(reduction.op)},
                 {"lifted", lifted}});
}

}  // namespace nabla::cuda
