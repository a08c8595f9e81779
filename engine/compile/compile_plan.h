#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/compile/trace.h"
#include "engine/plan/plan.h"

namespace nabla {

/// The plans of one traced function. What depends on no input is computed apart from the calls: constants
/// once, what is made of cells that the function does not assign (the prologue) once for each version of
/// them. Of these only what a call reads is kept. Constants and such cells that a product reads are kept a
/// second time in the layout that the backend reads fastest, where it has one.
class CompiledPlan {
 public:
  /// Plans, and computes constants and prologue. Takes the evaluation lock.
  /// @throws Error if the function depends on a variable of a transform around it.
  explicit CompiledPlan(const TracedFunction& function);

  /// One call: reads the cells, runs, assigns the cells, returns the outputs. New values are written over old
  /// ones where nobody else refers to these. Calls that assign no cell run beside each other on the CPU;
  /// those that do run one after the other, so that each builds on what the one before it has assigned.
  /// @throws Error if a step fails; no cell has changed then.
  std::vector<Array> run(std::span<const Array> inputs);

  std::uint64_t prologue_runs() const;
  /// The prologue's plan, where there is one, and the call's, under headings that name the signature.
  std::vector<NamedPlan> plans(const std::string& signature) const;

 private:
  // Where an array comes from: the caller, a cell, what is kept, or the run of the plan.
  struct Source {
    enum class From { input, cell, kept, result };
    From from;
    std::size_t index;
  };
  struct BoundPlan {
    std::shared_ptr<const Plan> plan;
    std::vector<Source> leaves;
  };
  class Builder;

  // What runs before a call if cells have new versions. Its results are in `kept_` from `begin` on.
  struct Preparation {
    BoundPlan bound;
    std::size_t begin;
    std::size_t count;
    std::vector<std::size_t> cells;  // that it depends on
    std::vector<std::uint64_t> versions;
  };

  // What one call works on.
  struct Call {
    std::span<const Array> inputs;
    std::span<const Cell::Version> versions;  // of the cells
    std::vector<Array> leaves;                // of the main plan
    std::vector<Array> outputs, values;       // of which results are still to come
  };
  void prepare(Call& call);
  Array find(const Source& source, const Call& call) const;
  std::vector<Array> leaves_of(const BoundPlan& bound, const Call& call) const;
  static bool is_current(const Preparation& preparation, const Call& call);
  void run(Preparation& preparation, const Call& call);

  BoundPlan main_;
  mutable std::mutex mutex_;  // guards the four that follow, once this is built
  std::optional<Preparation> prologue_;
  std::optional<Preparation> packing_;  // of constants, cells and results of the prologue
  std::vector<Array> kept_;             // constants and the results of both
  std::uint64_t prologue_runs_ = 0;

  std::vector<Cell*> cells_;
  std::vector<bool> lent_;  ///< cells whose new value is written over the old one
  std::vector<Cell*> assigned_;
  std::vector<Source> assigned_values_;
  std::vector<Source> outputs_;
};

}  // namespace nabla
