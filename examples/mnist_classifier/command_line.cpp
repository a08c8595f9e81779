#include "examples/mnist_classifier/command_line.h"

namespace nabla::mnist_classifier {

std::optional<report::Refusal> parse_command_line(int argc, char** argv, Options& options) {
  report::CommandLine command_line(
      "mnist_classifier",
      "Trains a small convolutional network on MNIST, or a set in its format such as Fashion-MNIST, and "
      "tests it. "
      "Leaves a report with the images that it misreads, the numbers, the weights and a checkpoint in one "
      "directory. tools/get-data fetches the images.");
  command_line.add_option("--data", options.data, "Directory of the four IDX files, plain or gzip");
  command_line.add_out(options.out, "report.html, metrics.json, misread.png and weights.safetensors");
  command_line.add_seed(options.seed, "initial weights, the order of the images and all noise");
  command_line.add_option("--epochs", options.epochs, "How often every image is seen", report::kCount);
  command_line.add_option("--batch", options.batch, "Images a step", {2, 1 << 20});
  command_line.add_option("--width", options.width, "A half of the channels of the first convolution",
                          {1, 1 << 10});
  command_line.add_option("--learning-rate", options.learning_rate, "Highest learning rate of AdamW",
                          report::kPositive);
  command_line.add_option("--weight-decay", options.weight_decay, "Decoupled weight decay",
                          report::kNonNegative);
  command_line.add_option("--ema", options.ema, "Decay of the moving average of the weights, below 1",
                          {0, 0.999999});
  command_line.add_option("--dropout", options.dropout, "Share of the features that dropout zeroes, below 1",
                          {0, 0.999999});
  command_line.add_threads(options.threads);
  command_line.add_option("--checkpoint-every", options.checkpoint_every,
                          "Training steps between checkpoints", report::kCount);
  command_line.add_flag(
      "--resume", options.resume,
      "Go on from the checkpoint in --out; the results are the same as without the interruption");
  command_line.add_device();
  return command_line.parse(argc, argv);
}

}  // namespace nabla::mnist_classifier
