// Measures the workloads of this directory. Two ways to run it:
//   bench_workloads --data DIR --work fm_step [--repeat 20]   times one workload, for profiles
//   bench_workloads --data DIR                                obeys lines on the standard input
//   (bench/run.py)
// Each answer is one line of JSON. bench/peers/peer.py speaks the same protocol:
//   make WORK          the workload, its first call timed     {"first_call_ms": .., ..}
//   check WORK FILE    first results of a fresh one, written as safetensors
//   time WORK SECONDS  calls for so long                      {"ms": [.. per call ..], "calls": .., "units":
//   ..} drop WORK ceilings           see measure_ceilings versions           libraries and instruction sets
//   in use

#include <algorithm>
#include <chrono>
#include <iomanip>
#include <iostream>
#include <limits>
#include <sstream>
#include <vector>

#include "bench/workloads/workload.h"
#include "engine/backend/instruction_set.h"
#include "engine/backend/threads.h"
#include "engine/engine.h"
#include "io/safetensors.h"

#ifdef NABLAFLOW_HAVE_ONEDNN
#include <oneapi/dnnl/dnnl.hpp>
#endif

namespace nabla::bench {
namespace {

constexpr int kThreads = 2;
constexpr double kShortestMilliseconds = 5;  // shorter calls are timed several at a time
constexpr double kLongMilliseconds = 100;
constexpr int kMostColdCalls = 4;  // each uses up a batch size

double now_ms() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

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
  double total = 0;
  for (int i = 0; i < calls; ++i) {
    work.prepare();
    const double start = now_ms();
    work.run();
    total += now_ms() - start;
  }
  return total / calls;
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
  explicit Session(Data data) : data_(std::move(data)) {
    add_training_workloads(makers_);
    add_derivative_workloads(makers_);
    add_sampling_workloads(makers_);
    add_pointwise_workloads(makers_);
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
      std::string file;
      words >> file;
      const std::unique_ptr<Workload> work = maker(name)(data_);
      milliseconds_of(*work, 1);
      io::write_safetensors(file, {{}, work->results()});
      out << "{}";
    } else if (command == "time") {
      double seconds = 1;
      words >> seconds;
      time(name, seconds * 1e3, out);
    } else if (command == "drop") {
      made_.erase(name);
      clear_plan_cache();
      release_memory_cache();
      out << "{}";
    } else if (command == "ceilings") {
      const Ceilings c = measure_ceilings(kThreads);
      release_memory_cache();
      out << "{\"product_gflops\": " << c.product_gflops << ", \"product_by\": " << quoted(c.product_shape)
          << ", \"copy_gigabytes\": " << c.copy_gigabytes << ", \"copy_by\": " << quoted(c.copy_stores)
          << "}";
    } else if (command == "speed") {
      out << "{\"gflops\": " << measure_speed(kThreads) << "}";
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

  void time(const std::string& name, double budget_ms, std::ostream& out) {
    const auto found = made_.find(name);
    if (found == made_.end()) throw Error("bench_workloads: '" + name + "' has not been made");
    Workload& work = *found->second;
    const double start = now_ms();
    int calls = 1;
    int count = 0;
    std::ostringstream times;
    times << std::setprecision(7);
    if (!work.always_cold()) {
      const double one = milliseconds_of(work, 1);
      calls = std::clamp(static_cast<int>(kShortestMilliseconds / one), 1, 1000);
      // A call this long needs no warming up.
      if (one > kLongMilliseconds) times << one, ++count;
    }
    const int most = work.always_cold() ? kMostColdCalls : std::numeric_limits<int>::max();
    while (count == 0 || (count < most && now_ms() - start < budget_ms))
      times << (count++ > 0 ? ", " : "") << milliseconds_of(work, calls);
    out << "{\"calls\": " << calls << ", \"units\": " << work.units() << ", \"ms\": [" << times.str() << "]}";
  }

  Data data_;
  Workloads makers_;
  std::map<std::string, std::unique_ptr<Workload>> made_;
};

int run(const std::vector<std::string>& arguments) {
  std::string directory = "build/bench-data", work;
  int repeat = 20;
  for (std::size_t i = 0; i + 1 < arguments.size(); i += 2) {
    const std::string& value = arguments[i + 1];
    if (arguments[i] == "--data")
      directory = value;
    else if (arguments[i] == "--work")
      work = value;
    else if (arguments[i] == "--repeat")
      repeat = std::stoi(value);
    else
      throw Error("bench_workloads: no option '" + arguments[i] + "'");
  }
  set_thread_count(kThreads);
  std::cout << std::setprecision(7);
  Session session{Data(directory)};
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
