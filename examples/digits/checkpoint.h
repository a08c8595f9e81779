#pragma once

#include <filesystem>
#include <optional>

#include "examples/digits/training.h"
#include "flow/field_metadata.h"

namespace nabla::digits {

/// Where the checkpoint of a network lies: <out>/<name of the kind>.safetensors.
std::filesystem::path checkpoint_path(const Options& options, Kind kind);

/// What is known of the field that a training has made so far.
flow::FieldMetadata field_metadata(const Training& training, const Options& options);

/// Writes what a training needs to go on: its state, and as metadata what the field is (flow::FieldMetadata),
/// and the data (describe(Split)) and options that its numbers depend on. The file appears all at once.
/// @throws Error if it cannot be written.
void save_checkpoint(const Training& training, const Options& options);

/// Lets a training go on from its checkpoint, if there is one; returns what that says of the field.
/// @throws Error naming the file and the place if it is damaged or a link to nothing, and naming data and
/// options if it was made with others.
std::optional<flow::FieldMetadata> load_checkpoint(Training& training, const Options& options);

}  // namespace nabla::digits
