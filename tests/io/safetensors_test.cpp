#include "io/safetensors.h"

#include <sys/stat.h>

#include <complex>
#include <thread>

#include "io/file_bytes.h"
#include "tests/io/files.h"
#include "tests/io/scratch.h"

namespace nabla::io {
namespace {

using test::check_same;
using test::corpus;
using test::sample_tensors;
using test::ScratchDirectory;

Safetensors sample() { return {{{"made by", "a test"}, {"größe", "\"zwölf\"\n"}}, sample_tensors()}; }

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

TEST_CASE("safetensors keep every type, shape and text") {
  const ScratchDirectory scratch;
  write_safetensors(scratch / "a.safetensors", sample());
  CHECK(scratch.file_count() == 1);
  for (const Checksums checksums : {Checksums::if_present, Checksums::required}) {
    const Safetensors read = read_safetensors(scratch / "a.safetensors", checksums);
    CHECK(read.metadata == sample().metadata);
    check_same(read.tensors, sample().tensors);
  }
}

TEST_CASE("safetensors without tensors keep their metadata") {
  const auto bytes = encode_safetensors({{{"a", "b"}}, {}});
  const Safetensors read = parse_safetensors(bytes, "t", Checksums::required);
  CHECK(read.metadata == std::map<std::string, std::string>{{"a", "b"}});
  CHECK(read.tensors.empty());
  CHECK(parse_safetensors(encode_safetensors({}), "t", Checksums::required).tensors.empty());
}

TEST_CASE("safetensors computes a tensor that is an expression, and one that is a view") {
  const Tensor x = tensor<float>({1, 2, 3, 4, 5, 6}, {2, 3});
  const Tensor part = x({all, range(1, 3)});
  const auto read = parse_safetensors(encode_safetensors({{}, {{"part", part}}}), "t");
  check_same(read.tensors[0].value, tensor<float>({2, 3, 5, 6}, {2, 2}));
}

TEST_CASE("safetensors of the same content are the same bytes, in whatever order the tensors are given") {
  const Safetensors content = sample();
  Safetensors reversed = content;
  std::ranges::reverse(reversed.tensors);
  const auto bytes = encode_safetensors(content);
  CHECK(bytes == encode_safetensors(reversed));
  CHECK(bytes == encode_safetensors(parse_safetensors(bytes, "t")));
}

TEST_CASE("safetensors lie as the format says, aligned, and with the checksums that zlib computes") {
  const auto bytes = encode_safetensors({{{"k", "vw"}},
                                         {{"c", tensor<std::uint8_t>({0x61, 0x62, 0x63}, {3})},
                                          {"b", tensor<std::int32_t>({1}, {1})},
                                          {"a", tensor<double>({0}, Shape())}}});
  const std::string header = R"({"__metadata__":{"crc32":"--------,6522df69,99f8b879,352441c2","k":"vw"},)"
                             R"("a":{"dtype":"F64","shape":[],"data_offsets":[0,8]},)"
                             R"("b":{"dtype":"I32","shape":[1],"data_offsets":[8,12]},)"
                             R"("c":{"dtype":"U8","shape":[3],"data_offsets":[12,15]}})";
  std::string text = text_of(bytes).substr(8);
  const std::size_t digits = header.find("--------");
  text.replace(digits, 8, 8, '-');
  CHECK(text.substr(0, header.size()) == header);
  CHECK(static_cast<std::size_t>(bytes[0]) == (header.size() + 7) / 8 * 8);
  CHECK(bytes.size() == 8 + static_cast<std::size_t>(bytes[0]) + 15);
  CHECK(text.ends_with("abc"));
  CHECK(text[header.size()] == ' ');
}

TEST_CASE("safetensors reads what the Python package wrote") {
  const Safetensors read = read_safetensors(corpus("safetensors/python.safetensors"));
  CHECK(read.metadata ==
        std::map<std::string, std::string>{{"made by", "python"}, {"größe", "ünïcode \"quoted\""}});
  check_same(read.tensors, {{"f32", tensor<float>({-2, -0.5, 1, 2.5, 4, 5.5}, {2, 3})},
                            {"f64", tensor<double>({1.5}, {1, 1})},
                            {"i32", tensor<std::int32_t>({-7, 8}, {2})},
                            {"i64", tensor<std::int64_t>({std::int64_t{1} << 40}, Shape())},
                            {"u8", tensor<std::uint8_t>({0, 255}, {2})},
                            {"u32", tensor<std::uint32_t>({4'000'000'000u}, {1})},
                            {"flag", tensor<bool>({true, false, true}, {3})},
                            {"none", tensor<float>(std::vector<float>(), {0, 4})}});
  CHECK(read_safetensors(corpus("safetensors/python_empty.safetensors")).tensors.empty());
}

TEST_CASE("safetensors widens what no tensor holds, without rounding") {
  check_same(read_safetensors(corpus("safetensors/f16.safetensors")).tensors,
             {{"x", tensor<float>({1, 2}, {2})}});
  check_same(read_safetensors(corpus("safetensors/python_narrow.safetensors")).tensors,
             {{"bf16", tensor<float>({1.5f, -3.140625f, 0x1.c4p+127f}, {3})},
              {"f16", tensor<float>({65504, -0.5, 0x1p-24f}, {3})},
              {"e4m3", tensor<float>({448, -0.0625, 0x1p-9f}, {3})},
              {"e5m2", tensor<float>({57344, -0.25, 0x1p-16f}, {3})},
              {"i8", tensor<std::int32_t>({-128, 127}, {2})},
              {"i16", tensor<std::int32_t>({-32768, 7}, {2})},
              {"u16", tensor<std::int32_t>({65535}, {1})},
              {"u64", tensor<std::int64_t>({std::numeric_limits<std::int64_t>::max()}, {1})}});
}

TEST_CASE("safetensors are read from a pipe") {
  const ScratchDirectory scratch;
  write_safetensors(scratch / "a.safetensors", sample());
  REQUIRE(::mkfifo((scratch / "pipe").c_str(), 0600) == 0);
  std::thread writer([&] { test::spill(scratch / "pipe", test::slurp(scratch / "a.safetensors")); });
  check_same(read_safetensors(scratch / "pipe").tensors, sample().tensors);
  writer.join();
}

TEST_CASE("safetensors without checksums are refused where these are required") {
  CHECK_THROWS_WITH_AS(read_safetensors(corpus("safetensors/python.safetensors"), Checksums::required),
                       doctest::Contains("python.safetensors, byte 8: the header has no checksums"), Error);
}

TEST_CASE("write_safetensors refuses what the format cannot hold, and writes nothing") {
  const ScratchDirectory scratch;
  const Tensor one = tensor<float>({1}, {1});
  const auto refuses = [&](const Safetensors& content, const char* message) {
    CHECK_THROWS_WITH_AS(write_safetensors(scratch / "a.safetensors", content), message, Error);
  };
  refuses({{}, {{"x", one}, {"y", one}, {"x", one}}}, "write_safetensors: two tensors are called 'x'");
  refuses({{}, {{"x", Tensor()}}}, "write_safetensors: tensor 'x' is an empty handle");
  refuses({{}, {{"__metadata__", one}}}, "write_safetensors: no tensor can be called '__metadata__'");
  refuses({{}, {{"x", tensor<std::complex<double>>({1}, {1})}}},
          "write_safetensors: tensor 'x' has elements of type c128, which the format lacks");
  refuses({{{"crc32", ""}}, {}}, "write_safetensors: the metadata key 'crc32' is kept for the checksums");
  refuses({{}, {{"\xff", one}}}, "write_safetensors: the name or text '\xff' is not UTF-8");
  refuses({{{"k", "\xc3"}}, {}}, "write_safetensors: the name or text '\xc3' is not UTF-8");
  CHECK(scratch.file_count() == 0);
}

TEST_CASE("read_safetensors names a file that is missing") {
  const ScratchDirectory scratch;
  CHECK_THROWS_WITH_AS(read_safetensors(scratch / "none"), doctest::Contains("none': No such file"), Error);
}

}  // namespace nabla::io
