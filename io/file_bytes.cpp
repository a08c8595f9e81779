#include "io/file_bytes.h"

#include "io/byte_stream.h"
#include "io/out_of_memory.h"

namespace nabla::io {

std::vector<std::byte> read_bytes(const std::filesystem::path& path) {
  return telling_shortage("read_bytes", path.string(), [&] { return FileStream("read_bytes", path).rest(); });
}

}  // namespace nabla::io
