#include "flow/path.h"

#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

#include "engine/autodiff/jvp.h"
#include "engine/ops/constant.h"
#include "engine/ops/pointwise.h"
#include "engine/tensor/number_text.h"
#include "flow/field.h"

namespace nabla::flow {

Tensor AffinePath::wronskian(const Tensor& t) const { return a_rate(t) * s(t) - a(t) * s_rate(t); }

AffinePath linear_path() {
  return {"linear", [](const Tensor& t) { return t; }, [](const Tensor& t) { return 1 - t; },
          [](const Tensor& t) { return ones_like(t); },
          [](const Tensor& t) { return full(t.shape(), -1, t.dtype()); }};
}

AffinePath trigonometric_path() {
  constexpr double kQuarter = std::numbers::pi / 2;
  return {"trigonometric", [](const Tensor& t) { return sin(t * kQuarter); },
          [](const Tensor& t) { return cos(t * kQuarter); },
          [](const Tensor& t) { return cos(t * kQuarter) * kQuarter; },
          [](const Tensor& t) { return sin(t * kQuarter) * -kQuarter; }};
}

namespace {

void require_ends(const std::string& path, const char* schedule, const AffinePath::Schedule& f,
                  double at_noise, double at_data) {
  const std::vector<double> ends =
      cast(f(tensor<double>({0, 1}, Shape{2, 1})), DType::f64).to_vector<double>();
  if (!(std::abs(ends[0] - at_noise) <= 1e-3 && std::abs(ends[1] - at_data) <= 1e-3))
    throw Error("make_path: " + std::string(schedule) + " of the path '" + path + "' is " +
                number_text(ends[0]) + " at t = 0 and " + number_text(ends[1]) +
                " at t = 1; it must lead from " + number_text(at_noise) + " to " + number_text(at_data));
}

}  // namespace

AffinePath make_path(std::string name, AffinePath::Schedule a, AffinePath::Schedule s) {
  require_ends(name, "a", a, 0, 1);
  require_ends(name, "s", s, 1, 0);
  const auto rate = [](const AffinePath::Schedule& f) {
    return [f](const Tensor& t) { return jvp(f, t, ones_like(t)).tangent; };
  };
  AffinePath path{std::move(name), std::move(a), std::move(s), {}, {}};
  path.a_rate = rate(path.a);
  path.s_rate = rate(path.s);
  return path;
}

PathPoint interpolate(const AffinePath& path, const Tensor& x0, const Tensor& x1, const Tensor& t) {
  if (!(x0.shape() == x1.shape()))
    throw Error("interpolate: noise " + to_string(x0.shape()) + " and data " + to_string(x1.shape()) +
                " must have one shape");
  const Tensor time = time_factor("interpolate", t, x1);
  return {path.a(time) * x1 + path.s(time) * x0, path.a_rate(time) * x1 + path.s_rate(time) * x0};
}

Tensor velocity_from_mean(const AffinePath& path, const Tensor& m, const Tensor& x, const Tensor& t) {
  const Tensor time = time_factor("velocity_from_mean", t, x);
  return (path.s_rate(time) * x + path.wronskian(time) * m) / path.s(time);
}

}  // namespace nabla::flow
