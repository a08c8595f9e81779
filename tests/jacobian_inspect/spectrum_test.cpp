#include "examples/jacobian_inspect/spectrum.h"

#include <doctest/doctest.h>

#include <cmath>

#include "engine/engine.h"
#include "examples/jacobian_inspect/cost.h"

namespace nabla::jacobian_inspect {
namespace {

constexpr double kVariances[] = {4, 1, 0.25, 1e-6};

// Normal data with these variances: A is diagonal, t l / ((1-t)^2 + t^2 l). With `turn` the field gets an
// antisymmetric part between the first two elements.
Subject normal_data(double turn, DType dtype) {
  const Tensor l =
      cast(tensor<double>({kVariances[0], kVariances[1], kVariances[2], kVariances[3]}, {1, 4}), dtype);
  const Tensor rotation =
      cast(turn * tensor<double>({0, 1, 0, 0, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, {4, 4}), dtype);
  return {"normal", "normal data", "",
          [l, rotation](const Tensor& x, const Tensor& t) {
            return (t * (1 + l) - 1) / (square(1 - t) + square(t) * l) * x + matmul(x, rotation);
          },
          cast(normal(random_key(1), {6, 4}), dtype)};
}

double exact(double l, double t) { return t * l / ((1 - t) * (1 - t) + t * t * l); }

}  // namespace

TEST_CASE("the spectrum of a normal distribution's field is the one in closed form") {
  for (const double t : {0.2, 0.5, 0.9}) {
    CAPTURE(t);
    const SpectrumAtTime found = inspect_spectrum(normal_data(0, DType::f64), t, 5, random_key(2));
    REQUIRE(found.eigenvalues.size() == 4);
    double rank = 0, dimension = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      CHECK(found.eigenvalues[i] == doctest::Approx(exact(kVariances[i], t)).epsilon(1e-9));
      rank += exact(kVariances[i], t) > kRankThreshold * exact(kVariances[0], t);
      dimension += t * exact(kVariances[i], t) > 0.5;
    }
    CHECK(found.resolved == 5);
    CHECK(found.rank == doctest::Approx(rank));
    CHECK(found.dimension == doctest::Approx(dimension));
    CHECK(found.symmetry_defect < 1e-12);
    CHECK(found.negative_mass == 0);
  }
}

TEST_CASE("a rotation is seen as a defect of symmetry, and leaves the spectrum of the symmetric part") {
  const double t = 0.5, turn = 0.3;
  const SpectrumAtTime found = inspect_spectrum(normal_data(turn, DType::f64), t, 3, random_key(2));
  double squares = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(found.eigenvalues[i] == doctest::Approx(exact(kVariances[i], t)).epsilon(1e-9));
    squares += exact(kVariances[i], t) * exact(kVariances[i], t);
  }
  CHECK(found.symmetry_defect ==
        doctest::Approx(std::sqrt(2) * (1 - t) * turn / std::sqrt(squares)).epsilon(1e-9));
}

TEST_CASE("samples whose A is rounding count neither for the rank nor for the symmetry") {
  Subject point = normal_data(0, DType::f64);
  point.velocity = [](const Tensor& x, const Tensor& t) { return -x / (1 - t); };
  const SpectrumAtTime found = inspect_spectrum(point, 0.5, 4, random_key(2));
  CHECK(found.resolved == 0);
  CHECK(found.dimension == 0);
  CHECK(std::isnan(found.rank));
}

TEST_CASE("every way to a divergence is exact, or is an estimate and says so") {
  const Subject subject = normal_data(0.3, DType::f64);
  const DivergenceCost cost = measure_divergence(subject, 0.5, 6, 0, random_key(3));
  CHECK(cost.samples == 6);
  CHECK(cost.elements == 4);
  CHECK(cost.ways.size() >= 5);
  bool is_listed = false;
  for (const WayCost& way : cost.ways) {
    CAPTURE(way.name);
    CHECK(way.milliseconds > 0);
    CHECK(way.difference < 1e-12);
    CHECK_FALSE(way.is_estimate);
    is_listed = is_listed || way.name == cost.chosen;
  }
  CHECK(is_listed);
  CHECK(cost.picture.starts_with("<svg"));
  CHECK(cost.explanation.find("chosen: " + cost.chosen) != std::string::npos);
}

}  // namespace nabla::jacobian_inspect
