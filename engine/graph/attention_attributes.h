#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "engine/graph/attributes.h"

namespace nabla {

/// What completes the fused steps of attention. Their operands are queries, keys, values, what is added to
/// the scores if there is a fourth of the `primals`, and then tangents or a cotangent.
struct AttentionAttributes {
  bool causal = false;  ///< query i attends to keys 0 .. i alone
  std::size_t primals = 3;
  double scale = 1;            ///< of the products of queries and keys
  std::uint64_t tangents = 0;  ///< bit i: there is a tangent of operand i, in the order of the operands

  static AttentionAttributes of(const Attributes& packed) {
    return {packed[0] != 0, static_cast<std::size_t>(packed[1]), std::bit_cast<double>(packed[2]),
            static_cast<std::uint64_t>(packed[3])};
  }
  Attributes packed() const {
    return {causal ? 1 : 0, static_cast<std::int64_t>(primals), std::bit_cast<std::int64_t>(scale),
            static_cast<std::int64_t>(tangents)};
  }

  /// The operand whose tangent input `slot` is.
  std::size_t primal_of(std::size_t slot) const {
    std::uint64_t rest = tangents;
    for (std::size_t i = primals; i < slot; ++i) rest &= rest - 1;
    return static_cast<std::size_t>(std::countr_zero(rest));
  }
  /// The input that is the tangent of `primal`; 0 where there is none.
  std::size_t tangent_of(std::size_t primal) const {
    const std::uint64_t bit = std::uint64_t{1} << primal;
    if (!(tangents & bit)) return 0;
    return primals + static_cast<std::size_t>(std::popcount(tangents & (bit - 1)));
  }
};

}  // namespace nabla
