#include "io/npy.h"

#include <complex>

#include "io/file_bytes.h"
#include "tests/io/files.h"
#include "tests/io/scratch.h"

namespace nabla::io {
namespace {

using test::Bytes;
using test::bytes_of_numbers;
using test::bytes_of_text;
using test::check_same;
using test::corpus;
using test::message_of;
using test::ScratchDirectory;
using test::take_mark;

/// A file of version 1.0 with this header and so many bytes 0 behind it.
Bytes npy_file(const std::string& header, std::size_t data = 0) {
  std::string text = "\x93NUMPY\x01";
  text += '\0';
  text += static_cast<char>(header.size());
  text += '\0';
  return bytes_of_text(text + header + std::string(data, '\0'));
}

/// The error must be found where '^' stands, which is taken out first.
void refuses_npy(std::string header, const std::string& what, std::size_t data = 0) {
  CAPTURE(header);
  const std::size_t mark = take_mark(header);
  CHECK(message_of([&] { parse_npy(npy_file(header, data), "f"); }) ==
        "read_npy: f, byte " + std::to_string(10 + mark) + ": " + what);
}

std::string header_of(const std::string& type, const std::string& order, const std::string& shape) {
  return "{'descr': " + type + ", 'fortran_order': " + order + ", 'shape': " + shape + ", }";
}

Tensor npy_of_corpus(const std::string& name) { return read_npy(corpus("npy/" + name)); }

}  // namespace

TEST_CASE("npy keeps every type and shape") {
  const ScratchDirectory scratch;
  for (const NamedTensor& sample : test::sample_tensors()) {
    CAPTURE(sample.name);
    write_npy(scratch / "a.npy", sample.value);
    check_same(read_npy(scratch / "a.npy"), sample.value);
  }
  CHECK(scratch.file_count() == 1);
}

TEST_CASE("npy writes the very bytes that NumPy writes") {
  for (const char* name :
       {"c_f4", "c_f8", "c_i4", "c_i8", "c_u1", "c_u4", "c_b1", "scalar", "vector", "empty", "twelve_axes"}) {
    CAPTURE(name);
    const Bytes bytes = read_bytes(corpus("npy/" + std::string(name) + ".npy"));
    CHECK(encode_npy(parse_npy(bytes, name)) == bytes);
  }
}

TEST_CASE("npy reads what NumPy wrote") {
  const Tensor f = tensor<double>({-2, -0.5, 1, 2.5, 4, 5.5}, {2, 3});
  check_same(npy_of_corpus("c_f8.npy"), f);
  check_same(npy_of_corpus("big_endian_f8.npy"), f);
  check_same(npy_of_corpus("c_f4.npy"), tensor<float>({-2, -0.5, 1, 2.5, 4, 5.5}, {2, 3}));
  check_same(npy_of_corpus("c_i4.npy"), tensor<std::int32_t>({0, 7, 14, 21, 28, 35}, {2, 3}));
  check_same(npy_of_corpus("c_u1.npy"), tensor<std::uint8_t>({0, 7, 14, 21, 28, 35}, {2, 3}));
  check_same(npy_of_corpus("c_u4.npy"), tensor<std::uint32_t>({0, 7, 14, 21, 28, 35}, {2, 3}));
  check_same(npy_of_corpus("c_b1.npy"), tensor<bool>({true, false, true, false, true, false}, {2, 3}));
  check_same(npy_of_corpus("big_endian_i4.npy"), tensor<std::int32_t>({-9, -2, 5, 12, 19, 26}, {2, 3}));
  check_same(npy_of_corpus("scalar.npy"), tensor<double>({2.5}, Shape()));
  check_same(npy_of_corpus("vector.npy"), tensor<std::int32_t>({1, -2, 3}, {3}));
  check_same(npy_of_corpus("empty.npy"), tensor<float>(std::vector<float>(), {0, 3}));
  const Tensor counted = tensor<std::int64_t>({0, 1, 2, 3, 4, 5}, {2, 3});
  check_same(npy_of_corpus("version2.npy"), counted);
  check_same(npy_of_corpus("version3.npy"), counted);
}

TEST_CASE("npy widens what no tensor holds, without rounding") {
  check_same(npy_of_corpus("c_f2.npy"), tensor<float>({0, 1, 2, 3, 4, 5}, {2, 3}));
  check_same(npy_of_corpus("fortran_f2.npy"),
             tensor<float>({0.5, -2, std::numeric_limits<float>::infinity(), 65504, 0x1p-24f, 1}, {2, 3}));
  check_same(npy_of_corpus("c_i1.npy"), tensor<std::int32_t>({-128, 0, 127}, {3}));
  check_same(npy_of_corpus("big_endian_i2.npy"), tensor<std::int32_t>({-32768, 258, -1, 32767}, {2, 2}));
  check_same(npy_of_corpus("c_u2.npy"), tensor<std::int32_t>({0, 65535}, {2}));
  check_same(npy_of_corpus("c_u8.npy"),
             tensor<std::int64_t>({0, std::numeric_limits<std::int64_t>::max()}, {2}));
  CHECK_THROWS_WITH_AS(
      npy_of_corpus("refused_u8.npy"),
      doctest::Contains("refused_u8.npy, byte 136: 9223372036854775808 is too large for an i64"), Error);
}

TEST_CASE("npy turns Fortran order into row-major order") {
  std::vector<std::int32_t> values(24);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::int32_t>(i);
  check_same(npy_of_corpus("fortran_i4.npy"), tensor<std::int32_t>(values, {2, 3, 4}));
  check_same(npy_of_corpus("fortran_big_endian_f4.npy"),
             tensor<float>({0, 0.25, 0.5, 0.75, 1, 1.25}, {2, 3}));
  const auto no_elements = parse_npy(npy_file(header_of("'<f4'", "True", "(2, 0, 3)")), "f");
  check_same(no_elements, tensor<float>(std::vector<float>(), {2, 0, 3}));
}

TEST_CASE("npy takes the spellings of the header that mean the same") {
  const Tensor two = tensor<std::uint8_t>({0, 0}, {2});
  for (const char* header : {
           "{'descr':'|u1','fortran_order':False,'shape':(2,)}",
           "{\"shape\": (2,), \"descr\": \"<u1\", \"fortran_order\": True,}  \n",
           " { 'fortran_order' : False ,'shape' : ( 2 , ) , 'descr' : '>u1' } \n",
           "{'descr':'=u1','fortran_order':False,'shape':(2,)}",
       }) {
    CAPTURE(header);
    check_same(parse_npy(npy_file(header, 2), "f"), two);
  }
}

TEST_CASE("npy files are refused wherever they are cut, and when they go on") {
  for (const char* name : {"npy/c_f4.npy", "npy/version2.npy", "npy/fortran_i4.npy"}) {
    const Bytes whole = read_bytes(corpus(name));
    test::for_every_cut(whole, [](const Bytes& cut) {
      CHECK(message_of([&] { parse_npy(cut, "some.npy"); }).starts_with("read_npy: some.npy, byte "));
    });
  }
  CHECK_THROWS_WITH_AS(
      npy_of_corpus("refused_cut.npy"),
      doctest::Contains("refused_cut.npy, byte 151: an array [2, 3] has 24 bytes, at most 23 follow"), Error);
  CHECK_THROWS_WITH_AS(npy_of_corpus("refused_long.npy"),
                       doctest::Contains("refused_long.npy, byte 152: more bytes follow the array"), Error);
}

TEST_CASE("npy names the types that it does not support") {
  const auto refuses_file = [](const char* name, const char* what) {
    CHECK_THROWS_WITH_AS(npy_of_corpus(name), doctest::Contains(what), Error);
  };
  refuses_file("refused_c16.npy",
               "byte 20: the type '<c16' is not supported (f2, f4, f8, i1, i2, i4, i8, u1, u2, u4, u8 and b1 "
               "are, after");
  refuses_file("refused_record.npy", "byte 20: structured types are not supported");
  refuses_file("refused_thirteen_axes.npy", "the shape has more than 12 axes");
  refuses_npy(header_of("^'|f4'", "False", "()"), "the type '|f4' has no byte order", 4);
  refuses_npy(
      header_of("^'f4'", "False", "()"),
      "the type 'f4' is not supported (f2, f4, f8, i1, i2, i4, i8, u1, u2, u4, u8 and b1 are, after <, "
      ">, = or |)",
      4);
  refuses_npy(
      header_of("^''", "False", "()"),
      "the type '' is not supported (f2, f4, f8, i1, i2, i4, i8, u1, u2, u4, u8 and b1 are, after <, >, "
      "= or |)");
  CHECK_THROWS_WITH_AS(encode_npy(tensor<std::complex<double>>({1}, {1})),
                       doctest::Contains("write_npy: the element type c128 is not supported"), Error);
  CHECK_THROWS_WITH_AS(encode_npy(Tensor()), "write_npy: the tensor is an empty handle", Error);
}

TEST_CASE("npy refuses a damaged header where the damage is") {
  const std::string damaged = "the header is damaged: ";
  refuses_npy("^", damaged + "'{' should stand here");
  refuses_npy("^[]", damaged + "'{' should stand here");
  refuses_npy("{^1: 2}", damaged + "a quoted text should stand here");
  refuses_npy("{'descr^", "the header ends inside a quoted text");
  refuses_npy("{^'description': '<f4'}", "the header has the unknown key 'description'");
  refuses_npy("{'shape' ^(2,)}", damaged + "':' should stand here");
  refuses_npy("{'shape': ^2}", damaged + "'(' should stand here");
  refuses_npy("{'shape': (^-2,)}", "an extent should stand here");
  refuses_npy("{'shape': (^True,)}", "an extent should stand here");
  refuses_npy("{'shape': (2 ^3)}", damaged + "',' should stand here");
  refuses_npy("{'shape': (2^)}", "the shape is a number, not a tuple");
  refuses_npy("{'shape': (^,)}", "an extent should stand here");
  refuses_npy("{'shape': (^99999999999999999999,)}", "the extent is too large");
  refuses_npy("{'shape': (), ^'shape': ()}", "the header has shape twice");
  refuses_npy("{'shape': ()^", damaged + "'}' should stand here");
  refuses_npy("{'shape': () ^'descr': '<f4'}", damaged + "'}' should stand here");
  refuses_npy("{'fortran_order': ^0}", "fortran_order is neither True nor False");
  refuses_npy("{'fortran_order': False, 'shape': ()}^", "the header has no descr");
  refuses_npy(header_of("'<f4'", "False", "()") + "\n^x", "only spaces may follow the header's dictionary",
              4);
  refuses_npy(header_of("'<f8'", "False", "(4294967296, 4294967296)") + "^",
              "an array [4294967296, 4294967296] has more bytes than can be counted");
  refuses_npy(header_of("'<f8'", "False", "(0, 4294967296, 4294967296)") + "^",
              "an array [0, 4294967296, 4294967296] has more bytes than can be counted");
}

TEST_CASE("npy refuses what comes before the header") {
  const auto refuses_bytes = [](std::initializer_list<int> numbers, const char* message) {
    CHECK_THROWS_WITH_AS(parse_npy(bytes_of_numbers(numbers), "f"), message, Error);
  };
  refuses_bytes({}, "read_npy: f, byte 0: this is no .npy file");
  refuses_bytes({0x93, 'N', 'U', 'M', 'P', 'X'}, "read_npy: f, byte 5: this is no .npy file");
  refuses_bytes({0x93, 'N', 'U', 'M', 'P', 'Y', 4, 1},
                "read_npy: f, byte 6: version 4.1 is not supported (1.0, 2.0 and 3.0 are)");
  refuses_bytes({0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, 9},
                "read_npy: f, byte 9: the file ends inside the length of the header");
  refuses_bytes({0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, 9, 1, '{'},
                "read_npy: f, byte 8: the header would have 265 bytes, but only 1 follow");
  refuses_bytes({0x93, 'N', 'U', 'M', 'P', 'Y', 3, 0, 255, 255, 255, 255, '{'},
                "read_npy: f, byte 8: the header would have 4294967295 bytes, the limit is 65535");
}

TEST_CASE("npy refuses a boolean that is neither 0 nor 1, where it lies") {
  Bytes bytes = encode_npy(tensor<bool>({true, true, true}, {3}));
  bytes[129] = std::byte{255};
  CHECK_THROWS_WITH_AS(parse_npy(bytes, "f"), "read_npy: f, byte 129: 255 is no boolean, which is 0 or 1",
                       Error);
}

TEST_CASE("a character of code 0 in a file does not end the message about it") {
  const std::string header = header_of(std::string("'<\0f'", 5), "False", "()");
  CHECK(message_of([&] { parse_npy(npy_file(header), "f"); }).find("the type '<\\x00f' is not supported (") !=
        std::string::npos);
}

}  // namespace nabla::io
