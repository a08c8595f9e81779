#include "tests/cuda/emulator/machine.h"

#include <map>
#include <random>

#include "tests/cuda/emulator/memory.h"

namespace nabla::cuda::emulator {

namespace {

struct Planned {
  int calls_until;
  int code;
};
std::map<std::string, Planned, std::less<>>& planned_failures() {
  static std::map<std::string, Planned, std::less<>> instance;
  return instance;
}

using Lock = std::lock_guard<std::recursive_mutex>;

}  // namespace

Machine& machine() {
  static Machine instance;
  return instance;
}

std::optional<int> injected_failure(const char* function) {
  const auto at = planned_failures().find(std::string_view(function));
  if (at == planned_failures().end() || --at->second.calls_until > 0) return std::nullopt;
  const int code = at->second.code;
  planned_failures().erase(at);
  return code;
}

bool is_search_refused() {
  static std::minstd_rand random;
  return std::uniform_real_distribution<double>()(random) < machine().convolution_refusals;
}

void complain(const std::string& text) { machine().complaint = text; }

cudaError_t& last_error() {
  thread_local cudaError_t error = cudaSuccess;
  return error;
}

Counters counters() {
  const Lock lock(machine().mutex);
  return machine().counters;
}
void reset_counters() {
  const Lock lock(machine().mutex);
  machine().counters = {};
}
std::size_t device_bytes() {
  const Lock lock(machine().mutex);
  return device_memory().live_bytes();
}
std::size_t host_bytes() {
  const Lock lock(machine().mutex);
  return host_memory().live_bytes();
}
void set_memory_limit(std::size_t bytes) {
  const Lock lock(machine().mutex);
  machine().memory_limit = bytes;
}
void set_presence(Presence presence) {
  const Lock lock(machine().mutex);
  machine().presence = presence;
}
void fail_call(const std::string& function, int nth, int code) {
  const Lock lock(machine().mutex);
  planned_failures()[function] = {nth, code};
}
void fail_no_calls() {
  const Lock lock(machine().mutex);
  planned_failures().clear();
}
void set_convolution_refusals(double share) {
  const Lock lock(machine().mutex);
  machine().convolution_refusals = share;
}
void set_compiles_at_once(bool at_once) {
  const Lock lock(machine().mutex);
  machine().compiles_at_once = at_once;
}
void set_order(host::Order order) {
  const Lock lock(machine().mutex);
  machine().order = order;
}
std::string last_complaint() {
  const Lock lock(machine().mutex);
  return machine().complaint;
}
void clear_error() {
  const Lock lock(machine().mutex);
  machine().sticky = cudaSuccess;
  machine().complaint.clear();
  last_error() = cudaSuccess;
}

}  // namespace nabla::cuda::emulator
