#include <algorithm>
#include <bit>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "engine/tensor/error.h"
#include "io/elements.h"
#include "io/out_of_memory.h"
#include "io/safetensors.h"
#include "io/safetensors_format.h"

namespace nabla::io {
namespace {

using safetensors::Entry;
using safetensors::Header;
using safetensors::kChecksumDigits;

/// In the order of the names, equal ones would be neighbours.
void require_distinct_names(const Input& input, const std::vector<Entry>& entries) {
  std::vector<const Entry*> order;
  order.reserve(entries.size());
  for (const Entry& entry : entries) order.push_back(&entry);
  std::sort(order.begin(), order.end(), [](const Entry* a, const Entry* b) {
    return a->name != b->name ? a->name < b->name : a->place < b->place;
  });
  const auto twin = std::adjacent_find(order.begin(), order.end(),
                                       [](const Entry* a, const Entry* b) { return a->name == b->name; });
  if (twin != order.end()) input.fail((*(twin + 1))->place, "tensor '" + (*twin)->name + "' comes twice");
}

void require_fitting_size(const Input& input, const Entry& entry) {
  const auto needed = dense_bytes(entry.shape, size_of(entry.type));
  const std::string what = "tensor '" + entry.name + "' " + to_string(entry.shape) + " " +
                           std::string(safetensors::type_name(entry.type));
  if (!needed) input.fail(entry.place, what + " has more bytes than can be counted");
  if (entry.begin > entry.end || entry.end - entry.begin != *needed) {
    input.fail(entry.place, what + " has " + std::to_string(*needed) + " bytes, its data_offsets are [" +
                                std::to_string(entry.begin) + ", " + std::to_string(entry.end) + "]");
  }
}

/// Puts the entries in the order of their bytes and makes sure that these fill the rest of the file, which
/// has `available` bytes.
void require_tiling(const Input& input, Header& header, std::uint64_t available) {
  std::stable_sort(header.entries.begin(), header.entries.end(), [](const Entry& a, const Entry& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
  });
  std::uint64_t covered = 0;
  for (const Entry& entry : header.entries) {
    const std::string what = "tensor '" + entry.name + "' ";
    if (entry.begin < covered) {
      input.fail(header.end + entry.begin, what + "overlaps the one before it");
    }
    if (entry.begin > covered) {
      input.fail(header.end + covered, "bytes before " + what + "belong to no tensor");
    }
    if (entry.end > available) {
      input.fail(header.end + available, "the file ends inside " + what + "which ends at byte " +
                                             std::to_string(header.end + entry.end));
    }
    covered = entry.end;
  }
  if (covered < available) {
    input.fail(header.end + covered, std::to_string(available - covered) + " bytes belong to no tensor");
  }
}

void verify_header(const Input& input, const Header& header) {
  const std::string& checksums = *header.checksums;
  const std::size_t expected = kChecksumDigits + (kChecksumDigits + 1) * header.entries.size();
  if (checksums.size() != expected) {
    input.fail(header.checksums_place, "the checksums have " + std::to_string(checksums.size()) +
                                           " characters, for " + std::to_string(header.entries.size()) +
                                           " tensors there are " + std::to_string(expected));
  }
  // Escapes would shift the digits.
  const std::span<const std::byte> raw = input.bytes.subspan(header.checksums_place, expected);
  if (!std::ranges::equal(raw, std::as_bytes(std::span(checksums)))) {
    input.fail(header.checksums_place, "the checksums are not written as plain text");
  }
  if (!checksums.starts_with(
          safetensors::header_checksum(input.bytes.first(header.end), header.checksums_place))) {
    input.fail(0, "the header does not match its checksum");
  }
}

void require_checksum(const Input& input, const Header& header, std::size_t index, const Crc32& checksum) {
  if (!header.checksums) return;
  const Entry& entry = header.entries[index];
  const std::size_t at = kChecksumDigits + (kChecksumDigits + 1) * index;
  const std::string expected = "," + checksum.digits();
  if (header.checksums->compare(at, expected.size(), expected) != 0)
    input.fail(header.end + entry.begin, "tensor '" + entry.name + "' does not match its checksum");
}

/// The tensor whose elements come next in the stream.
Tensor load(ByteStream& stream, const Input& input, const Header& header, std::size_t index) {
  const Entry& entry = header.entries[index];
  Crc32 checksum;
  Tensor tensor = read_elements(stream, input, entry.shape,
                                {entry.type, std::endian::little, false, header.end + entry.begin},
                                [&](std::span<const std::byte> block) { checksum.add(block); });
  require_checksum(input, header, index, checksum);
  return tensor;
}

/// Reads the header and makes sure that it fits itself and the rest of the file.
Header read_valid_header(ByteStream& stream, const std::string& name, Checksums checksums) {
  std::vector<std::byte> head;
  Header header = safetensors::read_header(stream, name, head);
  const Input input{safetensors::kReader, name, head};
  if (header.checksums) {
    verify_header(input, header);
  } else if (checksums == Checksums::required) {
    input.fail(safetensors::kPrefixSize, "the header has no checksums");
  }
  require_distinct_names(input, header.entries);
  for (const Entry& entry : header.entries) require_fitting_size(input, entry);
  require_tiling(input, header, stream.at_most());
  return header;
}

Safetensors read_all(ByteStream& stream, const std::string& name, Checksums checksums) {
  Header header = read_valid_header(stream, name, checksums);
  const Input input{safetensors::kReader, name, {}};
  Safetensors content{std::move(header.metadata), {}};
  content.tensors.reserve(header.entries.size());
  for (std::size_t i = 0; i < header.entries.size(); ++i)
    content.tensors.push_back({header.entries[i].name, load(stream, input, header, i)});
  return content;
}

}  // namespace

Safetensors parse_safetensors(std::span<const std::byte> bytes, const std::string& name,
                              Checksums checksums) {
  MemoryStream stream(bytes);
  return telling_shortage(safetensors::kReader, name, [&] { return read_all(stream, name, checksums); });
}

Safetensors read_safetensors(const std::filesystem::path& path, Checksums checksums) {
  FileStream stream(safetensors::kReader, path);
  return telling_shortage(safetensors::kReader, path.string(), [&] {
    // Of a pipe nobody knows where its tensors must end.
    if (!stream.is_regular()) return parse_safetensors(stream.rest(), path.string(), checksums);
    return read_all(stream, path.string(), checksums);
  });
}

struct SafetensorsFile::Content {
  std::string name;
  FileStream stream;
  Header header;
};

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path, Checksums checksums)
    : content_(new Content{path.string(), FileStream(safetensors::kReader, path), {}}) {
  if (!content_->stream.is_regular())
    throw Error("read_safetensors: '" + content_->name + "' is no file, of which a part could be read");
  content_->header = telling_shortage(safetensors::kReader, content_->name, [&] {
    return read_valid_header(content_->stream, content_->name, checksums);
  });
}

