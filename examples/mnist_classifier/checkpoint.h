#pragma once

#include <filesystem>

#include "examples/mnist_classifier/network.h"
#include "examples/mnist_classifier/training.h"

namespace nabla::mnist_classifier {

/// Where a training leaves what it needs to go on: <out>/checkpoint.safetensors.
std::filesystem::path checkpoint_path(const Options& options);
/// Where a run leaves the averaged weights: <out>/weights.safetensors.
std::filesystem::path weights_path(const Options& options);

/// Writes what a training needs to go on: its state, and as metadata the data and options that its numbers
/// depend on. The file appears all at once. @throws Error if it cannot be written.
void save_checkpoint(const Training& training, const Options& options);
/// Lets a training go on from its checkpoint, if there is one. @throws Error naming the file and the place if
/// it is damaged or a link to nothing, and naming data and options if it was made with others.
void load_checkpoint(Training& training, const Options& options);

/// Writes the weights of a network. @throws Error if they cannot be written.
void save_weights(const Classifier& network, const Options& options);
/// The network of such a file, for another program to use (its features, say). @throws Error naming the file
/// and what is wrong with it.
Classifier read_classifier(const std::filesystem::path& weights);

}  // namespace nabla::mnist_classifier
