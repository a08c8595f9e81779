#include "nn/running_state.h"

#include <string>
#include <utility>

#include "engine/ops/constant.h"
#include "engine/ops/shaping.h"

namespace nabla::nn {

RunningState::RunningState() : steps_(std::make_unique<Cell>(zeros(Shape{}, DType::i64))) {}

Cell& RunningState::add(std::string name, const Tensor& like) {
  return add_parameter(std::move(name), zeros_like(like));
}

std::int64_t RunningState::steps() const { return step_count().data<std::int64_t>()[0]; }

State RunningState::state() const {
  State state = state_of(*this);
  state.push_back({"steps", step_count()});
  return state;
}

void RunningState::load(std::string_view what, const State& state) {
  const Tensor& saved = entry(what, state, "steps");
  if (saved.dtype() != DType::i64 || saved.size() != 1 || saved.data<std::int64_t>()[0] < 0)
    throw Error(std::string(what) + ": the saved number of steps is " + to_string(saved.shape()) + " " +
                std::string(name_of(saved.dtype())) + ", not one i64 that is 0 or more");
  State values;
  for (const NamedTensor& named : state)
    if (named.name != "steps") values.push_back(named);
  load_state(what, parameters(), values);
  steps_->assign(reshape(saved, Shape{}));
}

}  // namespace nabla::nn
