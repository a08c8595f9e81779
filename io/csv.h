#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace nabla::io {

/// A table of numbers in row-major order.
struct NumericTable {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::vector<double> values;
};

/// Reads a comma-separated file of numbers, plain or gzip. Blank lines and spaces around numbers are skipped,
/// a header line is not: every field is a number. Throws nabla::Error naming the file, the line and the
/// column.
NumericTable read_csv(const std::filesystem::path& path);

/// The same for text at hand; `name` stands for the file in error messages.
NumericTable parse_csv(std::string_view text, const std::string& name);

}  // namespace nabla::io
