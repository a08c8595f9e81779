#include "examples/digits/checkpoint.h"

#include <map>
#include <string>
#include <system_error>

#include "engine/tensor/printable.h"
#include "examples/report/number.h"
#include "io/atomic_file.h"
#include "io/safetensors.h"
#include "nn/state.h"

namespace nabla::digits {
namespace {

// Everything that decides the numbers of a training, without the number of its step.
std::map<std::string, std::string> identity_of(const Training& training, const Options& options) {
  std::map<std::string, std::string> entries = field_metadata(training, options).to_text();
  entries.erase("step");
  const auto exact = [](double value) { return report::number(value, 17); };
  entries[std::string(nn::kWeightLayoutName)] = nn::kWeightLayout;
  entries["data"] = describe(training.data());
  entries["network"] = name_of(training.kind());
  entries["steps"] = std::to_string(training.steps());
  entries["batch"] = std::to_string(options.batch);
  entries["width"] = std::to_string(options.width);
  entries["layers"] = std::to_string(options.layers);
  entries["learning_rate"] = exact(options.learning_rate);
  entries["ema"] = exact(options.ema);
  if (training.kind() == Kind::mean_flow) {
    entries["weight_decay"] = exact(options.mean_flow_weight_decay);
    entries["averaged_weight"] = exact(options.averaged_weight);
  } else {
    entries["weight_decay"] = exact(options.weight_decay);
  }
  return entries;
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

std::filesystem::path checkpoint_path(const Options& options, Kind kind) {
  return options.out / (name_of(kind) + ".safetensors");
}

// Linear path, standard normal noise drawn for each image alone, no guidance: what FieldMetadata begins with.
flow::FieldMetadata field_metadata(const Training& training, const Options& options) {
  return {.seed = options.seed, .step = training.steps_done()};
}

void save_checkpoint(const Training& training, const Options& options) {
  io::Safetensors file{identity_of(training, options), training.state()};
  file.metadata["step"] = std::to_string(training.steps_done());
  io::write_safetensors(checkpoint_path(options, training.kind()), file);
}

std::optional<flow::FieldMetadata> load_checkpoint(Training& training, const Options& options) {
  const std::filesystem::path path = checkpoint_path(options, training.kind());
  io::remove_leftovers(path);
  std::error_code unreadable;  // read_safetensors says why
  if (!std::filesystem::exists(path, unreadable) && !unreadable) {
    // A disk that is not there is no reason to begin again.
    if (!std::filesystem::is_symlink(path)) return std::nullopt;
    throw Error("cannot resume from '" + path.string() + "', which is a link to a file that is not there");
  }
  const io::Safetensors file = io::read_safetensors(path, io::Checksums::required);
  require_same(file.metadata, identity_of(training, options), path);
  try {
    training.load(file.tensors);
  } catch (const Error& error) {
    throw Error("cannot resume from '" + path.string() + "': " + error.what());
  }
  return flow::FieldMetadata::from_text(file.metadata);
}

}  // namespace nabla::digits
