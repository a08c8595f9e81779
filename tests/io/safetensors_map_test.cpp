#include <unistd.h>

#include <fstream>

#include "engine/engine.h"
#include "io/atomic_file.h"
#include "io/file_bytes.h"
#include "io/safetensors.h"
#include "tests/io/files.h"
#include "tests/io/memory.h"
#include "tests/io/scratch.h"

namespace nabla::io {
namespace {

using test::Bytes;
using test::PeakMemory;
using test::ScratchDirectory;

/// Bytes of the process that are in memory; 0 where the system does not say.
std::size_t resident_bytes() {
  std::ifstream pages("/proc/self/statm");
  std::size_t all = 0, resident = 0;
  pages >> all >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

/// A file of the tensor "x" of 8 bytes, which lie at byte 72 and the spaces behind.
void write_one(const std::filesystem::path& path, const std::string& type, std::size_t spaces,
               std::initializer_list<int> elements) {
  std::string header = "{\"x\":{" + type + ",\"data_offsets\":[0,8]}}";
  header.resize(64 + spaces, ' ');
  Bytes bytes = test::bytes_of_numbers({static_cast<int>(header.size()), 0, 0, 0, 0, 0, 0, 0});
  std::ranges::copy(test::bytes_of_text(header), std::back_inserter(bytes));
  std::ranges::copy(test::bytes_of_numbers(elements), std::back_inserter(bytes));
  write_file(path, bytes);
}

}  // namespace

TEST_CASE("mapped tensors are those that are read, of every type") {
  const ScratchDirectory scratch;
  write_safetensors(scratch / "a.safetensors", {{}, test::sample_tensors()});
  SafetensorsFile file(scratch / "a.safetensors");
  for (const std::string& name : file.names()) {
    CAPTURE(name);
    test::check_same(file.map(name), file.read(name));
  }
  CHECK_THROWS_WITH_AS(file.map("none of these"), doctest::Contains("has no tensor 'none of these'"), Error);
  SafetensorsFile widened(test::corpus("safetensors/python.safetensors"));
  for (const std::string& name : widened.names()) test::check_same(widened.map(name), widened.read(name));
}

TEST_CASE("tensors that do not lie at a multiple of their size are read where they were to be mapped") {
  const ScratchDirectory scratch;
  for (const std::size_t spaces : {0, 1, 2, 3}) {
    CAPTURE(spaces);
    write_one(scratch / "a.safetensors", R"("dtype":"F32","shape":[2])", spaces,
              {0, 0, 128, 63, 0, 0, 0, 192});
    SafetensorsFile file(scratch / "a.safetensors");
    const Tensor x = file.map("x");
    const auto address = reinterpret_cast<std::uintptr_t>(x.data<float>().data());
    CHECK(address % 4 == 0);
    if (spaces == 0) CHECK(address % 4096 == 72);
    test::check_same(x, tensor<float>({1, -2}, {2}));
  }
}

TEST_CASE("elements that reading refuses are not mapped either") {
  const ScratchDirectory scratch;
  write_one(scratch / "a.safetensors", R"("dtype":"U64","shape":[1])", 0, {0, 0, 0, 0, 0, 0, 0, 128});
  CHECK_THROWS_WITH_AS(SafetensorsFile(scratch / "a.safetensors").map("x"), doctest::Contains("too large"),
                       Error);
  write_one(scratch / "a.safetensors", R"("dtype":"BOOL","shape":[8])", 0, {0, 1, 0, 1, 0, 1, 0, 2});
  CHECK_THROWS_WITH_AS(SafetensorsFile(scratch / "a.safetensors").map("x"), doctest::Contains("no boolean"),
                       Error);
}

TEST_CASE("mapped tensors take no memory before they are touched, and no copy then") {
  constexpr std::size_t kElements = std::size_t{1} << 24;
  constexpr std::size_t kBytes = 4 * kElements;
  const ScratchDirectory scratch;
  {
    const Tensor large = zeros({static_cast<std::int64_t>(kElements)});
    write_safetensors(scratch / "a.safetensors",
                      {{}, {{"large", large}, {"small", tensor<float>({1, 2}, {2})}}});
  }
  if (resident_bytes() == 0) return;
  const PeakMemory memory;
  const std::size_t before = resident_bytes();
  SafetensorsFile file(scratch / "a.safetensors", Checksums::required);
  const Tensor large = file.map("large");
  test::check_same(file.map("small"), tensor<float>({1, 2}, {2}));
  CHECK(resident_bytes() < before + kBytes / 8);
  double sum = 0;
  for (const float element : large.data<float>()) sum += element;
  CHECK(sum == 0);
  CHECK(resident_bytes() > before + kBytes / 2);  // the measure sees them
  CHECK(memory.peak() < 300'000);
}

TEST_CASE("what is written over a mapped tensor does not reach its file") {
  const ScratchDirectory scratch;
  const Tensor value = iota(5000, DType::f32).detach();
  write_safetensors(scratch / "a.safetensors", {{}, {{"x", value}}});
  const Bytes before = read_bytes(scratch / "a.safetensors");
  const float* mapped = nullptr;
  const auto cell = [&] {
    const Tensor x = SafetensorsFile(scratch / "a.safetensors").map("x");
    mapped = x.data<float>().data();
    return std::make_unique<Cell>(x);
  }();
  const auto twice = compile([&](const Tensor& factor) { cell->assign(cell->get() * factor); });
  for (int call = 0; call < 3; ++call) twice(2.0f);
  test::check_same(cell->get(), value * 8);
  CHECK(cell->get().data<float>().data() == mapped);  // else nothing was written over it
  CHECK(read_bytes(scratch / "a.safetensors") == before);
}

TEST_CASE("what is written over a mapped tensor is seen in no other that is mapped") {
  const ScratchDirectory scratch;
  const std::vector<float> stored{1, 2, 3};
  write_safetensors(scratch / "a.safetensors", {{}, {{"w", tensor<float>({1, 2, 3}, {3})}}});
  SafetensorsFile file(scratch / "a.safetensors");
  const Tensor teacher = file.map("w");
  Cell student(file.map("w")), slow(file.map("w"));
  const auto step = compile([&](const Tensor& x) {
    student.assign(student.get() * 0.5F + x);
    return sum(slow.get());
  });
  for (int i = 0; i < 3; ++i) CHECK(step(tensor<float>({1}, {1})).item() == 6);
  CHECK(student.get().to_vector<float>() == std::vector<float>{1.875F, 2, 2.125F});
  CHECK(teacher.to_vector<float>() == stored);
  CHECK(file.map("w").to_vector<float>() == stored);
  CHECK(file.read("w").to_vector<float>() == stored);
}

TEST_CASE("mapped tensors outlive their file, and another that is written to its path") {
  const ScratchDirectory scratch;
  const Tensor value = iota(5000, DType::f64).detach();
  write_safetensors(scratch / "a.safetensors", {{}, {{"x", value}}});
  const Tensor x = SafetensorsFile(scratch / "a.safetensors").map("x");
  write_safetensors(scratch / "a.safetensors", {{}, {{"x", zeros({1})}}});
  test::check_same(x, value);
  std::filesystem::remove(scratch / "a.safetensors");
  test::check_same(x, value);
}

TEST_CASE("a file whose length has changed is not mapped") {
  const ScratchDirectory scratch;
  write_safetensors(scratch / "a.safetensors", {{}, {{"x", iota(5000, DType::f64)}}});
  SafetensorsFile file(scratch / "a.safetensors");
  const std::uintmax_t size = std::filesystem::file_size(scratch / "a.safetensors");
  std::filesystem::resize_file(scratch / "a.safetensors", 4096);
  CHECK_THROWS_WITH_AS(file.map("x"),
                       doctest::Contains(("had " + std::to_string(size) + " bytes and has 4096").c_str()),
                       Error);
}

TEST_CASE("checksums of mapped tensors are compared when that is asked for") {
  const ScratchDirectory scratch;
  write_safetensors(scratch / "a.safetensors",
                    {{}, {{"a", iota(50'000, DType::f64)}, {"b", tensor<float>({1, 2}, {2})}}});
  Bytes bytes = read_bytes(scratch / "a.safetensors");
  bytes.back() ^= std::byte{1};
  write_file(scratch / "b.safetensors", bytes);
  SafetensorsFile file(scratch / "b.safetensors");
  CHECK_NOTHROW(file.verify("a"));
  CHECK_NOTHROW(file.map("b"));
  CHECK_THROWS_WITH_AS(file.verify("b"), doctest::Contains("tensor 'b' does not match its checksum"), Error);
  CHECK_THROWS_WITH_AS(file.verify("c"), doctest::Contains("has no tensor 'c'"), Error);
}

TEST_CASE("operators give of mapped tensors what they give of others, to the bit") {
  const ScratchDirectory scratch;
  const Tensor w = normal(random_key(1), {65, 33}).detach(), b = normal(random_key(2), {7}).detach();
  write_safetensors(scratch / "a.safetensors", {{{"k", "v"}}, {{"b", b}, {"w", w}}});
  SafetensorsFile file(scratch / "a.safetensors");
  const Tensor mapped = file.map("w");
  const Tensor x = normal(random_key(3), {20, 65});
  test::check_same(matmul(x, mapped), matmul(x, w));
  test::check_same(exp(mapped) + 1, exp(w) + 1);
  test::check_same(sum(mapped, {-2}), sum(w, {-2}));
  test::check_same(file.map("b") * 3, b * 3);
}

}  // namespace nabla::io
