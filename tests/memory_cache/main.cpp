// When freed blocks leave the cache. Each case needs a process of its own: `memory_cache CASE`.
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

#include "engine/engine.h"

using namespace nabla;

namespace {

constexpr std::size_t kMega = std::size_t{1} << 20;

void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "not so: %s (%zu bytes cached, %zu live)\n", what, memory_statistics().cached_bytes,
               memory_statistics().live_bytes);
  std::exit(1);
}

void use_and_free(std::size_t bytes) { evaluate({iota(static_cast<std::int64_t>(bytes / 8)) * 2}); }

// Address space and resident memory of this process.
std::size_t pages(int which) {
  std::ifstream file("/proc/self/statm");
  std::size_t count[2] = {};
  file >> count[0] >> count[1];
  return count[which] * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

void bound() {
  for (std::size_t bytes = 8 * kMega; bytes < 64 * kMega; bytes += kMega) use_and_free(bytes);
  require(memory_statistics().cached_bytes > 64 * kMega, "several sizes are kept");
  require(memory_statistics().cached_bytes <= 4 * 64 * kMega, "no more than a few times what was live");
}

void time() {
  use_and_free(800 * kMega);
  require(memory_statistics().cached_bytes >= 800 * kMega, "the block is kept at first");
  for (int tenth = 0; tenth < 60 && pages(1) > 400 * kMega; ++tenth)
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  require(pages(1) < 400 * kMega, "the system gets it when it has not been used");
  require(memory_statistics().cached_bytes <= 16 * kMega, "and the cache knows");
  for (int tenth = 0; tenth < 30; ++tenth) {
    use_and_free(100 * kMega);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  require(memory_statistics().cached_bytes >= 100 * kMega, "what is used is kept");
}

void pressure() {
  const Tensor small = tensor<float>({1, 2, 3}, {3});
  use_and_free(800 * kMega);
  require(memory_statistics().cached_bytes >= 800 * kMega, "the block is kept at first");
  const rlimit limit{pages(0) + 100 * kMega, RLIM_INFINITY};
  require(setrlimit(RLIMIT_AS, &limit) == 0, "a limit can be set");
  std::string own;
  own.reserve(500 * kMega);
  require(memory_statistics().cached_bytes == 0, "an allocation of the program gets it");
  use_and_free(200 * kMega);
  use_and_free(250 * kMega);
  require(sum(small).item() == 6, "the engine goes on");
  bool refused = false;
  try {
    use_and_free(2000 * kMega);
  } catch (const OutOfMemory&) {
    refused = true;
  }
  require(refused, "what is not there is refused");
  refused = false;
  try {
    own.reserve(2000 * kMega);
  } catch (const std::bad_alloc&) {
    refused = true;
  }
  require(refused, "to the program as well");
}

void setting() {
  use_and_free(100 * kMega);
  require(memory_statistics().cached_bytes <= kMega, "NABLAFLOW_CACHE_BYTES holds");
}

}  // namespace

int main(int, char** arguments) try {
  const std::string name = arguments[1];
  if (name == "bound") bound();
  if (name == "time") time();
  if (name == "pressure") pressure();
  if (name == "setting") setting();
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
