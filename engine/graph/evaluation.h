#pragma once

#include <cstdint>
#include <vector>

#include "engine/tensor/tensor.h"

namespace nabla {

/// One call of a function that evaluates what it computes and returns leaves: a solver, a spectrum, a
/// closed-form field of data. The leaves remember what they were computed from. A derivative by something of
/// that which meets one of them would silently be zero there: jvp and vjp refuse it and name the function.
/// Behind stop_gradient or detach(), which say that it is meant, they are data like all others.
class Evaluation {
 public:
  /// `function` is named in errors and lives as long as the program.
  explicit Evaluation(const char* function);

  /// Notes that results depend on x, whose value is read next, and returns x.
  const Tensor& reads(const Tensor& x);
  /// x.detach(), as a result or as a state on the way to it.
  /// @throws Error naming the function where x depends on the variable of a transform, which has no value.
  Tensor leaf(const Tensor& x);

 private:
  void note_history(const Tensor& x);
  void note(std::vector<std::int64_t> ids);

  const char* function_;
  std::int64_t call_;                  // tells its own leaves from those of others
  std::vector<std::int64_t> sources_;  // ids, ascending
};

/// A leaf for a result of a compiled function. What it was computed from is not remembered, which would cost
/// more than a small call takes.
Tensor compiled_leaf(Array value);
bool is_compiled(const Node& leaf);

/// True if `leaf` is a result of an Evaluation that depends on x.
bool was_evaluated_from(const Node& leaf, const Node& x);
/// The function that evaluated a leaf; null for other nodes.
const char* evaluating_function(const Node& leaf);

}  // namespace nabla
