#include "engine/backend/cuda/code_cache.h"

#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <system_error>

#include "engine/backend/cuda/compiler.h"

namespace nabla::cuda {
namespace {

std::filesystem::path cache_directory() {
  const char* const own = std::getenv("NABLAFLOW_CACHE_DIR");
  if (own) return own;
  const char* const shared = std::getenv("XDG_CACHE_HOME");
  if (shared && *shared) return std::filesystem::path(shared) / "nablaflow";
  const char* const home = std::getenv("HOME");
  if (home && *home) return std::filesystem::path(home) / ".cache" / "nablaflow";
  return {};
}

// 128 bits: two FNV-1a hashes from different starts.
std::string hash_of(std::string_view text) {
  std::array<std::uint64_t, 2> hashes{0xcbf29ce484222325ULL, 0x9ae16a3b2f90404fULL};
  for (const char c : text)
    for (std::uint64_t& hash : hashes) {
      hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
      hash ^= hash >> 32;
    }
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string digits;
  for (const std::uint64_t hash : hashes)
    for (int shift = 60; shift >= 0; shift -= 4) digits += kDigits[hash >> shift & 15];
  return digits;
}

}  // namespace

CodeCache::CodeCache() : directory_(cache_directory()) {}

std::filesystem::path CodeCache::path_of(const KernelSource& source, int architecture) const {
  const std::string made_from = "nvrtc " + compiler_version() + " sm_" + std::to_string(architecture) +
                                compiler_options() + "\n" + std::string(preamble()) + source.text;
  return directory_ / (hash_of(made_from) + ".cubin");
}

std::optional<std::string> CodeCache::find(const KernelSource& source, int architecture) const {
  if (directory_.empty()) return std::nullopt;
  std::ifstream file(path_of(source, architecture), std::ios::binary);
  if (!file) return std::nullopt;
  std::string code{std::istreambuf_iterator<char>(file), {}};
  if (file.bad() || code.empty()) return std::nullopt;
  return code;
}

void CodeCache::keep(const KernelSource& source, int architecture, const std::string& code) const {
  if (directory_.empty()) return;
  std::error_code failed;
  std::filesystem::create_directories(directory_, failed);
  if (failed) return;
  const std::filesystem::path path = path_of(source, architecture);
  // Written under a name of its own and renamed: a reader finds all of it or nothing.
  static thread_local unsigned count = 0;
  std::filesystem::path temporary = path;
  temporary += "." + std::to_string(::getpid()) + "." +
               std::to_string(reinterpret_cast<std::uintptr_t>(&count)) + "." + std::to_string(++count);
  std::ofstream file(temporary, std::ios::binary);
  file.write(code.data(), static_cast<std::streamsize>(code.size()));
  file.close();
  if (file) std::filesystem::rename(temporary, path, failed);
  if (!file || failed) std::filesystem::remove(temporary, failed);
}

}  // namespace nabla::cuda
