#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "engine/tensor/tensor.h"

namespace nabla::digits {

/// How a set of images compares with the held-out ones. Means over draws of as many images as are held out.
struct SampleQuality {
  double sliced_w2 = 0;
  double sliced_w2_over_floor = 0;  ///< the floor: real training images in the generated ones' place
  /// Share of images whose nearest neighbour is of their own kind: among the generated ones, the real ones,
  /// and on average. All three must be .5; visible noise has 0, 1 and .5.
  double one_nn_generated = 0;
  double one_nn_real = 0;
  double one_nn_accuracy = 0;
  double precision = 0;         ///< share of generated images within reach of a real one
  double recall = 0;            ///< share of real images within reach of a generated one
  double density = 0;           ///< how many reach a generated image, over how many reach a real one
  double coverage = 0;          ///< share of real images with a generated one within their own reach
  double nearest_training = 0;  ///< mean distance to the nearest training image
};

/// A named way to make images.
struct Sampler {
  std::string name;                                ///< as in metrics.json
  std::string label;                               ///< as people read it
  std::function<Tensor(std::int64_t count)> draw;  ///< images [count, 64]
  std::int64_t evaluations = 0;                    ///< of a network, for each image; 0 where there is none
};

struct SamplerResult {
  std::string name;
  std::string label;
  std::int64_t evaluations = 0;
  double seconds_per_image = 0;
  SampleQuality quality;
  std::vector<double> shown;  ///< the first images, [64, 64]
};

/// Real images in place of generated ones, the samplers, and trivial generators that any model must beat.
struct SampleComparison {
  std::int64_t draws = 0;     ///< sets of images that each number is the mean of
  std::int64_t per_draw = 0;  ///< images in a set, as many as are held out
  SampleQuality floor;
  std::vector<SamplerResult> samplers;
  std::vector<SamplerResult> controls;
};

/// training [n, 64] and held_out [m, 64] are dequantised images; n >= m. Random directions and controls come
/// from `key`. `on_done` is called after each set of samples with its name.
SampleComparison compare_samples(const Tensor& training, const Tensor& held_out,
                                 const std::vector<Sampler>& samplers, const Tensor& key,
                                 const std::function<void(const std::string& name)>& on_done);

}  // namespace nabla::digits
