#include "engine/backend/cuda/source/sort_source.h"

#include <algorithm>
#include <bit>
#include <optional>

#include "engine/tensor/error.h"

namespace nabla::cuda {
namespace {

// Elements that a block sorts in shared memory: 24 KB with keys of 8 bytes.
constexpr std::int64_t kRun = 2048;

constexpr std::string_view kSortRuns = R"(
// A bitonic sort: pairs at shrinking distances are brought into order, up and down alternately, so that runs
// of twice the length come out sorted. Places behind the end of the line sort last.
extern "C" __global__ void sort_runs(const Element* x, $results, i64 length, i64 runs$refusal_parameter) {
  __shared__ Key keys[$size];
  __shared__ u32 places[$size];
  const Index line = static_cast<Index>(blockIdx.x / static_cast<u32>(runs));
  const u32 start = blockIdx.x % static_cast<u32>(runs) * $size;
  const u32 left = static_cast<u32>(length) - start, count = left < $size ? left : $size;
  const Element* from = x + x_line(line);
  for (u32 i = threadIdx.x; i < $size; i += blockDim.x) {
    keys[i] = i < count ? key_of(from[static_cast<i64>(start + i) * $stride]$refusal) : highest<Key>();
    places[i] = start + i;
  }
  for (u32 width = 2; width <= $size; width *= 2)
    for (u32 distance = width / 2; distance > 0; distance /= 2) {
      __syncthreads();
      const u32 i = 2 * threadIdx.x - (threadIdx.x & (distance - 1)), j = i + distance;
      if (j >= $size) continue;
      const bool j_is_first = keys[j] < keys[i] || (keys[j] == keys[i] && places[j] < places[i]);
      if (j_is_first != ((i & width) == 0)) continue;
      const Key key = keys[i];
      const u32 place = places[i];
      keys[i] = keys[j];
      places[i] = places[j];
      keys[j] = key;
      places[j] = place;
    }
  __syncthreads();
  for (u32 i = threadIdx.x; i < count; i += blockDim.x) {
    const i64 to = static_cast<i64>(start) + i;
    $store
  }
}
)";

constexpr std::string_view kMergeRuns = R"(
// Pairs of sorted runs of `width` elements: an element goes to its place in its own run plus the number of
// those of the other run that come before it. Of equal keys the left run's come first.
extern "C" __global__ void merge_runs(const Key* keys, const u32* places, $results, i64 lines, i64 length,
                                      i64 width) {
  const Index i = static_cast<Index>(blockIdx.x) * 256 + threadIdx.x;
  const Index line = i / static_cast<Index>(length);
  if (line >= static_cast<Index>(lines)) return;
  const Key* line_keys = keys + static_cast<i64>(line) * length;
  const i64 at = static_cast<i64>(i) - static_cast<i64>(line) * length;
  const i64 run = at / width;
  const bool is_left = run % 2 == 0;
  const i64 start = (is_left ? run + 1 : run - 1) * width, end = start + width;  // of the other run
  const i64 other = start < length ? start : length;
  i64 low = other, high = end < length ? end : length;
  const Key key = keys[i];
  while (low < high) {
    const i64 middle = (low + high) / 2;
    if (is_left ? line_keys[middle] < key : line_keys[middle] <= key) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  const i64 to = (is_left ? at : at - width) + (low - other);
  $store
}
)";

// Where a kernel leaves the places: with the keys in scratch memory, or alone in the output.
struct Target {
  std::string parameters, store;
};
Target to_scratch() {
  return {"Key* sorted_keys, u32* sorted_places",
          "sorted_keys[static_cast<i64>(line) * length + to] = keys[i];\n"
          "    sorted_places[static_cast<i64>(line) * length + to] = places[i];"};
}
Target to_output(const SortedOutput& output, std::int64_t length) {
  const std::string is_counted =
      output.count < length ? "if (to < " + std::to_string(output.count) + ") " : std::string();
  return {"i64* out",
          is_counted + "out[out_line(line) + to * " + std::to_string(output.stride) + "] = places[i];"};
}

// The last kernel writes to the output if there is one.
SortedScratch sort(StepSource& source, Scratch& memory, const SortedLines& lines,
                   std::optional<SortedOutput> output_lines) {
  if (lines.length >= std::int64_t{1} << 32)
    throw Error("cuda: lines of " + std::to_string(lines.length) + " elements are too long to sort");
  const std::int64_t count = lines.lines.size();
  const std::int64_t runs = divided_up(lines.length, kRun);
  const std::int64_t size =
      std::min(kRun, static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(lines.length))));
  const std::int64_t key_bytes = lines.key == "u64" ? 8 : 4;
  const std::string types = "typedef " + lines.element + " Element;\ntypedef " + lines.key + " Key;\n" +
                            index_type(count * lines.length) + offset_function("x_line", lines.lines, 0) +
                            offset_function("out_line", lines.lines, 1);
  const auto take = [&]() -> SortedScratch {
    return {scratch(memory.take(count * lines.length * key_bytes)),
            scratch(memory.take(count * lines.length * 4))};
  };
  SortedScratch sorted{};
  // Adds a kernel that writes the output if it is the last one.
  const auto add = [&](std::string_view entry, std::string_view text, std::vector<KernelArgument> arguments,
                       const SortedScratch& to, bool is_last) -> KernelSource& {
    const bool writes_output = is_last && output_lines.has_value();
    const Target target = writes_output ? to_output(*output_lines, lines.length) : to_scratch();
    KernelSource kernel;
    kernel.entry = entry;
    kernel.text = types + filled(text, {{"results", target.parameters},
                                        {"store", target.store},
                                        {"size", std::to_string(size)},
                                        {"stride", std::to_string(lines.stride)},
                                        {"refusal", lines.refuses ? ", refusal" : ""},
                                        {"refusal_parameter", lines.refuses ? ", Refusal* refusal" : ""}});
    kernel.arguments = std::move(arguments);
    if (writes_output) {
      kernel.arguments.push_back(output());
    } else {
      kernel.arguments.insert(kernel.arguments.end(), {to.keys, to.places});
    }
    sorted = to;
    return source.kernels.emplace_back(std::move(kernel));
  };
  const SortedScratch first = runs > 1 || !output_lines ? take() : SortedScratch{};
  KernelSource& kernel =
      add("sort_runs", lines.key_of + std::string(kSortRuns), {input(lines.source)}, first, runs == 1);
  kernel.arguments.insert(kernel.arguments.end(), {number(lines.length), number(runs)});
  if (lines.refuses) kernel.arguments.push_back(refusal());
  kernel.blocks = count * runs;
  kernel.threads = static_cast<int>(std::max<std::int64_t>(32, size / 2));
  if (runs == 1) return sorted;
  const SortedScratch second = take();
  for (std::int64_t width = kRun; width < lines.length; width *= 2) {
    const SortedScratch from = sorted;
    const SortedScratch& to = from.keys.index == first.keys.index ? second : first;
    KernelSource& merge =
        add("merge_runs", kMergeRuns, {from.keys, from.places}, to, 2 * width >= lines.length);
    merge.arguments.insert(merge.arguments.end(), {number(count), number(lines.length), number(width)});
    merge.blocks = divided_up(count * lines.length, kThreads);
  }
  return sorted;
}

}  // namespace

SortedScratch add_sort(StepSource& source, Scratch& memory, const SortedLines& lines) {
  return sort(source, memory, lines, std::nullopt);
}

void add_sort_to_output(StepSource& source, Scratch& memory, const SortedLines& lines, SortedOutput to) {
  sort(source, memory, lines, to);
}

}  // namespace nabla::cuda
