#include "io/cifar.h"

#include <zlib.h>

#include "tests/io/files.h"
#include "tests/io/scratch.h"

namespace nabla::io {
namespace {

// Records of the classes whose images count up from the class, byte by byte.
test::Bytes cifar_records(std::initializer_list<int> classes) {
  test::Bytes bytes;
  for (const int label : classes) {
    bytes.push_back(static_cast<std::byte>(label));
    for (int i = 0; i < 3072; ++i) bytes.push_back(static_cast<std::byte>(label + i));
  }
  return bytes;
}

void check_records(const Cifar10Images& read) {
  test::check_same(read.labels, tensor<std::uint8_t>({9, 0}, {2}));
  REQUIRE(read.images.shape() == Shape{2, 3, 32, 32});
  const std::vector<std::uint8_t> levels = read.images.to_vector<std::uint8_t>();
  CHECK(levels[0] == 9);
  CHECK(levels[3072 + 1024 + 33] == (1024 + 33) % 256);  // green of the second, row 1, column 1
  CHECK(levels[6143] == 3071 % 256);
}

}  // namespace

TEST_CASE("cifar10 reads classes and planes of colours, plain and gzip") {
  const test::Bytes bytes = cifar_records({9, 0});
  check_records(parse_cifar10(bytes, "f"));
  const test::ScratchDirectory scratch;
  for (const char* mode : {"wbT", "wb"}) {  // T: as it is
    const gzFile file = gzopen((scratch / "data.bin").c_str(), mode);
    REQUIRE(gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size())) ==
            static_cast<int>(bytes.size()));
    REQUIRE(gzclose(file) == Z_OK);
    check_records(read_cifar10(scratch / "data.bin"));
  }
}

TEST_CASE("cifar10 names file and byte of what is wrong") {
  const auto refuses = [](const test::Bytes& bytes, const std::string& message) {
    CHECK(test::message_of([&] { parse_cifar10(bytes, "f"); }) == "read_cifar10: f, byte " + message);
  };
  refuses({}, "0: the file has no images");
  refuses(cifar_records({3, 10}), "3073: the class 10 is not one of 0 to 9");
  test::Bytes cut = cifar_records({3, 4});
  cut.pop_back();
  refuses(cut, "6145: the file ends inside an image");
  refuses(test::bytes_of_numbers({5}), "1: the file ends inside an image");
  const test::ScratchDirectory scratch;
  CHECK_THROWS_WITH_AS(read_cifar10(scratch / "none.bin"), doctest::Contains("none.bin': No such file"),
                       Error);
}

TEST_CASE("cifar10 refuses a packed file of more images than anybody has") {
  const test::ScratchDirectory scratch;
  const gzFile file = gzopen((scratch / "zeros.bin.gz").c_str(), "wb1");
  const std::vector<char> zeros(3073 * 1000);
  for (int i = 0; i < 101; ++i)
    REQUIRE(gzwrite(file, zeros.data(), static_cast<unsigned>(zeros.size())) ==
            static_cast<int>(zeros.size()));
  REQUIRE(gzclose(file) == Z_OK);
  CHECK(test::message_of([&] {
          read_cifar10(scratch / "zeros.bin.gz");
        }).ends_with("byte 307300000: there are more than 100000 images"));
}

}  // namespace nabla::io
