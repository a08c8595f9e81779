#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "engine/backend/cuda/source/kernel_source.h"

namespace nabla::cuda {

/// Compiled kernels on disk, one file each, named by what it was made from: text, preamble, architecture,
/// options and version of the compiler. Programs that run at the same time may share a directory.
class CodeCache {
 public:
  /// In $NABLAFLOW_CACHE_DIR, else $XDG_CACHE_HOME/nablaflow, else ~/.cache/nablaflow; nowhere if none of
  /// these is set, or NABLAFLOW_CACHE_DIR is empty.
  CodeCache();

  std::optional<std::string> find(const KernelSource& source, int architecture) const;
  /// Keeps `code`. A directory that cannot be written is no error: the next program compiles again.
  void keep(const KernelSource& source, int architecture, const std::string& code) const;

 private:
  std::filesystem::path path_of(const KernelSource& source, int architecture) const;

  std::filesystem::path directory_;
};

}  // namespace nabla::cuda
