#include "nn/state.h"

#include <algorithm>
#include <map>

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
  std::map<std::string_view, const Tensor*> unclaimed;
  std::vector<std::string> misfits;
  for (const NamedTensor& named : state)
    if (!unclaimed.emplace(named.name, &named.value).second)
      misfits.push_back("'" + printable(named.name) + "' was saved twice");
  std::vector<const Tensor*> values;
  for (const Parameter& cell : cells) {
    const Tensor& old = cell.cell->get();
    const auto saved = unclaimed.find(cell.name);
    if (saved == unclaimed.end()) {
      misfits.push_back("'" + cell.name + "' is missing in what was saved");
      continue;
    }
    const Tensor& value = *saved->second;
    if (!(value.shape() == old.shape()) || value.dtype() != old.dtype())
      misfits.push_back("the saved '" + cell.name + "' " + type_text(value) + " cannot replace " +
                        type_text(old));
    values.push_back(&value);
    unclaimed.erase(saved);
  }
  for (const NamedTensor& named : state)
    if (unclaimed.erase(named.name) > 0)
      misfits.push_back("the saved '" + printable(named.name) + "' belongs to nothing here");
  if (!misfits.empty()) {
    std::string all;
    for (const std::string& misfit : misfits) all += (all.empty() ? ": " : "; ") + misfit;
    throw Error(std::string(what) + all);
  }
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
