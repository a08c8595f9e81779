#include "engine/backend/cuda/code_cache.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "engine/backend/cuda/compiler.h"

namespace nabla::test {
namespace {

// A directory of its own that the cache finds by the environment.
class CacheDirectory {
 public:
  CacheDirectory()
      : path_(std::filesystem::temp_directory_path() / ("nablaflow_code_" + std::to_string(::getpid()))) {
    if (const char* old = std::getenv(kName)) before_ = old;
    setenv(kName, path_.c_str(), 1);
  }
  ~CacheDirectory() {
    before_ ? setenv(kName, before_->c_str(), 1) : unsetenv(kName);
    std::error_code failed;
    std::filesystem::remove_all(path_, failed);
  }
  const std::filesystem::path& path() const { return path_; }
  std::size_t files() const {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& file : std::filesystem::directory_iterator(path_)) ++count;
    return count;
  }

 private:
  static constexpr const char* kName = "NABLAFLOW_CACHE_DIR";
  std::filesystem::path path_;
  std::optional<std::string> before_;
};

cuda::KernelSource kernel(const std::string& body) {
  return {"k", "extern \"C\" __global__ void k(float* y) { " + body + " }\n", {}, 1, 32};
}

}  // namespace

TEST_CASE("compiled code is found again under what it was made from") {
  const CacheDirectory directory;
  const cuda::CodeCache cache;
  const cuda::KernelSource one = kernel("y[0] = 1;"), two = kernel("y[0] = 2;");
  CHECK(!cache.find(one, 90));
  cache.keep(one, 90, std::string("code\0one", 8));
  cache.keep(one, 80, "code one, 80");
  CHECK(*cache.find(one, 90) == std::string("code\0one", 8));
  CHECK(*cache.find(one, 80) == "code one, 80");
  CHECK(!cache.find(two, 90));
  CHECK(directory.files() == 2);  // nothing temporary is left
  // Another program finds it too, and writing again replaces it.
  const cuda::CodeCache other;
  other.keep(one, 80, "again");
  CHECK(*cache.find(one, 80) == "again");
  CHECK(directory.files() == 2);
}

TEST_CASE("a cache that cannot be written keeps nothing and says nothing") {
  const CacheDirectory directory;
  std::ofstream(directory.path()) << "a file where the directory should be";
  const cuda::CodeCache cache;
  const cuda::KernelSource one = kernel("y[0] = 1;");
  CHECK_NOTHROW(cache.keep(one, 90, "code"));
  CHECK(!cache.find(one, 90));
}

TEST_CASE("an empty name of the directory switches the cache off") {
  const CacheDirectory directory;
  setenv("NABLAFLOW_CACHE_DIR", "", 1);
  const cuda::CodeCache cache;
  cache.keep(kernel("y[0] = 1;"), 90, "code");
  CHECK(!cache.find(kernel("y[0] = 1;"), 90));
}

TEST_CASE("a GPU that is newer than the compiler gets code that its driver translates") {
  const std::string code = cuda::compile(kernel("y[0] = 1;"), 999);
  CHECK(code.find(".target sm_") != std::string::npos);
  CHECK(cuda::compile(kernel("y[0] = 1;"), 80).substr(1, 3) == "ELF");
}

}  // namespace nabla::test
