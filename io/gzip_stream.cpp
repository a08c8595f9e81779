#include "io/gzip_stream.h"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "engine/tensor/error.h"

namespace nabla::io {

void GzipStream::Close::operator()(gzFile_s* file) const { gzclose_r(file); }

GzipStream::GzipStream(std::string_view function, const std::filesystem::path& path)
    : function_(function), path_(path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    throw Error(function_ + ": '" + path.string() + "' is a directory");
  errno = 0;
  file_.reset(gzopen(path.c_str(), "rb"));
  if (!file_) fail_on_file(function_, path_, "open", errno != 0 ? std::strerror(errno) : "out of memory");
  std::error_code no_size;
  const bool regular = std::filesystem::is_regular_file(path, ignored);
  const std::uint64_t size = regular ? std::filesystem::file_size(path, no_size) : kUnknown;
  limit_ = !regular || no_size ? kUnknown : gzdirect(file_.get()) != 0 ? size : most_inflated(size);
}

std::size_t GzipStream::read(std::span<std::byte> to) {
  constexpr std::size_t kMost = std::size_t{1} << 30;  // zlib counts in int
  std::size_t filled = 0;
  while (filled < to.size()) {
    const auto wanted = static_cast<unsigned>(std::min(to.size() - filled, kMost));
    const int count = gzread(file_.get(), to.data() + filled, wanted);
    if (count > 0) {
      filled += static_cast<std::size_t>(count);
      continue;
    }
    // A gzip that is cut short reads to its end without a complaint from gzread; only gzerror tells.
    int code = Z_OK;
    const char* message = gzerror(file_.get(), &code);
    if (code == Z_ERRNO) message = std::strerror(errno);
    if (count < 0 || code != Z_OK)
      fail_on_file(function_, path_, "read", code == Z_BUF_ERROR ? "the gzip file is cut short" : message);
    break;
  }
  read_ += filled;
  return filled;
}

std::uint64_t GzipStream::at_most() const {
  return limit_ == kUnknown ? limit_ : limit_ - std::min(read_, limit_);
}

std::uint64_t most_inflated(std::uint64_t packed) {
  // Deflate makes at most 258 bytes of 2 bits; the constant covers the ends of a tiny stream.
  constexpr std::uint64_t kExpansion = 1032, kSlack = 1024;
  return std::min(packed, (ByteStream::kUnknown - kSlack) / kExpansion) * kExpansion + kSlack;
}

}  // namespace nabla::io
