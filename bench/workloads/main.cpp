// Measures the workloads of this directory. Two ways to run it:
//   bench_workloads --work fm_step [--repeat 20]   times one workload, for profiles
//   bench_workloads                                obeys lines on the standard input (bench/run.py)
// with --data DIR, --device cpu|cuda and --precision f32|tf32|bf16 (of products on a GPU).
//
// Each answer is one line of JSON. bench/peers/peer.py speaks the same protocol:
//   make WORK          the workload, its first call timed: {"first_call_ms": .., ..}
//   check WORK DIR     the results of the first call of a fresh one as .npy files: {"first_call_ms": ..}
//   time WORK SECONDS  calls for so long: {"ms": [.. per call ..], "calls": .., "units": ..}
//   host WORK          {"host_us": ..}, until a call returns that a GPU has yet to finish
//   drop WORK
//   ceilings           see Ceilings
//   versions           libraries, instruction sets, the device

#include <algorithm>
#include <iomanip>
#include <iostream>
#include <limits>
#include <sstream>
#include <vector>

#include "bench/workloads/workload.h"
#include "engine/backend/device.h"
#include "engine/backend/instruction_set.h"
#include "engine/backend/threads.h"
#include "engine/engine.h"
#include "examples/report/timing.h"

#ifdef NABLAFLOW_HAVE_ONEDNN
#include <oneapi/dnnl/dnnl.hpp>
#endif

namespace nabla::bench {
namespace {

using report::median;
using report::now_seconds;

constexpr int kThreads = 2;
constexpr double kShortestMilliseconds = 5;  // shorter calls are timed several at a time
constexpr double kLongMilliseconds = 100;
constexpr int kMostColdCalls = 4;  // each uses up a batch size
constexpr int kFewestBursts = 3, kMostBursts = 31, kBurst = 20;
constexpr double kBurstsMilliseconds = 1000;

double now_ms() { return 1e3 * now_seconds(); }

std::string quoted(const std::string& text) {
  std::ostringstream out;
  out << '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out << '\\';
    out << (static_cast<unsigned char>(c) < ' ' ? ' ' : c);
  }
  out << '"';
  return out.str();
}

double milliseconds_of(Workload& work, int calls) {
  work.prepare();
  synchronize(current_device());
  const double start = now_ms();
  for (int i = 0; i < calls; ++i) work.run();
  synchronize(current_device());
  return (now_ms() - start) / calls;
}

// Calls come in bursts, short enough for all of them to be waiting for the device at once.
double host_microseconds_of(Workload& work) {
  const int calls = work.prepares() ? 1 : kBurst;
  std::vector<double> times;
  const double end = now_ms() + kBurstsMilliseconds;
  for (int burst = 0; burst < kFewestBursts || (burst < kMostBursts && now_ms() < end); ++burst) {
    work.prepare();
    synchronize(current_device());
    const double start = now_ms();
    for (int i = 0; i < calls; ++i) work.run();
    times.push_back((now_ms() - start) * 1e3 / calls);
  }
  synchronize(current_device());
  return median(times);
}

std::string product_instructions() {
#ifdef NABLAFLOW_HAVE_ONEDNN
  switch (dnnl::get_effective_cpu_isa()) {
    case dnnl::cpu_isa::sse41:
      return "oneDNN: SSE4.1";
    case dnnl::cpu_isa::avx:
      return "oneDNN: AVX";
    case dnnl::cpu_isa::avx2:
      return "oneDNN: AVX2";
    default:
      return "oneDNN: AVX-512";
  }
#else
  return "portable kernels";
#endif
}

class Session {
 public:
  Session(Data data, std::string precision) : data_(std::move(data)), precision_(std::move(precision)) {
    add_training_workloads(makers_);
    add_derivative_workloads(makers_);
    add_sampling_workloads(makers_);
    add_pointwise_workloads(makers_);
    add_operator_workloads(makers_);
    add_attention_workloads(makers_);
  }

