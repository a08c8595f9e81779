#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "engine/engine.h"
#include "tests/engine/numbers.h"

// silu and gelu of f32 where sigmoid, normal_cdf and gaussian are subnormal and the results are not yet, and
// below: within 2e-6 of the exact values, and the units of the smallest number that a few roundings there
// take.

namespace nabla::test {
namespace {

struct SubnormalTail {
  double x, value, first, second;
};

// Exact values by mpmath with 60 digits: x s(x) and its derivatives, s the logistic sigmoid.
const std::vector<SubnormalTail>& silu_points() {
  static const std::vector<SubnormalTail> points{
      {-86.5, -2.3471639315985497e-36, -2.320029088458682e-36, -2.2928942453188144e-36},
      {-87.0, -1.431855945041578e-36, -1.4153978307307554e-36, -1.3989397164199326e-36},
      {-87.125, -1.2654239658092418e-36, -1.2508997309075575e-36, -1.2363754960058733e-36},
      {-88.75, -2.5382423901755114e-37, -2.5096424759200127e-37, -2.481042561664514e-37},
      {-90.0625, -6.932617222811591e-38, -6.855641597853239e-38, -6.778665972894886e-38},
      {-91.65625, -1.4333705516352782e-38, -1.4177320048734887e-38, -1.402093458111699e-38},
      {-91.671875, -1.4113887649553913e-38, -1.3959926713884671e-38, -1.3805965778215428e-38},
      {-91.75, -1.3064336507293924e-38, -1.2921945918658568e-38, -1.2779555330023213e-38},
      {-91.8125, -1.2281168595629503e-38, -1.2147405016643748e-38, -1.2013641437657995e-38},
      {-91.875, -1.1544943908688227e-38, -1.1419284655260328e-38, -1.1293625401832429e-38},
      {-91.9375, -1.0852848988778936e-38, -1.0734803044645379e-38, -1.0616757100511822e-38},
      {-92.09375, -9.298710240325497e-39, -9.197740193603266e-39, -9.096770146881034e-39},
      {-93.5, -2.3135428781065232e-39, -2.2887991040091274e-39, -2.2640553299117312e-39},
      {-95.25, -4.095581598715781e-40, -4.052583366708267e-40, -4.009585134700752e-40},
      {-97.0, -7.247813167222701e-41, -7.173093443849271e-41, -7.098373720475841e-41},
      {-99.4375, -6.492211397215463e-42, -6.426922030555847e-42, -6.361632663896232e-42},
      {-101.5, -8.425120655182634e-43, -8.342114540353249e-43, -8.259108425523862e-43},
      {-103.0, -1.9076802726035146e-43, -1.889159104908335e-43, -1.8706379372131552e-43},
      {-103.96875, -7.308839199811069e-44, -7.23854077648857e-44, -7.168242353166071e-44},
      {-105.25, -2.0546028404874386e-44, -2.0350816733569168e-44, -2.0155605062263948e-44},
      {-107.75, -1.7265805877668445e-45, -1.7105566379963865e-45, -1.6945326882259286e-45},
      {-108.25, -1.0520835713579895e-45, -1.0423645545325116e-45, -1.0326455377070336e-45},
      {-109.5, -3.0490767106844452e-46, -3.021231261271802e-46, -2.9933858118591587e-46},
      {-111.0, -6.896607141401401e-47, -6.83447554553292e-47, -6.772343949664438e-47},
      {-130.0, -4.525438891875604e-55, -4.490627823476561e-55, -4.4558167550775174e-55},
  };
  return points;
}

// x times the normal distribution function and its derivatives.
const std::vector<SubnormalTail>& gelu_points() {
  static const std::vector<SubnormalTail> points{
      {-12.75, -1.987376018323529e-36, -2.533718298439833e-35, -3.2103754838496517e-34},
      {-13.0, -7.952313719414843e-38, -1.0337304440113355e-36, -1.3358042354201376e-35},
      {-13.125, -1.553886853118144e-38, -2.03934286965677e-37, -2.66092027817344e-36},
      {-13.140625, -1.26563333497104e-38, -1.6630128479632464e-37, -2.1725015473684552e-36},
      {-13.21875, -4.520221650059324e-39, -5.974787345446053e-38, -7.852208185797037e-37},
      {-13.31640625, -1.2373604656968727e-39, -1.64761750090491e-38, -2.181522768226072e-37},
      {-13.40625, -3.72552219435442e-40, -4.99422721860563e-39, -6.657720558602563e-38},
      {-13.4375, -2.4492909979773465e-40, -3.2910382612063684e-39, -4.3975713886490136e-38},
      {-13.5, -1.0555389862638154e-40, -1.4248940914798837e-39, -1.912937037082177e-38},
      {-13.53125, -6.919184972510092e-41, -9.36197827129419e-40, -1.2597987233858032e-38},
      {-13.5625, -4.5311810440456007e-41, -6.145060523747878e-40, -8.288439065167938e-39},
      {-13.6640625, -1.1370784067088464e-41, -1.5536241971248472e-40, -2.111390496404116e-39},
      {-13.875, -6.229395943541536e-43, -8.642832121847948e-42, -1.1928995007141767e-40},
      {-14.0, -1.091095154686992e-43, -1.527455646325367e-42, -2.1274167252146042e-41},
      {-14.1875, -7.767160812816116e-45, -1.1019128471457682e-43, -1.555495263831251e-42},
      {-14.34375, -8.361108173153133e-46, -1.199241119482771e-44, -1.7117198669860786e-43},
      {-14.4375, -2.1695750772673605e-46, -3.13218317119956e-45, -4.500187482549897e-44},
      {-14.5, -8.78336740840207e-47, -1.2735319765518342e-45, -1.837755223459372e-44},
      {-14.59375, -2.2459977515837358e-47, -3.277611725224102e-46, -4.760595655605455e-45},
      {-14.75, -2.2690272310975963e-48, -3.346676895501285e-47, -4.913451437162268e-46},
      {-15.5, -2.6884142272804985e-53, -4.166900580194372e-52, -6.431589781082309e-51},
      {-40.0, -0.0, -0.0, -0.0},
  };
  return points;
}

void check_tail(const char* what, const std::vector<SubnormalTail>& points, const Tensor& found,
                double SubnormalTail::*expected, double units) {
  const std::vector<double> results = values(found);
  for (std::size_t i = 0; i < points.size(); ++i) {
    const double right = points[i].*expected;
    CAPTURE(what);
    CAPTURE(points[i].x);
    CAPTURE(results[i]);
    CAPTURE(right);
    CHECK(std::abs(results[i] - right) <=
          2e-6 * std::abs(right) + units * static_cast<double>(std::numeric_limits<float>::denorm_min()));
  }
}

}  // namespace

TEST_CASE("silu and gelu of f32 keep their digits where the factor beside x is subnormal") {
  for (const bool is_gelu : {false, true}) {
    CAPTURE(is_gelu);
    const std::vector<SubnormalTail>& points = is_gelu ? gelu_points() : silu_points();
    std::vector<double> at;
    for (const SubnormalTail& point : points) at.push_back(point.x);
    const Tensor x = cast(f64(at, {static_cast<std::int64_t>(at.size())}), DType::f32).detach();
    const auto f = [&](const Tensor& v) { return is_gelu ? gelu(v) : silu(v); };
    const auto first = [&](const Tensor& v) { return grad([&](const Tensor& u) { return sum(f(u)); })(v); };
    const auto pushed = [&](const Tensor& v) { return jvp(f, v, ones_like(v)).tangent; };
    check_tail("value", points, f(x), &SubnormalTail::value, 0.6);
    check_tail("first derivative, backwards", points, first(x), &SubnormalTail::first, 0.6);
    check_tail("first derivative, forwards", points, pushed(x), &SubnormalTail::first, 0.6);
    check_tail("second derivative, backwards twice", points,
               grad([&](const Tensor& v) { return sum(first(v)); })(x), &SubnormalTail::second, 1.5);
    check_tail("second derivative, forwards twice", points, jvp(pushed, x, ones_like(x)).tangent,
               &SubnormalTail::second, 1.5);
  }
}

TEST_CASE("usual numbers have the same silu and gelu alone and beside one in the tail") {
  const Tensor alone = max(normal(random_key(1), {1000}) * 5.0, -12.99).detach();
  const Tensor beside = concatenate({alone, full({4}, -100, DType::f32)}, 0).detach();
  for (const bool is_gelu : {false, true}) {
    const auto f = [&](const Tensor& v) { return is_gelu ? gelu(v) : silu(v); };
    const auto slope = [&](const Tensor& v) { return jvp(f, v, ones_like(v)).tangent; };
    CHECK(values(slice(f(beside), 0, 0, 1000)) == values(f(alone)));
    CHECK(values(slice(slope(beside), 0, 0, 1000)) == values(slope(alone)));
  }
}

}  // namespace nabla::test
