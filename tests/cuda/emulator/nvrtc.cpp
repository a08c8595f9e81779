#include <nvrtc.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/cuda/emulator/machine.h"
#include "tests/cuda/emulator/program.h"

// NVRTC: what it makes of a text is the text itself.

struct _nvrtcProgram {
  std::string text;
  std::string log;
  std::vector<char> image;  ///< once compiled
  bool has_cubin = false;   ///< else for an architecture that only PTX is made for
};

namespace nabla::cuda::emulator {

namespace {

std::map<nvrtcProgram, std::unique_ptr<_nvrtcProgram>>& programs() {
  static auto& instance = *new std::map<nvrtcProgram, std::unique_ptr<_nvrtcProgram>>;
  return instance;
}

constexpr std::array kArchitectures = {75, 80, 86, 87, 88, 89, 90, 100, 103, 110, 120, 121};

/// The value of an option in the spellings that NVRTC knows, or "".
std::string option_value(const std::vector<std::string>& options, std::string_view name,
                         std::string_view short_name) {
  for (std::size_t i = 0; i < options.size(); ++i)
    for (const std::string_view spelling : {name, short_name}) {
      if (options[i] == spelling && i + 1 < options.size()) return options[i + 1];
      if (options[i].starts_with(std::string(spelling) + "=")) return options[i].substr(spelling.size() + 1);
    }
  return "";
}

nvrtcResult compile(_nvrtcProgram& program, const std::vector<std::string>& options) {
  const std::string architecture = option_value(options, "--gpu-architecture", "-arch");
  program.has_cubin = architecture.starts_with("sm_");
  const std::size_t underscore = architecture.find('_');
  const std::string number = underscore == std::string::npos ? "" : architecture.substr(underscore + 1);
  const bool is_known = std::any_of(kArchitectures.begin(), kArchitectures.end(),
                                    [&](int known) { return number == std::to_string(known); });
  if (!architecture.empty() && !is_known) {
    program.log = "nvrtc: error: invalid value for --gpu-architecture (-arch)\n";
    return NVRTC_ERROR_INVALID_OPTION;
  }
  // Contraction would change bits, and so would fast math.
  if (option_value(options, "--fmad", "-fmad") != "false") {
    program.log = "the emulator compiles without contraction: --fmad=false\n";
    return NVRTC_ERROR_INVALID_OPTION;
  }
  for (const std::string& option : options)
    if (option == "--use_fast_math" || option == "-use_fast_math") {
      program.log = "the emulator has no fast math\n";
      return NVRTC_ERROR_INVALID_OPTION;
    }
  if (machine().compiles_at_once) {
    try {
      host::compile(std::span(&program.text, 1));
    } catch (const host::KernelError& error) {
      program.log = error.what();
      return NVRTC_ERROR_COMPILATION;
    }
  }
  ++machine().counters.cubins_compiled;
  program.image = image_of(program.text);
  return NVRTC_SUCCESS;
}

template <class F>
nvrtcResult program_call(const char* function, nvrtcProgram program, const F& f) {
  return library_call(function, NVRTC_ERROR_INTERNAL_ERROR, [&] {
    return programs().contains(program) ? f(*program) : NVRTC_ERROR_INVALID_PROGRAM;
  });
}

}  // namespace

}  // namespace nabla::cuda::emulator

using namespace nabla::cuda::emulator;

