#include "uncertainty/diagnostics.h"

#include <cmath>
#include <span>
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

Tensor defect_over(const Tensor& a, const Axes& axes) {
  const Tensor mirrored = transpose(a);
  return norm(a - mirrored, axes) / norm(a + mirrored, axes);
}

double mass_of(std::span<const std::vector<double>> spectra) {
  double negative = 0, total = 0;
  for (const std::vector<double>& eigenvalues : spectra)
    for (const double eigenvalue : eigenvalues) {
      total += std::abs(eigenvalue);
      if (eigenvalue < 0) negative -= eigenvalue;
    }
  return total > 0 ? negative / total : 0;
}

}  // namespace

Tensor symmetry_defect(const Tensor& a) {
  require_square("symmetry_defect", a);
  return defect_over(a, {-2, -1});
}

Tensor joint_symmetry_defect(const Tensor& a) {
  require_square("joint_symmetry_defect", a);
  return defect_over(a, {});
}

Tensor negative_mass(const Tensor& a) {
  require_square("negative_mass", a);
  std::vector<double> mass;
  Evaluation evaluation("negative_mass");
  for (const std::vector<double>& eigenvalues : symmetric_spectra(evaluation.reads(a)))
    mass.push_back(mass_of(std::span(&eigenvalues, 1)));
  return evaluation.leaf(tensor(mass, Shape{a.shape()[0]}));
}

double joint_negative_mass(const Tensor& a) {
  require_square("joint_negative_mass", a);
  return mass_of(symmetric_spectra(a));
}

}  // namespace nabla::uncertainty
