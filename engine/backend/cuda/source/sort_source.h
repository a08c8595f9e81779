#pragma once

#include "engine/backend/cuda/source/source_writer.h"

namespace nabla::cuda {

/// Lines whose places are sorted by the keys of their elements, equal keys in the order of the places.
struct SortedLines {
  std::string element;  ///< type of the elements
  std::string key;      ///< type of the keys: u32 or u64
  std::string key_of;   ///< device function `Key key_of(Element e)`, or with `Refusal* refusal` behind
  bool refuses;         ///< which of them
  std::int64_t source;  ///< the input that holds the elements
  Walk<> lines;         ///< where lines begin: operand 0 in the input, operand 1 in the output
  std::int64_t length;
  std::int64_t stride;  ///< along a line of the input
};

/// What a sort leaves in scratch memory, line by line: keys (Key) and places (u32).
struct SortedScratch {
  KernelArgument keys;
  KernelArgument places;
};
/// Sorts into scratch memory. Lines of up to 2048 elements are sorted in shared memory; longer ones in runs
/// of 2048 that are merged in pairs, log2(length / 2048) times, where each element finds its place by
/// bisection.
SortedScratch add_sort(StepSource& source, Scratch& memory, const SortedLines& lines);

/// Lines of the output: the stride along one, and how many of the first places it holds.
struct SortedOutput {
  std::int64_t stride, count;
};
/// Sorts, and writes the places as i64 to the output.
void add_sort_to_output(StepSource& source, Scratch& memory, const SortedLines& lines, SortedOutput to);

}  // namespace nabla::cuda
