#include "examples/digits/command_line.h"

namespace nabla::digits {

void add_data(report::CommandLine& command_line, std::filesystem::path& data) {
  command_line.add_option("--data", data, "CSV file of 64 pixels (0..16) and a label a row, plain or gzip");
}

void add_checkpoint(report::CommandLine& command_line, std::filesystem::path& checkpoint) {
  command_line.add_existing_file(
      "--checkpoint", checkpoint,
      "A network that the digits example left, such as out/digits/flow_matching.safetensors; "
      "without it a smaller one is trained");
}

std::optional<report::Refusal> parse_command_line(int argc, char** argv, Options& options) {
  report::CommandLine command_line(
      "digits",
      "Trains two flows on 8 x 8 images of digits, by flow matching and by MeanFlow, and measures their "
      "samples, their likelihood and the uncertainty that their Jacobians tell: posterior variance per "
      "pixel, calibration on held-out digits, one-step forms, and a check of the identity behind it all. "
      "Leaves a report, its pictures, the numbers and the checkpoints of both networks in one directory.");
  add_data(command_line, options.data);
  command_line.add_out(options.out, "report.html, metrics.json and the pictures");
  command_line.add_seed(options.seed, "split, initial weights and all noise");
  command_line.add_option("--steps", options.steps, "Training steps of the flow-matching network",
                          report::kCount);
  command_line.add_option("--mean-flow-steps", options.mean_flow_steps,
                          "Training steps of the MeanFlow network", report::kCount);
  command_line.add_option("--batch", options.batch, "Images a step", report::kCount);
  command_line.add_option("--width", options.width, "Width of the hidden layers", {1, 1 << 14});
  command_line.add_option("--layers", options.layers, "Hidden layers", {1, 64});
  command_line.add_option("--learning-rate", options.learning_rate, "Highest learning rate of AdamW",
                          report::kPositive);
  command_line.add_option("--weight-decay", options.weight_decay,
                          "Decoupled weight decay of the flow-matching network", report::kNonNegative);
  command_line.add_option("--mean-flow-weight-decay", options.mean_flow_weight_decay,
                          "The same of the MeanFlow network", report::kNonNegative);
  command_line.add_option("--averaged-weight", options.averaged_weight,
                          "Weight in the MeanFlow loss of the rows with two times", report::kNonNegative);
  command_line.add_option("--ema", options.ema, "Decay of the moving average of the weights, below 1",
                          {0, 0.999999});
  command_line.add_threads(options.threads);
  command_line.add_option("--checkpoint-every", options.checkpoint_every,
                          "Training steps between checkpoints", report::kCount);
  command_line.add_flag(
      "--resume", options.resume,
      "Go on from the checkpoints in --out; the results are the same as without the interruption");
  command_line.add_flag("--train-only", options.train_only, "Stop when both networks are trained");
  command_line.add_device();
  return command_line.parse(argc, argv);
}

}  // namespace nabla::digits
