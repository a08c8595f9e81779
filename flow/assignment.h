#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace nabla::flow {

/// The permutation p of 0 .. n-1 that makes sum_i costs[i * n + p[i]] smallest, by shortest augmenting paths
/// in O(n^3) on the calling thread (Jonker and Volgenant, Computing 38, 1987).
/// @throws Error if there are not n * n costs or one is not finite.
std::vector<std::int64_t> optimal_assignment(std::span<const double> costs, std::int64_t n);

}  // namespace nabla::flow
