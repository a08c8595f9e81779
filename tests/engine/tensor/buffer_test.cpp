#include "engine/tensor/buffer.h"

#include <doctest/doctest.h>

#include <cstring>
#include <memory>
#include <vector>

namespace nabla {
namespace {

// Memory that says when nobody holds it any more.
std::shared_ptr<std::byte> lent_memory(std::vector<std::byte>& bytes, bool& released) {
  return {bytes.data(), [&released](std::byte*) { released = true; }};
}

class CopyOnDevice final : public DeviceMemory {
 public:
  explicit CopyOnDevice(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}
  std::byte* address() const override { return const_cast<std::byte*>(bytes_.data()); }
  void start_fetch() override {}
  void cancel_fetch() override {}
  void fetch(std::byte* to, std::size_t bytes) override { std::memcpy(to, bytes_.data(), bytes); }
  std::unique_ptr<DeviceMemory> clone() const override { return std::make_unique<CopyOnDevice>(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

}  // namespace

TEST_CASE("a buffer of lent memory holds it while it needs it, and no longer") {
  std::vector<std::byte> bytes(100, std::byte{7});
  bool released = false;
  const std::size_t live = memory_statistics().live_bytes;
  {
    const Buffer buffer(lent_memory(bytes, released), bytes.size());
    CHECK(buffer.data() == bytes.data());
    CHECK(buffer.bytes() == 100);
    const std::shared_ptr<Buffer> clone = buffer.clone();
    CHECK(clone->data() != bytes.data());
    CHECK(clone->data()[99] == std::byte{7});
    CHECK_FALSE(released);
  }
  CHECK(released);
  CHECK(memory_statistics().live_bytes == live);
}

TEST_CASE("a buffer whose host copy is forgotten gives lent memory back and fetches into its own") {
  std::vector<std::byte> bytes(100, std::byte{7});
  bool released = false;
  const std::size_t live = memory_statistics().live_bytes;
  {
    Buffer buffer(lent_memory(bytes, released), bytes.size());
    buffer.keep_on_device(std::make_unique<CopyOnDevice>(std::vector<std::byte>(100, std::byte{8})));
    buffer.forget_host();
    CHECK(released);
    CHECK(buffer.data() != bytes.data());
    CHECK(buffer.data()[99] == std::byte{8});
    CHECK(bytes[99] == std::byte{7});
    CHECK(memory_statistics().live_bytes > live);
  }
  CHECK(memory_statistics().live_bytes == live);
}

}  // namespace nabla
