#include "engine/backend/cuda/source/primitive_sources.h"

#include <algorithm>

#include "engine/backend/cuda/source/source_writer.h"

namespace nabla::cuda {
namespace {

// Attributes: type, purpose, extents. One stream per key; a thread makes the numbers of one block of words.
StepSource numbers(const StepDescription& step, std::string_view entry, const std::string& type,
                   int per_block, std::string_view number_of) {
  const std::int64_t count = Shape(step.attributes.from(2)).size();
  const Layout& keys = step.inputs[0];
  const Walk<> walk = merged(keys.shape.first(keys.shape.rank() - 1), {keys});
  if (count == 0 || walk.size() == 0) return {};
  const std::int64_t blocks = divided_up(count, per_block);
  KernelSource kernel;
  kernel.entry = entry;
  kernel.text = index_type(std::max(walk.size() * count, walk.size() * blocks)) +
                std::string(device_text::runs) + std::string(device_text::philox) +
                offset_function("key_at", walk, 0) +
                filled(R"(
__device__ __forceinline__ $type number_of(const Words& words, int i) { $number_of }

extern "C" __global__ void $entry(const u32* keys, $type* out, i64 streams, i64 count, i64 blocks) {
  const Index i = static_cast<Index>(blockIdx.x) * 256 + threadIdx.x;
  const Index stream = i / static_cast<Index>(blocks), block = i % static_cast<Index>(blocks);
  if (stream >= static_cast<Index>(streams)) return;
  const u32* key = keys + key_at(stream);
  const Words words = philox_4x32_10(key[0], key[$stride], block, $purpose);
  Vec<$type, $per_block> run;
  for (int k = 0; k < $per_block; ++k) run.at[k] = number_of(words, k);
  const Index first = block * $per_block;
  $type* to = out + stream * static_cast<Index>(count) + first;
  if (first + $per_block <= static_cast<Index>(count)) {
    store_run<$per_block>(to, run);
  } else {
    for (int k = 0; first + k < static_cast<Index>(count); ++k) to[k] = run.at[k];
  }
}
)",
                       {{"type", type},
                        {"number_of", std::string(number_of)},
                        {"entry", std::string(entry)},
                        {"stride", std::to_string(line_stride(keys, -1))},
                        {"purpose", std::to_string(step.attributes[1]) + "u"},
                        {"per_block", std::to_string(per_block)}});
  kernel.arguments = {input(0), output(), number(walk.size()), number(count), number(blocks)};
  kernel.blocks = divided_up(walk.size() * blocks, kThreads);
  return {{kernel}, 0};
}

}  // namespace

StepSource random_bits_source(const StepDescription& step) {
  if (step.output_type != DType::u32) throw_unsupported("random_bits", step.output_type);
  return numbers(step, "random_bits", "u32", 4, "return words.at[i];");
}

StepSource random_uniform_source(const StepDescription& step) {
  if (step.output_type == DType::f32)
    return numbers(step, "random_uniform", "f32", 4,
                   "return static_cast<f32>(words.at[i] >> 8) * 5.9604644775390625e-8f;  // 2^-24\n");
  if (step.output_type != DType::f64) throw_unsupported("random_uniform", step.output_type);
  return numbers(step, "random_uniform", "f64", 2, R"(
  const u64 bits = (static_cast<u64>(words.at[2 * i]) << 32) | words.at[2 * i + 1];
  return static_cast<f64>(bits >> 11) * 1.1102230246251565404236316680908203125e-16;  // 2^-53
)");
}

// A key [.., 2] and a number [.., 1]. Purpose 2 is its own.
StepSource fold_in_source(const StepDescription& step) {
  if (step.output_type != DType::u32) throw_unsupported("fold_in", step.output_type);
  const Shape shape = without_axis(step.output, -1).shape;
  const Walk<> walk = merged(shape, {without_axis(step.inputs[0], -1), step.inputs[1]});
  if (walk.size() == 0) return {};
  KernelSource kernel;
  kernel.entry = "fold_in";
  kernel.text = index_type(walk.size()) + std::string(device_text::philox) +
                offset_function("key_at", walk, 0) + offset_function("number_at", walk, 1) +
                filled(R"(
extern "C" __global__ void fold_in(const u32* keys, const i64* numbers, u32* out, i64 count) {
  const Index i = static_cast<Index>(blockIdx.x) * 256 + threadIdx.x;
  if (i >= static_cast<Index>(count)) return;
  const u32* key = keys + key_at(i);
  const Words words = philox_4x32_10(key[0], key[$stride], static_cast<u64>(numbers[number_at(i)]), 2u);
  out[2 * static_cast<i64>(i)] = words.at[0];
  out[2 * static_cast<i64>(i) + 1] = words.at[1];
}
)",
                       {{"stride", std::to_string(line_stride(step.inputs[0], -1))}});
  kernel.arguments = {input(0), input(1), output(), number(walk.size())};
  kernel.blocks = divided_up(walk.size(), kThreads);
  return {{kernel}, 0};
}

}  // namespace nabla::cuda
