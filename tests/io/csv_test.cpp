#include "io/csv.h"

#include <doctest/doctest.h>
#include <zlib.h>

#include <limits>

#include "engine/tensor/error.h"
#include "tests/io/scratch.h"

namespace nabla::io {
namespace {

using test::ScratchDirectory;
using test::slurp;
using test::spill;

void write_gzip(const std::filesystem::path& path, const std::string& text) {
  const gzFile file = gzopen(path.c_str(), "wb");
  REQUIRE(file != nullptr);
  REQUIRE(gzwrite(file, text.data(), static_cast<unsigned>(text.size())) == static_cast<int>(text.size()));
  REQUIRE(gzclose(file) == Z_OK);
}

}  // namespace

TEST_CASE("parse_csv reads numbers row by row") {
  const NumericTable table = parse_csv("1,-2.5,+3e2\n 4 ,\t5, .5\r\n", "text");
  CHECK(table.rows == 2);
  CHECK(table.columns == 3);
  CHECK(table.values == std::vector<double>{1, -2.5, 300, 4, 5, 0.5});
}

TEST_CASE("parse_csv takes one number, no final line feed, blank lines, infinities") {
  CHECK(parse_csv("7", "text").values == std::vector<double>{7});
  const NumericTable table = parse_csv("\n1\n\n  \n2\n\n", "text");
  CHECK(table.rows == 2);
  CHECK(table.columns == 1);
  CHECK(parse_csv("inf", "text").values[0] == std::numeric_limits<double>::infinity());
}

TEST_CASE("parse_csv names line and column of what is wrong") {
  const auto refuses = [](const std::string& text, const char* message) {
    CHECK_THROWS_WITH_AS(parse_csv(text, "t.csv"), message, Error);
  };
  refuses("1,2\n3,x4\n", "read_csv: t.csv, line 2, column 2: 'x4' is not a number");
  refuses("1,2x\n", "read_csv: t.csv, line 1, column 2: '2x' is not a number");
  refuses("+-1\n", "read_csv: t.csv, line 1, column 1: '+-1' is not a number");
  refuses("1,,2\n", "read_csv: t.csv, line 1, column 2: the field is empty");
  refuses("1,2,\n", "read_csv: t.csv, line 1, column 3: the field is empty");
  refuses("\n1e999\n", "read_csv: t.csv, line 2, column 1: '1e999' is out of the range of a double");
  refuses("1,2\n\n3\n", "read_csv: t.csv, line 3: the row has 1 columns, those above have 2");
  refuses("1,2\n3,4,5\n", "read_csv: t.csv, line 2: the row has 3 columns, those above have 2");
  refuses("", "read_csv: t.csv holds no numbers");
  refuses("\n \n", "read_csv: t.csv holds no numbers");
}

TEST_CASE("read_csv reads plain and gzip files alike") {
  const ScratchDirectory scratch;
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += std::to_string(i) + "," + std::to_string(-i) + "\n";
  spill(scratch / "a.csv", text);
  write_gzip(scratch / "a.csv.gz", text);
  const NumericTable plain = read_csv(scratch / "a.csv");
  const NumericTable packed = read_csv(scratch / "a.csv.gz");
  CHECK(plain.rows == 20'000);
  CHECK(plain.values.back() == -19'999);
  CHECK(packed.rows == plain.rows);
  CHECK(packed.values == plain.values);
}

TEST_CASE("read_csv names the file it cannot read") {
  const ScratchDirectory scratch;

  SUBCASE("missing") {
    CHECK_THROWS_WITH_AS(read_csv(scratch / "none.csv"), doctest::Contains("none.csv': No such file"), Error);
  }
  SUBCASE("a directory") {
    std::filesystem::create_directory(scratch / "directory");
    CHECK_THROWS_WITH_AS(read_csv(scratch / "directory"), doctest::Contains("is a directory"), Error);
  }
  SUBCASE("empty") {
    spill(scratch / "empty.csv", "");
    CHECK_THROWS_WITH_AS(read_csv(scratch / "empty.csv"), doctest::Contains("empty.csv holds no numbers"),
                         Error);
  }
  SUBCASE("a bad number") {
    spill(scratch / "bad.csv", "1\ntwo\n");
    CHECK_THROWS_WITH_AS(read_csv(scratch / "bad.csv"), doctest::Contains("bad.csv, line 2, column 1"),
                         Error);
  }
}

TEST_CASE("read_csv refuses a damaged gzip, wherever it was cut") {
  const ScratchDirectory scratch;
  std::string text;
  for (int i = 0; i < 5'000; ++i) text += std::to_string(i * 7919 % 10'007) + "\n";
  write_gzip(scratch / "whole.csv.gz", text);
  const std::string whole = slurp(scratch / "whole.csv.gz");

  // Inside the data, and inside the checksum and length at the end.
  for (const std::size_t length : {std::size_t{40}, whole.size() / 2, whole.size() - 6, whole.size() - 1}) {
    CAPTURE(length);
    spill(scratch / "cut.csv.gz", whole.substr(0, length));
    CHECK_THROWS_WITH_AS(read_csv(scratch / "cut.csv.gz"), doctest::Contains("cut short"), Error);
  }

  std::string flipped = whole;
  flipped[whole.size() - 6] ^= 1;
  spill(scratch / "flipped.csv.gz", flipped);
  CHECK_THROWS_WITH_AS(read_csv(scratch / "flipped.csv.gz"), doctest::Contains("flipped.csv.gz"), Error);
}

TEST_CASE("parse_csv reads names, quotes and a byte order mark") {
  const NumericTable table =
      parse_csv("\xef\xbb\xbf\n a ,\"b, \"\"c\"\"\" , \r\n\"1\", \" -2 \"\t,3\r\n", "t", {.header = true});
  CHECK(table.names == std::vector<std::string>{"a", "b, \"c\"", ""});
  CHECK(table.rows == 1);
  CHECK(table.values == std::vector<double>{1, -2, 3});
  CHECK(parse_csv("\xef\xbb\xbf"
                  "7",
                  "t")
            .values == std::vector<double>{7});
  CHECK(parse_csv("7", "t").names.empty());
  const auto refuses = [](const std::string& text, const char* message, const CsvOptions& options = {}) {
    CHECK_THROWS_WITH_AS(parse_csv(text, "t.csv", options), message, Error);
  };
  refuses("a,b\n1,2\n",
          "read_csv: t.csv, line 1, column 1: 'a' is not a number (a line of names is read with "
          "CsvOptions::header)");
  refuses("\"1,2\n3\"\n", "read_csv: t.csv, line 1, column 1: the quote is not closed on this line");
  refuses("1,\"2\"3\n", "read_csv: t.csv, line 1, column 2: a comma should follow the closing quote");
  refuses("1,\"2\",\n", "read_csv: t.csv, line 1, column 3: the field is empty");
  refuses(
      "\xff\xfe"
      "1",
      "read_csv: t.csv, line 1: the text is UTF-16, not UTF-8");
  refuses("a,b\n", "read_csv: t.csv holds no numbers", {.header = true});
  refuses("a,b\n1\n", "read_csv: t.csv, line 2: the row has 1 columns, those above have 2", {.header = true});
  refuses(std::string("1\0", 2) + "2", "read_csv: t.csv, line 1, column 1: '1\\x002' is not a number");
  refuses(
      "1,\xef\xbb\xbf"
      "2",
      "read_csv: t.csv, line 1, column 2: '\xef\xbb\xbf"
      "2' is not a number");
}

TEST_CASE("read_csv unpacks no more text than it may") {
  const ScratchDirectory scratch;
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "1\n";
  write_gzip(scratch / "a.csv.gz", text);
  CHECK(read_csv(scratch / "a.csv.gz", {.max_bytes = text.size()}).rows == 100'000);
  CHECK_THROWS_WITH_AS(read_csv(scratch / "a.csv.gz", {.max_bytes = text.size() - 1}),
                       doctest::Contains("a.csv.gz has more than 199999 bytes of text"), Error);
}

}  // namespace nabla::io
