#include "io/safetensors.h"
#include "tests/io/files.h"

namespace nabla::io {
namespace {

using test::Bytes;
using test::bytes_of_text;
using test::message_of;
using test::take_mark;

/// A small file of ours with everything that a file can hold, padding included.
Bytes small_safetensors() {
  const Bytes bytes = encode_safetensors({{{"k", "v"}},
                                          {{"a", tensor<float>({1, 2}, {2})},
                                           {"b", tensor<bool>({true, false}, {2})},
                                           {"c", tensor<double>({3}, Shape())},
                                           {"d", tensor<float>(std::vector<float>(), {0})}}});
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  REQUIRE(text.find("}} ") != std::string_view::npos);
  return bytes;
}

void check_refused(const Bytes& bytes) {
  const std::string message = message_of([&] { parse_safetensors(bytes, "some.file", Checksums::required); });
  CHECK(message.starts_with("read_safetensors: some.file, byte "));
}

/// A file with this header and so many bytes 0 behind it.
Bytes safetensors_file(const std::string& header, std::size_t data = 0) {
  std::string text(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) text[i] = static_cast<char>(header.size() >> (8 * i));
  return bytes_of_text(text + header + std::string(data, '\0'));
}

/// Where `mark`, a '^' in the header, stands is where the error must be found; it is taken out first.
void refuses_safetensors(std::string header, const std::string& what, std::size_t data = 0) {
  CAPTURE(header);
  const std::size_t mark = take_mark(header);
  const std::string expected = "read_safetensors: f, byte " + std::to_string(8 + mark) + ": " + what;
  CHECK(message_of([&] { parse_safetensors(safetensors_file(header, data), "f"); }) == expected);
}

std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"x":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
}

}  // namespace

TEST_CASE("a safetensors file of ours is refused wherever it is cut") {
  test::for_every_cut(small_safetensors(), check_refused);
}

TEST_CASE("a safetensors file of ours is refused whichever bit is flipped") {
  test::for_every_flip(small_safetensors(), check_refused);
}

TEST_CASE("a safetensors file of ours is refused with a byte more") {
  Bytes bytes = small_safetensors();
  bytes.push_back(std::byte{0});
  check_refused(bytes);
}

TEST_CASE("a wrong checksum is named with the tensor and the byte where its elements begin") {
  const Bytes whole = small_safetensors();
  // The file ends with a (8 bytes), b (2 bytes).
  Bytes bytes = whole;
  bytes[whole.size() - 3] ^= std::byte{1};
  CHECK_THROWS_WITH_AS(parse_safetensors(bytes, "f"),
                       ("read_safetensors: f, byte " + std::to_string(whole.size() - 10) +
                        ": tensor 'a' does not match its checksum")
                           .c_str(),
                       Error);
  bytes = whole;
  // Inside the text of the metadata: no rule but the checksum notices.
  const std::string_view text(reinterpret_cast<const char*>(whole.data()), whole.size());
  bytes[text.find("\"v\"") + 1] ^= std::byte{1};
  CHECK_THROWS_WITH_AS(parse_safetensors(bytes, "f"),
                       "read_safetensors: f, byte 0: the header does not match its checksum", Error);
}

TEST_CASE("checksums that are not as many as the tensors, or not plain text, are refused") {
  CHECK_THROWS_WITH_AS(
      parse_safetensors(safetensors_file(R"({"__metadata__":{"crc32":"00000000,00000000"}})"), "f"),
      "read_safetensors: f, byte 34: the checksums have 17 characters, for 0 tensors there are 8", Error);
  CHECK_THROWS_WITH_AS(
      parse_safetensors(safetensors_file(R"({"__metadata__":{"crc32":"\u0030000000"},"x":)"
                                         R"({"dtype":"U8","shape":[0],"data_offsets":[0,0]}})"),
                        "f"),
      doctest::Contains("the checksums have 7 characters"), Error);
  CHECK_THROWS_WITH_AS(
      parse_safetensors(safetensors_file(R"({"__metadata__":{"crc32":"0000000\u0030"}})"), "f"),
      doctest::Contains("the checksums are not written as plain text"), Error);
}

