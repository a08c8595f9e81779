#include "examples/digits/model.h"

namespace nabla::digits {
namespace {

// The field changes slowly with time; faster features only help it to memorise.
constexpr double kHighestTurns = 2;

}  // namespace

Model::Model(const Tensor& key, const Moments& moments, const Options& options)
    : network_(key, {.inputs = kPixels,
                     .outputs = kPixels,
                     .width = options.width,
                     .hidden_layers = options.layers,
                     .highest_turns = kHighestTurns}),
      moments_(moments) {}

flow::TimedField Model::field() const {
  const flow::PreconditionedField field(
      moments_.mean, moments_.variance,
      [this](const Tensor& z, const Tensor& t, const Tensor&) { return network_(z, t); });
  return [field](const Tensor& x, const Tensor& t) { return field.velocity(x, t); };
}

}  // namespace nabla::digits
