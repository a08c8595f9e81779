#include "engine/backend/cpu/vector_math/vector_math.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <thread>
#include <vector>

// f32 functions against f64 ones of the standard library, whose own error is 2^-29 of an ulp here; f64
// functions against those of long double.

namespace nabla {
namespace {

using Limits = std::numeric_limits<float>;
constexpr float kInfinity = Limits::infinity();
constexpr float kNaN = Limits::quiet_NaN();

float float_of(std::uint32_t bits) { return std::bit_cast<float>(bits); }
std::uint32_t bits_of(float x) { return std::bit_cast<std::uint32_t>(x); }

// Distance of a result from the exact value in units of the last place that the exact value has in f32;
// overflow counts as 2^128. Wrong sign, NaN or infinity: infinite.
double ulp_error(float result, double exact) {
  if (std::isnan(result) || std::isnan(exact))
    return std::isnan(result) && std::isnan(exact) ? 0.0 : std::numeric_limits<double>::infinity();
  if (std::signbit(result) != std::signbit(exact)) return std::numeric_limits<double>::infinity();
  if (std::isinf(exact)) return std::isinf(result) ? 0.0 : std::numeric_limits<double>::infinity();
  const double size = std::fabs(exact);
  if (size >= 0x1.ffffffp127) return std::isinf(result) ? 0.0 : (0x1p128 - std::fabs(result)) / 0x1p104;
  const double ulp = std::ldexp(1.0, std::max(std::ilogb(std::max(size, 0x1p-126)), -126) - 23);
  return std::fabs((std::isinf(result) ? std::copysign(0x1p128, result) : result) - exact) / ulp;
}

double exact_sigmoid(double x) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); }

double exact_sech(double x) { return 1 / std::cosh(x); }
double exact_normal_cdf(double x) { return 0.5 * std::erfc(-x * std::sqrt(0.5)); }
double exact_gaussian(double x) { return std::exp(-0.5 * x * x); }

struct Function {
  const char* name;
  float (*ours)(float);
  double (*exact)(double);
  double bound;              // ulp
  std::vector<float> seams;  // where one formula gives way to another
};

const std::vector<Function>& functions() {
  static const std::vector<Function> list{
      {"exp", &cpu::exp, &std::exp, 1.0, {88.722839F, 89.0F, -87.336545F, -103.97208F, -104.0F, 0.34657359F}},
      {"expm1",
       &cpu::expm1,
       &std::expm1,
       1.2,
       {0x1p-100F, 0.34657359F, -0.34657359F, 88.0F, 88.722839F, -18.0F}},
      {"log", &cpu::log, &std::log, 1.0, {0x1p-126F, 0.70710678F, 1.0F, 1.4142136F, 0x1p23F}},
      {"log1p",
       &cpu::log1p,
       &std::log1p,
       1.5,
       {-1.0F, -0.29289322F, 0.41421356F, 0x1p-24F, 0x1p30F, 0x1p127F}},
      {"sin", &cpu::sin, &std::sin, 1.7, {0.78539816F, 1.5707964F, 3.1415927F, 0x1p24F, 1e10F}},
      {"cos", &cpu::cos, &std::cos, 1.7, {0.78539816F, 1.5707964F, 3.1415927F, 0x1p24F, 1e10F}},
      {"tanh", &cpu::tanh, &std::tanh, 1.4, {0.625F, 9.0F, 10.0F, 0x1p-63F}},
      {"sigmoid",
       &cpu::sigmoid,
       &exact_sigmoid,
       1.9,
       {0.0F, 16.6F, -16.6F, -17.3F, -64.0F, 87.0F, -87.0F, -104.0F}},
      {"sech", &cpu::sech, &exact_sech, 2.5, {0.0F, 2.77F, 43.7F, 87.3F, 104.0F}},
      {"erf", &cpu::erf, &std::erf, 1.45, {0.93F, 3.9F, 4.0F, 0x1p-63F}},
      {"erfc", &cpu::erfc, &std::erfc, 4.0, {0.0F, 0.47F, 2.0F, 9.2F, 10.05F, 10.2F}},
      {"normal_cdf", &cpu::normal_cdf, &exact_normal_cdf, 4.2, {0.0F, 0.66F, 2.2F, 13.0F, 14.17F, 14.4F}},
      {"gaussian", &cpu::gaussian, &exact_gaussian, 1.2, {0.0F, 1.18F, 3.8F, 13.2F, 14.4F, 14.5F}},
  };
  return list;
}

