#include "tests/cuda/host_kernels.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <sstream>
#include <utility>

namespace nabla::cuda::host {

namespace {

constexpr std::size_t kTextsOfLibrary = 64;
constexpr std::int64_t kSharedBytes = 48 << 10;
constexpr std::string_view kExternC = "extern \"C\"";

bool is_of_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

/// Texts live in namespaces, where names of C would meet.
std::string without_extern_c(std::string text) {
  for (std::size_t at = text.find(kExternC); at != std::string::npos; at = text.find(kExternC, at))
    text.erase(at, kExternC.size());
  return text;
}

std::string_view behind_preamble(std::string_view text) {
  return text.starts_with(preamble()) ? text.substr(preamble().size()) : text;
}

/// The source of a library of all these texts.
std::string library_source(std::span<const std::string> texts) {
  std::ostringstream out;
  out << library_interface << cuda_on_host
      << "#define SHIM_SHARED shared_of_preamble\nnamespace {\n#line 1 \"preamble\"\n"
      << preamble() << "\n}\n";
  std::ostringstream sections;
  std::ostringstream entries;
  const auto declare_section = [&sections](const std::string& name) {
    for (const char* end : {"__start_", "__stop_"})
      sections << "extern char " << end << name << "[] __attribute__((weak, visibility(\"hidden\")));\n";
  };
  declare_section("shared_of_preamble");
  int count = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::string number = std::to_string(i);
    const std::string section = "shared_of_" + number;
    out << "#undef SHIM_SHARED\n#define SHIM_SHARED " << section << "\nnamespace { namespace text_" << number
        << " {\n#line 1 \"kernel " << number << "\"\n"
        << without_extern_c(texts[i]) << "\n} }\n";
    declare_section(section);
    for (const EntryPoint& entry : entry_points(texts[i])) {
      const std::string name = "text_" + number + "::" + entry.name;
      entries << "  {\"" << entry.name << "\", " << number << ", " << entry.parameters() << ", &run_threads<&"
              << name << ">, __start_" << section << ", __stop_" << section << "},\n";
      ++count;
    }
  }
  out << "#line 1 \"table of kernels\"\nextern \"C\" {\n" << sections.str() << "}\n";
  out << "static const Entry kEntries[] = {\n"
      << entries.str() << "  {nullptr, 0, 0, nullptr, nullptr, nullptr}};\n";
  out << "static const Library kLibrary = {&threadIdx, &blockIdx, &blockDim, &gridDim, "
         "__start_shared_of_preamble, __stop_shared_of_preamble, "
      << count << ", kEntries};\n";
  out << "extern \"C\" __attribute__((visibility(\"default\"))) const Library* nablaflow_host_library(const "
         "Runtime* functions) {\n  runtime = *functions;\n  return &kLibrary;\n}\n";
  return out.str();
}

/// A directory that goes when this does.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "nablaflow_kernels_XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw KernelError("no temporary directory can be made: " + name);
    path_ = name;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

std::string content_of(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

const Library& load(const std::filesystem::path& file) {
  void* const handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) throw KernelError(std::string("compiled kernels cannot be loaded: ") + dlerror());
  void* const symbol = dlsym(handle, "nablaflow_host_library");
  if (symbol == nullptr) throw KernelError("compiled kernels have no table");
  return *reinterpret_cast<const Library* (*)(const Runtime*)>(symbol)(&runtime());
}

/// What makes a library, but for the names of files. Kernels keep every bit as written: no contraction.
/// The program has what they call; to link libraries again takes time.
std::string compiler_command() {
  return std::string(NABLAFLOW_HOST_COMPILER) +
         " -std=c++17 -O1 -w -ffp-contract=off -fno-math-errno -fno-trapping-math -fno-strict-aliasing"
         " -fsanitize=alignment -fsanitize-undefined-trap-on-error"
         " -fwrapv -fno-exceptions -fno-rtti -fvisibility=hidden -fPIC -shared -nostdlib";
}

/// Where a library of that source lies from an earlier run, or is to be kept: in the directory that the
/// environment names. Nowhere if it names none.
std::filesystem::path kept_library(const std::string& source) {
  const char* directory = std::getenv("NABLAFLOW_HOST_KERNELS");
  if (directory == nullptr) return {};
  std::ostringstream name;
  name << std::hex << std::hash<std::string>()(source + compiler_command() + __VERSION__);
  return std::filesystem::path(directory) / name.str();
}

/// Keeps a library beside its source, for programs that run meanwhile see all of it or nothing.
void keep(const std::filesystem::path& library, const std::string& source,
          const std::filesystem::path& kept) {
  std::filesystem::create_directories(kept.parent_path());
  const std::filesystem::path draft = kept.string() + "." + std::to_string(getpid());
  std::filesystem::create_directory(draft);
  std::filesystem::copy_file(library, draft / "kernels.so");
  std::ofstream(draft / "kernels.cpp") << source;
  std::error_code is_there;
  std::filesystem::rename(draft, kept, is_there);
  if (is_there) std::filesystem::remove_all(draft);
}

const Library& build_library(std::span<const std::string> texts) {
  const std::string source = library_source(texts);
  const std::filesystem::path kept = kept_library(source);
  if (!kept.empty() && content_of(kept / "kernels.cpp") == source) return load(kept / "kernels.so");
  const TemporaryDirectory directory;
  const std::filesystem::path source_file = directory.path() / "kernels.cpp";
  const std::filesystem::path library = directory.path() / "kernels.so";
  const std::filesystem::path log = directory.path() / "log";
  std::ofstream(source_file) << source;
  const std::string command = compiler_command() + " -o " + library.string() + " " + source_file.string() +
                              " -lgcc > " + log.string() + " 2>&1";
  if (std::system(command.c_str()) != 0)
    throw KernelError("kernels do not compile for the host:\n" + content_of(log));
  if (!kept.empty()) keep(library, source, kept);
  return load(library);
}

/// All texts that have been compiled, with their kernels by name.
struct Compiled {
  std::mutex mutex;
  std::map<std::string, std::vector<HostKernel>, std::less<>> kernels;
};

Compiled& compiled() {
  static Compiled instance;
  return instance;
}

void compile_locked(Compiled& all, std::span<const std::string> texts) {
  std::vector<std::string> missing;
  for (const std::string& text : texts) {
    std::string rest(behind_preamble(text));
    if (!all.kernels.contains(rest)) missing.push_back(std::move(rest));
  }
  std::sort(missing.begin(), missing.end());
  missing.erase(std::unique(missing.begin(), missing.end()), missing.end());
  for (std::size_t begin = 0; begin < missing.size(); begin += kTextsOfLibrary) {
    const std::size_t count = std::min(kTextsOfLibrary, missing.size() - begin);
    const auto part = std::span(missing).subspan(begin, count);
    const Library& library = build_library(part);
    for (const std::string& text : part) all.kernels[text];
    for (int i = 0; i < library.entry_count; ++i) {
      const Entry& entry = library.entries[i];
      all.kernels[part[entry.text]].emplace_back(library, entry);
    }
  }
}

/// The parameters in the list that starts behind the parenthesis at `open`: is each a pointer?
std::vector<bool> pointers_among_parameters(std::string_view text, std::size_t open) {
  std::vector<bool> result;
  int depth = 0;
  bool is_pointer = false;
  bool is_empty = true;
  for (std::size_t at = open + 1; at < text.size(); ++at) {
    const char c = text[at];
    if (depth == 0 && (c == ')' || c == ',')) {
      if (!is_empty) result.push_back(std::exchange(is_pointer, false));
      if (c == ')') break;
      is_empty = true;
    } else {
      if (c == '(' || c == '<' || c == '[') ++depth;
      if (c == ')' || c == '>' || c == ']') --depth;
      if (c == '*') is_pointer = true;
      if (std::isspace(static_cast<unsigned char>(c)) == 0) is_empty = false;
    }
  }
  return result;
}

}  // namespace

