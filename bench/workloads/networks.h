#pragma once

#include <cstdint>
#include <vector>

#include "nn/nn.h"

// Networks that only the rows of bench/workloads/derivatives.cpp use, besides nn::Mlp. Their initial weights
// are those of nn::Linear; load_network replaces them.

namespace nabla::bench {

/// h <- h + silu(h A + a) B + b in block after block, x [B, extent] -> [B, extent]. The time does not enter.
class ResidualStack : public nn::Module {
 public:
  struct Options {
    std::int64_t extent, width, blocks;
  };
  ResidualStack(const Tensor& key, const Options& options);
  Tensor operator()(const Tensor& x, const Tensor& t) const;

 private:
  std::vector<nn::Linear> inner_, outer_;
};

/// A multilayer perceptron whose hidden layers are normalised, and scaled and shifted by an embedding e of
/// each sample's time (FiLM, Perez et al. 2018):
///   h_{i+1} = silu((1 + e P_i + p_i) n(h_i W_i + b_i) + e Q_i + q_i),
/// with n a layer normalisation with gain and bias. x [B, extent] and t [B, 1] -> [B, extent].
class ModulatedMlp : public nn::Module {
 public:
  struct Options {
    std::int64_t extent, width, hidden_layers;
  };
  ModulatedMlp(const Tensor& key, const Options& options);
  Tensor operator()(const Tensor& x, const Tensor& t) const;

 private:
  Tensor normalised(const Tensor& z, std::size_t layer) const;

  nn::FourierFeatures features_;
  nn::Linear embed_time_;
  std::vector<nn::Linear> layers_, scales_, shifts_;
  std::vector<Cell*> gains_, biases_;
};

/// Convolutions of 3 x 3 windows with silu between them, x [B, 784] as pictures of 28 x 28 -> [B, 784]. The
/// time does not enter.
class ConvolutionStack : public nn::Module {
 public:
  struct Options {
    std::int64_t channels, layers;
  };
  ConvolutionStack(const Tensor& key, const Options& options);
  Tensor operator()(const Tensor& x, const Tensor& t) const;

 private:
  std::vector<nn::Convolution> layers_;
};

/// A potential: x [B, extents[0]] -> [B], tanh behind all linear layers but the last, which has one output.
class ScalarMlp : public nn::Module {
 public:
  using Options = std::vector<std::int64_t>;  ///< extents of every layer's input, and 1
  ScalarMlp(const Tensor& key, const Options& extents);
  Tensor operator()(const Tensor& x) const;

 private:
  std::vector<nn::Linear> layers_;
};

}  // namespace nabla::bench
