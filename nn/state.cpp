#include "nn/state.h"

#include <algorithm>

#include "engine/tensor/printable.h"
#include "engine/tensor/type_text.h"

namespace nabla::nn {
namespace {

const Tensor* find(const State& state, std::string_view name) {
  const auto at =
      std::find_if(state.begin(), state.end(), [&](const NamedTensor& named) { return named.name == name; });
  return at == state.end() ? nullptr : &at->value;
}

}  // namespace

State state_of(std::span<const Parameter> cells) {
  State state;
  for (const Parameter& cell : cells) state.push_back({cell.name, cell.cell->get()});
  return state;
}

void load_state(std::string_view what, std::span<const Parameter> cells, const State& state) {
  const std::string where(what);
  std::vector<const Tensor*> values;
  for (const Parameter& cell : cells) {
    const Tensor& value = entry(what, state, cell.name);
    const Tensor& old = cell.cell->get();
    if (!(value.shape() == old.shape()) || value.dtype() != old.dtype())
      throw Error(where + ": the saved '" + cell.name + "' " + type_text(value) + " cannot replace " +
                  type_text(old));
    values.push_back(&value);
  }
  for (const NamedTensor& named : state)
    if (std::none_of(cells.begin(), cells.end(),
                     [&](const Parameter& cell) { return cell.name == named.name; }))
      throw Error(where + ": the saved '" + printable(named.name) + "' belongs to nothing here");
  for (std::size_t i = 0; i < cells.size(); ++i) cells[i].cell->assign(*values[i]);
}

State state_of(const Module& module) { return state_of(module.cells()); }

void load_state(const Module& module, const State& state) { load_state("module", module.cells(), state); }

const Tensor& entry(std::string_view what, const State& state, std::string_view name) {
  const Tensor* found = find(state, name);
  if (!found) throw Error(std::string(what) + ": '" + std::string(name) + "' is missing in what was saved");
  return *found;
}

void append_part(State& state, std::string_view prefix, const State& part) {
  for (const NamedTensor& named : part)
    state.push_back({std::string(prefix) + "." + named.name, named.value});
}

State part_of(const State& state, std::string_view prefix) {
  const std::string start = std::string(prefix) + ".";
  State part;
  for (const NamedTensor& named : state)
    if (named.name.starts_with(start)) part.push_back({named.name.substr(start.size()), named.value});
  return part;
}

}  // namespace nabla::nn
