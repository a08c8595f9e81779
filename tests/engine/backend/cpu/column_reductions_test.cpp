#include <cstring>

#include "engine/backend/instruction_set.h"
#include "tests/engine/numbers.h"

// What works along an axis whose elements lie apart, on columns side by side, against the same along dense
// rows: the same bits.

namespace nabla::test {
namespace {

bool same_bits_or_nan(const Tensor& a, const Tensor& b) {
  const std::vector<double> x = values(a), y = values(b);
  if (x.size() != y.size()) return false;
  for (std::size_t i = 0; i < x.size(); ++i)
    if (std::memcmp(&x[i], &y[i], sizeof(double)) != 0 && !(std::isnan(x[i]) && std::isnan(y[i])))
      return false;
  return true;
}

}  // namespace

TEST_CASE("softmax, logsumexp and extremes of columns have the bits of those of rows") {
  const InstructionSet best = instruction_set();
  const double infinity = std::numeric_limits<double>::infinity();
  const Tensor key = random_key(1);
  for (const DType dtype : {DType::f32, DType::f64})
    for (const Shape& shape : {Shape{1, 8}, Shape{5, 9}, Shape{31, 64}, Shape{40, 65}, Shape{300, 130},
                               Shape{3, 257, 70}, Shape{6000, 70}}) {
      INFO(to_string(shape), " ", std::string(name_of(dtype)));
      Tensor x = normal(key, shape, DType::f64) * 3;
      // Columns with infinities and NaN among them.
      const Tensor rare = uniform(fold_in(key, 1), shape, DType::f64);
      const Tensor special =
          select(less(rare, 0.01), infinity,
                 select(less(rare, 0.02), std::nan(""), select(less(rare, 0.1), -infinity, x)));
      for (const Tensor& values_of : {x, special}) {
        const Tensor columns = cast(values_of, dtype).detach();
        const Tensor rows = (transpose(columns) * 1.0).detach();
        for (const InstructionSet set : {InstructionSet::baseline, best}) {
          set_instruction_set(set);
          CHECK(same_bits_or_nan(softmax(columns, -2), transpose(softmax(rows, -1))));
          CHECK(same_bits_or_nan(logsumexp(columns, {-2}), logsumexp(rows, {-1})));
          CHECK(same_bits_or_nan(reduce_max(columns, {-2}), reduce_max(rows, {-1})));
          CHECK(same_bits_or_nan(reduce_min(columns, {-2}), reduce_min(rows, {-1})));
        }
      }
    }
  set_instruction_set(best);
  CHECK(values(softmax(full({3, 9}, -infinity, DType::f64), 0)).size() == 27);
  CHECK(values(logsumexp(full({3, 9}, -infinity, DType::f64), {0})) == std::vector<double>(9, -infinity));
}

}  // namespace nabla::test
