#include "io/text_file.h"

#include <zlib.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>

#include "engine/tensor/error.h"

namespace nabla::io {
namespace {

struct CloseGzip {
  void operator()(gzFile_s* file) const { gzclose_r(file); }
};
using Gzip = std::unique_ptr<gzFile_s, CloseGzip>;

}  // namespace

std::string read_text(const std::filesystem::path& path) {
  if (std::filesystem::is_directory(path)) throw Error("read_text: '" + path.string() + "' is a directory");
  errno = 0;
  const Gzip file(gzopen(path.c_str(), "rb"));
  if (!file) {
    const char* reason = errno != 0 ? std::strerror(errno) : "out of memory";
    throw Error("read_text: cannot open '" + path.string() + "': " + reason);
  }

  std::string text;
  std::array<char, 1 << 16> block;
  int count = 0;
  while ((count = gzread(file.get(), block.data(), static_cast<unsigned>(block.size()))) > 0) {
    text.append(block.data(), static_cast<std::size_t>(count));
  }

  // A gzip that is cut short reads to its end without a complaint from gzread; only gzerror tells.
  int code = Z_OK;
  const char* message = gzerror(file.get(), &code);
  if (code == Z_ERRNO) message = std::strerror(errno);
  if (count < 0 || code != Z_OK) {
    const std::string reason = code == Z_BUF_ERROR ? "the gzip file is cut short" : message;
    throw Error("read_text: cannot read '" + path.string() + "': " + reason);
  }
  return text;
}

}  // namespace nabla::io
