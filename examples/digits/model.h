#pragma once

#include "examples/digits/dataset.h"
#include "examples/digits/options.h"
#include "flow/flow.h"
#include "nn/nn.h"

namespace nabla::digits {

/// A multilayer perceptron as a preconditioned velocity field of images.
class Model {
 public:
  Model(const Tensor& key, const Moments& moments, const Options& options);

  const nn::Mlp& network() const { return network_; }
  /// The velocity field; valid while the model lives and stays where it is.
  flow::TimedField field() const;

 private:
  nn::Mlp network_;
  Moments moments_;
};

}  // namespace nabla::digits
