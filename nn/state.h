#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tensor/named_tensor.h"
#include "nn/module.h"

// What has to be saved to go on later as if nothing had happened: values by name, for a file or for a module
// of the same make.

namespace nabla::nn {

using State = std::vector<NamedTensor>;

/// What a file with the state of a network says beside it of Linear's weights, as metadata: one with weights
/// [inputs, outputs] would fit where both are equal, and mean something else.
inline constexpr std::string_view kWeightLayoutName = "linear_weights";
inline constexpr std::string_view kWeightLayout = "[outputs, inputs]";

/// The values of named cells, in their order.
State state_of(std::span<const Parameter> cells);
/// Gives named cells the values of a state. @throws Error, before any cell has changed, naming `what` and
/// every entry that is missing, unknown, there twice, or of another shape or type.
void load_state(std::string_view what, std::span<const Parameter> cells, const State& state);

/// A module's parameters, and behind them its buffers.
State state_of(const Module& module);
/// Gives a module the parameters and buffers of another of the same make. @throws Error as above.
void load_state(const Module& module, const State& state);

/// The entry of this name. @throws Error naming `what` if it is missing.
const Tensor& entry(std::string_view what, const State& state, std::string_view name);
/// Appends `part` with "prefix." before every name.
void append_part(State& state, std::string_view prefix, const State& part);
/// The entries whose names begin with "prefix.", without it.
State part_of(const State& state, std::string_view prefix);

}  // namespace nabla::nn
