#pragma once

#include <cstdint>
#include <memory>
#include <source_location>
#include <span>
#include <string>
#include <vector>

#include "engine/backend/backend.h"
#include "engine/graph/node.h"
#include "engine/tensor/layout.h"

namespace nabla {

/// Where one value of a plan lives.
struct PlanValue {
  Layout layout;
  DType dtype;
  int storage;  ///< index of the block that holds the elements; views share their input's
};

/// A block of memory and the steps between which it is needed.
struct PlanStorage {
  enum class Kind { leaf, constant, temporary, output };
  Kind kind;
  std::size_t bytes;
  int first_step;      ///< the step that writes it (-1 for leaves and constants)
  int last_step;       ///< the last step that reads it
  std::size_t offset;  ///< of a temporary in the arena
  bool donated;        ///< a leaf that a result may be written over
  bool overwritten;    ///< a leaf that a result is written over
};

/// One call: of the kernel of a primitive, or of a tile program that computes several pointwise ones
/// together.
struct PlanStep {
  const Primitive* primitive;  ///< null for a copy to a dense layout; a program's first
  Attributes attributes;
  std::vector<int> inputs;     ///< indices of values
  std::vector<int> outputs;    ///< one, or several: of a program, or parts of one output
  std::source_location where;  ///< for messages only
  TileProgram program;         ///< without instructions where the step is none
  std::shared_ptr<const StepKernel> kernel;

  bool is_program() const { return !program.instructions.empty(); }
};

/// A schedule that computes some results from some leaves: what runs, in which order, where every value lives
/// and when its memory is free again. It knows leaves by position only: no values, no handles.
class Plan {
 public:
  /// Runs the steps on the values of the leaves, in the order of `PlannedGraph::leaves`; returns dense
  /// results. Results may take over the memory of donated leaves.
  /// @throws Error where a kernel refuses its data, and in NaN mode at the first NaN; OutOfMemory with what
  /// the plan takes where memory does not suffice.
  std::vector<Array> run(std::span<const Array> leaves) const;

  /// What the first run would do before it: several threads may run the plan at once from then on.
  void prepare_runs() const { runner(); }

  /// Does a run write a result over the memory of this leaf? It must have been donated, then, and belong to
  /// the caller.
  bool overwrites(std::size_t leaf) const {
    const PlanValue& value = values_[leaves_[leaf]];
    return storages_[value.storage].overwritten;
  }

  const std::vector<PlanStep>& steps() const { return steps_; }
  const std::vector<PlanValue>& values() const { return values_; }
  const std::vector<PlanStorage>& storages() const { return storages_; }
  /// The values that stand for the leaves and for the results, by index.
  const std::vector<int>& leaves() const { return leaves_; }
  const std::vector<int>& outputs() const { return outputs_; }
  /// Bytes of the block that holds all temporaries of a run.
  std::size_t arena_bytes() const { return arena_bytes_; }
  /// Bytes of the results, which outlive a run.
  std::size_t result_bytes() const { return result_bytes_; }
  Device device() const { return backend_->device(); }
  /// What the values of a run take: both together, known before it. A kernel may take more for itself while
  /// it works (a contraction that has to copy an operand).
  std::size_t peak_bytes() const { return arena_bytes_ + result_bytes_; }

 private:
  StepRunner& runner() const;
  void check_for_nan(const PlanStep& step, std::span<std::byte* const> blocks) const;

  friend class PlanBuilder;
  friend class OperandPacker;
  struct PlanConstant {
    int storage;
    std::shared_ptr<Buffer> buffer;
  };

  std::vector<PlanValue> values_;
  std::vector<PlanStorage> storages_;
  std::vector<PlanStep> steps_;
  std::vector<PlanConstant> constants_;
  std::vector<int> leaves_;   // values
  std::vector<int> outputs_;  // values
  std::size_t arena_bytes_ = 0;
  std::size_t result_bytes_ = 0;
  const Backend* backend_ = &current_backend();
  mutable std::shared_ptr<StepRunner> runner_;  // made by the first run
};

struct PlannedGraph {
  std::shared_ptr<const Plan> plan;
  std::vector<Tensor> leaves;  ///< what stands at the leaf positions now
  std::vector<Tensor>
      results;  ///< what the plan computes: the outputs asked for, then what else a handle holds
};

/// Plans the evaluation of `outputs`, starting from nodes that already hold a value; a plan made before for
/// the same structure is found again.
/// @throws Error if an output depends on a variable that has no value.
PlannedGraph make_plan(std::span<const Tensor> outputs);

/// Plans are kept by what they are made from, so that every turn of a loop runs the plan of the first: a new
/// value of a parameter, a learning rate or a key does not make a new plan.
struct PlanCacheStatistics {
  std::uint64_t built;   ///< plans made so far
  std::uint64_t reused;  ///< evaluations that found theirs
  std::size_t plans;     ///< kept now
};
PlanCacheStatistics plan_cache_statistics();
/// Forgets all plans; the next evaluations make theirs again.
void clear_plan_cache();

/// Plans are optimised: pointwise steps run as one, and memory is used again in place. Switched off, every
/// node is a step of its own: the reference that the optimised plans are tested against. For the whole
/// program.
void set_plan_optimisations(bool on);
bool plan_optimisations();

/// In NaN mode every step is checked, and the first NaN is an Error that names the operator and the source
/// line that built it. Off by default; for the whole program.
void set_nan_mode(bool on);
bool nan_mode();

/// A plan under the heading it gets in a report of several.
struct NamedPlan {
  std::string heading;
  std::shared_ptr<const Plan> plan;
};

}  // namespace nabla