SafetensorsFile::~SafetensorsFile() = default;

const std::map<std::string, std::string>& SafetensorsFile::metadata() const {
  return content_->header.metadata;
}

std::vector<std::string> SafetensorsFile::names() const {
  std::vector<std::string> names;
  for (const Entry& entry : content_->header.entries) names.push_back(entry.name);
  return names;
}

std::size_t SafetensorsFile::index_of(std::string_view name) const {
  const std::vector<Entry>& entries = content_->header.entries;
  const auto entry = std::ranges::find(entries, name, &Entry::name);
  if (entry == entries.end())
    throw Error("read_safetensors: " + content_->name + " has no tensor '" + std::string(name) + "'");
  return static_cast<std::size_t>(entry - entries.begin());
}

Tensor SafetensorsFile::read(std::string_view name) {
  const std::size_t index = index_of(name);
  const Input input{safetensors::kReader, content_->name, {}};
  content_->stream.seek(content_->header.end + content_->header.entries[index].begin);
  return telling_shortage(safetensors::kReader, content_->name,
                          [&] { return load(content_->stream, input, content_->header, index); });
}

Tensor SafetensorsFile::map(std::string_view name) {
  const Entry& entry = content_->header.entries[index_of(name)];
  const std::uint64_t begin = content_->header.end + entry.begin;
  const bool is_held = std::endian::native == std::endian::little && is_stored_as_held(entry.type) &&
                       begin % size_of(entry.type) == 0 && entry.begin < entry.end;
  content_->stream.require_length();
  if (!is_held || entry.end - entry.begin > std::numeric_limits<std::size_t>::max()) return read(name);
  const auto size = static_cast<std::size_t>(entry.end - entry.begin);
  return telling_shortage(safetensors::kReader, content_->name, [&] {
    // A mapping of its own, for what one tensor's owner writes must not be seen in another.
    const std::shared_ptr<std::byte> elements = content_->stream.map(begin, size);
    if (!elements) return read(name);
    return leaf({std::make_shared<Buffer>(elements, size), Layout::dense(entry.shape), dtype_of(entry.type)});
  });
}

void SafetensorsFile::verify(std::string_view name) {
  const std::size_t index = index_of(name);
  const Entry& entry = content_->header.entries[index];
  const Input input{safetensors::kReader, content_->name, {}};
  const std::uint64_t begin = content_->header.end + entry.begin;
  content_->stream.seek(begin);
  telling_shortage(safetensors::kReader, content_->name, [&] {
    Crc32 checksum;
    std::vector<std::byte> block(std::size_t{1} << 16);
    for (std::uint64_t at = entry.begin; at < entry.end;) {
      const std::span<std::byte> part = std::span(block).first(
          static_cast<std::size_t>(std::min<std::uint64_t>(block.size(), entry.end - at)));
      if (content_->stream.read(part) < part.size())
        input.fail(begin, "the file ends inside tensor '" + entry.name + "'");
      checksum.add(part);
      at += part.size();
    }
    require_checksum(input, content_->header, index, checksum);
  });
}

}  // namespace nabla::io