struct Worst {
  double error = 0.0;
  float x = 0.0F;
};

// The patterns first, first + step, .. of all 2^32.
Worst sweep(const Function& f, std::uint64_t first, std::uint64_t step) {
  Worst worst;
  for (std::uint64_t pattern = first; pattern < (std::uint64_t{1} << 32); pattern += step) {
    const float x = float_of(static_cast<std::uint32_t>(pattern));
    const double error = ulp_error(f.ours(x), f.exact(static_cast<double>(x)));
    if (error > worst.error) worst = {error, x};
  }
  return worst;
}

std::vector<float> around(float x, int count) {
  std::vector<float> values;
  for (int i = -count; i <= count; ++i)
    values.push_back(float_of(bits_of(x) + static_cast<std::uint32_t>(i)));
  return values;
}

bool same(float a, float b) { return bits_of(a) == bits_of(b) || (std::isnan(a) && std::isnan(b)); }

}  // namespace

TEST_CASE("f32 functions are within 2 ulp on a sweep over all bit patterns") {
  for (const Function& f : functions()) {
    CAPTURE(std::string(f.name));
    const Worst worst = sweep(f, 0, 1021);
    CAPTURE(worst.x);
    CHECK(worst.error <= f.bound);
  }
}

// Minutes: test_engine --no-skip -tc="*every bit pattern*"
TEST_CASE("f32 functions are within 2 ulp for every bit pattern" * doctest::skip()) {
  const std::uint64_t workers = std::max(1U, std::thread::hardware_concurrency());
  for (const Function& f : functions()) {
    std::vector<Worst> found(workers);
    std::vector<std::thread> threads;
    for (std::uint64_t i = 0; i < workers; ++i)
      threads.emplace_back([&, i] { found[i] = sweep(f, i, workers); });
    for (std::thread& thread : threads) thread.join();
    const Worst worst = *std::ranges::max_element(found, {}, &Worst::error);
    MESSAGE(std::string(f.name) << " " << worst.error << " ulp at " << worst.x);
    CHECK(worst.error <= f.bound);
  }
}

TEST_CASE("f32 functions keep their accuracy where one formula gives way to another") {
  for (const Function& f : functions())
    for (const float seam : f.seams) {
      CAPTURE(std::string(f.name));
      CAPTURE(seam);
      double worst = 0.0;
      for (const float x : around(seam, 3000))
        for (const float signed_x : {x, -x})
          worst = std::max(worst, ulp_error(f.ours(signed_x), f.exact(static_cast<double>(signed_x))));
      CHECK(worst <= f.bound);
    }
}

TEST_CASE("tanh, erf, sigmoid and log1p never fall where one formula gives way to another") {
  const auto falls = [](float (*f)(float), float seam) {
    const std::vector<float> below = around(float_of(bits_of(seam) - 17), 16);
    const std::vector<float> above = around(float_of(bits_of(seam) + 16), 16);
    float highest = -kInfinity;
    for (const float x : below) highest = std::max(highest, f(x));
    return std::ranges::any_of(above, [&](float x) { return f(x) < highest; });
  };
  CHECK_FALSE(falls(&cpu::tanh, 0.625F));
  CHECK_FALSE(falls(&cpu::erf, 0.93F));
  CHECK_FALSE(falls(&cpu::erf, 4.0F));
  CHECK_FALSE(falls(&cpu::sigmoid, 87.0F));
  CHECK_FALSE(falls(&cpu::log1p, 0x1p30F));
}

