#include "engine/tensor/cell.h"

#include <mutex>
#include <string>
#include <utility>

namespace nabla {
namespace {

// One for all cells, held for moments only: several cells are read and written as one.
std::mutex& cell_mutex() {
  static std::mutex& mutex = *new std::mutex;  // never destroyed: static cells may outlive it
  return mutex;
}

}  // namespace

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
  const std::lock_guard lock(cell_mutex());
  if (!leaf_) leaf_ = leaf(value_);
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
    throw Error("cell: a value " + to_string(value.shape()) + " " + std::string(name_of(value.dtype())) +
                " cannot replace " + to_string(shape()) + " " + std::string(name_of(dtype())));
  if (CellTrace* trace = current_cell_trace()) return trace->assign(*this, value);
  Tensor fresh = value.detach();
  Array array = fresh.value();
  const std::lock_guard lock(cell_mutex());
  value_ = std::move(array);
  leaf_ = std::move(fresh);
  ++version_;
}

void Cell::read(std::span<const Cell* const> cells, std::vector<Version>& versions) {
  versions.clear();
  const std::lock_guard lock(cell_mutex());
  for (const Cell* cell : cells) versions.push_back({cell->value_, cell->version_});
}

void Cell::commit(std::span<Cell* const> cells, std::vector<Array>& values) {
  const std::lock_guard lock(cell_mutex());
  for (std::size_t i = 0; i < cells.size(); ++i) {
    std::swap(cells[i]->value_, values[i]);
    cells[i]->leaf_ = Tensor();
    ++cells[i]->version_;
  }
}

}  // namespace nabla