  void answer(const std::string& line, std::ostream& out) {
    std::istringstream words(line);
    std::string command, name;
    words >> command >> name;
    if (command == "make") {
      made_[name] = maker(name)(data_);
      Workload& work = *made_[name];
      const double first = milliseconds_of(work, 1);
      // What a call takes beyond what is there between calls, its results' memory among it.
      const std::size_t before = memory_statistics().live_bytes;
      reset_peak_memory();
      if (!work.always_cold()) milliseconds_of(work, 1);
      out << "{\"first_call_ms\": " << first << ", \"live_bytes\": " << before
          << ", \"temp_bytes\": " << memory_statistics().peak_bytes - before << "}";
    } else if (command == "check") {
      std::string directory;
      words >> directory;
      const std::unique_ptr<Workload> work = maker(name)(data_);
      const double first = milliseconds_of(*work, 1);
      write_tensors(directory, work->results());
      out << "{\"first_call_ms\": " << first << "}";
    } else if (command == "time") {
      double seconds = 1;
      words >> seconds;
      time(name, seconds * 1e3, out);
    } else if (command == "host") {
      out << "{\"host_us\": " << host_microseconds_of(made(name)) << "}";
    } else if (command == "drop") {
      made_.erase(name);
      clear_plan_cache();
      release_memory_cache();
      out << "{}";
    } else if (command == "ceilings") {
      const Ceilings c =
          current_device() == Device::cuda ? measure_gpu_ceilings() : measure_ceilings(kThreads);
      release_memory_cache();
      out << "{\"product_gflops\": " << c.product_gflops << ", \"product_by\": " << quoted(c.product_by)
          << ", \"copy_gigabytes\": " << c.copy_gigabytes << ", \"copy_by\": " << quoted(c.copy_by) << "}";
    } else if (command == "speed") {
      out << "{\"gflops\": " << measure_speed(kThreads) << "}";
    } else if (command == "versions" && current_device() == Device::cuda) {
      out << "{\"device\": " << quoted(describe(Device::cuda)) << ", \"precision\": " << quoted(precision_)
          << "}";
    } else if (command == "versions") {
      out << "{\"instruction_set\": "
          << quoted("pointwise: " + std::string(name_of(instruction_set())) + ", " + product_instructions())
          << ", \"thread_count\": " << thread_count() << "}";
    } else {
      throw Error("bench_workloads: no command '" + command + "'");
    }
  }

 private:
  const WorkloadMaker& maker(const std::string& name) const {
    const auto found = makers_.find(name);
    if (found != makers_.end()) return found->second;
    std::string names;
    for (const auto& [known, make] : makers_) names += " " + known;
    throw Error("bench_workloads: no workload '" + name + "'; there are" + names);
  }

  Workload& made(const std::string& name) const {
    const auto found = made_.find(name);
    if (found == made_.end()) throw Error("bench_workloads: '" + name + "' has not been made");
    return *found->second;
  }

  void time(const std::string& name, double budget_ms, std::ostream& out) {
    Workload& work = made(name);
    const double start = now_ms();
    int calls = 1;
    int count = 0;
    std::ostringstream times;
    times << std::setprecision(7);
    if (!work.always_cold()) {
      const double one = milliseconds_of(work, 1);
      if (!work.prepares()) calls = std::clamp(static_cast<int>(kShortestMilliseconds / one), 1, 1000);
      // A call this long needs no warming up.
      if (one > kLongMilliseconds) times << one, ++count;
    }
    const int most = work.always_cold() ? kMostColdCalls : std::numeric_limits<int>::max();
    while (count == 0 || (count < most && now_ms() - start < budget_ms))
      times << (count++ > 0 ? ", " : "") << milliseconds_of(work, calls);
    out << "{\"calls\": " << calls << ", \"units\": " << work.units() << ", \"ms\": [" << times.str() << "]}";
  }

  Data data_;
  std::string precision_;
  Workloads makers_;
  std::map<std::string, std::unique_ptr<Workload>> made_;
};

ProductPrecision precision_named(const std::string& name) {
  if (name == "f32") return ProductPrecision::f32;
  if (name == "tf32") return ProductPrecision::tf32;
  if (name == "bf16") return ProductPrecision::bf16;
  throw Error("bench_workloads: no precision '" + name + "'; there are f32, tf32 and bf16");
}

int run(const std::vector<std::string>& arguments) {
  std::string directory = "build/bench-data", work, device = "cpu", precision = "f32";
  int repeat = 20;
  for (std::size_t i = 0; i + 1 < arguments.size(); i += 2) {
    const std::string& value = arguments[i + 1];
    if (arguments[i] == "--data")
      directory = value;
    else if (arguments[i] == "--work")
      work = value;
    else if (arguments[i] == "--repeat")
      repeat = std::stoi(value);
    else if (arguments[i] == "--device")
      device = value;
    else if (arguments[i] == "--precision")
      precision = value;
    else
      throw Error("bench_workloads: no option '" + arguments[i] + "'");
  }
  set_device(device_named(device));
  set_product_precision(precision_named(precision));
  if (current_device() == Device::cpu) set_thread_count(kThreads);
  std::cout << std::setprecision(7);
  Session session(Data(directory), precision);
  if (work.empty()) {
    for (std::string line; std::getline(std::cin, line);) {
      std::ostringstream out;
      out << std::setprecision(7);
      try {
        session.answer(line, out);
        std::cout << out.str() << std::endl;
      } catch (const std::exception& error) {
        std::cout << "{\"error\": " << quoted(error.what()) << "}" << std::endl;
      }
    }
    return 0;
  }
  session.answer("make " + work, std::cout);
  std::cout << "\n";
  for (int i = 0; i < repeat; ++i) {
    session.answer("time " + work + " 0", std::cout);
    std::cout << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace nabla::bench

int main(int argc, char** argv) {
  try {
    return nabla::bench::run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
