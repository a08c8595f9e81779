#include "engine/backend/cuda/compiler.h"

#include <algorithm>
#include <vector>

#include "engine/backend/cuda/handle.h"
#include "engine/tensor/error.h"

namespace nabla::cuda {
namespace {

class Program {
 public:
  Program(const std::string& text, const std::string& name) {
    check(nvrtcCreateProgram(&program_, text.c_str(), (name + ".cu").c_str(), 0, nullptr, nullptr), name);
  }
  ~Program() { nvrtcDestroyProgram(&program_); }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  nvrtcProgram get() const { return program_; }

 private:
  nvrtcProgram program_ = nullptr;
};

std::string log_of(const Program& program) {
  std::size_t size = 0;
  if (nvrtcGetProgramLogSize(program.get(), &size) != NVRTC_SUCCESS || size == 0) return "";
  std::string log(size, '\0');
  if (nvrtcGetProgramLog(program.get(), log.data()) != NVRTC_SUCCESS) return "";
  log.pop_back();  // the terminating zero
  return log;
}

std::vector<int> known_architectures() {
  int count = 0;
  check(nvrtcGetNumSupportedArchs(&count), "nvrtcGetNumSupportedArchs");
  std::vector<int> architectures(count);
  check(nvrtcGetSupportedArchs(architectures.data()), "nvrtcGetSupportedArchs");
  return architectures;
}

// A contracted multiply-add rounds once: without it pointwise results have the bits of the CPU's.
constexpr const char* kOptions[] = {"--std=c++17", "--fmad=false", "--device-as-default-execution-space"};

int newest_before(const std::vector<int>& architectures, int architecture) {
  int newest = 0;
  for (const int each : architectures)
    if (each < architecture) newest = std::max(newest, each);
  return newest;
}

}  // namespace

std::string compile(const KernelSource& source, int architecture) {
  static const std::vector<int>& architectures = *new std::vector<int>(known_architectures());
  const bool has_machine_code = std::ranges::find(architectures, architecture) != architectures.end();
  const std::string target = has_machine_code
                                 ? "sm_" + std::to_string(architecture)
                                 : "compute_" + std::to_string(newest_before(architectures, architecture));
  const std::string text = std::string(preamble()) + source.text;
  const Program program(text, source.entry);
  const std::string architecture_option = "--gpu-architecture=" + target;
  std::vector<const char*> options{architecture_option.c_str()};
  options.insert(options.end(), std::begin(kOptions), std::end(kOptions));
  if (nvrtcCompileProgram(program.get(), static_cast<int>(options.size()), options.data()) != NVRTC_SUCCESS)
    throw Error("cuda: kernel " + source.entry + " does not compile for " + target + ":\n" + log_of(program) +
                "\n" + source.text);
  std::size_t size = 0;
  std::string code;
  if (has_machine_code) {
    check(nvrtcGetCUBINSize(program.get(), &size), source.entry);
    code.resize(size);
    check(nvrtcGetCUBIN(program.get(), code.data()), source.entry);
  } else {
    check(nvrtcGetPTXSize(program.get(), &size), source.entry);
    code.resize(size);
    check(nvrtcGetPTX(program.get(), code.data()), source.entry);
  }
  return code;
}

std::string compiler_options() {
  std::string options;
  for (const char* option : kOptions) options += std::string(" ") + option;
  return options;
}

std::string compiler_version() {
  int major = 0;
  int minor = 0;
  check(nvrtcVersion(&major, &minor), "nvrtcVersion");
  return std::to_string(major) + "." + std::to_string(minor);
}

}  // namespace nabla::cuda
