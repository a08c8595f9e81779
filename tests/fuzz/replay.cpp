// Stands in for libFuzzer in ordinary builds: gives every file below the named directories to the target
// once.

#include <cstdio>
#include <filesystem>

#include "io/file_bytes.h"
#include "tests/fuzz/target.h"

int main(int argc, char** argv) {
  int count = 0;
  for (int i = 1; i < argc; ++i) {
    for (const auto& file : std::filesystem::recursive_directory_iterator(argv[i])) {
      if (!file.is_regular_file()) continue;
      // Before the call: the last line names the input that ended the process.
      std::printf("%s\n", file.path().c_str());
      std::fflush(stdout);
      const std::vector<std::byte> bytes = nabla::io::read_bytes(file.path());
      LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
      ++count;
    }
  }
  std::printf("%d inputs\n", count);
  return count > 0 ? 0 : 1;
}
