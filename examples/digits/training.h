#pragma once

#include <functional>
#include <vector>

#include "examples/digits/model.h"

namespace nabla::digits {

/// Called after each step with the number of steps done and the loss of the step.
using TrainingCallback = std::function<void(std::int64_t done, double loss)>;

/// Trains the model on dequantised images by conditional flow matching on the linear path, and gives
/// `averaged` the moving average of its parameters. Returns the loss per pixel of every step. @throws Error
/// if the loss is not finite.
std::vector<double> train(Model& model, Model& averaged, const Images& images, const Options& options,
                          const Tensor& key, const TrainingCallback& on_step);

}  // namespace nabla::digits
