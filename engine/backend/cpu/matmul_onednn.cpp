#include "engine/backend/cpu/matmul.h"

#ifdef NABLAFLOW_HAVE_ONEDNN

#include <array>
#include <map>
#include <oneapi/dnnl/dnnl.hpp>

#include "engine/tensor/error.h"

// From libgomp, which oneDNN is linked with; not every compiler ships omp.h.
extern "C" void omp_set_num_threads(int);

namespace nabla::cpu {
namespace {

dnnl::engine& cpu_engine() {
  static dnnl::engine& engine = *new dnnl::engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

using Key = std::array<std::int64_t, 8>;

// Primitives are made once per thread and shape; the blocks that threads work on recur at every step.
struct Product {
  dnnl::memory::desc a, b, c;
  dnnl::matmul primitive;
};

const Product& product(const Key& key) {
  thread_local std::map<Key, Product> products;
  const auto found = products.find(key);
  if (found != products.end()) return found->second;
  const auto [m, n, k, a_row, a_column, b_row, b_column, c_row] = key;
  const auto f32 = dnnl::memory::data_type::f32;
  Product made;
  made.a = dnnl::memory::desc({m, k}, f32, dnnl::memory::dims{a_row, a_column});
  made.b = dnnl::memory::desc({k, n}, f32, dnnl::memory::dims{b_row, b_column});
  made.c = dnnl::memory::desc({m, n}, f32, dnnl::memory::dims{c_row, 1});
  made.primitive =
      dnnl::matmul(dnnl::matmul::primitive_desc(dnnl::matmul::desc(made.a, made.b, made.c), cpu_engine()));
  return products.emplace(key, std::move(made)).first->second;
}

// One of the strides must be 1 and the other must not make rows overlap.
bool suits(std::int64_t rows, std::int64_t columns, std::int64_t row_stride, std::int64_t column_stride) {
  return (column_stride == 1 && row_stride >= columns) || (row_stride == 1 && column_stride >= rows);
}

}  // namespace

bool matmul_onednn(const MatmulArguments<float>& x) {
  // Below this a product costs less than the call.
  if (x.m * x.n * x.k < 4096) return false;
  if (!suits(x.m, x.k, x.a_row, x.a_column) || !suits(x.k, x.n, x.b_row, x.b_column) || x.c_row < x.n)
    return false;
  // Threads are ours; oneDNN's own cut the work by their number, which would change bits.
  thread_local const bool single_threaded = (omp_set_num_threads(1), true);
  (void)single_threaded;
  try {
    const Product& p = product({x.m, x.n, x.k, x.a_row, x.a_column, x.b_row, x.b_column, x.c_row});
    thread_local dnnl::stream stream(cpu_engine());
    p.primitive.execute(stream, {{DNNL_ARG_SRC, dnnl::memory(p.a, cpu_engine(), const_cast<float*>(x.a))},
                                 {DNNL_ARG_WEIGHTS, dnnl::memory(p.b, cpu_engine(), const_cast<float*>(x.b))},
                                 {DNNL_ARG_DST, dnnl::memory(p.c, cpu_engine(), x.c)}});
    stream.wait();
  } catch (const dnnl::error& error) {
    throw Error(std::string("contraction: oneDNN refused a product of ") + std::to_string(x.m) + " x " +
                std::to_string(x.k) + " x " + std::to_string(x.n) + ": " + error.what());
  }
  return true;
}

const char* matmul_library() {
  static const std::string text = [] {
    const dnnl::version_t* v = dnnl::version();
    return "oneDNN " + std::to_string(v->major) + "." + std::to_string(v->minor) + "." +
           std::to_string(v->patch);
  }();
  return text.c_str();
}

}  // namespace nabla::cpu

#else

namespace nabla::cpu {

bool matmul_onednn(const MatmulArguments<float>&) { return false; }
const char* matmul_library() { return "portable"; }

}  // namespace nabla::cpu

#endif
