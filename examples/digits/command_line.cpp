#include "examples/digits/command_line.h"

#include <CLI/CLI.hpp>
#include <string>

namespace nabla::digits {

std::optional<report::Refusal> parse_command_line(int argc, char** argv, Options& options) {
  CLI::App app(
      "Trains two flows on 8 x 8 images of digits, by flow matching and by MeanFlow, and measures their "
      "samples, their likelihood and the uncertainty that their Jacobians tell: posterior variance per "
      "pixel, calibration on held-out digits, one-step forms, and a check of the identity behind it all. "
      "Leaves a report, its pictures, the numbers and the checkpoints of both networks in one directory.");
  const auto positive = CLI::Range(std::int64_t{1}, std::int64_t{1} << 40);
  app.add_option("--data", options.data, "CSV file of 64 pixels (0..16) and a label a row, plain or gzip")
      ->capture_default_str();
  app.add_option("--out", options.out, "Directory for report.html, metrics.json and the pictures")
      ->capture_default_str();
  app.add_option("--seed", options.seed, "Decides split, initial weights and all noise")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--steps", options.steps, "Training steps of the flow-matching network")
      ->check(positive)
      ->capture_default_str();
  app.add_option("--mean-flow-steps", options.mean_flow_steps, "Training steps of the MeanFlow network")
      ->check(positive)
      ->capture_default_str();
  app.add_option("--batch", options.batch, "Images a step")->check(positive)->capture_default_str();
  app.add_option("--width", options.width, "Width of the hidden layers")
      ->check(CLI::Range(1, 1 << 14))
      ->capture_default_str();
  app.add_option("--layers", options.layers, "Hidden layers")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  app.add_option("--learning-rate", options.learning_rate, "Highest learning rate of AdamW")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--weight-decay", options.weight_decay,
                 "Decoupled weight decay of the flow-matching network")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--mean-flow-weight-decay", options.mean_flow_weight_decay,
                 "The same of the MeanFlow network")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--averaged-weight", options.averaged_weight,
                 "Weight in the MeanFlow loss of the rows with two times")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--ema", options.ema, "Decay of the moving average of the weights, below 1")
      ->check(CLI::Range(0.0, 0.999999))
      ->capture_default_str();
  app.add_option("--threads", options.threads, "Threads; 0 takes all. The numbers do not depend on it")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  app.add_option("--checkpoint-every", options.checkpoint_every, "Training steps between checkpoints")
      ->check(positive)
      ->capture_default_str();
  app.add_flag("--resume", options.resume,
               "Go on from the checkpoints in --out; the results are the same as without the interruption");
  app.add_flag("--train-only", options.train_only, "Stop when both networks are trained");
  report::add_device_option(app);
  return report::parse(app, "digits", argc, argv);
}

}  // namespace nabla::digits
