// The products of training steps: milliseconds and GFLOP/s of the contraction kernel without graph and plan,
// its share of the best rate seen in the run, and how it compares to one dnnl::matmul call that cuts its work
// among OpenMP threads itself (where oneDNN is there and the formula is a plain product). Where the backend
// packs the second operand of compiled functions: what it takes then, and what packing takes, both in parts
// of the kernel's time. Minima of several runs, the kernel with and without packing in turn.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine/backend/backend.h"
#include "engine/backend/cpu/threads/thread_pool.h"
#include "engine/engine.h"
#include "engine/graph/node.h"
#include "examples/report/timing.h"

#ifdef NABLAFLOW_HAVE_ONEDNN
#include <oneapi/dnnl/dnnl.hpp>
extern "C" void omp_set_num_threads(int);
#endif

using namespace nabla;
using report::now_seconds;

namespace {

constexpr int kRuns = 9;
constexpr double kSecondsPerRun = 3e-3;

// Called so often that a run is measurable.
class Timed {
 public:
  explicit Timed(std::function<void()> f) : f_(std::move(f)) {
    f_();
    const double start = now_seconds();
    f_();
    repeats_ = std::clamp(static_cast<int>(kSecondsPerRun / (now_seconds() - start + 1e-9)), 1, 2000);
  }
  void run(int runs) {
    for (int run = 0; run < runs; ++run) run_once();
  }
  void run_once() {
    const double start = now_seconds();
    for (int i = 0; i < repeats_; ++i) f_();
    seconds_ = std::min(seconds_, (now_seconds() - start) / repeats_);
  }
  double seconds() const { return seconds_; }

 private:
  std::function<void()> f_;
  int repeats_ = 1;
  double seconds_ = 1e30;
};

using Extents = std::map<char, std::int64_t>;

struct Case {
  std::string what;
  std::string formula;  // letters in the order in which they lie in memory
  Extents extents;
};

// The operands of a case, laid out for the contraction kernel: its axes are the result's, then the summed.
struct Operands {
  Array a, b, c;
  Attributes summed;
  double operations = 2;

  explicit Operands(const Case& x) {
    const std::size_t comma = x.formula.find(',');
    const std::size_t arrow = x.formula.find("->");
    const std::string result = x.formula.substr(arrow + 2);
    std::string letters = result;
    for (const char letter : x.formula.substr(0, arrow))
      if (letter != ',' && letters.find(letter) == std::string::npos) letters += letter;
    for (const char letter : letters) operations *= static_cast<double>(x.extents.at(letter));
    summed = Attributes(Axes::innermost(static_cast<int>(letters.size() - result.size())));
    a = array(x.formula.substr(0, comma), letters, x.extents);
    b = array(x.formula.substr(comma + 1, arrow - comma - 1), letters, x.extents);
    c = array(result, letters, x.extents);
  }

