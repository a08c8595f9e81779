#include <algorithm>
#include <string>
#include <utility>

#include "io/elements.h"
#include "io/file_bytes.h"
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
  const auto needed = dense_bytes(entry.shape, size_of(entry.dtype));
  const std::string what = "tensor '" + entry.name + "' " + to_string(entry.shape) + " " +
                           std::string(safetensors::type_name(entry.dtype));
  if (!needed) input.fail(entry.place, what + " has more bytes than can be counted");
  if (entry.begin > entry.end || entry.end - entry.begin != *needed) {
    input.fail(entry.place, what + " has " + std::to_string(*needed) + " bytes, its data_offsets are [" +
                                std::to_string(entry.begin) + ", " + std::to_string(entry.end) + "]");
  }
}

/// Puts the entries in the order of their bytes and makes sure that these fill the rest of the file.
void require_tiling(const Input& input, Header& header) {
  std::stable_sort(header.entries.begin(), header.entries.end(), [](const Entry& a, const Entry& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
  });
  const std::uint64_t available = input.size() - header.end;
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
      input.fail(input.size(), "the file ends inside " + what + "which ends at byte " +
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

void verify_tensor(const Input& input, const Header& header, std::size_t index) {
  const Entry& entry = header.entries[index];
  const std::size_t at = kChecksumDigits + (kChecksumDigits + 1) * index;
  const auto begin = static_cast<std::size_t>(header.end + entry.begin);
  const std::string expected =
      "," +
      Crc32().add(input.bytes.subspan(begin, static_cast<std::size_t>(entry.end - entry.begin))).digits();
  if (header.checksums->compare(at, expected.size(), expected) == 0) return;
  input.fail(begin, "tensor '" + entry.name + "' does not match its checksum");
}

Tensor load(const Input& input, const Header& header, const Entry& entry) {
  const auto begin = static_cast<std::size_t>(header.end + entry.begin);
  const auto size = static_cast<std::size_t>(entry.end - entry.begin);
  if (entry.dtype == DType::boolean) require_booleans(input, begin, size);
  Array array = Array::dense(entry.shape, entry.dtype);
  const std::span<std::byte> elements = bytes_of(array);
  std::ranges::copy(input.bytes.subspan(begin, size), elements.begin());
  convert_order(elements, size_of(entry.dtype), std::endian::little);
  return leaf(std::move(array));
}

}  // namespace

Safetensors parse_safetensors(std::span<const std::byte> bytes, const std::string& name,
                              Checksums checksums) {
  const Input input{"read_safetensors", name, bytes};
  Header header = safetensors::parse_header(input);
  if (header.checksums) {
    verify_header(input, header);
  } else if (checksums == Checksums::required) {
    input.fail(safetensors::kPrefixSize, "the header has no checksums");
  }
  require_distinct_names(input, header.entries);
  for (const Entry& entry : header.entries) require_fitting_size(input, entry);
  require_tiling(input, header);

  Safetensors content{std::move(header.metadata), {}};
  content.tensors.reserve(header.entries.size());
  for (std::size_t i = 0; i < header.entries.size(); ++i) {
    if (header.checksums) verify_tensor(input, header, i);
    content.tensors.push_back({header.entries[i].name, load(input, header, header.entries[i])});
  }
  return content;
}

Safetensors read_safetensors(const std::filesystem::path& path, Checksums checksums) {
  return parse_safetensors(read_bytes(path), path.string(), checksums);
}

}  // namespace nabla::io
