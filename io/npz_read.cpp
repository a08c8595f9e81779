#include <algorithm>
#include <functional>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "engine/tensor/error.h"
#include "engine/tensor/printable.h"
#include "io/byte_stream.h"
#include "io/gzip_stream.h"
#include "io/npy_format.h"
#include "io/npz.h"
#include "io/out_of_memory.h"
#include "io/zip_handle.h"

namespace nabla::io {
namespace {

constexpr std::string_view kReadNpz = "read_npz";
constexpr std::string_view kSuffix = ".npy";
constexpr const char* kTwice = "the entry comes twice";
[[noreturn]] void fail(const std::string& name, const std::string& what) {
  throw Error(std::string(kReadNpz) + ": " + printable(name + ": " + what));
}

std::string entry_place(const std::string& name, const std::string& entry) {
  return name + ", entry '" + entry + "'";
}

/// What opens a fresh source of the archive's bytes; null, with `error` set, where that fails.
using OpenSource = std::function<zip_source_t*(ZipError& error)>;

/// Nothing where libzip refuses the archive.
ZipArchive open(const OpenSource& open_source, zip_flags_t flags, ZipError& error) {
  ZipSource source(open_source(error));
  if (!source) return nullptr;
  ZipArchive archive(zip_open_from_source(source.get(), static_cast<int>(flags), error.get()));
  if (archive) static_cast<void>(source.release());  // the archive owns it now
  return archive;
}

/// Of an archive that libzip refuses for two entries of one name: says which. Only a lenient look tells.
[[noreturn]] void fail_twice(const OpenSource& source, const std::string& name) {
  ZipError ignored;
  const ZipArchive archive = open(source, ZIP_RDONLY, ignored);
  std::unordered_set<std::string> seen;
  for (zip_int64_t i = 0; archive && i < zip_get_num_entries(archive.get(), 0); ++i) {
    const char* const entry = zip_get_name(archive.get(), static_cast<zip_uint64_t>(i), 0);
    if (entry && !seen.insert(entry).second) fail(entry_place(name, entry), kTwice);
  }
  fail(name, kTwice);
}

ZipArchive open_archive(const OpenSource& source, std::uint64_t size, const std::string& name) {
  // libzip takes an empty file for an archive without entries.
  if (size == 0) fail(name, "the file is empty");
  ZipError error;
  ZipArchive archive = open(source, ZIP_RDONLY | ZIP_CHECKCONS, error);
  if (!archive) {
    if (zip_error_code_zip(error.get()) == ZIP_ER_EXISTS) fail_twice(source, name);
    fail(name, "the archive is damaged or cut short: " + error.text());
  }
  return archive;
}

struct NpzEntry {
  std::string place;  ///< of the file and the entry, for error messages
  std::string name;   ///< of the tensor
  std::uint64_t size = 0;
};

/// What the directory says of an entry, as far as it can be true in a file of `file_size` bytes.
NpzEntry look_at(zip_t* archive, std::uint64_t index, std::uint64_t file_size, const std::string& name) {
  zip_stat_t status;
  if (zip_stat_index(archive, index, 0, &status) != 0) {
    fail(name + ", entry " + std::to_string(index), zip_strerror(archive));
  }
  constexpr zip_uint64_t kNeeded = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
  if ((status.valid & kNeeded) != kNeeded) {
    fail(name + ", entry " + std::to_string(index), "its name, sizes or method are missing");
  }
  const std::string_view entry_name = status.name;
  NpzEntry entry{entry_place(name, status.name), {}, status.size};
  if (!entry_name.ends_with(kSuffix) || entry_name.size() == kSuffix.size()) {
    fail(entry.place, "this is no .npy file");
  }
  entry.name = entry_name.substr(0, entry_name.size() - kSuffix.size());
  if ((status.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && status.encryption_method != ZIP_EM_NONE) {
    fail(entry.place, "the entry is encrypted");
  }
  if (status.comp_method != ZIP_CM_STORE && status.comp_method != ZIP_CM_DEFLATE) {
    fail(entry.place, "compression method " + std::to_string(status.comp_method) +
                          " is not supported (stored and deflated are)");
  }
  const std::uint64_t packed = std::min<std::uint64_t>(status.comp_size, file_size);
  const bool stored = status.comp_method == ZIP_CM_STORE;
  const std::uint64_t limit = stored ? packed : most_inflated(packed);
  if (entry.size > limit) {
    fail(entry.place,
         std::to_string(packed) + " packed bytes cannot unpack to " + std::to_string(entry.size));
  }
  return entry;
}

/// The unpacked bytes of an entry, up to the size that the archive names.
class EntryStream final : public ByteStream {
 public:
  EntryStream(zip_t* archive, std::uint64_t index, const NpzEntry& entry)
      : entry_(entry), file_(zip_fopen_index(archive, index, 0)) {
    if (!file_) fail(entry.place, zip_strerror(archive));
  }

  std::size_t read(std::span<std::byte> to) override {
    std::size_t filled = 0;
    while (filled < to.size()) {
      const zip_int64_t count = zip_fread(file_.get(), to.data() + filled, to.size() - filled);
      // The checksum has been compared when the end is reported.
      if (count < 0) fail(entry_.place, "damaged data: " + std::string(zip_file_strerror(file_.get())));
      if (count == 0) break;
      filled += static_cast<std::size_t>(count);
    }
    read_ += filled;
    if (read_ > entry_.size || (filled < to.size() && read_ < entry_.size)) {
      fail(entry_.place, "damaged data: " + std::string(read_ > entry_.size ? "more" : "fewer") +
                             " than the " + std::to_string(entry_.size) + " bytes that the archive names");
    }
    return filled;
  }
  std::uint64_t at_most() const override { return entry_.size - read_; }

 private:
  const NpzEntry& entry_;
  ZipFile file_;
  std::uint64_t read_ = 0;
};

/// `size` is that of the archive.
std::vector<NamedTensor> read(const OpenSource& source, std::uint64_t size, const std::string& name) {
  const ZipArchive archive = open_archive(source, size, name);
  const zip_int64_t count = zip_get_num_entries(archive.get(), 0);
  std::vector<NamedTensor> tensors;
  std::unordered_set<std::string> seen;
  for (std::uint64_t i = 0; std::cmp_less(i, count); ++i) {
    NpzEntry entry = look_at(archive.get(), i, size, name);
    if (!seen.insert(entry.name).second) fail(entry.place, kTwice);
    EntryStream stream(archive.get(), i, entry);
    Tensor value = npy::parse(kReadNpz, entry.place, stream);
    tensors.push_back({std::move(entry.name), std::move(value)});
  }
  return tensors;
}

}  // namespace

std::vector<NamedTensor> parse_npz(std::span<const std::byte> bytes, const std::string& name) {
  const auto source = [&](ZipError& error) {
    return zip_source_buffer_create(bytes.data(), bytes.size(), 0, error.get());
  };
  return telling_shortage(kReadNpz, name, [&] { return read(source, bytes.size(), name); });
}

std::vector<NamedTensor> read_npz(const std::filesystem::path& path) {
  // Says why where there is no file; libzip reads the rest where it lies.
  const FileStream file(kReadNpz, path);
  if (!file.is_regular()) fail(path.string(), "this is no file, and an archive is read from its end");
  const auto source = [&](ZipError& error) {
    return zip_source_file_create(path.c_str(), 0, -1, error.get());
  };
  return telling_shortage(kReadNpz, path.string(),
                          [&] { return read(source, file.at_most(), path.string()); });
}

}  // namespace nabla::io
