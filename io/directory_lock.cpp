#include "io/directory_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "engine/tensor/error.h"

namespace nabla::io {

DirectoryLock::DirectoryLock(const std::filesystem::path& directory)
    : descriptor_(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (descriptor_ < 0)
    throw Error("cannot open the directory '" + directory.string() + "': " + std::strerror(errno));
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return;
  ::close(descriptor_);
  throw Error("another run writes to '" + directory.string() +
              "'; wait for its end or choose another directory");
}

DirectoryLock::~DirectoryLock() { ::close(descriptor_); }

}  // namespace nabla::io