TEST_CASE("f32 functions at special values") {
  const float tiny = Limits::denorm_min();
  struct Value {
    const char* name;
    float (*f)(float);
    float x;
    float expected;
  };
  const std::vector<Value> values{
      {"exp", &cpu::exp, 0.0F, 1.0F},
      {"exp", &cpu::exp, kInfinity, kInfinity},
      {"exp", &cpu::exp, -kInfinity, 0.0F},
      {"exp", &cpu::exp, 0x1.62e43p+6F, kInfinity},
      {"exp", &cpu::exp, -0x1.9d1dap+6F, tiny},
      {"exp", &cpu::exp, -104.0F, 0.0F},
      {"exp", &cpu::exp, tiny, 1.0F},
      {"expm1", &cpu::expm1, 0.0F, 0.0F},
      {"expm1", &cpu::expm1, -0.0F, -0.0F},
      {"expm1", &cpu::expm1, tiny, tiny},
      {"expm1", &cpu::expm1, 0x1.000008p-128F, 0x1.000008p-128F},
      {"expm1", &cpu::expm1, kInfinity, kInfinity},
      {"expm1", &cpu::expm1, -kInfinity, -1.0F},
      {"log", &cpu::log, 1.0F, 0.0F},
      {"log", &cpu::log, 0.0F, -kInfinity},
      {"log", &cpu::log, -0.0F, -kInfinity},
      {"log", &cpu::log, -1.0F, kNaN},
      {"log", &cpu::log, -tiny, kNaN},
      {"log", &cpu::log, -kInfinity, kNaN},
      {"log", &cpu::log, kInfinity, kInfinity},
      {"log1p", &cpu::log1p, 0.0F, 0.0F},
      {"log1p", &cpu::log1p, -0.0F, -0.0F},
      {"log1p", &cpu::log1p, -tiny, -tiny},
      {"log1p", &cpu::log1p, -1.0F, -kInfinity},
      {"log1p", &cpu::log1p, -1.5F, kNaN},
      {"log1p", &cpu::log1p, kInfinity, kInfinity},
      {"log1p", &cpu::log1p, -kInfinity, kNaN},
      {"sin", &cpu::sin, 0.0F, 0.0F},
      {"sin", &cpu::sin, -0.0F, -0.0F},
      {"sin", &cpu::sin, -tiny, -tiny},
      {"sin", &cpu::sin, kInfinity, kNaN},
      {"sin", &cpu::sin, -kInfinity, kNaN},
      {"cos", &cpu::cos, 0.0F, 1.0F},
      {"cos", &cpu::cos, -0.0F, 1.0F},
      {"cos", &cpu::cos, kInfinity, kNaN},
      {"cos", &cpu::cos, -kInfinity, kNaN},
      {"tanh", &cpu::tanh, 0.0F, 0.0F},
      {"tanh", &cpu::tanh, -0.0F, -0.0F},
      {"tanh", &cpu::tanh, -tiny, -tiny},
      {"tanh", &cpu::tanh, kInfinity, 1.0F},
      {"tanh", &cpu::tanh, -kInfinity, -1.0F},
      {"sigmoid", &cpu::sigmoid, 0.0F, 0.5F},
      {"sigmoid", &cpu::sigmoid, -0.0F, 0.5F},
      {"sigmoid", &cpu::sigmoid, kInfinity, 1.0F},
      {"sigmoid", &cpu::sigmoid, -kInfinity, 0.0F},
      {"sigmoid", &cpu::sigmoid, -0x1.9d1dap+6F, tiny},
      {"erf", &cpu::erf, 0.0F, 0.0F},
      {"erf", &cpu::erf, -0.0F, -0.0F},
      {"erf", &cpu::erf, -tiny, -tiny},
      {"erf", &cpu::erf, kInfinity, 1.0F},
      {"erf", &cpu::erf, -kInfinity, -1.0F},
      {"erf", &cpu::erf, Limits::max(), 1.0F},
      {"sech", &cpu::sech, 0.0F, 1.0F},
      {"sech", &cpu::sech, -kInfinity, 0.0F},
      {"erfc", &cpu::erfc, 0.0F, 1.0F},
      {"erfc", &cpu::erfc, kInfinity, 0.0F},
      {"erfc", &cpu::erfc, -kInfinity, 2.0F},
      {"normal_cdf", &cpu::normal_cdf, 0.0F, 0.5F},
      {"normal_cdf", &cpu::normal_cdf, kInfinity, 1.0F},
      {"normal_cdf", &cpu::normal_cdf, -kInfinity, 0.0F},
      {"gaussian", &cpu::gaussian, 0.0F, 1.0F},
      {"gaussian", &cpu::gaussian, -kInfinity, 0.0F},
  };
  for (const Value& value : values) {
    CAPTURE(std::string(value.name));
    CAPTURE(value.x);
    const float result = value.f(value.x);
    CAPTURE(result);
    CHECK(same(result, value.expected));
  }
  for (const Function& f : functions()) {
    CAPTURE(std::string(f.name));
    CHECK(std::isnan(f.ours(kNaN)));
    CHECK(std::isnan(f.ours(-kNaN)));
  }
}

