#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "examples/digits/model.h"
#include "flow/field_metadata.h"

namespace nabla::digits {

/// A trained network for another program to use, with the digits that it knows and those that were held out.
struct ReadyModel {
  Split data;
  std::shared_ptr<const Model> model;  ///< with the moving averages of the parameters
  flow::FieldMetadata metadata;
  std::string description;  ///< a sentence about where it comes from
};

/// The network of a checkpoint that the digits example left, of either kind; `images` are all digits
/// that it was trained with. @throws Error naming the file and what is wrong with it.
ReadyModel load_model(const std::filesystem::path& checkpoint, const Images& images);

/// A smaller flow-matching network, trained here for some steps, with progress on stderr.
ReadyModel train_small_model(const Images& images, std::uint64_t seed, std::int64_t steps, const Tensor& key);

}  // namespace nabla::digits
