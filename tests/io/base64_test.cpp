#include "io/base64.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>

#include "engine/tensor/error.h"

namespace nabla::io {
namespace {

std::vector<std::uint8_t> bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

}  // namespace

TEST_CASE("base64 agrees with the vectors of RFC 4648") {
  const std::pair<std::string, std::string> vectors[] = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
  };
  for (const auto& [plain, encoded] : vectors) {
    CHECK(base64_encode(bytes_of(plain)) == encoded);
    CHECK(base64_decode(encoded) == bytes_of(plain));
  }
}

TEST_CASE("base64 takes every byte there and back") {
  std::vector<std::uint8_t> bytes;
  for (int length = 0; length < 300; ++length) {
    CHECK(base64_decode(base64_encode(bytes)) == bytes);
    bytes.push_back(static_cast<std::uint8_t>(251 * length));
  }
}

TEST_CASE("base64_decode refuses what is not canonical") {
  CHECK_THROWS_WITH_AS(base64_decode("Zg="), doctest::Contains("length 3"), Error);
  CHECK_THROWS_WITH_AS(base64_decode("Zm9vZ!=="), doctest::Contains("position 5"), Error);
  CHECK_THROWS_WITH_AS(base64_decode("Zg==Zm9v"), doctest::Contains("position 2"), Error);
  CHECK_THROWS_WITH_AS(base64_decode("Z==="), doctest::Contains("position 1"), Error);
  CHECK_THROWS_WITH_AS(base64_decode("Zm9vZh=="), doctest::Contains("position 4"), Error);
}

}  // namespace nabla::io
