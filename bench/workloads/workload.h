#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/ops/random.h"
#include "engine/tensor/named_tensor.h"
#include "nn/nn.h"

// What bench_workloads measures. A workload is written as a user would write it; the peers in bench/peers do
// the same arithmetic on the same files.

namespace nabla::bench {

/// Inputs and weights that every side reads: a directory for each set of tensors, in it one .npy file for
/// each of them, written by bench/run.py.
class Data {
 public:
  explicit Data(std::filesystem::path directory) : directory_(std::move(directory)) {}
  /// All tensors of the set "<name>". @throws Error if one cannot be read.
  nn::State file(const std::string& name) const;

 private:
  std::filesystem::path directory_;
};

/// Writes such a set into a directory that is made anew.
void write_tensors(const std::filesystem::path& directory, const nn::State& tensors);

class Workload {
 public:
  virtual ~Workload() = default;
  /// What must be there before a call and is no part of it.
  virtual void prepare() {}
  /// Whether prepare() does something, so that it has to come before each call.
  virtual bool prepares() const { return false; }
  /// One call, its results computed, or on a GPU on their way.
  virtual void run() = 0;
  /// Whether every call is to be measured as if it were the first: no warming up.
  virtual bool always_cold() const { return false; }
  /// Times of one call to divide by: evaluations of the field, say.
  virtual std::int64_t units() const { return 1; }
  /// Results of the last call, to be compared with the peers'.
  virtual nn::State results() const = 0;
};

using WorkloadMaker = std::function<std::unique_ptr<Workload>(const Data&)>;
using Workloads = std::map<std::string, WorkloadMaker>;

void add_training_workloads(Workloads& workloads);
void add_derivative_workloads(Workloads& workloads);
void add_sampling_workloads(Workloads& workloads);
void add_pointwise_workloads(Workloads& workloads);
void add_operator_workloads(Workloads& workloads);
void add_attention_workloads(Workloads& workloads);

/// The 784-1024-1024-1024-784 network of most rows.
nn::MlpOptions picture_network();
/// That of the rows "unet_..".
nn::UNetOptions unet_of_pictures();
/// A network with the weights of a file.
template <class Net = nn::Mlp, class Options>
Net load_network(const Data& data, const std::string& name, const Options& options) {
  Net net(random_key(0), options);
  nn::load_state(net, data.file(name));
  return net;
}

/// What a device can do at best, in GFLOP/s and GB/s read and written.
struct Ceilings {
  double product_gflops;
  std::string product_by;  ///< shape and by whom
  double copy_gigabytes;
  std::string copy_by;
};
Ceilings measure_ceilings(int threads);
/// The same of a GPU, by the engine's own product in the present precision and its own pointwise kernel.
Ceilings measure_gpu_ceilings();
/// GFLOP/s of one product in a short moment: whether the machine is at its usual speed now.
double measure_speed(int threads);

}  // namespace nabla::bench
