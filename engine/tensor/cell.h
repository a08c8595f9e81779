#pragma once

#include <cstdint>

#include "engine/tensor/tensor.h"

namespace nabla {

/// A mutable place for an immutable value: a parameter, an optimizer's moment. Assigning makes a new version;
/// leaves are never written, so graphs built on an older version keep their meaning.
class Cell {
 public:
  /// Holds `value`, evaluated and detached from its history.
  explicit Cell(const Tensor& value) : value_(value.detach()) {}

  /// The leaf of the current version; differentiate with respect to it.
  const Tensor& get() const { return value_; }
  /// Number of assignments so far.
  std::uint64_t version() const { return version_; }
  /// Replaces the value, evaluated and detached. @throws Error if shape or type differ from the present ones.
  void assign(const Tensor& value) {
    if (!(value.shape() == value_.shape()) || value.dtype() != value_.dtype())
      throw Error("cell: a value " + to_string(value.shape()) + " " + std::string(name_of(value.dtype())) +
                  " cannot replace " + to_string(value_.shape()) + " " +
                  std::string(name_of(value_.dtype())));
    value_ = value.detach();
    ++version_;
  }

 private:
  Tensor value_;
  std::uint64_t version_ = 0;
};

}  // namespace nabla
