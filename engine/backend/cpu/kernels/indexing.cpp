#include "engine/backend/cpu/kernels/indexing_kernels.h"

namespace nabla::cpu {

void add_indexing_kernels(KernelTable& table) {
  table["gather"] = &gather;
  table["scatter_add"] = &scatter_add;
  table["argmax"] = &argmax;
  table["argsort"] = &argsort;
}

}  // namespace nabla::cpu
