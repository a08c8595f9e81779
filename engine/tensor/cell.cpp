#include "engine/tensor/cell.h"

#include <algorithm>
#include <condition_variable>
#include <new>
#include <string>
#include <utility>

#include "engine/tensor/cell_mutex.h"
#include "engine/tensor/type_text.h"

namespace nabla {
namespace {

// Signalled when lent cells have a value again.
std::condition_variable& cells_returned() {
  static std::condition_variable& signal = *new std::condition_variable;
  return signal;
}

// True also means that what other threads have read from it is read.
bool is_sole_owner(const std::shared_ptr<Buffer>& buffer) {
  if (buffer.use_count() != 1) return false;
  std::shared_ptr<Buffer>(buffer).reset();  // the count alone would not say that: letting go of one does
  return true;
}

Array copy_of(const Array& array) { return {array.buffer->clone(), array.layout, array.dtype}; }

}  // namespace

// Held for moments only: several cells are read and written as one.
std::mutex& cell_mutex() {
  static std::mutex& mutex = *new std::mutex;  // never destroyed: static cells may outlive it
  return mutex;
}

void forget_waiting_threads() { new (&cells_returned()) std::condition_variable; }

CellTrace*& current_cell_trace() {
  thread_local CellTrace* trace = nullptr;
  return trace;
}

Cell::Cell(const Tensor& value) : shape_(value.shape()), dtype_(value.dtype()), leaf_(value.detach()) {
  value_ = leaf_.value();
}

Cell::~Cell() {
  if (CellTrace* trace = current_cell_trace()) trace->destroyed(*this);
}

Tensor Cell::get() const {
  if (CellTrace* trace = current_cell_trace()) return trace->get(*this);
  std::unique_lock lock(cell_mutex());
  cells_returned().wait(lock, [&] { return static_cast<bool>(value_); });
  if (!leaf_.defined()) leaf_ = leaf(value_);
  return leaf_;
}

std::uint64_t Cell::version() const {
  if (current_cell_trace())
    throw Error(
        "compile: the function asks for a cell's version, which would stay what it is at the first call; "
        "count in a cell (i64) instead");
  const std::lock_guard lock(cell_mutex());
  return version_;
}

void Cell::assign(const Tensor& value) {
  if (!(value.shape() == shape()) || value.dtype() != dtype())
    throw Error("cell: a value " + type_text(value) + " cannot replace " + type_text(shape(), dtype()));
  if (CellTrace* trace = current_cell_trace()) return trace->assign(*this, value);
  Tensor fresh = value.detach();
  Array array = fresh.value();
  std::unique_lock lock(cell_mutex());
  cells_returned().wait(lock, [&] { return static_cast<bool>(value_); });
  value_ = std::move(array);
  leaf_ = std::move(fresh);
  ++version_;
}

void Cell::read(std::span<Cell* const> cells, const std::vector<bool>& lent, std::vector<Version>& versions) {
  versions.clear();
  versions.reserve(cells.size());
  std::unique_lock lock(cell_mutex());
  cells_returned().wait(lock, [&] {
    return std::ranges::all_of(cells, [](const Cell* cell) { return static_cast<bool>(cell->value_); });
  });
  for (std::size_t i = 0; i < cells.size(); ++i) {
    Cell& cell = *cells[i];
    if (!lent[i]) {
      versions.push_back({cell.value_, cell.version_});
      continue;
    }
    cell.leaf_ = Tensor();
    const bool is_alone = is_sole_owner(cell.value_.buffer);
    versions.push_back({is_alone ? cell.value_ : copy_of(cell.value_), cell.version_});
  }
  // Nothing has been taken yet where a copy could not be made.
  for (std::size_t i = 0; i < cells.size(); ++i)
    if (lent[i]) cells[i]->value_ = Array();
}

void Cell::commit(std::span<Cell* const> cells, std::vector<Array>& values) {
  {
    const std::lock_guard lock(cell_mutex());
    for (std::size_t i = 0; i < cells.size(); ++i) {
      std::swap(cells[i]->value_, values[i]);
      cells[i]->leaf_ = Tensor();
      ++cells[i]->version_;
    }
  }
  cells_returned().notify_all();
}

void Cell::give_back(std::span<Cell* const> cells, const std::vector<bool>& lent,
                     std::vector<Version>& versions) {
  {
    const std::lock_guard lock(cell_mutex());
    for (std::size_t i = 0; i < cells.size(); ++i)
      if (lent[i]) cells[i]->value_ = std::move(versions[i].value);
  }
  cells_returned().notify_all();
}

}  // namespace nabla
