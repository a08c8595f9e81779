#include "nn/running_state.h"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/ops/constant.h"
#include "engine/ops/shaping.h"
#include "engine/tensor/number_text.h"
#include "engine/tensor/type_text.h"

namespace nabla::nn {
namespace {

const std::string kSteps = "steps", kOptions = "options.";

}  // namespace

RunningState::RunningState() : steps_(std::make_unique<Cell>(zeros(Shape{}, DType::i64))) {}

Cell& RunningState::add(std::string name, const Tensor& like) {
  if (name == kSteps || name.starts_with(kOptions))
    throw Error("running_state: '" + name + "' is taken in what is saved: no parameter can have this name");
  return add_parameter(std::move(name), zeros_like(like));
}

void RunningState::add_option(std::string name, double value) {
  options_.push_back({kOptions + std::move(name), value});
}

std::int64_t RunningState::steps() const { return step_count().data<std::int64_t>()[0]; }

Update RunningState::no_steps() const { return {steps_.get(), zeros(Shape{}, DType::i64)}; }

State RunningState::state() const {
  State state = state_of(*this);
  state.push_back({kSteps, step_count()});
  for (const Option& option : options_)
    state.push_back({option.name, full(Shape{}, option.value, DType::f64)});
  return state;
}

void RunningState::load(std::string_view what, const State& state) {
  const Tensor& saved = entry(what, state, kSteps);
  if (saved.dtype() != DType::i64 || saved.size() != 1 || saved.data<std::int64_t>()[0] < 0)
    throw Error(std::string(what) + ": the saved number of steps is " + type_text(saved) +
                ", not one i64 that is 0 or more");
  for (const Option& option : options_) {
    const Tensor& was = entry(what, state, option.name);
    if (was.dtype() != DType::f64 || was.size() != 1)
      throw Error(std::string(what) + ": the saved '" + option.name + "' " + type_text(was) +
                  " is not one f64");
    if (const double value = was.item(); value != option.value)
      throw Error(std::string(what) + ": what was saved was made with " +
                  option.name.substr(kOptions.size()) + " " + number_text(value) + ", this one has " +
                  number_text(option.value));
  }
  const auto is_option = [&](const NamedTensor& named) {
    return std::ranges::find(options_, named.name, &Option::name) != options_.end();
  };
  State values;
  for (const NamedTensor& named : state)
    if (named.name != kSteps && !is_option(named)) values.push_back(named);
  load_state(what, parameters(), values);
  steps_->assign(reshape(saved, Shape{}));
}

}  // namespace nabla::nn
