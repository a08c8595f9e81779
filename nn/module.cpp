#include "nn/module.h"

#include <algorithm>

#include "engine/autodiff/grad.h"

namespace nabla::nn {

std::int64_t Module::parameter_count() const {
  std::int64_t count = 0;
  for (const Parameter& parameter : parameters_) count += parameter.cell->get().size();
  return count;
}

Cell& Module::parameter(std::string_view name) const {
  std::string names;
  for (const Parameter& parameter : parameters_) {
    if (parameter.name == name) return *parameter.cell;
    names += (names.empty() ? "" : ", ") + parameter.name;
  }
  throw Error("module: no parameter '" + std::string(name) + "'; there are: " + names);
}

std::vector<Tensor> Module::leaves() const {
  std::vector<Tensor> leaves;
  for (const Parameter& parameter : parameters_) leaves.push_back(parameter.cell->get());
  return leaves;
}

Cell& Module::add_parameter(std::string name, const Tensor& initial) {
  if (!is_floating(initial.dtype()))
    throw Error("module: parameter '" + name + "' is " + std::string(name_of(initial.dtype())) +
                "; only floating types can be trained");
  cells_.push_back(std::make_unique<Cell>(initial));
  append(std::move(name), cells_.back().get());
  return *cells_.back();
}

void Module::add_part(std::string_view prefix, const Module& part) {
  for (const Parameter& parameter : part.parameters_)
    append(std::string(prefix) + "." + parameter.name, parameter.cell);
}

void Module::append(std::string name, Cell* cell) {
  if (std::any_of(parameters_.begin(), parameters_.end(), [&](const Parameter& p) { return p.name == name; }))
    throw Error("module: there is already a parameter '" + name + "'");
  parameters_.push_back({std::move(name), cell});
}

LossAndGradients value_and_grad(const Module& module, const std::function<std::vector<Tensor>()>& loss) {
  std::vector<Tensor> results = loss();
  if (results.empty()) throw Error("value_and_grad: the function returned no loss");
  LossAndGradients out;
  out.loss = results[0];
  out.gradients = gradients(out.loss, module.leaves());
  out.auxiliary.assign(results.begin() + 1, results.end());
  return out;
}

void copy_parameters(const Module& from, const Module& to) {
  const std::vector<Parameter>& sources = from.parameters();
  const std::vector<Parameter>& targets = to.parameters();
  if (sources.size() != targets.size())
    throw Error("copy_parameters: " + std::to_string(sources.size()) + " parameters cannot replace " +
                std::to_string(targets.size()));
  // Check everything first, so that a refusal leaves the target as it was.
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const Tensor& a = sources[i].cell->get();
    const Tensor& b = targets[i].cell->get();
    if (sources[i].name != targets[i].name || !(a.shape() == b.shape()) || a.dtype() != b.dtype())
      throw Error("copy_parameters: '" + sources[i].name + "' " + to_string(a.shape()) + " " +
                  std::string(name_of(a.dtype())) + " cannot replace '" + targets[i].name + "' " +
                  to_string(b.shape()) + " " + std::string(name_of(b.dtype())));
  }
  for (std::size_t i = 0; i < sources.size(); ++i) targets[i].cell->assign(sources[i].cell->get());
}

}  // namespace nabla::nn
