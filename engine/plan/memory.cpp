#include "engine/plan/memory.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace nabla {
namespace {

constexpr std::size_t kAlignment = 64;

std::size_t aligned(std::size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

// The last instruction of a program that reads an input.
int last_reader(const TileProgram& program, int input) {
  int last = -1;
  for (std::size_t i = 0; i < program.instructions.size(); ++i) {
    const TileProgram::Instruction& instruction = program.instructions[i];
    for (int k = 0; k < instruction.operand_count; ++k)
      if (instruction.operands[k] == input) last = static_cast<int>(i);
  }
  return last;
}

}  // namespace

void find_lifetimes(std::span<const PlanStep> steps, std::span<const PlanValue> values,
                    std::span<const int> outputs, std::vector<PlanStorage>& storages) {
  const auto storage_of = [&](int v) -> PlanStorage& { return storages[values[v].storage]; };
  for (std::size_t s = 0; s < steps.size(); ++s)
    for (const int input : steps[s].inputs) storage_of(input).last_step = static_cast<int>(s);
  for (const int output : outputs) {
    PlanStorage& storage = storage_of(output);
    storage.last_step = static_cast<int>(steps.size());
    if (storage.kind == PlanStorage::Kind::temporary) storage.kind = PlanStorage::Kind::output;
  }
}

void reuse_in_place(std::span<const PlanStep> steps, std::vector<PlanValue>& values,
                    std::vector<PlanStorage>& storages) {
  // A leaf may be written over only where nothing can fail any more: a run that fails leaves it as it was.
  int last_that_may_fail = -1;
  for (std::size_t s = 0; s < steps.size(); ++s)
    if (steps[s].primitive && steps[s].primitive->may_refuse_values())
      last_that_may_fail = static_cast<int>(s);

  // Which storage stands for which; a chain of takeovers is followed from its start.
  std::vector<int> stands_for(storages.size());
  std::iota(stands_for.begin(), stands_for.end(), 0);
  const auto storage_of = [&](int v) { return stands_for[values[v].storage]; };
  // All readers of a storage in this step walk it like the output, and none comes after the output is
  // written.
  const auto fits = [&](const PlanStep& step, int storage, int made_by) {
    for (int k = 0; k < step.program.inputs; ++k) {
      const int v = step.inputs[k];
      if (storage_of(v) != storage) continue;
      const Layout& layout = values[v].layout;
      if (!layout.is_dense() || layout.offset != 0 || last_reader(step.program, k) > made_by) return false;
    }
    return true;
  };
  for (std::size_t s = 0; s < steps.size(); ++s) {
    const PlanStep& step = steps[s];
    if (!step.is_program()) continue;
    std::vector<int> taken;
    for (std::size_t o = 0; o < step.outputs.size(); ++o) {
      const PlanValue& output = values[step.outputs[o]];
      PlanStorage& own = storages[output.storage];
      int found = -1;
      for (const int input : step.inputs) {
        const int candidate = storage_of(input);
        const PlanStorage& from = storages[candidate];
        const bool is_donated = from.kind == PlanStorage::Kind::leaf && from.donated &&
                                own.kind == PlanStorage::Kind::output &&
                                static_cast<int>(s) > last_that_may_fail;
        if (from.kind != PlanStorage::Kind::temporary && !is_donated) continue;
        if (from.last_step != static_cast<int>(s) || from.bytes != own.bytes ||
            size_of(values[input].dtype) != size_of(output.dtype) ||
            std::ranges::find(taken, candidate) != taken.end() ||
            !fits(step, candidate, step.program.outputs[o] - step.program.inputs))
          continue;
        found = candidate;
        if (is_donated) break;  // better than a temporary: it spares a result
      }
      if (found < 0) continue;
      taken.push_back(found);
      PlanStorage& from = storages[found];
      if (from.kind == PlanStorage::Kind::temporary) from.kind = own.kind;
      from.last_step = own.last_step;
      from.overwritten = from.kind == PlanStorage::Kind::leaf;
      from.donated = false;  // to one result only
      own.bytes = 0;
      own.kind = PlanStorage::Kind::temporary;
      own.last_step = own.first_step;
      stands_for[output.storage] = found;
    }
  }
  for (PlanValue& value : values) value.storage = stands_for[value.storage];
}

std::size_t place_in_arena(std::vector<PlanStorage>& storages, std::size_t most_unshared) {
  std::vector<std::size_t> order;
  std::size_t together = 0;
  for (std::size_t i = 0; i < storages.size(); ++i) {
    if (storages[i].kind != PlanStorage::Kind::temporary || storages[i].bytes == 0) continue;
    order.push_back(i);
    together += aligned(storages[i].bytes);
  }
  if (together <= most_unshared) {
    std::size_t end = 0;
    for (const std::size_t i : order)
      storages[i].offset = std::exchange(end, end + aligned(storages[i].bytes));
    return together;
  }
  // The largest first, each at the lowest place that is free during its life.
  std::ranges::stable_sort(
      order, [&](std::size_t a, std::size_t b) { return storages[a].bytes > storages[b].bytes; });
  std::size_t total = 0;
  std::vector<std::size_t> placed;  // by offset
  for (const std::size_t i : order) {
    PlanStorage& storage = storages[i];
    std::size_t offset = 0;
    for (const std::size_t p : placed) {
      const PlanStorage& other = storages[p];
      if (other.last_step < storage.first_step || storage.last_step < other.first_step) continue;
      if (other.offset >= offset + aligned(storage.bytes)) break;
      offset = std::max(offset, other.offset + aligned(other.bytes));
    }
    storage.offset = offset;
    const auto at =
        std::ranges::upper_bound(placed, offset, {}, [&](std::size_t p) { return storages[p].offset; });
    placed.insert(at, i);
    total = std::max(total, offset + aligned(storage.bytes));
  }
  return total;
}

}  // namespace nabla
