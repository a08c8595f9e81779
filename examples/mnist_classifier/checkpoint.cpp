#include "examples/mnist_classifier/checkpoint.h"

#include <charconv>
#include <map>
#include <string>
#include <system_error>

#include "engine/ops/random.h"
#include "engine/tensor/printable.h"
#include "examples/report/number.h"
#include "io/atomic_file.h"
#include "io/safetensors.h"

namespace nabla::mnist_classifier {
namespace {

constexpr std::int64_t kWidest = 1 << 10;

// Everything that decides the numbers of a training, without the number of its step.
std::map<std::string, std::string> identity_of(const Training& training, const Options& options) {
  const auto exact = [](double value) { return report::number(value, 17); };
  return {{"data", training.data()},
          {"seed", std::to_string(options.seed)},
          {"epochs", std::to_string(options.epochs)},
          {"batch", std::to_string(options.batch)},
          {"width", std::to_string(options.width)},
          {"learning_rate", exact(options.learning_rate)},
          {"weight_decay", exact(options.weight_decay)},
          {"ema", exact(options.ema)},
          {"dropout", exact(options.dropout)}};
}

void require_same(const std::map<std::string, std::string>& saved,
                  const std::map<std::string, std::string>& wanted, const std::filesystem::path& path) {
  std::string differences;
  for (const auto& [name, value] : wanted) {
    const auto found = saved.find(name);
    if (found != saved.end() && found->second == value) continue;
    differences += (differences.empty() ? "" : ", ") + name + " " +
                   (found == saved.end() ? "is missing" : printable(found->second)) + " instead of " + value;
  }
  if (!differences.empty())
    throw Error("cannot resume from '" + path.string() +
                "', which was made with other data or options: " + differences);
}

}  // namespace

std::filesystem::path checkpoint_path(const Options& options) {
  return options.out / "checkpoint.safetensors";
}
std::filesystem::path weights_path(const Options& options) { return options.out / "weights.safetensors"; }

void save_checkpoint(const Training& training, const Options& options) {
  io::Safetensors file{identity_of(training, options), training.state()};
  file.metadata["step"] = std::to_string(training.steps_done());
  io::write_safetensors(checkpoint_path(options), file);
}

void load_checkpoint(Training& training, const Options& options) {
  const std::filesystem::path path = checkpoint_path(options);
  io::remove_leftovers(path);
  std::error_code unreadable;  // read_safetensors says why
  if (!std::filesystem::exists(path, unreadable) && !unreadable) {
    // A disk that is not there is no reason to begin again.
    if (!std::filesystem::is_symlink(path)) return;
    throw Error("cannot resume from '" + path.string() + "', which is a link to a file that is not there");
  }
  const io::Safetensors file = io::read_safetensors(path, io::Checksums::required);
  require_same(file.metadata, identity_of(training, options), path);
  try {
    training.load(file.tensors);
  } catch (const Error& error) {
    throw Error("cannot resume from '" + path.string() + "': " + error.what());
  }
}

void save_weights(const Classifier& network, const Options& options) {
  io::write_safetensors(weights_path(options),
                        {{{"width", std::to_string(options.width)}}, nn::state_of(network)});
}

Classifier read_classifier(const std::filesystem::path& weights) {
  const io::Safetensors file = io::read_safetensors(weights, io::Checksums::required);
  const auto width = file.metadata.find("width");
  Options options;
  options.width = 0;
  if (width != file.metadata.end()) {
    const std::string& text = width->second;
    std::from_chars(text.data(), text.data() + text.size(), options.width);
  }
  if (options.width < 1 || options.width > kWidest)
    throw Error("'" + weights.string() + "' does not say what network its weights are of");
  Classifier network(random_key(0), options);
  try {
    nn::load_state(network, file.tensors);
  } catch (const Error& error) {
    throw Error("'" + weights.string() + "': " + error.what());
  }
  return network;
}

}  // namespace nabla::mnist_classifier
