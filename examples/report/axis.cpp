#include "examples/report/axis.h"

#include <algorithm>
#include <cmath>

#include "examples/report/number.h"

namespace nabla::report {
namespace {

constexpr double kWantedTicks = 6.0;

/// The 1, 2 or 5 times a power of ten that cuts the range into about as many parts as we want ticks.
double nice_step(double range) {
  const double raw = range / kWantedTicks;
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  const double lead = raw / power;
  return power * (lead < 1.5 ? 1.0 : lead < 3.5 ? 2.0 : lead < 7.5 ? 5.0 : 10.0);
}

std::string linear_label(double value, double step) {
  const double largest = std::max(std::abs(value), step);
  if (largest >= 1e7 || step < 1e-5) return number(value, 4);
  const int decimals = std::max(0, -static_cast<int>(std::floor(std::log10(step) + 1e-9)));
  return fixed(value, decimals);
}

std::string decade_label(int exponent) {
  return exponent >= -3 && exponent <= 4 ? number(std::pow(10.0, exponent)) : power_of_ten(exponent);
}

}  // namespace

Axis::Axis(double low, double high, bool logarithmic, bool round_out)
    : low_(low), high_(high), logarithmic_(logarithmic) {
  if (!(high_ > low_)) {
    const double margin = low_ == 0.0 ? 1.0 : 0.1 * std::abs(low_);
    low_ -= margin;
    high_ += margin;
  }
  if (logarithmic_) {
    make_logarithmic_ticks();
  } else {
    make_linear_ticks(round_out);
  }
}

double Axis::position(double value) const {
  if (logarithmic_) return std::log(value / low_) / std::log(high_ / low_);
  return (value - low_) / (high_ - low_);
}

bool Axis::can_show(double value) const { return std::isfinite(value) && (!logarithmic_ || value > 0.0); }

void Axis::make_linear_ticks(bool round_out) {
  const double step = nice_step(high_ - low_);
  // The slack keeps an end that is a tick up to rounding.
  constexpr double kSlack = 1e-6;
  const double first = round_out ? std::floor(low_ / step + kSlack) : std::ceil(low_ / step - kSlack);
  const double last = round_out ? std::ceil(high_ / step - kSlack) : std::floor(high_ / step + kSlack);
  if (round_out) {
    low_ = std::min(low_, first * step);
    high_ = std::max(high_, last * step);
  }
  const int count = static_cast<int>(last - first) + 1;
  for (int i = 0; i < count; ++i) {
    const double value = (first + i) * step;
    ticks_.push_back({value, linear_label(value, step)});
  }
}

void Axis::make_logarithmic_ticks() {
  const int first = static_cast<int>(std::floor(std::log10(low_)));
  const int last = static_cast<int>(std::ceil(std::log10(high_)));
  const double decades = std::log10(high_ / low_);
  const auto add = [this](double value, const std::string& label) {
    if (value >= low_ * (1 - 1e-9) && value <= high_ * (1 + 1e-9)) ticks_.push_back({value, label});
  };

  if (decades < 0.7) {
    // Too narrow for 1, 2, 5: even steps read better.
    make_linear_ticks(false);
  } else if (decades < 3.0) {
    for (int exponent = first; exponent <= last; ++exponent) {
      for (const double lead : {1.0, 2.0, 5.0}) {
        const double value = lead * std::pow(10.0, exponent);
        add(value, lead == 1.0 ? decade_label(exponent) : number(value));
      }
    }
  } else {
    const int stride = static_cast<int>(std::ceil(decades / 8.0));
    for (int exponent = first; exponent <= last; ++exponent) {
      if (exponent % stride == 0) add(std::pow(10.0, exponent), decade_label(exponent));
    }
  }
}

}  // namespace nabla::report
