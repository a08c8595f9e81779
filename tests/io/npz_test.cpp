#include "io/npz.h"

#include "io/file_bytes.h"
#include "tests/io/files.h"
#include "tests/io/scratch.h"

namespace nabla::io {
namespace {

using test::Bytes;
using test::check_same;
using test::corpus;
using test::message_of;
using test::ScratchDirectory;

Bytes small_npz() {
  return encode_npz(
      std::vector<NamedTensor>{{"a", tensor<float>({1, 2}, {2})}, {"b", tensor<bool>({true}, {1})}});
}

}  // namespace

TEST_CASE("npz keeps names, order, types and shapes") {
  const ScratchDirectory scratch;
  std::vector<NamedTensor> tensors = test::sample_tensors();
  tensors.push_back({"größe/weight.npy", tensor<float>({1}, {1})});
  write_npz(scratch / "a.npz", tensors);
  CHECK(scratch.file_count() == 1);
  const auto read = read_npz(scratch / "a.npz");
  REQUIRE(read.size() == tensors.size());
  for (std::size_t i = 0; i < read.size(); ++i) {
    CAPTURE(tensors[i].name);
    CHECK(read[i].name == tensors[i].name);
    check_same(read[i].value, tensors[i].value);
  }
}

TEST_CASE("npz may hold nothing") {
  const Bytes bytes = encode_npz({});
  CHECK(bytes == read_bytes(corpus("npz/empty.npz")));
  CHECK(parse_npz(bytes, "f").empty());
}

TEST_CASE("npz packs, and gives the same bytes for the same tensors") {
  const std::vector<NamedTensor> zeros = {{"zeros", tensor<float>(std::vector<float>(100'000), {100'000})}};
  const Bytes bytes = encode_npz(zeros);
  CHECK(bytes.size() < 2'000);
  CHECK(bytes == encode_npz(zeros));
  check_same(parse_npz(bytes, "f"), zeros);
  // Midnight of 1 January 1980, whatever the time is.
  CHECK(std::vector(bytes.begin() + 10, bytes.begin() + 14) == test::bytes_of_numbers({0, 0, 0x21, 0}));
}

TEST_CASE("npz reads what NumPy wrote") {
  const std::vector<NamedTensor> expected = {{"weight", tensor<float>({0, 1.5, 3, 4.5, 6, 7.5}, {2, 3})},
                                             {"bias", tensor<double>({1, 2}, {2})},
                                             {"flag", tensor<bool>({true}, Shape())}};
  check_same(read_npz(corpus("npz/stored.npz")), expected);
  check_same(read_npz(corpus("npz/deflated.npz")), expected);
  CHECK(read_npz(corpus("npz/deflated.npz"))[0].name == "weight");
}

TEST_CASE("npz widens as npy does") {
  check_same(read_npz(corpus("npz/narrow.npz")),
             {{"half", tensor<float>({1.5, -0.25}, {2})}, {"byte", tensor<std::int32_t>({-5}, {1})}});
}

TEST_CASE("npz names the file and the entry that it refuses") {
  const auto refuses = [](const char* name, const char* what) {
    CHECK_THROWS_WITH_AS(read_npz(corpus(name)), doctest::Contains(what), Error);
  };
  refuses("npz/refused_text.npz", "refused_text.npz, entry 'readme.txt': this is no .npy file");
  refuses("npz/refused_twice.npz", "refused_twice.npz, entry 'x.npy': the entry comes twice");
  refuses("npz/refused_checksum.npz", "refused_checksum.npz, entry 'x.npy': damaged data: CRC error");
  refuses("npz/refused_bzip2.npz",
          "refused_bzip2.npz, entry 'x.npy': compression method 12 is not supported");
  refuses("npz/refused_cut.npz", "refused_cut.npz: the archive is damaged or cut short: ");
  refuses("npy/c_f4.npy", "c_f4.npy: the archive is damaged or cut short: Not a zip archive");
}

TEST_CASE("npz names the byte of an entry that is no good .npy file") {
  CHECK_THROWS_WITH_AS(
      read_npz(corpus("npz/refused_inner.npz")),
      doctest::Contains("refused_inner.npz, entry 'x.npy', byte 20: the type '<c8' is not supported"), Error);
}

TEST_CASE("npz does not believe a size that the packed bytes cannot hold") {
  Bytes bytes = encode_npz(std::vector<NamedTensor>{{"x", tensor<bool>({true}, {1})}});
  // The unpacked size stands in the local header and in the directory.
  for (std::size_t i = 0; i + 4 < bytes.size(); ++i) {
    const Bytes signature(bytes.begin() + static_cast<std::ptrdiff_t>(i),
                          bytes.begin() + static_cast<std::ptrdiff_t>(i) + 4);
    if (signature == test::bytes_of_numbers({'P', 'K', 3, 4})) bytes[i + 25] = std::byte{0x7f};
    if (signature == test::bytes_of_numbers({'P', 'K', 1, 2})) bytes[i + 27] = std::byte{0x7f};
  }
  CHECK_THROWS_WITH_AS(parse_npz(bytes, "f"), doctest::Contains("packed bytes cannot unpack to 2130706"),
                       Error);
}

TEST_CASE("an npz file is refused wherever it is cut") {
  for (const Bytes& whole : {small_npz(), read_bytes(corpus("npz/stored.npz"))}) {
    test::for_every_cut(whole, [](const Bytes& cut) {
      CHECK(message_of([&] { parse_npz(cut, "some.npz"); }).starts_with("read_npz: some.npz"));
    });
  }
}

TEST_CASE("an npz file with a flipped bit is refused or says the same; never other numbers") {
  const auto tensors = parse_npz(small_npz(), "f");
  int refused = 0;
  test::for_every_flip(small_npz(), [&](const Bytes& flipped) {
    const std::string message = message_of([&] {
      // The archive's own fields, such as the time of an entry, have no checksum.
      const auto read = parse_npz(flipped, "some.npz");
      REQUIRE(read.size() == tensors.size());
      for (std::size_t i = 0; i < read.size(); ++i) check_same(read[i].value, tensors[i].value);
    });
    if (message.empty()) return;
    ++refused;
    CHECK(message.starts_with("read_npz: some.npz"));
  });
  CHECK(refused > 0);
}

TEST_CASE("write_npz refuses names that an archive cannot keep apart, and writes nothing") {
  const ScratchDirectory scratch;
  const Tensor one = tensor<float>({1}, {1});
  const auto refuses = [&](const std::vector<NamedTensor>& tensors, const char* message) {
    CHECK_THROWS_WITH_AS(write_npz(scratch / "a.npz", tensors), doctest::Contains(message), Error);
  };
  refuses({{"x", one}, {"x", one}}, "write_npz: two tensors are called 'x'");
  refuses({{"", one}}, "write_npz: a tensor has no name");
  refuses({{std::string("a\0b", 3), one}}, "write_npz: a name holds a character of code 0");
  refuses({{"\xff", one}}, "write_npz: tensor '\xff': ");
  refuses({{"x", Tensor()}}, "write_npz: tensor 'x': the tensor is an empty handle");
  CHECK(scratch.file_count() == 0);
}

}  // namespace nabla::io
