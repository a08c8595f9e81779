#include "engine/backend/cuda/source/move_function.h"

namespace nabla::cuda {
namespace {

constexpr std::size_t kTo = 0;
constexpr std::size_t kFrom = 1;

// The axis along which the source is dense while the target is dense along its last one: both are then read
// and written in whole lines of memory if a square of elements is turned in shared memory. -1 if there is
// none.
int transposed_axis(const Walk<>& walk) {
  constexpr std::int64_t kWorthASquare = 8;
  if (walk.rank() < 2 || walk.inner_stride(kTo) != 1 || walk.inner_stride(kFrom) == 1 ||
      walk.inner_stride(kFrom) == 0 || walk.inner_extent() < kWorthASquare)
    return -1;
  for (int i = 0; i + 1 < walk.rank(); ++i)
    if (walk[i].strides[kFrom] == 1 && walk[i].extent >= kWorthASquare) return i;
  return -1;
}

MoveFunction transposing_move(std::string_view name, const Walk<>& walk, int axis) {
  constexpr std::int64_t kSquare = 32;
  const Walk<>::Axis across = walk[axis];            // dense in the source
  const Walk<>::Axis along = walk[walk.rank() - 1];  // dense in the target
  const Walk<> rest = walk.without(walk.rank() - 1).without(axis);
  const std::int64_t wide = divided_up(along.extent, kSquare);
  const std::int64_t high = divided_up(across.extent, kSquare);
  const std::string prefix(name);
  std::string text =
      offset_function(prefix + "_to", rest, kTo) + offset_function(prefix + "_from", rest, kFrom);
  text += filled(R"(
// Squares of 32 by 32 elements are turned in shared memory: the source is dense along one side of them, the
// target along the other.
__device__ __forceinline__ void $name(const Element* from, Element* to, u32 block) {
  __shared__ Element square[32][33];  // one more column, so that a column lies in different banks
  const Index column = threadIdx.x % 32, row = threadIdx.x / 32;
  const Index rest = block / $squares;
  const Index along = static_cast<Index>(block % $wide) * 32;  // the first of $along places
  const Index across = static_cast<Index>(block / $wide % $high) * 32;  // the first of $across places
  from += $name_from(rest);
  to += $name_to(rest);
  for (Index r = row; r < 32; r += 8)
    if (along + r < $along && across + column < $across)
      square[r][column] = from[static_cast<i64>(along + r) * $from_stride + (across + column)];
  __syncthreads();
  for (Index r = row; r < 32; r += 8)
    if (along + column < $along && across + r < $across)
      to[static_cast<i64>(across + r) * $to_stride + (along + column)] = square[column][r];
}
)",
                 {{"name", prefix},
                  {"name_from", prefix + "_from"},
                  {"name_to", prefix + "_to"},
                  {"squares", std::to_string(wide * high)},
                  {"wide", std::to_string(wide)},
                  {"high", std::to_string(high)},
                  {"along", std::to_string(along.extent)},
                  {"across", std::to_string(across.extent)},
                  {"from_stride", std::to_string(along.strides[kFrom])},
                  {"to_stride", std::to_string(across.strides[kTo])}});
  return {text, rest.size() * wide * high};
}

}  // namespace

MoveFunction move_function(std::string_view name, const Layout& to, const Layout& from,
                           std::size_t element_size) {
  const Walk<> walk = merged(from.shape, {to, from});
  if (const int axis = transposed_axis(walk); axis >= 0) return transposing_move(name, walk, axis);
  const bool dense_lines = walk.inner_stride(kTo) == 1 && walk.inner_stride(kFrom) == 1;
  // What is dense as a whole may end with a shorter run.
  const bool all_dense = dense_lines && walk.rank() == 1;
  const int run = all_dense     ? static_cast<int>(16 / element_size)
                  : dense_lines ? run_length(walk.inner_extent(), element_size)
                                : 1;
  const std::string prefix(name);
  std::string text =
      offset_function(prefix + "_to", walk, kTo) + offset_function(prefix + "_from", walk, kFrom);
  const std::string shorter_run = R"(
  if (i + $run > $count) {
    for (; i < $count; ++i) to[i] = from[i];
    return;
  })";
  text += filled(
      R"(
__device__ __forceinline__ void $name(const Element* from, Element* to, u32 block) {
  Index i = (static_cast<Index>(block) * 256 + threadIdx.x) * $run;$end
  if (i < $count) store_run<$run>(to + $name_to(i), load_run<$run>(from + $name_from(i)));
}
)",
      {{"name", prefix},
       {"name_to", prefix + "_to"},
       {"name_from", prefix + "_from"},
       {"run", std::to_string(run)},
       {"count", std::to_string(walk.size())},
       {"end",
        all_dense && walk.size() % run != 0
            ? filled(shorter_run, {{"run", std::to_string(run)}, {"count", std::to_string(walk.size())}})
            : ""}});
  return {text, divided_up(divided_up(walk.size(), run), kThreads)};
}

}  // namespace nabla::cuda
