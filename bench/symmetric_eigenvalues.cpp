// Eigenvalues of a symmetric matrix with and without vectors, for each instruction set: CPU time of this
// thread, the least and the median of several runs. Argument: the number of rows.

#include "engine/spectral/dense/symmetric_eigenvalues.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "engine/backend/instruction_set.h"
#include "engine/engine.h"
#include "examples/report/timing.h"

using namespace nabla;
using report::cpu_milliseconds;

namespace {

template <class F>
void print_times(const char* what, int runs, F&& f) {
  std::vector<double> times;
  for (int run = 0; run < runs; ++run) {
    const double start = cpu_milliseconds();
    f();
    times.push_back(cpu_milliseconds() - start);
  }
  std::printf("  %-8s %8.2f ms, median %8.2f\n", what, std::ranges::min(times), report::median(times));
}

}  // namespace

int main(int count, char** arguments) {
  const std::int64_t n = count > 1 ? std::atoi(arguments[1]) : 784;
  const Tensor x = normal(random_key(0), Shape{n, n}, DType::f64);
  const std::vector<double> matrix = (x + transpose(x)).to_vector<double>();
  const std::size_t rows = n;
  for (const InstructionSet set : {InstructionSet::baseline, InstructionSet::avx2, InstructionSet::avx512}) {
    try {
      set_instruction_set(set);
    } catch (const Error&) {
      continue;
    }
    std::printf("%s, %lld rows\n", std::string(name_of(set)).c_str(), static_cast<long long>(n));
    print_times("values", 15, [&] { symmetric_eigenvalues(matrix, rows); });
    print_times("vectors", 3, [&] { symmetric_eigen(matrix, rows); });
  }
}
