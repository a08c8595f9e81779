#include "io/idx.h"

#include <zlib.h>

#include "io/file_bytes.h"
#include "tests/io/files.h"
#include "tests/io/memory.h"
#include "tests/io/scratch.h"

namespace nabla::io {
namespace {

using test::Bytes;
using test::bytes_of_numbers;
using test::check_same;
using test::corpus;
using test::message_of;
using test::ScratchDirectory;

Tensor idx_of_corpus(const std::string& name) { return read_idx(corpus("idx/" + name)); }

void refuses_idx(std::initializer_list<int> numbers, const std::string& message) {
  CHECK(message_of([&] { parse_idx(bytes_of_numbers(numbers), "f"); }) == "read_idx: f, byte " + message);
}

}  // namespace

TEST_CASE("idx reads every type, the narrow ones widened") {
  check_same(idx_of_corpus("images_u8.idx"),
             tensor<std::uint8_t>({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, {2, 3, 2}));
  check_same(idx_of_corpus("labels_u8.idx"), tensor<std::uint8_t>({5, 0, 4}, {3}));
  check_same(idx_of_corpus("i8.idx"), tensor<std::int32_t>({-128, 0, 127}, {3}));
  check_same(idx_of_corpus("i16.idx"), tensor<std::int32_t>({-32768, 258}, {2}));
  check_same(idx_of_corpus("i32.idx"), tensor<std::int32_t>({-2, 65536}, {2}));
  check_same(idx_of_corpus("f32.idx"), tensor<float>({-1.5f, 3e10f}, {2}));
  check_same(idx_of_corpus("f64.idx"), tensor<double>({-1.5, 3e100}, {1, 2}));
  check_same(idx_of_corpus("empty.idx"), tensor<std::uint8_t>(std::vector<std::uint8_t>(), {0, 28, 28}));
}

TEST_CASE("idx unpacks gzip") {
  const ScratchDirectory scratch;
  const Bytes plain = read_bytes(corpus("idx/i16.idx"));
  const gzFile file = gzopen((scratch / "i16.idx.gz").c_str(), "wb");
  REQUIRE(file != nullptr);
  REQUIRE(gzwrite(file, plain.data(), static_cast<unsigned>(plain.size())) == static_cast<int>(plain.size()));
  REQUIRE(gzclose(file) == Z_OK);
  check_same(read_idx(scratch / "i16.idx.gz"), idx_of_corpus("i16.idx"));
}

TEST_CASE("idx files are refused wherever they are cut") {
  for (const char* name : {"idx/images_u8.idx", "idx/i16.idx", "idx/f64.idx"}) {
    test::for_every_cut(read_bytes(corpus(name)), [](const Bytes& cut) {
      CHECK(message_of([&] { parse_idx(cut, "some.idx"); }).starts_with("read_idx: some.idx, byte "));
    });
  }
}

TEST_CASE("idx names the byte of what is wrong") {
  refuses_idx({}, "0: the file ends inside the magic number");
  refuses_idx({0, 1, 8, 1}, "0: an IDX file begins with two bytes 0");
  refuses_idx({0, 0}, "2: the file ends inside the magic number");
  refuses_idx({0, 0, 10, 1, 0, 0, 0, 0},
              "2: the type 10 is not supported (8, 9, 11, 12, 13 and 14 are: u8, i8, i16, i32, f32, f64)");
  refuses_idx({0, 0, 8}, "3: the file ends inside the magic number");
  refuses_idx({0, 0, 8, 0, 1}, "3: 0 axes are not between 1 and 12");
  refuses_idx({0, 0, 8, 13}, "3: 13 axes are not between 1 and 12");
  refuses_idx({0, 0, 8, 2, 0, 0, 0, 1, 0, 0}, "10: the file ends inside the extents");
  refuses_idx({0, 0, 8, 1, 0, 0, 0, 3, 1, 2}, "10: an array [3] has 3 bytes, at most 2 follow");
  refuses_idx({0, 0, 8, 1, 0, 0, 0, 1, 1, 2}, "9: more bytes follow the array");
  refuses_idx({0, 0, 11, 1, 0, 0, 0, 1, 1}, "9: an array [1] has 2 bytes, at most 1 follow");
  refuses_idx({0, 0, 8, 2, 255, 255, 255, 255, 255, 255, 255, 255},
              "12: an array [4294967295, 4294967295] has more bytes than can be counted");
  refuses_idx({0, 0, 14, 3, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255},
              "16: an array [0, 4294967295, 4294967295] has more bytes than can be counted");
}

TEST_CASE("read_idx names a file that is missing, and the file of an error") {
  const ScratchDirectory scratch;
  CHECK_THROWS_WITH_AS(read_idx(scratch / "none.idx"), doctest::Contains("none.idx': No such file"), Error);
  CHECK_THROWS_WITH_AS(idx_of_corpus("refused_long.idx"),
                       doctest::Contains("refused_long.idx, byte 11: more bytes follow"), Error);
}

TEST_CASE(
    "an IDX file is unpacked as far as it says, and refused before memory is taken for what cannot come") {
  const ScratchDirectory scratch;
  const auto pack = [&](Bytes bytes, std::size_t zeros) {
    bytes.resize(bytes.size() + zeros);
    const gzFile file = gzopen((scratch / "a.idx.gz").c_str(), "wb1");
    REQUIRE(gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size())) ==
            static_cast<int>(bytes.size()));
    REQUIRE(gzclose(file) == Z_OK);
  };
  // Ten bytes declared, 32 MB there.
  pack(bytes_of_numbers({0, 0, 8, 1, 0, 0, 0, 10}), std::size_t{1} << 25);
  const test::PeakMemory memory;
  CHECK(
      message_of([&] { read_idx(scratch / "a.idx.gz"); }).ends_with("byte 18: more bytes follow the array"));
  CHECK(memory.peak() < 1'000'000);
  // 4 GB declared, ten bytes there.
  pack(bytes_of_numbers({0, 0, 8, 1, 255, 255, 255, 255}), 10);
  CHECK(message_of([&] {
          read_idx(scratch / "a.idx.gz");
        }).find("an array [4294967295] has 4294967295 bytes, at most ") != std::string::npos);
  CHECK(memory.peak() < 1'000'000);
}

}  // namespace nabla::io
