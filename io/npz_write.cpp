#include <algorithm>
#include <array>
#include <string_view>

#include "engine/tensor/error.h"
#include "io/atomic_file.h"
#include "io/npy_format.h"
#include "io/npz.h"
#include "io/zip_handle.h"

namespace nabla::io {
namespace {

constexpr std::string_view kWriteNpz = "write_npz";
// Midnight of 1 January 1980, the first time that a zip archive can name.
constexpr zip_uint16_t kFirstDate = 1 << 5 | 1;

// An archive without entries is its end record alone; libzip would make no archive at all.
constexpr std::array<char, 22> kEmptyArchive = {'P', 'K', 5, 6};

[[noreturn]] void fail(const std::string& what) { throw Error(std::string(kWriteNpz) + ": " + what); }

void require_names(std::span<const NamedTensor> tensors) {
  std::vector<std::string_view> names;
  names.reserve(tensors.size());
  for (const NamedTensor& tensor : tensors) {
    names.push_back(tensor.name);
    if (tensor.name.empty()) fail("a tensor has no name");
    if (tensor.name.find('\0') != std::string::npos) fail("a name holds a character of code 0");
  }
  std::sort(names.begin(), names.end());
  const auto twin = std::adjacent_find(names.begin(), names.end());
  if (twin != names.end()) fail("two tensors are called '" + std::string(*twin) + "'");
}

/// `bytes` must live until the archive is closed.
void add_entry(zip_t* archive, const std::string& name, std::span<const std::byte> bytes) {
  const auto check = [&](bool done) {
    if (!done) fail("tensor '" + name + "': " + zip_strerror(archive));
  };
  ZipSource source(zip_source_buffer(archive, bytes.data(), bytes.size(), 0));
  check(source != nullptr);
  const zip_int64_t index = zip_file_add(archive, (name + ".npy").c_str(), source.get(), ZIP_FL_ENC_UTF_8);
  check(index >= 0);
  static_cast<void>(source.release());  // the archive owns it now
  const auto entry = static_cast<zip_uint64_t>(index);
  check(zip_set_file_compression(archive, entry, ZIP_CM_DEFLATE, 0) == 0);
  check(zip_file_set_dostime(archive, entry, 0, kFirstDate, 0) == 0);
}

/// All that was written to a source.
std::vector<std::byte> content_of(zip_source_t* source) {
  const auto check = [&](bool done) {
    if (!done) fail(zip_error_strerror(zip_source_error(source)));
  };
  zip_stat_t status;
  check(zip_source_stat(source, &status) == 0);
  std::vector<std::byte> bytes(status.size);
  check(zip_source_open(source) == 0);
  const zip_int64_t count = zip_source_read(source, bytes.data(), bytes.size());
  zip_source_close(source);
  check(count == static_cast<zip_int64_t>(bytes.size()));
  return bytes;
}

}  // namespace

std::vector<std::byte> encode_npz(std::span<const NamedTensor> tensors) {
  require_names(tensors);
  if (tensors.empty()) {
    const auto bytes = std::as_bytes(std::span(kEmptyArchive));
    return {bytes.begin(), bytes.end()};
  }
  std::vector<std::vector<std::byte>> entries;
  for (const NamedTensor& tensor : tensors) {
    entries.push_back(npy::encode(std::string(kWriteNpz) + ": tensor '" + tensor.name + "'", tensor.value));
  }

  ZipError error;
  const ZipSource target(zip_source_buffer_create(nullptr, 0, 0, error.get()));
  if (!target) fail(error.text());
  zip_source_keep(target.get());
  ZipArchive archive(zip_open_from_source(target.get(), ZIP_CREATE | ZIP_TRUNCATE, error.get()));
  if (!archive) {
    zip_source_free(target.get());
    fail(error.text());
  }
  for (std::size_t i = 0; i < tensors.size(); ++i) add_entry(archive.get(), tensors[i].name, entries[i]);
  if (zip_close(archive.get()) != 0) fail(zip_strerror(archive.get()));
  static_cast<void>(archive.release());  // closed
  return content_of(target.get());
}

void write_npz(const std::filesystem::path& path, std::span<const NamedTensor> tensors) {
  write_file(path, encode_npz(tensors));
}

}  // namespace nabla::io
