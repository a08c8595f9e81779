#pragma once

#include <cstdint>
#include <vector>

#include "flow/field_metadata.h"
#include "flow/flow.h"

namespace nabla::posterior_components {

/// The principal components of the posteriors of noisy images at one time.
struct ComponentsAtTime {
  double t = 0;
  Tensor noisy, mean;         ///< [n, D]
  Tensor variances;           ///< [n, k] f64: the largest eigenvalues of the symmetrised S, descending
  Tensor directions;          ///< [k, n, D], orthonormal for each image
  Tensor traces;              ///< [n]: tr S by the exact divergence
  std::int64_t products = 0;  ///< with S or its transpose, for each image
  bool converged = false;
  /// The largest distance of an eigenvalue from that of the whole matrix, as a share of the image's largest.
  double error = 0;
};

/// Of clean images [n, D] behind noise [n, D]. @throws Error if the metadata say that the field's Jacobian
/// tells no posterior.
ComponentsAtTime principal_components(const flow::TimedField& v, const flow::FieldMetadata& metadata,
                                      const Tensor& clean, const Tensor& noise, double t, std::int64_t count);

/// Which share of the traces the first 1, 2, .. k components hold together, [k]: means over images.
std::vector<double> explained_shares(const ComponentsAtTime& components);

}  // namespace nabla::posterior_components
