#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/tensor/tensor.h"

namespace nabla {

/// A mutable place for an immutable value: a parameter, an optimizer's moment. Assigning makes a new version;
/// leaves are never written, so graphs built on an older version keep their meaning. Safe to use from several
/// threads. A cell stays where it is: it is known by its address.
class Cell {
 public:
  /// Holds `value`, evaluated and detached from its history.
  explicit Cell(const Tensor& value);
  ~Cell();
  Cell(const Cell&) = delete;
  Cell& operator=(const Cell&) = delete;

  const Shape& shape() const { return shape_; }
  DType dtype() const { return dtype_; }

  /// The leaf of the current version; differentiate with respect to it. While compile() traces a function,
  /// what stands for the value at the call's entry, or for what was assigned since.
  Tensor get() const;
  /// Number of assignments so far. @throws Error while compile() traces: it would stay what it is now.
  std::uint64_t version() const;
  /// Replaces the value, evaluated and detached. While compile() traces, notes what every call is to assign
  /// at its end. @throws Error if shape or type differ from the present ones.
  void assign(const Tensor& value);

  /// A value and which version it is (for what runs plans on cells).
  struct Version {
    Array value;
    std::uint64_t number;
  };
  /// The current versions of several cells at one moment. Those marked in `lent` hand over their memory, to
  /// be written: theirs alone, copied where somebody else still refers to it. Until commit() or give_back()
  /// whoever asks them waits.
  static void read(std::span<Cell* const> cells, const std::vector<bool>& lent,
                   std::vector<Version>& versions);
  /// Gives several cells new values at once; they fit. What the cells held is in `values` afterwards.
  static void commit(std::span<Cell* const> cells, std::vector<Array>& values);
  /// Returns what lent cells had handed over, unchanged.
  static void give_back(std::span<Cell* const> cells, const std::vector<bool>& lent,
                        std::vector<Version>& versions);

 private:
  const Shape shape_;
  const DType dtype_;
  // Under one lock:
  Array value_;          // dense; empty while lent
  mutable Tensor leaf_;  // of this version; empty until somebody asks
  std::uint64_t version_ = 0;
};

/// What stands in for cells on the thread that traces a function.
class CellTrace {
 public:
  virtual Tensor get(const Cell& cell) = 0;
  virtual void assign(Cell& cell, const Tensor& value) = 0;
  virtual void destroyed(const Cell& cell) = 0;
  /// Says what a variable stands for ("an input", "a cell"); null if it is none of this trace.
  virtual const char* meaning_of(const Node& variable) const = 0;

 protected:
  ~CellTrace() = default;
};
/// The trace of this thread, or null: no function is traced. Set and reset by the trace itself.
CellTrace*& current_cell_trace();

}  // namespace nabla
