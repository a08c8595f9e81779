#pragma once

namespace nabla::cuda {

/// What a kernel notes where it finds an index outside its axis, for the host to read.
struct Refusal {
  unsigned raised;
  unsigned unused;
  long long index;
};

}  // namespace nabla::cuda
