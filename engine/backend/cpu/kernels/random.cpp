#include <array>

#include "engine/backend/cpu/kernels/kernels.h"
#include "engine/backend/cpu/kernels/loop.h"
#include "engine/backend/cpu/threads/thread_pool.h"
#include "engine/tensor/philox.h"

namespace nabla::cpu {
namespace {

// Word `index` of the stream of `key` for `purpose`.
class WordStream {
 public:
  WordStream(const std::uint32_t* key, std::int64_t stride, std::uint32_t purpose)
      : key_{key[0], key[stride]}, purpose_(purpose) {}
  std::array<std::uint32_t, 4> block(std::uint64_t index) const {
    return philox_4x32_10(
        {static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32), 0, purpose_}, key_);
  }

 private:
  std::array<std::uint32_t, 2> key_;
  std::uint32_t purpose_;
};

// Fills `count` numbers of `per_block` each from the blocks of one key. A block depends on its index alone,
// so blocks may be made in any order.
template <class T, class Convert>
void fill(T* out, std::int64_t count, std::int64_t per_block, const WordStream& stream, Convert convert) {
  const std::int64_t blocks = (count + per_block - 1) / per_block;
  const std::int64_t per_task = kTaskElements / 4;
  parallel_for((blocks + per_task - 1) / per_task, [&](std::int64_t task) {
    for (std::int64_t b = task * per_task; b < std::min(blocks, (task + 1) * per_task); ++b) {
      const std::array<std::uint32_t, 4> words = stream.block(static_cast<std::uint64_t>(b));
      for (std::int64_t i = b * per_block; i < std::min(count, (b + 1) * per_block); ++i)
        out[i] = convert(words, static_cast<std::size_t>(i - b * per_block));
    }
  });
}

// Attributes: type, purpose, extents. One stream per key.
template <class T, class Convert>
void fill_all(const KernelCall& call, std::int64_t per_block, Convert convert) {
  const ArrayView& keys = call.inputs[0];
  const int rank = keys.shape().rank();
  const Shape leading = keys.shape().first(rank - 1);
  const std::int64_t count = Shape(call.attributes.from(2)).size();
  T* out = call.output.data<T>();
  const std::uint32_t* data = keys.data<const std::uint32_t>();
  for (std::int64_t k = 0; k < leading.size(); ++k) {
    std::int64_t offset = 0;
    std::int64_t rest = k;
    for (int i = rank - 2; i >= 0; --i) {
      offset += rest % leading[i] * keys.layout.strides[i];
      rest /= leading[i];
    }
    const WordStream stream(data + offset, keys.layout.strides[rank - 1],
                            static_cast<std::uint32_t>(call.attributes[1]));
    fill(out + k * count, count, per_block, stream, convert);
  }
}

}  // namespace

void random_bits_kernel(const KernelCall& call) {
  fill_all<std::uint32_t>(call, 4,
                          [](const std::array<std::uint32_t, 4>& words, std::size_t i) { return words[i]; });
}

void random_uniform_kernel(const KernelCall& call) {
  if (call.output.dtype == DType::f32) {
    fill_all<float>(call, 4, [](const std::array<std::uint32_t, 4>& words, std::size_t i) {
      return static_cast<float>(words[i] >> 8) * 0x1p-24F;
    });
    return;
  }
  fill_all<double>(call, 2, [](const std::array<std::uint32_t, 4>& words, std::size_t i) {
    const std::uint64_t bits = (std::uint64_t{words[2 * i]} << 32) | words[2 * i + 1];
    return static_cast<double>(bits >> 11) * 0x1p-53;
  });
}

void fold_in_kernel(const KernelCall& call) {
  constexpr std::uint32_t kFoldIn = 2;  // a purpose of its own
  const ArrayView& keys = call.inputs[0];
  const ArrayView& numbers = call.inputs[1];
  const std::int64_t key_stride = line_stride(keys.layout, -1);
  std::uint32_t* out = call.output.data<std::uint32_t>();
  const std::uint32_t* key = keys.data<const std::uint32_t>();
  const std::int64_t* number = numbers.data<const std::int64_t>();
  for_each_line<3>(
      call.output.shape(), -1, 2, {call.output.layout, keys.layout, numbers.layout},
      [&](const std::array<std::int64_t, 3>& at) {
        const auto words =
            WordStream(key + at[1], key_stride, kFoldIn).block(static_cast<std::uint64_t>(number[at[2]]));
        out[at[0]] = words[0];
        out[at[0] + 1] = words[1];
      });
}

}  // namespace nabla::cpu