TEST_CASE("exp of what is not above 0 has the bits of exp") {
  std::int64_t different = 0;
  for (std::uint64_t bits = 0x80000000U; bits <= 0xff800000U; bits += 97) {
    const float x = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    different +=
        std::bit_cast<std::uint32_t>(cpu::exp_nonpositive(x)) != std::bit_cast<std::uint32_t>(cpu::exp(x));
  }
  for (const float x : {0.0F, -0.0F, -kInfinity, -86.9F, -87.5F, -103.5F, -104.0F, -1e30F})
    different +=
        std::bit_cast<std::uint32_t>(cpu::exp_nonpositive(x)) != std::bit_cast<std::uint32_t>(cpu::exp(x));
  CHECK(different == 0);
  CHECK(std::isnan(cpu::exp_nonpositive(std::numeric_limits<float>::quiet_NaN())));
}

TEST_CASE("sin and cos of moderate angles have the bits of the general reduction") {
  std::size_t different = 0;
  for (std::uint64_t pattern = 0; pattern < (std::uint64_t{1} << 32); pattern += 65521) {
    const float x = float_of(static_cast<std::uint32_t>(pattern));
    if (!cpu::is_moderate_angle(x)) continue;
    different += !same(cpu::sin(x), cpu::sin_moderate(x)) + !same(cpu::cos(x), cpu::cos_moderate(x));
  }
  CHECK(different == 0);
  CHECK(cpu::is_moderate_angle(0x1p24F));
  CHECK_FALSE(cpu::is_moderate_angle(0x1.000002p24F));
  CHECK_FALSE(cpu::is_moderate_angle(kNaN));
}

