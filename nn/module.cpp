#include "nn/module.h"

#include <algorithm>

#include "engine/autodiff/grad.h"

namespace nabla::nn {

std::vector<Parameter> Module::cells() const {
  std::vector<Parameter> cells = parameters_;
  cells.insert(cells.end(), buffers_.begin(), buffers_.end());
  return cells;
}

std::int64_t Module::parameter_count() const {
  std::int64_t count = 0;
  for (const Parameter& parameter : parameters_) count += parameter.cell->shape().size();
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
  return add_cell(parameters_, std::move(name), initial);
}

Cell& Module::add_buffer(std::string name, const Tensor& initial) {
  return add_cell(buffers_, std::move(name), initial);
}

Cell& Module::add_cell(std::vector<Parameter>& list, std::string name, const Tensor& initial) {
  if (!is_floating(initial.dtype()))
    throw Error("module: parameter '" + name + "' is " + std::string(name_of(initial.dtype())) +
                "; only floating types can be trained");
  owned_.push_back(std::make_unique<Cell>(initial));
  append(list, std::move(name), owned_.back().get());
  return *owned_.back();
}

void Module::add_part(std::string_view prefix, const Module& part) {
  for (const Parameter& parameter : part.parameters_)
    append(parameters_, std::string(prefix) + "." + parameter.name, parameter.cell);
  for (const Parameter& buffer : part.buffers_)
    append(buffers_, std::string(prefix) + "." + buffer.name, buffer.cell);
}

void Module::append(std::vector<Parameter>& list, std::string name, Cell* cell) {
  for (const std::vector<Parameter>* taken : {&parameters_, &buffers_})
    if (std::ranges::find(*taken, name, &Parameter::name) != taken->end())
      throw Error("module: there is already a parameter '" + name + "'");
  list.push_back({std::move(name), cell});
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

}  // namespace nabla::nn
