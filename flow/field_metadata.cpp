#include "flow/field_metadata.h"

#include <charconv>
#include <system_error>

#include "engine/tensor/error.h"
#include "engine/tensor/number_text.h"
#include "engine/tensor/printable.h"

namespace nabla::flow {
namespace {

const std::string& entry(const std::map<std::string, std::string>& entries, const std::string& name) {
  const auto found = entries.find(name);
  if (found == entries.end()) throw Error("field_metadata: '" + name + "' is missing");
  return found->second;
}

template <class T>
T number(const std::map<std::string, std::string>& entries, const std::string& name) {
  const std::string& text = entry(entries, name);
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    throw Error("field_metadata: '" + name + "' is '" + printable(text) + "', not a number of its kind");
  return value;
}

}  // namespace

std::map<std::string, std::string> FieldMetadata::to_text() const {
  return {{"path", path},
          {"source", source},
          {"source_scale", number_text(source_scale)},
          {"coupling", coupling},
          {"guidance", guidance},
          {"data_low", number_text(data_low)},
          {"data_high", number_text(data_high)},
          {"seed", std::to_string(seed)},
          {"step", std::to_string(step)}};
}

FieldMetadata FieldMetadata::from_text(const std::map<std::string, std::string>& entries) {
  return {.path = entry(entries, "path"),
          .source = entry(entries, "source"),
          .source_scale = entries.contains("source_scale") ? number<double>(entries, "source_scale") : 1,
          .coupling = entry(entries, "coupling"),
          .guidance = entry(entries, "guidance"),
          .data_low = number<double>(entries, "data_low"),
          .data_high = number<double>(entries, "data_high"),
          .seed = number<std::uint64_t>(entries, "seed"),
          .step = number<std::int64_t>(entries, "step")};
}

}  // namespace nabla::flow
