#include "io/byte_stream.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "engine/tensor/error.h"

namespace nabla::io {

void fail_on_file(std::string_view function, const std::filesystem::path& path, const std::string& doing,
                  const std::string& reason) {
  throw Error(std::string(function) + ": cannot " + doing + " '" + path.string() + "': " + reason);
}

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
  if (descriptor_ < 0) fail_on_file(function_, path_, "open", std::strerror(errno));
  struct stat status {};
  const bool seen = ::fstat(descriptor_, &status) == 0;
  const int error = errno;
  if (!seen || S_ISDIR(status.st_mode)) {
    ::close(descriptor_);
    if (!seen) fail_on_file(function_, path_, "look at", std::strerror(error));
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
    if (count < 0) fail_on_file(function_, path_, "read", std::strerror(errno));
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

void FileStream::require_length() const {
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) fail_on_file(function_, path_, "look at", std::strerror(errno));
  if (static_cast<std::uint64_t>(status.st_size) != size_)
    throw Error(function_ + ": '" + path_.string() + "' had " + std::to_string(size_) + " bytes and has " +
                std::to_string(status.st_size));
}

std::shared_ptr<std::byte> FileStream::map(std::uint64_t begin, std::size_t count) const {
  if (count == 0 || begin > size_ || count > size_ - begin) return nullptr;
  const std::uint64_t ahead = begin % static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t size = count + static_cast<std::size_t>(ahead);
  // Private and writable, for values are written over old ones that nobody needs; without swap set aside for
  // pages that may never be written.
  void* const data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, descriptor_,
                            static_cast<off_t>(begin - ahead));
  if (data == MAP_FAILED) return nullptr;
  return {static_cast<std::byte*>(data) + ahead, [data, size](std::byte*) { ::munmap(data, size); }};
}

void FileStream::seek(std::uint64_t byte) {
  if (::lseek(descriptor_, static_cast<off_t>(byte), SEEK_SET) < 0)
    fail_on_file(function_, path_, "seek in", std::strerror(errno));
  at_ = byte;
}

}  // namespace nabla::io
