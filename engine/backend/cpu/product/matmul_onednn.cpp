#include "engine/backend/cpu/product/matmul.h"

#ifdef NABLAFLOW_HAVE_ONEDNN

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <utility>

#include "engine/backend/cpu/product/onednn_call.h"
#include "engine/backend/products.h"

namespace nabla::cpu {
namespace {

struct HashOfShape {
  std::size_t operator()(const MatmulShape& x) const {
    std::uint64_t hash = 0;
    for (const std::int64_t word : {x.m, x.n, x.k, x.a_row, x.a_column, x.b_row, x.b_column, x.c_row})
      hash = (hash ^ static_cast<std::uint64_t>(word)) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 32;
  }
};

dnnl::memory::desc matrix(std::int64_t rows, std::int64_t columns, std::int64_t row, std::int64_t column) {
  return {{rows, columns}, dnnl::memory::data_type::f32, dnnl::memory::dims{row, column}};
}

// A primitive and the memory objects that it is called with, whose addresses change from call to call.
struct Product {
  dnnl::matmul primitive;
  std::unordered_map<int, dnnl::memory> arguments;
  dnnl::memory::desc b;  // as given, or as oneDNN prefers it
  bool has_run = false;

  explicit Product(const MatmulShape& x) {
    const dnnl::memory::desc a = matrix(x.m, x.k, x.a_row, x.a_column);
    const dnnl::memory::desc c = matrix(x.m, x.n, x.c_row, 1);
    b = x.has_packed_b() ? dnnl::memory::desc({x.k, x.n}, a.data_type(), dnnl::memory::format_tag::any)
                         : matrix(x.k, x.n, x.b_row, x.b_column);
    const dnnl::matmul::primitive_desc described(dnnl::matmul::desc(a, b, c), cpu_engine());
    primitive = dnnl::matmul(described);
    b = described.weights_desc();
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
Product& product(const MatmulShape& x) {
  auto& products = thread_own<std::unordered_map<MatmulShape, Product, HashOfShape>>();
  const auto entry = products.find(x);
  if (entry != products.end()) return entry->second;
  if (products.size() >= kMostProducts) products.clear();
  const Making making;
  Product& product = products.emplace(x, Product(x)).first->second;
  OneDnnCall::end_before_what_is_made();
  return product;
}

// One of the strides must be 1 and the other must not make rows overlap.
bool suits(std::int64_t rows, std::int64_t columns, std::int64_t row_stride, std::int64_t column_stride) {
  return (column_stride == 1 && row_stride >= columns) || (row_stride == 1 && column_stride >= rows);
}

bool suits(const MatmulShape& x) {
  // Below this a product costs less than the call.
  if (x.m * x.n * x.k < 4096) return false;
  return suits(x.m, x.k, x.a_row, x.a_column) && (x.has_packed_b() || suits(x.k, x.n, x.b_row, x.b_column)) &&
         x.c_row >= x.n;
}

MatmulShape with_packed_b(MatmulShape x) {
  x.b_row = x.b_column = 0;
  return x;
}

// What oneDNN refuses is an error of ours.
template <class Work>
auto guarded(const MatmulShape& x, const Work& work) {
  const OneDnnCall call;
  const SingleThreaded scope;
  try {
    return work();
  } catch (const dnnl::error& error) {
    throw Error(std::string("contraction: oneDNN refused a product of ") + std::to_string(x.m) + " x " +
                std::to_string(x.k) + " x " + std::to_string(x.n) + ": " + error.what());
  }
}

}  // namespace

bool matmul_onednn(const MatmulArguments<float>& x) try {
  if (!suits(x)) return false;
  guarded(x, [&] {
    Product& p = product(x);
    p.set(DNNL_ARG_SRC, x.a);
    p.set(DNNL_ARG_WEIGHTS, x.b);
    p.set(DNNL_ARG_DST, x.c);
    std::optional<Making> first_run;  // makes code
    if (!p.has_run) first_run.emplace();
    p.primitive.execute(own_stream(), p.arguments);
    own_stream().wait();
    if (!std::exchange(p.has_run, true)) OneDnnCall::end_before_what_is_made();
  });
  return true;
} catch (const OneDnnCall::Over&) {
  if (x.has_packed_b()) throw;
  return false;  // our own kernel does
}

void lock_products() {
  Making::mutex().lock();
  while (Making::count > 0) std::this_thread::yield();
}
void unlock_products() { Making::mutex().unlock(); }
void forget_other_products() { OneDnnCall::forget_others(); }

bool worth_packing(std::span<const MatmulShape> products) {
  const auto suitable = [](const MatmulShape& x) { return suits(x); };
  if (product_library() != ProductLibrary::onednn || !std::ranges::all_of(products, suitable)) return false;
  const MatmulShape& first = products.front();
  return guarded(first, [&] {
    const dnnl::memory::desc preferred = product(with_packed_b(first)).b;
    const auto prefers_it = [&](const MatmulShape& x) { return product(with_packed_b(x)).b == preferred; };
    return preferred != matrix(first.k, first.n, first.b_row, first.b_column) &&
           std::ranges::all_of(products, prefers_it);
  });
}

std::int64_t packed_size(const MatmulShape& x) {
  return guarded(
      x, [&] { return static_cast<std::int64_t>(product(with_packed_b(x)).b.get_size() / sizeof(float)); });
}

std::int64_t packed_columns(const MatmulShape& x) {
  return guarded(x, [&] {
    const dnnl_memory_desc_t layout = product(with_packed_b(x)).b.data;
    if (layout.format_kind != dnnl_blocked) return x.n;
    const dnnl_blocking_desc_t& blocks = layout.format_desc.blocking;
    std::int64_t columns = 1;
    for (int i = 0; i < blocks.inner_nblks; ++i)
      if (blocks.inner_idxs[i] == 1) columns *= blocks.inner_blks[i];
    return columns;
  });
}

void pack(const MatmulShape& x, std::int64_t first, std::int64_t last, const float* b, float* packed) {
  guarded(x, [&] {
    const auto columns = [&](const dnnl::memory::desc& all, const float* data) {
      return dnnl::memory(all.submemory_desc({x.k, last - first}, {0, first}), cpu_engine(),
                          const_cast<float*>(data));
    };
    dnnl::memory from = columns(matrix(x.k, x.n, x.b_row, x.b_column), b);
    dnnl::memory to = columns(product(with_packed_b(x)).b, packed);
    dnnl::reorder(from, to).execute(own_stream(), from, to);
    own_stream().wait();
  });
}

}  // namespace nabla::cpu

#else

namespace nabla::cpu {

bool matmul_onednn(const MatmulArguments<float>&) { return false; }
void lock_products() {}
void unlock_products() {}
void forget_other_products() {}
bool worth_packing(std::span<const MatmulShape>) { return false; }
std::int64_t packed_size(const MatmulShape& x) { return x.k * x.n; }
std::int64_t packed_columns(const MatmulShape& x) { return x.n; }
void pack(const MatmulShape&, std::int64_t, std::int64_t, const float*, float*) {}

}  // namespace nabla::cpu

#endif
