#pragma once

#include <map>
#include <string_view>

#include "engine/backend/backend.h"

namespace nabla::cpu {

/// Kernels by the name of their primitive.
using KernelTable = std::map<std::string_view, Kernel>;

// Each family adds its own.
void add_shaping_kernels(KernelTable& table);
void add_reduction_kernels(KernelTable& table);
void add_contraction_kernels(KernelTable& table);
void add_indexing_kernels(KernelTable& table);
void add_random_kernels(KernelTable& table);

/// Any layout to a dense one.
void copy_to_dense(const KernelCall& call);

}  // namespace nabla::cpu