TEST_CASE("pow is within 1 ulp wherever the result is finite, and where it overflows and underflows") {
  std::mt19937_64 generator(1);
  std::normal_distribution<double> normal;
  double worst = 0.0;
  float x_of_worst = 0.0F;
  float y_of_worst = 0.0F;
  for (int i = 0; i < 2'000'000; ++i) {
    float x = float_of(static_cast<std::uint32_t>(generator()));
    float y = float_of(static_cast<std::uint32_t>(generator()));
    if (i % 4 == 1) {
      x = static_cast<float>(std::exp(3 * normal(generator)));
      y = static_cast<float>(20 * normal(generator));
    } else if (i % 4 == 2) {
      x = static_cast<float>(std::exp(40 * normal(generator)));
      y = static_cast<float>(80 * normal(generator) / std::log2(x));
    } else if (i % 4 == 3) {  // bases beside 1, whole exponents of negative bases
      x = static_cast<float>(1 + 1e-3 * std::exp(3 * normal(generator)) * normal(generator));
      y = static_cast<float>((static_cast<double>(generator() % 300) - 150) / std::log2(std::fabs(x)));
      if (generator() % 4 == 0) {
        x = -x;
        y = std::rint(y);
      }
    }
    const double error = ulp_error(cpu::pow(x, y), std::pow(static_cast<double>(x), static_cast<double>(y)));
    if (error > worst) {
      worst = error;
      x_of_worst = x;
      y_of_worst = y;
    }
  }
  CAPTURE(x_of_worst);
  CAPTURE(y_of_worst);
  CHECK(worst <= 0.51);
}

TEST_CASE("pow at special values is that of C99 Annex F") {
  std::vector<float> values;
  for (const float size : {0.0F,
                           1.0F,
                           2.0F,
                           3.0F,
                           0.5F,
                           1.5F,
                           7.0F,
                           128.0F,
                           149.0F,
                           150.0F,
                           Limits::denorm_min(),
                           Limits::min(),
                           Limits::max(),
                           0x1.000002p0F,
                           0x1.fffffep-1F,
                           8388607.5F,
                           8388609.0F,
                           16777215.0F,
                           0x1p24F,
                           16777218.0F,
                           1e10F,
                           0x1p31F,
                           kInfinity,
                           kNaN}) {
    values.push_back(size);
    values.push_back(-size);
  }
  for (const float x : values)
    for (const float y : values) {
      CAPTURE(x);
      CAPTURE(y);
      const float result = cpu::pow(x, y);
      CAPTURE(result);
      CHECK(ulp_error(result, std::pow(static_cast<double>(x), static_cast<double>(y))) <= 0.51);
    }
  CHECK(cpu::pow(kNaN, 0.0F) == 1.0F);
  CHECK(cpu::pow(1.0F, kNaN) == 1.0F);
  CHECK(cpu::pow(-1.0F, kInfinity) == 1.0F);
  CHECK(same(cpu::pow(-0.0F, 3.0F), -0.0F));
  CHECK(cpu::pow(-0.0F, -3.0F) == -kInfinity);
  CHECK(cpu::pow(-kInfinity, 3.0F) == -kInfinity);
  CHECK(std::isnan(cpu::pow(-2.0F, 0.5F)));
}

// ---------------------------------------------------------------------------------------------------------------------
// f64, where long double has more digits.

namespace {

struct FunctionF64 {
  const char* name;
  double (*ours)(double);
  long double (*exact)(long double);
  double bound;
  std::vector<double> seams;
};

long double exact_sigmoid(long double x) {
  return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x));
}

long double exact_sech(long double x) { return 1 / std::cosh(x); }
long double exact_normal_cdf(long double x) { return 0.5L * std::erfc(-x * std::sqrt(0.5L)); }
long double exact_gaussian(long double x) { return std::exp(-0.5L * x * x); }

double ulp_error(double result, long double exact) {
  const double rounded = static_cast<double>(exact);
  if (std::isnan(result) || std::isnan(rounded))
    return std::isnan(result) && std::isnan(rounded) ? 0.0 : std::numeric_limits<double>::infinity();
  if (std::signbit(result) != std::signbit(rounded)) return std::numeric_limits<double>::infinity();
  if (std::isinf(result) || std::isinf(rounded))
    return result == rounded ? 0.0 : std::numeric_limits<double>::infinity();
  const int exponent = std::max(std::ilogb(std::max(std::fabs(exact), 0x1p-1022L)), -1022);
  return static_cast<double>(std::fabs(result - exact) / std::ldexp(1.0L, exponent - 52));
}

