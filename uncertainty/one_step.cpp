#include "uncertainty/one_step.h"

#include <span>
#include <vector>

#include "engine/graph/evaluation.h"
#include "engine/ops/constant.h"
#include "engine/ops/contraction.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/shaping.h"
#include "engine/plan/evaluate.h"
#include "engine/spectral/dense/log_determinant.h"
#include "flow/average_sampling.h"
#include "flow/likelihood.h"
#include "uncertainty/require_inside.h"

namespace nabla::uncertainty {
namespace {

// dT/dx of the map from time t to time r, one matrix a sample: [B, D, D].
Tensor map_jacobian(const flow::AverageField& u, const Tensor& x, const Tensor& t, const Tensor& r,
                    const JacobianOptions& options) {
  const std::int64_t elements = x.shape().without_first(1).size();
  return reshape(sample_jacobian([&](const Tensor& at) { return flow::flow_map(u, at, t, r); }, x, options),
                 Shape{x.shape()[0], elements, elements});
}

}  // namespace

InnerPosterior inner_posterior(const flow::AverageField& u, const Tensor& x0, const Tensor& t,
                               const PosteriorOptions& options) {
  const Tensor x = Evaluation("inner_posterior").leaf(flow::flow_map(u, x0, zeros_like(t), t));
  return {x, posterior(u, flow::linear_path(), x, t, t, options)};
}

Tensor push_forward_covariance(const flow::AverageField& u, const Tensor& x, const Tensor& t,
                               const JacobianOptions& options) {
  require_inside("push_forward_covariance", t);
  const Tensor left =
      reshape(flow::time_factor("push_forward_covariance", 1 - t, x), Shape{t.shape()[0], 1, 1});
  const Tensor map = map_jacobian(u, x, t, ones_like(t), options);
  return square(left) * matmul(map, transpose(map));
}

Tensor one_step_log_density(const flow::AverageField& u, const Tensor& x0, const JacobianOptions& options) {
  const Tensor map =
      cast(map_jacobian(u, x0, flow::shared_time(0, x0.dtype()), flow::shared_time(1, x0.dtype()), options),
           DType::f64);
  const std::size_t rows = x0.shape()[0];
  const std::size_t elements = map.shape()[1];
  const Tensor of_noise = flow::standard_normal_log_density(x0);
  evaluate({map, of_noise});
  Evaluation evaluation("one_step_log_density");
  std::vector<double> density = evaluation.reads(of_noise).to_vector<double>();
  const std::span<const double> matrices = evaluation.reads(map).data<double>();
  for (std::size_t b = 0; b < rows; ++b)
    density[b] -=
        log_abs_determinant(matrices.subspan(b * elements * elements, elements * elements), elements);
  return evaluation.leaf(tensor(density, Shape{x0.shape()[0]}));
}

}  // namespace nabla::uncertainty
