#include "tests/io/memory.h"

#include <zlib.h>

#include <numeric>

#include "engine/engine.h"
#include "io/atomic_file.h"
#include "io/csv.h"
#include "io/file_bytes.h"
#include "io/idx.h"
#include "io/npy.h"
#include "io/npz.h"
#include "io/safetensors.h"
#include "tests/io/files.h"
#include "tests/io/scratch.h"

namespace nabla::io {
namespace {

using test::Bytes;
using test::FailingAllocation;
using test::message_of;
using test::PeakMemory;
using test::ScratchDirectory;

constexpr std::int64_t kFewElements = std::int64_t{1} << 20;
constexpr std::size_t kFewBytes = std::size_t{1} << 22;

/// Calls `read(path)` and checks that it takes at most 1.2 times the content.
template <class Read>
void check_peak(const std::filesystem::path& path, Read read) {
  CAPTURE(path);
  const PeakMemory memory;
  read(path);
  CHECK(memory.peak() >= kFewBytes);
  CHECK(memory.peak() <= kFewBytes / 5 * 6);
}

/// Fails one allocation after the other: each must be told as an Error that names the file.
template <class Read>
void check_shortage(Read read) {
  read();  // what is made once
  for (std::size_t allowed = 0;; ++allowed) {
    CAPTURE(allowed);
    REQUIRE(allowed < 10'000);
    std::string message;
    bool failed = false;
    {
      release_memory_cache();
      const FailingAllocation failing(allowed);
      try {
        read();
      } catch (const Error& error) {
        message = error.what();
      }
      failed = failing.failed();
    }
    if (!failed) return;
    if (!message.empty()) CHECK(message.find("memory") != std::string::npos);
  }
}

void pack(const std::filesystem::path& path, const Bytes& bytes) {
  const gzFile file = gzopen(path.c_str(), "wb1");
  REQUIRE(gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size())) == static_cast<int>(bytes.size()));
  REQUIRE(gzclose(file) == Z_OK);
}

}  // namespace

TEST_CASE("readers take at most 1.2 times the memory of what they read") {
  const ScratchDirectory scratch;
  const Tensor x = (normal(random_key(1), {kFewElements})).detach();
  const auto npy = [](const auto& path) { read_npy(path); };
  const auto npz = [](const auto& path) { read_npz(path); };
  write_npy(scratch / "a.npy", x);
  check_peak(scratch / "a.npy", npy);
  Bytes fortran = encode_npy(reshape(x, {1024, kFewElements / 1024}));
  const std::string_view text(reinterpret_cast<const char*>(fortran.data()), 128);
  test::Bytes with_true = test::bytes_of_text("True, ");
  std::ranges::copy(with_true, fortran.begin() + static_cast<std::ptrdiff_t>(text.find("False,")));
  write_file(scratch / "f.npy", fortran);
  check_peak(scratch / "f.npy", npy);
  write_npz(scratch / "a.npz", std::vector<NamedTensor>{{"x", x}});
  check_peak(scratch / "a.npz", npz);
  write_safetensors(scratch / "a.safetensors", {{}, {{"x", x}}});
  check_peak(scratch / "a.safetensors", [](const auto& path) { read_safetensors(path); });
  Bytes idx = test::bytes_of_numbers({0, 0, 13, 1, 0, 16, 0, 0});
  idx.resize(8 + kFewBytes);
  pack(scratch / "a.idx.gz", idx);
  check_peak(scratch / "a.idx.gz", [](const auto& path) { read_idx(path); });
  std::string csv;
  for (std::size_t i = 0; i < kFewBytes / 8 / 4; ++i) csv += "1,-2,3,4\n";
  pack(scratch / "a.csv.gz", test::bytes_of_text(csv));
  check_peak(scratch / "a.csv.gz", [](const auto& path) { read_csv(path); });
}

TEST_CASE("a tensor is read alone, without the rest of its file") {
  const ScratchDirectory scratch;
  write_safetensors(
      scratch / "a.safetensors",
      {{{"k", "v"}}, {{"large", zeros({kFewElements})}, {"small", tensor<float>({1, 2}, {2})}}});
  const PeakMemory memory;
  SafetensorsFile file(scratch / "a.safetensors", Checksums::required);
  CHECK(file.metadata().at("k") == "v");
  CHECK(file.names() == std::vector<std::string>{"large", "small"});
  test::check_same(file.read("small"), tensor<float>({1, 2}, {2}));
  CHECK(memory.peak() < 300'000);
  test::check_same(file.read("large"), zeros({kFewElements}));
  test::check_same(file.read("small"), tensor<float>({1, 2}, {2}));
  CHECK_THROWS_WITH_AS(file.read("none"), doctest::Contains("a.safetensors has no tensor 'none'"), Error);

  Bytes bytes = read_bytes(scratch / "a.safetensors");
  bytes.back() ^= std::byte{1};
  write_file(scratch / "b.safetensors", bytes);
  SafetensorsFile damaged(scratch / "b.safetensors");
  CHECK_NOTHROW(damaged.read("large"));
  CHECK_THROWS_WITH_AS(damaged.read("small"), doctest::Contains("tensor 'small' does not match its checksum"),
                       Error);
}

TEST_CASE("memory that cannot be had is told as an error, wherever it happens") {
  const std::vector<NamedTensor> tensors = {{"a", tensor<float>({1, 2, 3}, {3})},
                                            {"flag", tensor<bool>({true, false}, {2})}};
  const Bytes npy = encode_npy(tensors[0].value), npz = encode_npz(tensors);
  const Bytes safetensors = encode_safetensors({{{"k", "v"}}, tensors});
  const Bytes idx = test::bytes_of_numbers({0, 0, 9, 2, 0, 0, 0, 1, 0, 0, 0, 2, 3, 4});
  check_shortage([&] { parse_npy(npy, "f"); });
  check_shortage([&] { parse_npz(npz, "f"); });
  check_shortage([&] { parse_safetensors(safetensors, "f"); });
  check_shortage([&] { parse_idx(idx, "f"); });
  check_shortage([&] { parse_csv("a,b\n1,2\n\"3\",4\n", "f", {.header = true}); });
}

}  // namespace nabla::io
