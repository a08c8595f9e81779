#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nabla::io {

/// Bytes that are read one after the other, so that a reader never holds more of a file than it has use for.
class ByteStream {
 public:
  static constexpr std::uint64_t kUnknown = std::numeric_limits<std::uint64_t>::max();

  virtual ~ByteStream() = default;
  /// Fills `to`; returns fewer bytes at the end alone. @throws Error naming the file if it cannot be read.
  virtual std::size_t read(std::span<std::byte> to) = 0;
  /// No more bytes than this can still come; kUnknown where nobody can tell.
  virtual std::uint64_t at_most() const = 0;

  /// Reads up to `count` bytes behind those that are there.
  void append(std::vector<std::byte>& bytes, std::size_t count);
};

class MemoryStream final : public ByteStream {
 public:
  /// The bytes must outlive it.
  explicit MemoryStream(std::span<const std::byte> bytes) : rest_(bytes) {}
  std::size_t read(std::span<std::byte> to) override;
  std::uint64_t at_most() const override { return rest_.size(); }

 private:
  std::span<const std::byte> rest_;
};

/// A file as it is, compressed or not.
class FileStream final : public ByteStream {
 public:
  /// Errors begin with the name of a function. @throws Error naming the file and the reason when it is
  /// missing, unreadable, or a directory.
  FileStream(std::string_view function, const std::filesystem::path& path);
  FileStream(const FileStream&) = delete;
  FileStream& operator=(const FileStream&) = delete;
  ~FileStream() override;

  std::size_t read(std::span<std::byte> to) override;
  std::uint64_t at_most() const override;
  /// Whether the file has a size and places, which a pipe has not.
  bool is_regular() const { return regular_; }
  /// Reads all that is left.
  std::vector<std::byte> rest();
  /// Bytes [begin, begin + count) of a regular file as memory of their own, as long as somebody holds it:
  /// what is read there is read from the file, what is written stays in this memory. Null where the system
  /// maps no such file, or the file has no such bytes.
  std::shared_ptr<std::byte> map(std::uint64_t begin, std::size_t count) const;
  /// @throws Error if a regular file is not as long as it was when it was opened.
  void require_length() const;
  /// Goes on reading at a byte of a regular file. @throws Error if that cannot be done.
  void seek(std::uint64_t byte);

 private:
  std::string function_;
  std::filesystem::path path_;
  int descriptor_;
  bool regular_ = false;
  std::uint64_t size_ = 0;
  std::uint64_t at_ = 0;
};

/// @throws Error "function: cannot doing 'path': reason", always.
[[noreturn]] void fail_on_file(std::string_view function, const std::filesystem::path& path,
                               const std::string& doing, const std::string& reason);

}  // namespace nabla::io