 private:
  static Array array(const std::string& own, const std::string& letters, const Extents& extents) {
    Shape shape;
    for (const char letter : own) shape.push_back(extents.at(letter));
    Array array = Array::dense(shape, DType::f32);
    for (std::int64_t i = 0; i < shape.size(); ++i)
      array.data<float>()[i] = static_cast<float>(i % 17) * 0.1f - 0.8f;
    Layout layout;
    std::size_t axis = 0;
    for (const char letter : letters) {
      const std::size_t at = own.find(letter);
      layout.shape.push_back(at == std::string::npos ? 1 : extents.at(letter));
      layout.strides[axis++] = at == std::string::npos ? 0 : array.layout.strides[at];
    }
    array.layout = layout;
    return array;
  }
};

const Primitive& product_primitive() {
  static const Tensor any = contraction(ones({2, 2}), ones({2, 2}), {-1});
  return any.node().primitive();
}

// The step on the memory of these arrays.
std::function<void()> on_memory(const std::shared_ptr<const StepKernel>& step,
                                const std::vector<Array>& inputs, const Array& output) {
  return [=] {
    const std::byte* read[2];
    for (std::size_t i = 0; i < inputs.size(); ++i) read[i] = inputs[i].buffer->data();
    std::byte* const written = output.buffer->data();
    step->run(std::span(read, inputs.size()), std::span(&written, 1));
  };
}

std::function<void()> our_kernel(const Operands& x) {
  const std::vector<Layout> layouts{x.a.layout, x.b.layout};
  const std::vector<DType> types(2, DType::f32);
  return on_memory(
      cpu_backend().prepare({&product_primitive(), layouts, types, x.c.layout, DType::f32, x.summed}),
      {x.a, x.b}, x.c);
}

// The kernel that reads the second operand packed, and what packs it; nothing where the backend does not.
struct Packed {
  std::function<void()> kernel, pack;
};
Packed packed_kernel(const Operands& x) {
  const std::vector<Layout> layouts{x.a.layout, x.b.layout};
  const std::vector<DType> types(2, DType::f32);
  const std::optional<PackedOperand> operand =
      cpu_backend().packed({&product_primitive(), layouts, types, x.c.layout, DType::f32, x.summed}, 1);
  if (!operand) return {};
  const Array packed = Array::dense({operand->elements}, DType::f32);
  return {on_memory(operand->kernel, {x.a, packed}, x.c), on_memory(operand->pack, {x.b}, packed)};
}

#ifdef NABLAFLOW_HAVE_ONEDNN
// Only for two operands of two letters each that share the summed one.
std::function<void()> peer(const Case& at, const Operands& x) {
  if (at.formula.size() != 9 || at.formula.substr(5) != "->mn") return {};
  static dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  static dnnl::stream stream(engine);
  const std::int64_t m = at.extents.at('m');
  const std::int64_t n = at.extents.at('n');
  const std::int64_t k = at.extents.at('k');
  const auto described = [](dnnl::memory::dims extents, std::int64_t row, std::int64_t column) {
    return dnnl::memory::desc(extents, dnnl::memory::data_type::f32, dnnl::memory::dims{row, column});
  };
  // Axes are m, n, k.
  const auto a = described({m, k}, x.a.layout.strides[0], x.a.layout.strides[2]);
  const auto b = described({k, n}, x.b.layout.strides[2], x.b.layout.strides[1]);
  const auto c = described({m, n}, n, 1);
  const dnnl::matmul matmul(dnnl::matmul::primitive_desc(dnnl::matmul::desc(a, b, c), engine));
  const std::unordered_map<int, dnnl::memory> arguments{
      {DNNL_ARG_SRC, dnnl::memory(a, engine, x.a.data<float>())},
      {DNNL_ARG_WEIGHTS, dnnl::memory(b, engine, x.b.data<float>())},
      {DNNL_ARG_DST, dnnl::memory(c, engine, x.c.data<float>())}};
  return [=] {
    omp_set_num_threads(thread_count());
    matmul.execute(stream, arguments);
    stream.wait();
  };
}
#else
std::function<void()> peer(const Case&, const Operands&) { return {}; }
#endif

std::string described(const Case& x) {
  std::string text = x.formula + " ";
  for (const auto& [letter, extent] : x.extents)
    text += " " + std::string(1, letter) + "=" + std::to_string(extent);
  return text;
}

const std::vector<Case> kCases{
    {"forward", "mk,kn->mn", {{'m', 256}, {'k', 784}, {'n', 1024}}},
    {"forward", "mk,kn->mn", {{'m', 256}, {'k', 1024}, {'n', 1024}}},
    {"forward", "mk,kn->mn", {{'m', 256}, {'k', 1024}, {'n', 784}}},
    {"dL/dW", "km,kn->mn", {{'m', 784}, {'k', 256}, {'n', 1024}}},
    {"dL/dW", "km,kn->mn", {{'m', 1024}, {'k', 256}, {'n', 1024}}},
    {"dL/dW", "km,kn->mn", {{'m', 1024}, {'k', 256}, {'n', 784}}},
    {"dL/dx", "mk,nk->mn", {{'m', 256}, {'k', 784}, {'n', 1024}}},
    {"dL/dx", "mk,nk->mn", {{'m', 256}, {'k', 1024}, {'n', 1024}}},
    {"dL/dx", "mk,nk->mn", {{'m', 256}, {'k', 1024}, {'n', 784}}},
    {"square", "mk,kn->mn", {{'m', 1024}, {'k', 1024}, {'n', 1024}}},
    {"square", "km,kn->mn", {{'m', 1024}, {'k', 1024}, {'n', 1024}}},
    {"square", "mk,nk->mn", {{'m', 1024}, {'k', 1024}, {'n', 1024}}},
    {"tangents", "mk,kn->mn", {{'m', 25088}, {'k', 1024}, {'n', 1024}}},
    {"tangents", "mk,kn->mn", {{'m', 784}, {'k', 784}, {'n', 1024}}},
    {"sampling", "mk,kn->mn", {{'m', 32}, {'k', 784}, {'n', 1024}}},
    {"sampling", "mk,kn->mn", {{'m', 8}, {'k', 1024}, {'n', 1024}}},
    {"sample 1", "mk,kn->mn", {{'m', 1}, {'k', 1024}, {'n', 1024}}},
    {"samples 16", "mk,kn->mn", {{'m', 16}, {'k', 1024}, {'n', 1024}}},
    {"toy", "mk,kn->mn", {{'m', 256}, {'k', 2}, {'n', 64}}},
    {"toy", "mk,kn->mn", {{'m', 256}, {'k', 64}, {'n', 64}}},
    {"toy", "mk,kn->mn", {{'m', 256}, {'k', 64}, {'n', 2}}},
    {"toy", "km,kn->mn", {{'m', 64}, {'k', 256}, {'n', 64}}},
    {"toy", "mk,nk->mn", {{'m', 256}, {'k', 64}, {'n', 64}}},
    {"toy", "km,kn->mn", {{'m', 64}, {'k', 256}, {'n', 2}}},
    {"small", "mk,kn->mn", {{'m', 128}, {'k', 64}, {'n', 512}}},
    {"small", "mk,kn->mn", {{'m', 128}, {'k', 512}, {'n', 512}}},
    {"small", "km,kn->mn", {{'m', 512}, {'k', 128}, {'n', 512}}},
    {"small", "mk,nk->mn", {{'m', 128}, {'k', 512}, {'n', 512}}},
    {"time", "mk,kn->mn", {{'m', 256}, {'k', 32}, {'n', 64}}},
    {"time", "mk,kn->mn", {{'m', 256}, {'k', 64}, {'n', 1024}}},
    {"batch", "bmk,bkn->bmn", {{'b', 128}, {'m', 64}, {'k', 64}, {'n', 64}}},
    {"batch", "bmk,bnk->bmn", {{'b', 64}, {'m', 128}, {'k', 64}, {'n', 128}}},
    {"batch", "bmk,bkn->bmn", {{'b', 4096}, {'m', 8}, {'k', 8}, {'n', 8}}},
    {"batch", "bmk,bkn->bmn", {{'b', 3}, {'m', 512}, {'k', 512}, {'n', 512}}},
    {"axes apart", "tbk,bkn->tbn", {{'t', 64}, {'b', 32}, {'k', 256}, {'n', 64}}},
    {"axes apart", "tbk,tbn->kn", {{'t', 64}, {'b', 32}, {'k', 512}, {'n', 512}}},
    {"axes apart", "btk,kn->tbn", {{'t', 64}, {'b', 32}, {'k', 512}, {'n', 512}}},
    {"axes apart", "tkb,kn->tbn", {{'t', 64}, {'b', 32}, {'k', 512}, {'n', 512}}},
    {"axes apart", "ktb,kn->tbn", {{'t', 64}, {'b', 32}, {'k', 512}, {'n', 512}}},
    {"samples", "bk,bn->bkn", {{'b', 256}, {'k', 64}, {'n', 64}}},
    {"dots", "bk,bk->b", {{'b', 256}, {'k', 1024}}},
    {"dots", "kb,kb->b", {{'b', 1024}, {'k', 256}}},
    {"dots", "tbk,tkb->b", {{'t', 64}, {'b', 64}, {'k', 64}}},
    {"dots", "tbk,bk->tb", {{'t', 64}, {'b', 32}, {'k', 512}}},
    {"dot", "k,k->", {{'k', 1 << 20}}},
    {"row", "mk,k->m", {{'m', 1024}, {'k', 1024}}},
    {"column", "k,kn->n", {{'k', 1024}, {'n', 1024}}},
};

}  // namespace