const std::vector<FunctionF64>& functions_f64() {
  static const std::vector<FunctionF64> list{
      {"exp",
       &cpu::exp,
       &std::exp,
       1.0,
       {0.34657359027997264, 709.78271289338397, -708.3964185322641, -745.1332191019412}},
      {"expm1", &cpu::expm1, &std::expm1, 1.2, {0x1p-900, 0.34657359027997264, -40.0, 709.4361393031039}},
      {"log", &cpu::log, &std::log, 1.0, {0x1p-1022, 0.70710678118654752, 1.0, 1.4142135623730951}},
      {"tanh", &cpu::tanh, &std::tanh, 1.4, {0.625, 19.0, 20.0}},
      {"sigmoid", &cpu::sigmoid, &exact_sigmoid, 1.8, {0.0, 36.7, -36.7, -500.0, -700.0, 700.0, -745.0}},
      {"sech", &cpu::sech, &exact_sech, 2.5, {0.0, 2.06, 372.5, 709.0, 745.1}},
      {"normal_cdf", &cpu::normal_cdf, &exact_normal_cdf, 6.0, {0.0, -1.0, -26.5, -37.5, -38.4, 8.3}},
      {"gaussian", &cpu::gaussian, &exact_gaussian, 1.2, {0.0, 1.18, 33.1, 37.6, 38.5, 39.0}},
  };
  return list;
}

}  // namespace

TEST_CASE("f64 functions are within 2 ulp on a sweep over all bit patterns and around their seams") {
  if (std::numeric_limits<long double>::digits <= std::numeric_limits<double>::digits) {
    MESSAGE("skipped: long double has no more digits than double");
    return;
  }
  for (const FunctionF64& f : functions_f64()) {
    CAPTURE(std::string(f.name));
    double worst = 0.0;
    const auto look_at = [&](double x) { worst = std::max(worst, ulp_error(f.ours(x), f.exact(x))); };
    for (std::uint64_t i = 0; i < 200'000; ++i) look_at(std::bit_cast<double>(i * 92233720368547UL));
    for (int i = -200'000; i <= 200'000; ++i) look_at(i * 0.0037500001);
    for (const double seam : f.seams)
      for (std::uint64_t i = 0; i < 2000; ++i)
        for (const double sign : {1.0, -1.0})
          look_at(sign * std::bit_cast<double>(std::bit_cast<std::uint64_t>(seam) + i - 1000));
    CHECK(worst <= f.bound);
  }
}

TEST_CASE("f64 functions at special values") {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  constexpr double kTiny = std::numeric_limits<double>::denorm_min();
  CHECK(cpu::exp(kInf) == kInf);
  CHECK(cpu::exp(-kInf) == 0.0);
  CHECK(cpu::exp(710.0) == kInf);
  CHECK(cpu::exp(-745.0) == kTiny);
  CHECK(cpu::expm1(-kTiny) == -kTiny);
  CHECK(std::signbit(cpu::expm1(-0.0)));
  CHECK(cpu::expm1(kInf) == kInf);
  CHECK(cpu::expm1(-kInf) == -1.0);
  CHECK(cpu::log(-0.0) == -kInf);
  CHECK(cpu::log(kInf) == kInf);
  CHECK(std::isnan(cpu::log(-kTiny)));
  CHECK(cpu::tanh(-kTiny) == -kTiny);
  CHECK(std::signbit(cpu::tanh(-0.0)));
  CHECK(cpu::tanh(kInf) == 1.0);
  CHECK(cpu::tanh(-kInf) == -1.0);
  CHECK(cpu::sigmoid(kInf) == 1.0);
  CHECK(cpu::sigmoid(-kInf) == 0.0);
  CHECK(cpu::sigmoid(-745.0) == kTiny);
  for (const FunctionF64& f : functions_f64()) {
    CAPTURE(std::string(f.name));
    CHECK(std::isnan(f.ours(std::numeric_limits<double>::quiet_NaN())));
  }
}

}  // namespace nabla
