#include "examples/digits/model.h"

namespace nabla::digits {
namespace {

// The field changes slowly with time; faster features only help it to memorise.
constexpr double kHighestTurns = 2;

}  // namespace

std::string name_of(Kind kind) { return kind == Kind::mean_flow ? "mean_flow" : "flow_matching"; }

Model::Model(Kind kind, const Tensor& key, const Moments& moments, const Options& options)
    : kind_(kind),
      network_(key, {.inputs = kPixels,
                     .outputs = kPixels,
                     .width = options.width,
                     .hidden_layers = options.layers,
                     .highest_turns = kHighestTurns,
                     .second_time = kind == Kind::mean_flow}),
      moments_(moments) {}

flow::PreconditionedField Model::field() const {
  if (kind_ == Kind::mean_flow)
    return {moments_.mean, moments_.variance,
            [this](const Tensor& z, const Tensor& t, const Tensor& gap) { return network_(z, t, gap); }};
  return {moments_.mean, moments_.variance,
          [this](const Tensor& z, const Tensor& t, const Tensor&) { return network_(z, t); }};
}

flow::TimedField Model::velocity() const {
  return [field = field()](const Tensor& x, const Tensor& t) { return field.velocity(x, t); };
}

flow::AverageField Model::average_velocity() const {
  if (kind_ != Kind::mean_flow) throw Error("digits: a flow-matching network has no average velocity");
  return [field = field()](const Tensor& x, const Tensor& t, const Tensor& r) {
    return field.average_velocity(x, t, r);
  };
}

}  // namespace nabla::digits