std::vector<EntryPoint> entry_points(std::string_view text) {
  std::vector<EntryPoint> result;
  for (std::size_t at = text.find(kExternC); at != std::string_view::npos; at = text.find(kExternC, at + 1)) {
    const std::size_t global = text.find("__global__", at);
    if (global == std::string_view::npos) break;
    // Behind what may stand between: the type, and __launch_bounds__(..) with parentheses of its own.
    std::size_t from = global;
    if (const std::size_t bounds = text.find("__launch_bounds__", global);
        bounds != std::string_view::npos && bounds < text.find('{', global))
      from = text.find(')', bounds);
    const std::size_t open = text.find('(', from);
    if (open == std::string_view::npos) break;
    std::size_t end = open;
    while (end > from && !is_of_name(text[end - 1])) --end;
    std::size_t begin = end;
    while (begin > from && is_of_name(text[begin - 1])) --begin;
    result.push_back({std::string(text.substr(begin, end - begin)), pointers_among_parameters(text, open)});
  }
  return result;
}

void compile(std::span<const std::string> texts) {
  Compiled& all = compiled();
  const std::lock_guard lock(all.mutex);
  compile_locked(all, texts);
}

const HostKernel& kernel(const std::string& text, std::string_view entry) {
  Compiled& all = compiled();
  const std::lock_guard lock(all.mutex);
  compile_locked(all, std::span(&text, 1));
  for (const HostKernel& candidate : all.kernels.find(behind_preamble(text))->second)
    if (candidate.name() == entry) return candidate;
  throw KernelError("a text has no kernel " + std::string(entry));
}

void HostKernel::run(std::int64_t blocks, int threads, std::span<const std::uint64_t> arguments,
                     Order order) const {
  const std::string launch = "kernel " + std::string(name()) + " is launched with ";
  if (blocks < 1 || blocks > 0x7fffffff) throw KernelError(launch + std::to_string(blocks) + " blocks");
  if (threads < 32 || threads > 1024 || threads % 32 != 0)
    throw KernelError(launch + std::to_string(threads) + " threads");
  if (arguments.size() != static_cast<std::size_t>(parameters()))
    throw KernelError(launch + std::to_string(arguments.size()) + " arguments instead of " +
                      std::to_string(parameters()));
  const std::int64_t shared = entry_->shared_end - entry_->shared_begin;
  if (shared > kSharedBytes) throw KernelError(launch + std::to_string(shared) + " bytes of shared memory");
  run_blocks(*library_, *entry_, blocks, threads, arguments, order);
}

}  // namespace nabla::cuda::host
