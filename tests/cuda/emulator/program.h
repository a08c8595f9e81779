#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/cuda/host_kernels.h"

namespace nabla::cuda::emulator {

/// What NVRTC makes of a text and the runtime loads: a mark, and the text.
std::vector<char> image_of(const std::string& text);
/// The text of an image, which starts there. @throws Failure if none does.
std::string text_of(const void* image);

/// One kernel of a loaded image.
struct Kernel {
  std::string text;
  host::EntryPoint entry;
};

/// Remembers a text that will be compiled with the next ones.
void expect(const std::string& text);
/// Compiles all expected texts. @throws Failure with the compiler's words.
void compile_expected();

}  // namespace nabla::cuda::emulator
