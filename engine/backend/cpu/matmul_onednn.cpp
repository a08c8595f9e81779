#include "engine/backend/cpu/matmul.h"

#ifdef NABLAFLOW_HAVE_ONEDNN

#include <array>
#include <map>
#include <oneapi/dnnl/dnnl.hpp>

#include "engine/tensor/error.h"

// From libgomp, which oneDNN is linked with; not every compiler ships omp.h.
extern "C" void omp_set_num_threads(int);
extern "C" int omp_get_max_threads();

namespace nabla::cpu {
namespace {

dnnl::engine& cpu_engine() {
  static dnnl::engine& engine = *new dnnl::engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

// Threads are ours; oneDNN's own cut the work by their number, which would change bits. The setting belongs
// to the calling thread, whose program may use OpenMP itself: it is put back.
class SingleThreaded {
 public:
  SingleThreaded() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~SingleThreaded() { omp_set_num_threads(before_); }
  SingleThreaded(const SingleThreaded&) = delete;
  SingleThreaded& operator=(const SingleThreaded&) = delete;

 private:
  int before_;
};

using Key = std::array<std::int64_t, 8>;

// Primitives are made once per thread and shape; the blocks that threads work on recur at every step.
struct Product {
  dnnl::memory::desc a, b, c;
  dnnl::matmul primitive;
};

// A program whose shapes never recur must not collect them for ever.
constexpr std::size_t kMostProducts = 1024;

const Product& product(const Key& key) {
  thread_local std::map<Key, Product> products;
  const auto found = products.find(key);
  if (found != products.end()) return found->second;
  if (products.size() >= kMostProducts) products.clear();
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
  const SingleThreaded scope;
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

}  // namespace nabla::cpu

#else

namespace nabla::cpu {

bool matmul_onednn(const MatmulArguments<float>&) { return false; }

}  // namespace nabla::cpu

#endif
