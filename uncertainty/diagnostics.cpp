#include "uncertainty/diagnostics.h"

#include <cmath>
#include <string>
#include <vector>

#include "engine/graph/evaluation.h"
#include "engine/ops/composed.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/shaping.h"
#include "uncertainty/symmetric_spectrum.h"

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
  std::vector<double> mass;
  Evaluation evaluation("negative_mass");
  for (const std::vector<double>& eigenvalues : symmetric_spectra(evaluation.reads(a))) {
    double negative = 0;
    double all = 0;
    for (const double eigenvalue : eigenvalues) {
      all += std::abs(eigenvalue);
      if (eigenvalue < 0) negative -= eigenvalue;
    }
    mass.push_back(all > 0 ? negative / all : 0);
  }
  return evaluation.leaf(tensor(mass, Shape{a.shape()[0]}));
}

}  // namespace nabla::uncertainty