nvrtcResult nvrtcVersion(int* major, int* minor) {
  *major = CUDART_VERSION / 1000;
  *minor = CUDART_VERSION % 1000 / 10;
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcGetNumSupportedArchs(int* count) {
  *count = static_cast<int>(kArchitectures.size());
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcGetSupportedArchs(int* architectures) {
  std::copy(kArchitectures.begin(), kArchitectures.end(), architectures);
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcCreateProgram(nvrtcProgram* program, const char* text, const char*, int headers,
                               const char* const*, const char* const*) {
  return library_call("nvrtcCreateProgram", NVRTC_ERROR_INTERNAL_ERROR, [=] {
    if (headers != 0) return NVRTC_ERROR_INVALID_INPUT;
    auto made = std::make_unique<_nvrtcProgram>();
    made->text = text;
    *program = made.get();
    programs()[*program] = std::move(made);
    return NVRTC_SUCCESS;
  });
}

nvrtcResult nvrtcDestroyProgram(nvrtcProgram* program) {
  const nvrtcResult result = program_call("nvrtcDestroyProgram", *program, [=](_nvrtcProgram&) {
    programs().erase(*program);
    return NVRTC_SUCCESS;
  });
  if (result == NVRTC_SUCCESS) *program = nullptr;
  return result;
}

nvrtcResult nvrtcCompileProgram(nvrtcProgram program, int option_count, const char* const* options) {
  return program_call("nvrtcCompileProgram", program, [=](_nvrtcProgram& p) {
    return compile(p, std::vector<std::string>(options, options + option_count));
  });
}

nvrtcResult nvrtcGetCUBINSize(nvrtcProgram program, size_t* bytes) {
  return program_call("nvrtcGetCUBINSize", program, [=](_nvrtcProgram& p) {
    if (p.image.empty()) return NVRTC_ERROR_INVALID_PROGRAM;
    *bytes = p.has_cubin ? p.image.size() : 0;
    return NVRTC_SUCCESS;
  });
}

nvrtcResult nvrtcGetCUBIN(nvrtcProgram program, char* image) {
  return program_call("nvrtcGetCUBIN", program, [=](_nvrtcProgram& p) {
    if (p.image.empty() || !p.has_cubin) return NVRTC_ERROR_INVALID_PROGRAM;
    std::memcpy(image, p.image.data(), p.image.size());
    return NVRTC_SUCCESS;
  });
}

nvrtcResult nvrtcGetPTXSize(nvrtcProgram program, size_t* bytes) {
  return program_call("nvrtcGetPTXSize", program, [=](_nvrtcProgram& p) {
    if (p.image.empty()) return NVRTC_ERROR_INVALID_PROGRAM;
    *bytes = p.image.size();
    return NVRTC_SUCCESS;
  });
}

nvrtcResult nvrtcGetPTX(nvrtcProgram program, char* image) {
  return program_call("nvrtcGetPTX", program, [=](_nvrtcProgram& p) {
    if (p.image.empty()) return NVRTC_ERROR_INVALID_PROGRAM;
    std::memcpy(image, p.image.data(), p.image.size());
    return NVRTC_SUCCESS;
  });
}

nvrtcResult nvrtcGetProgramLogSize(nvrtcProgram program, size_t* bytes) {
  return program_call("nvrtcGetProgramLogSize", program, [=](_nvrtcProgram& p) {
    *bytes = p.log.size() + 1;
    return NVRTC_SUCCESS;
  });
}

nvrtcResult nvrtcGetProgramLog(nvrtcProgram program, char* log) {
  return program_call("nvrtcGetProgramLog", program, [=](_nvrtcProgram& p) {
    std::memcpy(log, p.log.c_str(), p.log.size() + 1);
    return NVRTC_SUCCESS;
  });
}

const char* nvrtcGetErrorString(nvrtcResult result) {
  switch (result) {
    case NVRTC_SUCCESS:
      return "NVRTC_SUCCESS";
    case NVRTC_ERROR_OUT_OF_MEMORY:
      return "NVRTC_ERROR_OUT_OF_MEMORY";
    case NVRTC_ERROR_INVALID_INPUT:
      return "NVRTC_ERROR_INVALID_INPUT";
    case NVRTC_ERROR_INVALID_PROGRAM:
      return "NVRTC_ERROR_INVALID_PROGRAM";
    case NVRTC_ERROR_INVALID_OPTION:
      return "NVRTC_ERROR_INVALID_OPTION";
    case NVRTC_ERROR_COMPILATION:
      return "NVRTC_ERROR_COMPILATION";
    default:
      return "NVRTC_ERROR";
  }
}
