#include "engine/compile/trace.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <string>

#include "engine/graph/primitive.h"
#include "engine/graph/walk.h"
#include "engine/ops/constant.h"
#include "engine/ops/substitute.h"

namespace nabla {
namespace {

// While it lives, cells of this thread answer from it. The variables are fresh, so that nothing that was
// built before depends on them, and they have no value that could be read.
class Trace final : public CellTrace {
 public:
  explicit Trace(std::span<const Array> inputs) : input_arrays_(inputs) {
    for (const Array& input : inputs) inputs_.push_back(stand_in(input.shape(), input.dtype, "an input"));
    current_cell_trace() = this;
  }
  ~Trace() { stop(); }
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  std::span<const Tensor> inputs() const { return inputs_; }

  Tensor get(const Cell& cell) override {
    UsedCell& used = use(const_cast<Cell&>(cell));
    if (!used.assigned) return used.at_entry;
    // A value that was assigned is a leaf to those who read it, as it is outside of a trace.
    if (!used.reread.defined()) {
      used.reread = stand_in(cell.shape(), cell.dtype(), "a cell");
      reread_.push_back({used.reread, *used.assigned});
    }
    return used.reread;
  }

  void assign(Cell& cell, const Tensor& value) override {
    UsedCell& used = use(cell);
    used.assigned = value;
    used.reread = Tensor();
  }

  void destroyed(const Cell& cell) override {
    lost_cell_ =
        lost_cell_ || std::ranges::any_of(cells_, [&](const UsedCell& u) { return u.cell == &cell; });
  }

  const char* meaning_of(const Node& variable) const override {
    const int at = place_.find(&variable);
    return at == NodeMap::kAbsent ? nullptr : stand_ins_[at];
  }

  TracedFunction finish(std::vector<Tensor> outputs) {
    stop();
    if (lost_cell_)
      throw Error(
          "compile: the function made a cell (a module, an optimizer) and let it go; make it before, so that "
          "every call finds it");
    TracedFunction traced;
    std::vector<Tensor> variables = inputs_;
    for (const Array& input : input_arrays_) traced.inputs.push_back(leaf(input));
    for (const UsedCell& used : cells_) {
      traced.cells.push_back(used.cell);
      variables.push_back(used.at_entry);
    }
    std::vector<Cell::Version> versions;
    Cell::read(traced.cells, std::vector<bool>(traced.cells.size(), false), versions);
    for (const Cell::Version& version : versions) {
      traced.cell_leaves.push_back(leaf(version.value));
      traced.cell_versions.push_back(version.number);
    }

    const std::size_t count = outputs.size();
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      if (!cells_[i].assigned) continue;
      traced.assignments.push_back({static_cast<int>(i), {}});
      outputs.push_back(*cells_[i].assigned);
    }
    // The last first: it may be built on those before it.
    for (std::size_t i = reread_.size(); i-- > 0;)
      outputs = substitute(outputs, std::span(&reread_[i].variable, 1), std::span(&reread_[i].value, 1));
    std::vector<Tensor> leaves = traced.inputs;
    leaves.insert(leaves.end(), traced.cell_leaves.begin(), traced.cell_leaves.end());
    outputs = substitute(outputs, variables, leaves);
    for (std::size_t i = count; i < outputs.size(); ++i) traced.assignments[i - count].value = outputs[i];
    outputs.resize(count);
    traced.outputs = std::move(outputs);
    return traced;
  }

 private:
  struct UsedCell {
    Cell* cell;
    Tensor at_entry;
    std::optional<Tensor> assigned;
    Tensor reread;  // stands for `assigned`; empty until somebody reads it
  };
  struct Reread {
    Tensor variable;
    Tensor value;
  };

  void stop() { current_cell_trace() = nullptr; }

  Tensor stand_in(const Shape& shape, DType dtype, const char* meaning) {
    Tensor made = variable(shape, dtype);
    place_.insert(&made.node(), static_cast<int>(stand_ins_.size()));
    stand_ins_.push_back(meaning);
    return made;
  }

  UsedCell& use(Cell& cell) {
    const auto found = std::ranges::find(cells_, &cell, &UsedCell::cell);
    if (found != cells_.end()) return *found;
    return cells_.emplace_back(UsedCell{&cell, stand_in(cell.shape(), cell.dtype(), "a cell"), {}, {}});
  }

  std::span<const Array> input_arrays_;
  std::vector<Tensor> inputs_;
  std::deque<UsedCell> cells_;
  std::vector<Reread> reread_;
  std::vector<const char*> stand_ins_;
  NodeMap place_;  // of variables in stand_ins_
  bool lost_cell_ = false;
};

}  // namespace

bool tracing() { return current_cell_trace() != nullptr; }

TracedFunction trace(const TensorFunction& f, std::span<const Array> inputs) {
  Trace trace(inputs);
  std::vector<Tensor> outputs = f(trace.inputs());
  for (const Tensor& output : outputs)
    if (!output.defined()) throw Error("compile: the function returned an empty tensor");
  return trace.finish(std::move(outputs));
}

}  // namespace nabla