TEST_CASE("the length of the header is checked before anything else") {
  const auto refuses_prefix = [](const std::vector<int>& prefix, const char* message) {
    Bytes bytes;
    for (const int number : prefix) bytes.push_back(static_cast<std::byte>(number));
    CHECK_THROWS_WITH_AS(parse_safetensors(bytes, "f"), message, Error);
  };
  refuses_prefix({}, "read_safetensors: f, byte 0: the file ends inside the length of the header");
  refuses_prefix({2, 0, 0}, "read_safetensors: f, byte 3: the file ends inside the length of the header");
  refuses_prefix({2, 0, 0, 0, 0, 0, 0, 0, '{'},
                 "read_safetensors: f, byte 0: the header would have 2 bytes, but only 1 follow");
  refuses_prefix(
      {1, 0xe1, 0xf5, 5, 0, 0, 0, 0},
      "read_safetensors: f, byte 0: the header would have 100000001 bytes, the limit is 100000000");
  refuses_prefix(
      {255, 255, 255, 255, 255, 255, 255, 255},
      "read_safetensors: f, byte 0: the header would have 18446744073709551615 bytes, the limit is "
      "100000000");
  refuses_prefix({0, 0, 0, 0, 0, 0, 0, 0}, "read_safetensors: f, byte 8: the header does not begin with {");
}

TEST_CASE("a header that is not JSON is refused where it stops being it") {
  refuses_safetensors(R"(^ {})", "the header does not begin with {");
  refuses_safetensors("^\xef\xbb\xbf{}", "the header does not begin with {");
  refuses_safetensors(R"({^,})", "the header is not JSON - unexpected ','");
  refuses_safetensors(R"({"x":{^})", "tensor 'x' has no dtype");
  refuses_safetensors(R"({^)", "the header is not JSON - unexpected end of input");
  refuses_safetensors("{\"^\xff\":{}}", "the header is not JSON - invalid string: ill-formed UTF-8 byte");
  refuses_safetensors(
      "{\"^\x01\":{}}",
      "the header is not JSON - invalid string: control character U+0001 (SOH) must be escaped to \\u0001");
  refuses_safetensors(R"({} ^x)", "only spaces may follow the end of the header");
  refuses_safetensors(std::string("{}^\0", 4), "only spaces may follow the end of the header");
}

TEST_CASE("a header that is not that of a safetensors file is refused where it departs") {
  refuses_safetensors(R"({"x":^1})", "a number is out of place in the header");
  refuses_safetensors(R"({"x":^[]})", "a list is out of place in the header");
  refuses_safetensors(R"({"x":nul^l})", "null is out of place in the header");
  refuses_safetensors(R"({"__metadata__":{"k":^{}}})", "an object is out of place in the header");
  refuses_safetensors(R"({"__metadata__":{"k":"v","k":"w^"}})", "the metadata has the key 'k' twice");
  refuses_safetensors(R"({"__metadata__":{},"__metadata__^":{}})", "the key '__metadata__' comes twice");
  refuses_safetensors(R"({"x":{"type^":1}})", "tensor 'x' has the unknown key 'type'");
  refuses_safetensors(R"({"x":{"dtype":"U8","dtype^":"U8"}})", "tensor 'x' has dtype twice");
  refuses_safetensors(R"({"x":{"dtype":"U8","shape":[]^}})", "tensor 'x' has no data_offsets");
  refuses_safetensors(
      entry(R"("F4^")", "[0]", "[0,0]"),
      "tensor 'x' has elements of type 'F4', which is not supported (F64, F32, F16, BF16, F8_E5M2, F8_E4M3, "
      "F8_E8M0, I64, I32, I16, I8, U64, U32, U16, U8 and BOOL are)");
  refuses_safetensors(
      entry(R"("U\u0000^")", "[0]", "[0,0]"),
      "tensor 'x' has elements of type 'U\\x00', which is not supported (F64, F32, F16, BF16, F8_E5M2, "
      "F8_E4M3, "
      "F8_E8M0, I64, I32, I16, I8, U64, U32, U16, U8 and BOOL are)");
  refuses_safetensors(entry(R"("U8")", "[-^1]", "[0,0]"), "a negative number is out of place in the header");
  refuses_safetensors(entry(R"("U8")", "[1.^5]", "[0,0]"),
                      "a number that is not whole or too large is out of place in the header");
  refuses_safetensors(entry(R"("U8")", "[1,1,1,1,1,1,1,1,1,1,1,1,^1]", "[0,1]"),
                      "tensor 'x' has more than 12 axes");
  refuses_safetensors(entry(R"("U8")", "[922337203685477580^8]", "[0,0]"),
                      "tensor 'x' has an extent of 9223372036854775808");
  refuses_safetensors(entry(R"("U8")", "[1]", "[0^]"), "tensor 'x' has fewer than two data_offsets");
  refuses_safetensors(entry(R"("U8")", "[1]", "[0,1,^2]"), "tensor 'x' has more than two data_offsets");
}

