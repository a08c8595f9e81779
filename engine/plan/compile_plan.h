#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/plan/explain.h"
#include "engine/plan/trace.h"

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

  /// One call: reads the cells, runs, assigns the cells, returns the outputs. Under the evaluation lock. New
  /// values are written over old ones where nobody else refers to these.
  /// @throws Error if a step fails; no cell has changed then.
  std::vector<Array> run(std::span<const Array> inputs);

  std::uint64_t prologue_runs() const { return prologue_runs_; }
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

  std::vector<Array> run(const BoundPlan& bound, std::span<const Array> inputs) const;
  const Array& find(const Source& source, std::span<const Array> inputs,
                    std::span<const Array> results) const;
  bool is_current(const Preparation& preparation) const;
  void run(Preparation& preparation);

  BoundPlan main_;
  std::optional<Preparation> prologue_;
  std::optional<Preparation> packing_;  // of constants, cells and results of the prologue
  std::vector<Array> kept_;             // constants and the results of both
  std::uint64_t prologue_runs_ = 0;

  std::vector<Cell*> cells_;
  std::vector<bool> lent_;               ///< cells whose new value is written over the old one
  std::vector<Cell::Version> versions_;  // during a run
  std::vector<Cell*> assigned_;
  std::vector<Source> assigned_values_;
  std::vector<Source> outputs_;
};

}  // namespace nabla
