#pragma once

#include <concepts>

#include "engine/tensor/tensor.h"

// Randomness is a key, always an argument: the same key gives the same numbers, on every backend and for any
// number of threads. A key is a tensor [2] u32; operators accept keys [*L, 2] and then give [*L, *shape]. Use
// a key once: split it, or fold a step number in, for more.

namespace nabla {

/// A key from a seed: [2] u32.
Tensor random_key(std::uint64_t seed);
template <std::floating_point T>
Tensor random_key(T seed) = delete;
/// `count` independent keys [count, 2].
Tensor split(const Operand& key, std::int64_t count);
/// The key of turn `number` of a loop; all 64 bits of it count. A tensor (any integer type, rank 0) keeps the
/// graph the same for every turn. @throws Error if it is of another type.
Tensor fold_in(const Operand& key, std::int64_t number);
Tensor fold_in(const Operand& key, const Tensor& number);
template <std::floating_point T>
Tensor fold_in(const Operand& key, T number) = delete;

/// Random words, u32.
Tensor random_bits(const Operand& key, const Shape& shape);
/// Uniform in [0, 1): multiples of 2^-24 (f32) or 2^-53 (f64).
Tensor uniform(const Operand& key, const Shape& shape, DType dtype = DType::f32);
/// Standard normal, by Box and Muller.
Tensor normal(const Operand& key, const Shape& shape, DType dtype = DType::f32);
/// Integers low <= i < high, i64. @throws Error if there is none, or more than 2^53.
Tensor integers(const Operand& key, const Shape& shape, std::int64_t low, std::int64_t high);
/// A random order of 0 .. count-1, i64.
Tensor permutation(const Operand& key, std::int64_t count);

}  // namespace nabla
