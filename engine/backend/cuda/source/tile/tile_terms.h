#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/backend/tile_program.h"

namespace nabla::cuda {

/// One line of a kernel: an instruction of a tile program, or a part of one that works along the folded axes
/// (softmax: a maximum, exponentials, their sum, a quotient).
struct TileTerm {
  enum class Kind { input, pointwise, sum, maximum, minimum };
  Kind kind;
  DType dtype;  ///< of the term; sums of f32 are f64
  bool folded;  ///< one for all places along the folded axes
  std::string name;
  std::vector<int> operands;  ///< terms
  std::string expression;     ///< of the operands' names; of what is reduced for a reduction
  int level = 0;              ///< reductions one behind the other that it depends on

  bool is_reduction() const { return kind != Kind::input && kind != Kind::pointwise; }
};

/// A program as terms, each behind its operands; term k is input k.
struct TileTerms {
  std::vector<TileTerm> terms;
  int inputs = 0;
  std::vector<int> outputs;
  int levels = 0;  ///< the highest level

  const TileTerm& operator[](int index) const { return terms[index]; }
  int size() const { return static_cast<int>(terms.size()); }
  bool is_output(int term) const;
  /// The terms that `targets` depend on, ascending and themselves included; what is behind a term that is
  /// `ready` is left out.
  std::vector<int> needed(std::span<const int> targets, const std::vector<bool>& ready) const;
  /// Bytes of the widest type among inputs and outputs.
  std::size_t widest_in_memory() const;
};

/// @throws Error if a primitive does not know its type, or has no kernel.
TileTerms tile_terms(const TileProgram& program);

}  // namespace nabla::cuda
