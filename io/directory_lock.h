#pragma once

#include <filesystem>

namespace nabla::io {

/// Holds a directory for one writer at a time, among all processes of the machine. The lock goes with the
/// object, or with its process, however that ends; nothing is left in the directory. A file system without
/// locks gives none.
class DirectoryLock {
 public:
  /// Takes the lock. @throws Error naming the directory if it cannot be opened or another holds it.
  explicit DirectoryLock(const std::filesystem::path& directory);
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;
  ~DirectoryLock();

 private:
  int descriptor_;
};

}  // namespace nabla::io
