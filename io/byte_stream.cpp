#include "io/byte_stream.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

#include "engine/tensor/error.h"

namespace nabla::io {
namespace {

constexpr std::uint64_t kUnknown = std::numeric_limits<std::uint64_t>::max();

[[noreturn]] void fail(std::string_view function, const std::filesystem::path& path, const std::string& doing,
                       const std::string& reason) {
  throw Error(std::string(function) + ": cannot " + doing + " '" + path.string() + "': " + reason);
}

}  // namespace

void ByteStream::append(std::vector<std::byte>& bytes, std::size_t count) {
  const std::size_t before = bytes.size();
  bytes.resize(before + count);
  bytes.resize(before + read(std::span(bytes).subspan(before)));
}

std::size_t MemoryStream::read(std::span<std::byte> to) {
  const std::size_t count = std::min(to.size(), rest_.size());
  std::copy_n(rest_.begin(), count, to.begin());
  rest_ = rest_.subspan(count);
  return count;
}

FileStream::FileStream(std::string_view function, const std::filesystem::path& path)
    : function_(function), path_(path), descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (descriptor_ < 0) fail(function_, path_, "open", std::strerror(errno));
  struct stat status {};
  const bool seen = ::fstat(descriptor_, &status) == 0;
  const int error = errno;
  if (!seen || S_ISDIR(status.st_mode)) {
    ::close(descriptor_);
    if (!seen) fail(function_, path_, "look at", std::strerror(error));
    throw Error(function_ + ": '" + path_.string() + "' is a directory");
  }
  regular_ = S_ISREG(status.st_mode);
  size_ = regular_ ? static_cast<std::uint64_t>(status.st_size) : kUnknown;
}

FileStream::~FileStream() { ::close(descriptor_); }

std::size_t FileStream::read(std::span<std::byte> to) {
  std::size_t filled = 0;
  while (filled < to.size()) {
    const ssize_t count = ::read(descriptor_, to.data() + filled, to.size() - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(function_, path_, "read", std::strerror(errno));
    if (count == 0) break;
    filled += static_cast<std::size_t>(count);
  }
  at_ += filled;
  return filled;
}

std::vector<std::byte> FileStream::rest() {
  constexpr std::size_t kFirst = std::size_t{1} << 16;
  // The size is a hint only: pipes have none, and a file may grow or shrink meanwhile. One byte more than the
  // size lets the end be seen without growing.
  std::vector<std::byte> bytes;
  for (std::size_t wanted = regular_ ? static_cast<std::size_t>(at_most()) + 1 : kFirst;; wanted *= 2) {
    append(bytes, wanted - bytes.size());
    if (bytes.size() < wanted) return bytes;
  }
}

std::uint64_t FileStream::at_most() const { return regular_ ? size_ - std::min(at_, size_) : kUnknown; }

void FileStream::seek(std::uint64_t byte) {
  if (::lseek(descriptor_, static_cast<off_t>(byte), SEEK_SET) < 0)
    fail(function_, path_, "seek in", std::strerror(errno));
  at_ = byte;
}

void GzipStream::Close::operator()(gzFile_s* file) const { gzclose_r(file); }

GzipStream::GzipStream(std::string_view function, const std::filesystem::path& path)
    : function_(function), path_(path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    throw Error(function_ + ": '" + path.string() + "' is a directory");
  errno = 0;
  file_.reset(gzopen(path.c_str(), "rb"));
  if (!file_) fail(function_, path_, "open", errno != 0 ? std::strerror(errno) : "out of memory");
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
      fail(function_, path_, "read", code == Z_BUF_ERROR ? "the gzip file is cut short" : message);
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
  return std::min(packed, (kUnknown - kSlack) / kExpansion) * kExpansion + kSlack;
}

}  // namespace nabla::io
