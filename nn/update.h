#pragma once

#include <initializer_list>
#include <span>
#include <vector>

#include "engine/tensor/cell.h"

namespace nabla::nn {

/// A cell and the value it is to take.
struct Update {
  Cell* cell;
  Tensor value;
};

/// Computes all new values and `outputs` (the loss, say) in one evaluation, and only then assigns the cells:
/// every update sees the old values, and no graph piles up from step to step. Inside compile() nothing is
/// computed: every call assigns the cells at its end, and the function returns what the caller wants to read.
/// @throws Error, before any cell has changed, if the evaluation fails or a value does not fit its cell.
void commit(std::span<const Update> updates, std::span<const Tensor> outputs = {});
inline void commit(std::span<const Update> updates, std::initializer_list<Tensor> outputs) {
  commit(updates, std::span(outputs.begin(), outputs.size()));
}

}  // namespace nabla::nn
