#include "engine/backend/cpu/matmul.h"

#ifdef NABLAFLOW_HAVE_ONEDNN

#include <array>
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>

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

struct HashOfKey {
  std::size_t operator()(const Key& key) const {
    std::uint64_t hash = 0;
    for (const std::int64_t x : key) hash = (hash ^ static_cast<std::uint64_t>(x)) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 32;
  }
};

// A primitive and the memory objects that it is called with, whose addresses change from call to call.
struct Product {
  dnnl::matmul primitive;
  std::unordered_map<int, dnnl::memory> arguments;

  explicit Product(const Key& key) {
    const auto [m, n, k, a_row, a_column, b_row, b_column, c_row] = key;
    const auto f32 = dnnl::memory::data_type::f32;
    const dnnl::memory::desc a({m, k}, f32, dnnl::memory::dims{a_row, a_column});
    const dnnl::memory::desc b({k, n}, f32, dnnl::memory::dims{b_row, b_column});
    const dnnl::memory::desc c({m, n}, f32, dnnl::memory::dims{c_row, 1});
    primitive = dnnl::matmul(dnnl::matmul::primitive_desc(dnnl::matmul::desc(a, b, c), cpu_engine()));
    arguments = {{DNNL_ARG_SRC, dnnl::memory(a, cpu_engine(), DNNL_MEMORY_NONE)},
                 {DNNL_ARG_WEIGHTS, dnnl::memory(b, cpu_engine(), DNNL_MEMORY_NONE)},
                 {DNNL_ARG_DST, dnnl::memory(c, cpu_engine(), DNNL_MEMORY_NONE)}};
  }
  void set(int argument, const float* data) {
    arguments.find(argument)->second.set_data_handle(const_cast<float*>(data));
  }
};

// A program whose shapes never recur must not collect them for ever.
constexpr std::size_t kMostProducts = 1024;

// Made once per thread and shape; the blocks that threads work on recur at every step.
Product& product(const Key& key) {
  thread_local std::unordered_map<Key, Product, HashOfKey> products;
  const auto found = products.find(key);
  if (found != products.end()) return found->second;
  if (products.size() >= kMostProducts) products.clear();
  return products.emplace(key, Product(key)).first->second;
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
    Product& p = product({x.m, x.n, x.k, x.a_row, x.a_column, x.b_row, x.b_column, x.c_row});
    p.set(DNNL_ARG_SRC, x.a);
    p.set(DNNL_ARG_WEIGHTS, x.b);
    p.set(DNNL_ARG_DST, x.c);
    thread_local dnnl::stream stream(cpu_engine());
    p.primitive.execute(stream, p.arguments);
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