int main() {
  Timed hand_out([] { cpu::parallel_for(2, [](std::int64_t) {}); });
  hand_out.run(kRuns);
  std::printf("%d threads, f32; handing out two tasks takes %.2f us\n", thread_count(),
              hand_out.seconds() * 1e6);
  double ceiling = 0;
  struct Row {
    double ours, peer, packed, packing, operations;
  };
  std::vector<Row> rows;
  for (const Case& at : kCases) {
    const Operands operands(at);
    Timed ours(our_kernel(operands));
    const Packed packed = packed_kernel(operands);
    Timed packing(packed.pack ? packed.pack : [] {});
    Timed on_packed(packed.kernel ? packed.kernel : [] {});
    const std::function<void()> other = peer(at, operands);
    Timed theirs(other ? other : [] {});
    for (int run = 0; run < kRuns; ++run)
      for (Timed* timed : {&ours, &packing, &on_packed}) timed->run_once();
    if (other) {
      theirs.run(kRuns);
      // OpenMP's threads go on spinning for a while and would take a core from ours.
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    rows.push_back({ours.seconds(), other ? theirs.seconds() : 0, packed.kernel ? on_packed.seconds() : 0,
                    packing.seconds(), operands.operations});
    ceiling = std::max(ceiling, operands.operations / ours.seconds());
    if (other) ceiling = std::max(ceiling, operands.operations / theirs.seconds());
  }
  std::printf("ceiling, the best rate of all below: %.1f GFLOP/s\n", ceiling * 1e-9);
  std::printf("%-11s %-42s %9s %8s %9s %9s %9s %9s\n", "", "", "ms", "GFLOP/s", "ceiling", "oneDNN's",
              "packed", "packing");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Row& row = rows[i];
    const double rate = row.operations / row.ours;
    std::printf("%-11s %-42s %9.4f %8.1f %8.1f%%", kCases[i].what.c_str(), described(kCases[i]).c_str(),
                row.ours * 1e3, rate * 1e-9, 100 * rate / ceiling);
    row.peer > 0 ? std::printf(" %8.1f%%", 100 * row.peer / row.ours) : std::printf(" %9s", "");
    if (row.packed > 0) std::printf(" %9.3f %9.3f", row.packed / row.ours, row.packing / row.ours);
    std::printf("\n");
  }
}
