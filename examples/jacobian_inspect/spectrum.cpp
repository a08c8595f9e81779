#include "examples/jacobian_inspect/spectrum.h"

#include <algorithm>
#include <cmath>

#include "engine/engine.h"
#include "uncertainty/symmetric_spectrum.h"
#include "uncertainty/uncertainty.h"

namespace nabla::jacobian_inspect {
SpectrumAtTime inspect_spectrum(const Subject& subject, double t, std::int64_t samples, const Tensor& key) {
  const std::int64_t count = std::min(samples, subject.data.shape()[0]);
  const Tensor clean = slice(subject.data, 0, 0, count);
  const Tensor noise = cast(normal(key, clean.shape(), DType::f64), clean.dtype());
  const Tensor x = (t * clean + (1 - t) * noise).detach();
  const uncertainty::Posterior posterior =
      uncertainty::posterior(subject.velocity, flow::linear_path(), x, flow::shared_time(t, x.dtype()));
  const Tensor a = cast(posterior.mean_jacobian(), DType::f64).detach();

  SpectrumAtTime spectrum;
  spectrum.t = t;
  spectrum.eigenvalues.resize(a.shape()[-1]);
  const std::vector<std::vector<double>> eigenvalues = uncertainty::symmetric_spectra(a),
                                         squares = uncertainty::symmetric_spectra(matmul(transpose(a), a));
  const std::vector<double> defects = uncertainty::symmetry_defect(a).to_vector<double>(),
                            masses = uncertainty::negative_mass(a).to_vector<double>();
  const double share = 1 / static_cast<double>(count);
  for (std::size_t b = 0; b < eigenvalues.size(); ++b) {
    for (std::size_t i = 0; i < eigenvalues[b].size(); ++i)
      spectrum.eigenvalues[i] += share * eigenvalues[b][eigenvalues[b].size() - 1 - i];
    const auto above = [&](double threshold) {
      return static_cast<double>(
          std::ranges::count_if(squares[b], [&](double square) { return square > threshold * threshold; }));
    };
    spectrum.dimension += share * above(0.5 / t);
    const double largest = std::sqrt(squares[b].back());
    if (largest <= kSmallestNorm) continue;
    ++spectrum.resolved;
    spectrum.rank += above(kRankThreshold * largest);
    spectrum.symmetry_defect += defects[b];
    spectrum.negative_mass += masses[b];
  }
  for (double* value : {&spectrum.rank, &spectrum.symmetry_defect, &spectrum.negative_mass})
    *value /= static_cast<double>(spectrum.resolved);
  return spectrum;
}

}  // namespace nabla::jacobian_inspect
