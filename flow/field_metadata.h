#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace nabla::flow {

/// What has to be known about a trained field beside its weights: whether its Jacobian tells a posterior, and
/// for data of which range. Saved with the weights as text under the names of the members.
struct FieldMetadata {
  std::string path = "linear";             ///< AffinePath::name
  std::string source = "standard_normal";  ///< law of x0 divided by source_scale
  double source_scale = 1;                 ///< k of the source N(0, k^2 I)
  std::string coupling = "independent";    ///< of noise and data
  std::string guidance = "none";           ///< "none", or the scale that is built into the field
  double data_low = -1;                    ///< range of the data it was trained on
  double data_high = 1;
  std::uint64_t seed = 0;
  std::int64_t step = 0;  ///< training steps behind the weights

  std::map<std::string, std::string> to_text() const;
  /// The inverse; other entries are passed over, and without a source_scale it is 1.
  /// @throws Error naming the entry that is missing or no number.
  static FieldMetadata from_text(const std::map<std::string, std::string>& entries);
};

}  // namespace nabla::flow
