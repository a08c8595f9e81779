#include "uncertainty/diagnostics.h"

#include <cmath>
#include <string>
#include <vector>

#include "engine/dense/symmetric_eigenvalues.h"
#include "engine/ops/composed.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/shaping.h"

namespace nabla::uncertainty {
namespace {

void require_square(const char* what, const Tensor& a) {
  if (a.rank() != 3 || a.shape()[1] != a.shape()[2])
    throw Error(std::string(what) + ": the matrices " + to_string(a.shape()) + " must be [B, n, n]");
}

}  // namespace

Tensor symmetry_defect(const Tensor& a) {
  require_square("symmetry_defect", a);
  const Tensor mirrored = transpose(a);
  return norm(a - mirrored, {-2, -1}) / norm(a + mirrored, {-2, -1});
}

Tensor negative_mass(const Tensor& a) {
  require_square("negative_mass", a);
  const Tensor wide = cast(a, DType::f64);
  const Tensor symmetric = (wide + transpose(wide)) * 0.5;
  const std::span<const double> values = symmetric.data<double>();
  const std::size_t n = static_cast<std::size_t>(a.shape()[1]);
  std::vector<double> mass;
  for (std::int64_t b = 0; b < a.shape()[0]; ++b) {
    double negative = 0;
    double all = 0;
    for (const double eigenvalue :
         symmetric_eigenvalues(values.subspan(static_cast<std::size_t>(b) * n * n, n * n), n)) {
      all += std::abs(eigenvalue);
      if (eigenvalue < 0) negative -= eigenvalue;
    }
    mass.push_back(all > 0 ? negative / all : 0);
  }
  return tensor(mass, Shape{a.shape()[0]});
}

}  // namespace nabla::uncertainty
