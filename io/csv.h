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
  std::vector<std::string> names;  ///< of the columns, if a header was read
};

struct CsvOptions {
  /// The first line that is not blank holds the names of the columns.
  bool header = false;
  /// Text, once unpacked, that is longer is refused: nothing in the file says how long it will get.
  std::uint64_t max_bytes = std::uint64_t{1} << 30;
};

/// Reads a comma-separated file of numbers in UTF-8, plain or gzip. Blank lines, spaces around numbers, a
/// byte order mark and quotes around a field are skipped; within quotes two stand for one, and a quoted field
/// ends on its line. Every field but those of a header is a number. Throws nabla::Error naming the file, the
/// line and the column.
NumericTable read_csv(const std::filesystem::path& path, const CsvOptions& options = {});

/// The same for text at hand; `name` stands for the file in error messages.
NumericTable parse_csv(std::string_view text, const std::string& name, const CsvOptions& options = {});

}  // namespace nabla::io
