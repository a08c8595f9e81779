#pragma once

#include <string>

#include "examples/digits/dataset.h"
#include "examples/digits/options.h"
#include "flow/flow.h"
#include "nn/nn.h"

namespace nabla::digits {

/// What a network learns: the velocity v(x, t), or the average velocity u(x, t, r), which holds the velocity
/// as u(x, t, t).
enum class Kind { flow_matching, mean_flow };

/// "flow_matching" or "mean_flow": names of files and entries.
std::string name_of(Kind kind);

/// A multilayer perceptron as a preconditioned field of images.
class Model {
 public:
  Model(Kind kind, const Tensor& key, const Moments& moments, const Options& options);

  Kind kind() const { return kind_; }
  const nn::Mlp& network() const { return network_; }
  /// The velocity field; valid while the model lives and stays where it is.
  flow::TimedField velocity() const;
  /// The average velocity of a mean_flow model; as above. @throws Error for the other kind.
  flow::AverageField average_velocity() const;

 private:
  flow::PreconditionedField field() const;

  Kind kind_;
  nn::Mlp network_;
  Moments moments_;
};

}  // namespace nabla::digits
