#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "engine/tensor/error.h"
#include "io/atomic_file.h"
#include "io/elements.h"
#include "io/out_of_memory.h"
#include "io/safetensors.h"
#include "io/safetensors_format.h"

namespace nabla::io {
namespace {

constexpr std::size_t kAlignment = 8;

[[noreturn]] void refuse(const std::string& what) { throw Error("write_safetensors: " + what); }

/// A JSON string with its quotes.
std::string quoted(const std::string& text) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::type_error&) {
    refuse("the name or text '" + text + "' is not UTF-8");
  }
}

/// Larger elements first, then by name: every tensor then begins at a multiple of its element size, and where
/// it stands depends on the content only.
std::vector<const NamedTensor*> in_file_order(const std::vector<NamedTensor>& tensors) {
  std::vector<const NamedTensor*> order;
  order.reserve(tensors.size());
  for (const NamedTensor& tensor : tensors) {
    if (!tensor.value.defined()) refuse("tensor '" + tensor.name + "' is an empty handle");
    if (tensor.name == safetensors::kMetadataKey) refuse("no tensor can be called '" + tensor.name + "'");
    if (safetensors::type_name(tensor.value.dtype()).empty()) {
      refuse("tensor '" + tensor.name + "' has elements of type " +
             std::string(name_of(tensor.value.dtype())) + ", which the format lacks");
    }
    order.push_back(&tensor);
  }
  std::sort(order.begin(), order.end(), [](const NamedTensor* a, const NamedTensor* b) {
    const std::size_t a_size = size_of(a->value.dtype());
    const std::size_t b_size = size_of(b->value.dtype());
    return a_size != b_size ? a_size > b_size : a->name < b->name;
  });
  return order;
}

void require_distinct_names(const std::vector<NamedTensor>& tensors) {
  std::vector<std::string_view> names;
  names.reserve(tensors.size());
  for (const NamedTensor& tensor : tensors) names.push_back(tensor.name);
  std::sort(names.begin(), names.end());
  const auto twin = std::adjacent_find(names.begin(), names.end());
  if (twin != names.end()) refuse("two tensors are called '" + std::string(*twin) + "'");
}

/// `"name":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}`
std::string describe(const NamedTensor& tensor, std::uint64_t begin, std::uint64_t end) {
  std::string text = quoted(tensor.name) + ":{\"dtype\":\"";
  text += safetensors::type_name(tensor.value.dtype());
  text += "\",\"shape\":[";
  for (int axis = 0; axis < tensor.value.rank(); ++axis) {
    text += (axis > 0 ? "," : "") + std::to_string(tensor.value.shape()[axis]);
  }
  return text + "],\"data_offsets\":[" + std::to_string(begin) + "," + std::to_string(end) + "]}";
}

struct Head {
  std::vector<std::byte> bytes;  ///< prefix and header, with '0' in the place of every checksum digit
  std::size_t checksums = 0;     ///< the byte where the checksums begin
  std::size_t total = 0;         ///< bytes of the whole file
};

Head lay_out(const std::vector<const NamedTensor*>& order,
             const std::map<std::string, std::string>& metadata) {
  std::string head(safetensors::kPrefixSize, '\0');
  head += "{" + quoted(std::string(safetensors::kMetadataKey)) + ":{" +
          quoted(std::string(safetensors::kChecksumKey)) + ":\"";
  const std::string digits(safetensors::kChecksumDigits, '0');
  const std::size_t checksums = head.size();
  head += digits;
  for (std::size_t i = 0; i < order.size(); ++i) head += "," + digits;
  head += "\"";
  for (const auto& [key, text] : metadata) {
    if (key == safetensors::kChecksumKey) refuse("the metadata key 'crc32' is kept for the checksums");
    head += "," + quoted(key) + ":" + quoted(text);
  }
  head += "}";
  std::uint64_t size = 0;
  for (const NamedTensor* tensor : order) {
    const std::uint64_t begin = size;
    size += bytes_of(tensor->value).size();
    head += "," + describe(*tensor, begin, size);
  }
  head += "}";
  head.resize((head.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');

  const std::uint64_t header_size = head.size() - safetensors::kPrefixSize;
  if (header_size > safetensors::kMaxHeaderSize) {
    refuse("the header has " + std::to_string(header_size) + " bytes, the limit is " +
           std::to_string(safetensors::kMaxHeaderSize));
  }
  for (std::size_t i = 0; i < safetensors::kPrefixSize; ++i) {
    head[i] = static_cast<char>(header_size >> (8 * i));
  }
  Head laid_out{{}, checksums, head.size() + size};
  laid_out.bytes.reserve(laid_out.total);
  std::ranges::copy(std::as_bytes(std::span(head)), std::back_inserter(laid_out.bytes));
  return laid_out;
}

std::vector<std::byte> encode(const Safetensors& content) {
  require_distinct_names(content.tensors);
  const std::vector<const NamedTensor*> order = in_file_order(content.tensors);
  Head laid_out = lay_out(order, content.metadata);
  std::vector<std::byte> bytes = std::move(laid_out.bytes);
  const std::size_t header_end = bytes.size();
  const auto put = [&bytes](const std::string& checksum, std::size_t at) {
    std::ranges::copy(std::as_bytes(std::span(checksum)), bytes.begin() + static_cast<std::ptrdiff_t>(at));
  };

  std::size_t checksum_at = laid_out.checksums;
  for (const NamedTensor* tensor : order) {
    const std::span<const std::byte> elements = bytes_of(tensor->value);
    const std::size_t begin = bytes.size();
    bytes.insert(bytes.end(), elements.begin(), elements.end());
    const std::span<std::byte> stored = std::span(bytes).subspan(begin);
    convert_order(stored, size_of(tensor->value.dtype()), std::endian::little);
    checksum_at += safetensors::kChecksumDigits + 1;
    put(Crc32().add(stored).digits(), checksum_at);
  }
  put(safetensors::header_checksum(std::span(bytes).first(header_end), laid_out.checksums),
      laid_out.checksums);
  return bytes;
}

}  // namespace

std::vector<std::byte> encode_safetensors(const Safetensors& content) {
  return telling_shortage("write_safetensors", "the content", [&] { return encode(content); });
}

void write_safetensors(const std::filesystem::path& path, const Safetensors& content) {
  write_file(path, encode_safetensors(content));
}

}  // namespace nabla::io
