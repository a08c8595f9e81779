#include "examples/digits/ready_model.h"

#include <charconv>
#include <map>

#include "engine/engine.h"
#include "engine/tensor/printable.h"
#include "examples/digits/training.h"
#include "examples/report/number.h"
#include "examples/report/progress.h"
#include "io/safetensors.h"
#include "nn/state.h"

namespace nabla::digits {
namespace {

// Of the network that is trained here: small, so that it takes seconds.
Options small_training(std::uint64_t seed, std::int64_t steps) {
  Options small;
  small.seed = seed;
  small.steps = steps;
  small.width = 256;
  small.layers = 2;
  small.ema = 0.99;
  return small;
}

// The text of a checkpoint's metadata.
class Metadata {
 public:
  Metadata(const std::filesystem::path& path, const std::map<std::string, std::string>& entries)
      : path_(path), entries_(entries) {}

  const std::string& text(const std::string& name) const {
    const auto found = entries_.find(name);
    if (found == entries_.end())
      throw Error("'" + path_.string() + "' is no checkpoint of the digits example: its metadata have no '" +
                  name + "'");
    return found->second;
  }
  template <class Number>
  Number number(const std::string& name) const {
    const std::string& text = this->text(name);
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size())
      throw Error("'" + path_.string() + "': '" + name + "' is '" + printable(text) + "', no number");
    return value;
  }

 private:
  const std::filesystem::path& path_;
  const std::map<std::string, std::string>& entries_;
};

}  // namespace

ReadyModel load_model(const std::filesystem::path& checkpoint, const Images& images) {
  const io::Safetensors file = io::read_safetensors(checkpoint, io::Checksums::required);
  const Metadata metadata(checkpoint, file.metadata);
  const std::string& kind = metadata.text("network");
  if (kind != name_of(Kind::flow_matching) && kind != name_of(Kind::mean_flow))
    throw Error("'" + checkpoint.string() + "': no network '" + printable(kind) + "'");
  Options trained;
  trained.seed = metadata.number<std::uint64_t>("seed");
  trained.width = metadata.number<std::int64_t>("width");
  trained.layers = metadata.number<std::int64_t>("layers");
  trained.ema = metadata.number<double>("ema");
  Split data = split_of_run(images, trained.seed);
  if (const std::string here = describe(data), there = metadata.text("data"); here != there)
    throw Error("'" + checkpoint.string() + "' was trained with other data: " + printable(there) +
                " instead of " + here);
  const auto layout = file.metadata.find(std::string(nn::kWeightLayoutName));
  if (layout == file.metadata.end() || layout->second != nn::kWeightLayout)
    throw Error("'" + checkpoint.string() + "' does not say that its linear weights are " +
                std::string(nn::kWeightLayout) + ": it was made when they were [inputs, outputs]");
  const auto model =
      std::make_shared<const Model>(kind == name_of(Kind::mean_flow) ? Kind::mean_flow : Kind::flow_matching,
                                    random_key(0), pixel_moments(data.training), trained);
  nn::Ema average(model->network(), trained.ema);
  try {
    average.load(nn::part_of(file.tensors, "ema"));
    average.copy_to(model->network());
    return {std::move(data), model, flow::FieldMetadata::from_text(file.metadata),
            "The network of " + checkpoint.filename().string() + ", after " + metadata.text("step") +
                " steps of training: " + std::to_string(trained.layers) + " hidden layers of width " +
                std::to_string(trained.width) + " on top of the exact field of a Gaussian."};
  } catch (const Error& error) {
    throw Error("'" + checkpoint.string() + "': " + error.what());
  }
}

ReadyModel train_small_model(const Images& images, std::uint64_t seed, std::int64_t steps,
                             const Tensor& key) {
  const Options small = small_training(seed, steps);
  Split data = split_of_run(images, seed);
  const Moments moments = pixel_moments(data.training);
  const Tensor keys = split(key, 2);
  Training training(Kind::flow_matching, moments, data, small, keys[0], keys[1]);
  report::Progress progress("training, digits", training.steps());
  while (!training.finished()) {
    training.step();
    progress.update(training.steps_done());
  }
  const auto model = std::make_shared<const Model>(Kind::flow_matching, keys[0], moments, small);
  training.copy_average_to(*model);
  return {std::move(data), model, flow::FieldMetadata{.seed = seed, .step = steps},
          "A network of " + std::to_string(small.layers) + " hidden layers of width " +
              std::to_string(small.width) + " on top of the exact field of a Gaussian, trained here for " +
              report::number(static_cast<double>(steps), 6) +
              " steps only; `--checkpoint` takes a whole one."};
}

}  // namespace nabla::digits