TEST_CASE("tensors that do not fit their bytes, each other or the file are refused") {
  const auto refuses_tensor = [](const std::string& header, const std::string& what) {
    refuses_safetensors("{\"x^\"" + header.substr(4), what, 3);
  };
  refuses_tensor(entry(R"("U8")", "[2]", "[0,3]"),
                 "tensor 'x' [2] U8 has 2 bytes, its data_offsets are [0, 3]");
  refuses_tensor(entry(R"("F32")", "[]", "[0,3]"),
                 "tensor 'x' [] F32 has 4 bytes, its data_offsets are [0, 3]");
  refuses_tensor(entry(R"("U8")", "[3]", "[3,0]"),
                 "tensor 'x' [3] U8 has 3 bytes, its data_offsets are [3, 0]");
  refuses_tensor(entry(R"("F64")", "[4294967296,4294967296]", "[0,0]"),
                 "tensor 'x' [4294967296, 4294967296] F64 has more bytes than can be counted");
  refuses_tensor(entry(R"("U8")", "[0,4294967296,4294967296]", "[0,0]"),
                 "tensor 'x' [0, 4294967296, 4294967296] U8 has more bytes than can be counted");

  const auto two = [](const std::string& a, const std::string& b) {
    return R"({"a":{"dtype":"U8","shape":[2],"data_offsets":)" + a +
           R"(},"b":{"dtype":"U8","shape":[2],"data_offsets":)" + b + "}}";
  };
  const auto refuses_data = [](const std::string& header, std::size_t data, std::size_t at,
                               const std::string& what) {
    CHECK(message_of([&] { parse_safetensors(safetensors_file(header, data), "f"); }) ==
          "read_safetensors: f, byte " + std::to_string(8 + header.size() + at) + ": " + what);
  };
  CHECK(parse_safetensors(safetensors_file(two("[2,4]", "[0,2]"), 4), "f").tensors[0].name == "b");
  refuses_data(two("[0,2]", "[1,3]"), 4, 1, "tensor 'b' overlaps the one before it");
  refuses_data(two("[0,2]", "[3,5]"), 5, 2, "bytes before tensor 'b' belong to no tensor");
  refuses_data(two("[1,3]", "[3,5]"), 5, 0, "bytes before tensor 'a' belong to no tensor");
  refuses_data(two("[0,2]", "[2,4]"), 6, 4, "2 bytes belong to no tensor");
  refuses_data(two("[0,2]", "[2,4]"), 3, 3,
               "the file ends inside tensor 'b' which ends at byte " +
                   std::to_string(8 + two("[0,2]", "[2,4]").size() + 4));

  // An empty tensor inside another, and twice the same name.
  const std::string empty = R"({"dtype":"U8","shape":[0],"data_offsets":[1,1]})";
  refuses_data(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":)" + empty + "}", 2, 1,
               "tensor 'b' overlaps the one before it");
  refuses_safetensors(R"({"x":)" + empty + R"(,"x^":)" + empty + "}", "tensor 'x' comes twice");
}

TEST_CASE("a header of more tensors than any file has is refused before they are all there") {
  std::string header = "{";
  for (int i = 0; i < 100'001; ++i)
    header +=
        (i > 0 ? ",\"" : "\"") + std::to_string(i) + R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
  CHECK(message_of([&] {
          parse_safetensors(safetensors_file(header + "}"), "f");
        }).ends_with(": the file has more than 100000 tensors"));
}

TEST_CASE("a U64 that no i64 holds is refused where it lies") {
  const std::string header = entry(R"("U64")", "[2]", "[0,16]");
  Bytes bytes = safetensors_file(header, 16);
  bytes.back() = std::byte{0x80};
  CHECK(message_of([&] { parse_safetensors(bytes, "f"); }) ==
        "read_safetensors: f, byte " + std::to_string(bytes.size() - 8) +
            ": 9223372036854775808 is too large for an i64, which is what a u64 becomes");
}

TEST_CASE("a boolean that is neither 0 nor 1 is refused where it lies") {
  const std::string header = entry(R"("BOOL")", "[3]", "[0,3]");
  Bytes bytes = safetensors_file(header, 3);
  bytes[bytes.size() - 2] = std::byte{2};
  CHECK(message_of([&] { parse_safetensors(bytes, "f"); }) == "read_safetensors: f, byte " +
                                                                  std::to_string(bytes.size() - 2) +
                                                                  ": 2 is no boolean, which is 0 or 1");
}

}  // namespace nabla::io
