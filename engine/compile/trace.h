#pragma once

#include <functional>
#include <span>
#include <vector>

#include "engine/tensor/cell.h"

namespace nabla {

/// True while compile() traces a function on this thread: inputs and cells have no values then.
bool tracing();

/// A function as compile() sees it.
using TensorFunction = std::function<std::vector<Tensor>(std::span<const Tensor> inputs)>;

/// What a function does, as a graph on leaves that stand for its inputs and for the cells that it uses.
struct TracedFunction {
  struct Assignment {
    int cell;  ///< index into `cells`
    Tensor value;
  };
  std::vector<Tensor> inputs;
  std::vector<Cell*> cells;
  std::vector<Tensor> cell_leaves;  ///< aligned with `cells`
  std::vector<std::uint64_t> cell_versions;
  std::vector<Tensor> outputs;
  std::vector<Assignment> assignments;
};

/// Runs f once on variables in place of `inputs`, noting which cells it reads and assigns, and puts leaves
/// that hold the present values in their place. Nothing changes.
/// @throws Error where f reads a value that depends on an input or a cell, or lets go of a cell that it used.
TracedFunction trace(const TensorFunction& f, std::span<const Array> inputs);

}  // namespace nabla
