#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "io/byte_stream.h"

struct gzFile_s;

namespace nabla::io {

/// A file, unpacked when it is gzip.
class GzipStream final : public ByteStream {
 public:
  /// Errors begin with the name of a function. @throws Error naming the file when it is missing or a
  /// directory; read() also when the gzip is damaged or cut short.
  GzipStream(std::string_view function, const std::filesystem::path& path);

  std::size_t read(std::span<std::byte> to) override;
  std::uint64_t at_most() const override;

 private:
  struct Close {
    void operator()(gzFile_s* file) const;
  };

  std::string function_;
  std::filesystem::path path_;
  std::unique_ptr<gzFile_s, Close> file_;
  std::uint64_t limit_;
  std::uint64_t read_ = 0;
};

/// No more bytes than this come out of so many deflated ones.
std::uint64_t most_inflated(std::uint64_t packed);

}  // namespace nabla::io
