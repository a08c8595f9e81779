#include <algorithm>
#include <array>
#include <map>

#include "engine/backend/cuda/source/tile/tile_folds.h"
#include "engine/backend/cuda/source/tile/tile_row_threads.h"
#include "engine/backend/cuda/source/tile/tile_writer.h"

namespace nabla::cuda {
namespace {

std::string number(std::int64_t n) { return std::to_string(n) + "u"; }

// What is computed for every element of a row before the reductions of one level, or the results.
struct Phase {
  std::vector<int> reductions, targets;  // terms
  std::vector<int> results;              // outputs
};

struct Phases {
  std::vector<Phase> phases;
  std::vector<bool> early;     // inputs that are read before all phases
  std::vector<int> live;       // terms of one phase that a later one reads
  std::size_t live_bytes = 0;  // of these and of inputs, for each element
};

Phases phases_of(const TileTerms& terms, std::vector<bool> early_inputs) {
  Phases phases;
  phases.early = std::move(early_inputs);
  phases.phases.resize(static_cast<std::size_t>(terms.levels) + 1);
  std::vector<bool> ready;
  for (int t = 0; t < terms.size(); ++t) {
    const bool early = t < terms.inputs && !terms[t].folded && phases.early[t];
    ready.push_back(terms[t].folded || early);
    if (early) phases.live_bytes += size_of(terms[t].dtype);
    if (!terms[t].is_reduction()) continue;
    Phase& phase = phases.phases[terms[t].level - 1];
    phase.reductions.push_back(t);
    phase.targets.push_back(terms[t].operands[0]);
  }
  for (std::size_t o = 0; o < terms.outputs.size(); ++o) {
    if (terms[terms.outputs[o]].folded) continue;
    phases.phases.back().results.push_back(static_cast<int>(o));
    phases.phases.back().targets.push_back(terms.outputs[o]);
  }
  const std::vector<bool> before = ready;
  for (const Phase& phase : phases.phases) {
    const std::vector<int> lines = terms.needed(phase.targets, ready);
    for (const int t : lines) {
      const std::size_t at = t;
      if (!ready[at] || before[at] || std::ranges::find(phases.live, t) != phases.live.end()) continue;
      phases.live.push_back(t);
      phases.live_bytes += size_of(terms[t].dtype);
    }
    for (const int t : lines) ready[t] = true;
  }
  return phases;
}

// The work of a kernel: its phases, and how threads share them.
struct Work {
  Phases phases;
  TileRowThreads threads;

  Work(const TileTerms& terms, std::int64_t rows, std::int64_t length, std::vector<bool> early)
      : phases(phases_of(terms, std::move(early))),
        threads(row_threads(rows, length, widest_access(terms), phases.live_bytes)) {}
};

// What a thread may keep if it is to read all inputs at once, in bytes.
constexpr std::int64_t kMostAtOnce = 256;

Work work_of(const TileTerms& terms, std::int64_t rows, std::int64_t length, std::span<const Layout> inputs,
             int split) {
  Work all(terms, rows, length, std::vector<bool>(inputs.size(), true));
  if (all.threads.pieces > 0 && all.threads.bytes_of_thread(all.phases.live_bytes) <= kMostAtOnce) return all;
  // What differs from row to row comes first; what repeats is in the caches.
  std::vector<bool> early;
  for (const Layout& input : inputs) early.push_back(!TileOperand(input, split).outer.is_uniform());
  return {terms, rows, length, std::move(early)};
}

class RowsWriter {
 public:
  RowsWriter(const TileTerms& terms, const Shape& shape, std::span<const Layout> inputs, int axes)
      : terms_(terms),
        rows_(shape.first(shape.rank() - axes).size()),
        length_(shape.without_first(shape.rank() - axes).size()),
        work_(work_of(terms, rows_, length_, inputs, shape.rank() - axes)),
        phases_(work_.phases),
        threads_(work_.threads),
        writer_(terms, inputs, shape.rank() - axes, threads_.lanes) {
    rows_per_block_ = threads_.is_block() ? 1 : threads_.block / threads_.per_row;
    blocks_ = (rows_ + rows_per_block_ - 1) / rows_per_block_;
    writer_.must_reach(blocks_ * rows_per_block_ * (length_ + threads_.step()));
    for (std::size_t o = 0; o < terms.outputs.size(); ++o)
      if (terms[terms.outputs[o]].folded) folded_.push_back(static_cast<int>(o));
  }

  KernelSource write() {
    writer_.head("along_rows", threads_.block, std::array<std::string, 1>{"rows"});
    place_row();
    read_row();
    if (threads_.pieces == 1) writer_.line(place_in_row("lane"));
    if (has_registers()) read_early();
    folded_lines(0);
    for (std::size_t p = 0; p < phases_.phases.size(); ++p) {
      write_phase(phases_.phases[p]);
      folded_lines(static_cast<int>(p) + 1);
    }
    write_folded();
    return writer_.kernel(std::array{rows_}, blocks_);
  }

 private:
  // Which row, and which of its threads.
  void place_row() {
    const std::string index = writer_.index_type();
    if (threads_.is_block()) {
      writer_.line("const u32 lane = threadIdx.x;");
      writer_.line("const " + index + " row = blockIdx.x;");
      return;
    }
    is_partial_ = rows_ % rows_per_block_ != 0;
    const std::string per_row = number(threads_.per_row);
    const std::string at =
        writer_.block_index() + " * " + number(rows_per_block_) + " + threadIdx.x / " + per_row;
    writer_.line("const u32 lane = threadIdx.x % " + per_row + ";");
    if (!is_partial_) {
      writer_.line("const " + index + " row = " + at + ";");
      return;
    }
    // Reductions need whole warps: threads beyond the last row compute it again.
    writer_.line("const " + index + " place = " + at + ";");
    writer_.line("const bool is_row = place < " + writer_.count("rows") + ";");
    writer_.line("const " + index + " row = is_row ? place : " + writer_.count("rows") + " - 1;");
  }

  const TileOperand& operand(int input) const { return writer_.operands[input]; }

  // What is one for the row, and where the others begin.
  void read_row() {
    for (int k = 0; k < terms_.inputs; ++k) {
      const std::string x = "x" + std::to_string(k);
      const std::string offset = operand(k).outer.offset("row", writer_.is_wide);
      if (operand(k).inner.is_uniform()) {
        writer_.line("const " + writer_.type(k) + " " + terms_[k].name + " = " + element(x, offset) + ";");
        writer_.location(k) = terms_[k].name;
        continue;
      }
      pointers_[k] = offset.empty() ? x : "r" + std::to_string(k);
      if (!offset.empty())
        writer_.line("const " + writer_.type(k) + "* " + pointers_[k] + " = " + moved(x, offset) + ";");
    }
  }

  bool has_registers() const { return threads_.pieces > 0; }
  // Of an array in registers.
  std::string subscript() const { return threads_.pieces > 1 ? "[q]" : ""; }
  void declare_live(int term) {
    const bool is_one = term < terms_.inputs && operand(term).access(threads_.lanes) == TileAccess::one;
    const std::string count = threads_.pieces > 1 ? "[" + std::to_string(threads_.pieces) + "]" : "";
    writer_.line((is_one ? writer_.type(term) : writer_.array_type(term)) + " " + writer_.array(term) +
                 count + ";");
  }
  void load(std::span<const int> inputs, bool is_live) {
    writer_.load(inputs, [&](int k) { return pointers_.at(k); }, "c", {is_live, is_live ? subscript() : ""});
  }

  void read_early() {
    std::vector<int> inputs;
    for (const auto& [k, name] : pointers_)
      if (phases_.early[k]) inputs.push_back(k);
    read_pieces(inputs);
  }
  // All pieces of some inputs.
  void read_pieces(std::span<const int> inputs) {
    if (inputs.empty()) return;
    for (const int k : inputs) declare_live(k);
    open_row(true);
    load(inputs, true);
    close_row();
  }
  bool has_guard() const { return length_ / threads_.step() != threads_.pieces; }
  std::string place_in_row(const std::string& thread) const {
    return "const " + writer_.index_type() +
           " c = " + (threads_.lanes > 1 ? thread + " * " + number(threads_.lanes) + ";" : thread + ";");
  }

  // The loop over a thread's elements of the row: those from `c` on.
  void open_row(bool needs_place) {
    const std::string is_in = "c < " + number(length_);
    const std::int64_t whole = length_ / threads_.step();
    if (!has_registers()) {
      const std::string first = threads_.lanes > 1 ? "lane * " + number(threads_.lanes) : "lane";
      writer_.open("for (" + writer_.index_type() + " c = " + first + "; " + is_in +
                   "; c += " + number(threads_.step()) + ")");
    } else if (threads_.pieces == 1) {
      writer_.open(has_guard() ? "if (" + is_in + ")" : "");
    } else {
      writer_.line("#pragma unroll");
      writer_.open("for (u32 q = 0; q < " + std::to_string(threads_.pieces) + "; ++q)");
      if (needs_place || has_guard())
        writer_.line(place_in_row("(q * " + number(threads_.per_row) + " + lane)"));
      if (has_guard())
        writer_.open(whole > 0 ? "if (q < " + std::to_string(whole) + " || " + is_in + ")"
                               : "if (" + is_in + ")");
    }
  }
  void close_row() {
    if (threads_.pieces > 1 && has_guard()) writer_.close();
    writer_.close();
  }

  void write_phase(const Phase& phase) {
    if (phase.targets.empty()) return;
    std::vector<int> live, live_inputs, inputs;
    for (const int t : writer_.needed(phase.targets)) {
      if (!writer_.location(t).empty()) continue;
      const bool is_live = has_registers() && std::ranges::find(phases_.live, t) != phases_.live.end();
      if (t >= terms_.inputs && is_live) live.push_back(t);
      if (t < terms_.inputs) (is_live ? live_inputs : inputs).push_back(t);
    }
    read_pieces(live_inputs);
    for (const int t : live) declare_live(t);
    for (const int t : phase.reductions)
      writer_.line(writer_.type(t) + " " + terms_[t].name + " = " + start_of(t) + ";");
    open_row(!inputs.empty() || !phase.results.empty());
    load(inputs, false);
    writer_.declare_results(phase.results);
    writer_.open_lanes();
    writer_.compute(phase.targets);
    for (const int t : live) {
      writer_.location(t) = writer_.lane_of(writer_.array(t) + subscript());
      writer_.line(writer_.location(t) + " = " + terms_[t].name + ";");
    }
    for (const int t : phase.reductions) writer_.line(step_of(t));
    writer_.fill_results(phase.results);
    writer_.close_lanes();
    store_results(phase);
    close_row();
    for (const int k : inputs) writer_.location(k).clear();
    for (const int t : phase.reductions) {
      if (threads_.per_row > 1) writer_.line(terms_[t].name + " = " + reduced(t) + ";");
      writer_.location(t) = terms_[t].name;
    }
  }

  void store_results(const Phase& phase) {
    if (phase.results.empty()) return;
    if (is_partial_) writer_.open("if (is_row)");
    for (const int o : phase.results) writer_.store(o, "row * " + number(length_) + " + c");
    if (is_partial_) writer_.close();
  }

  // The lines of one level that are one for the row.
  void folded_lines(int level) {
    std::vector<int> targets;
    for (int t = terms_.inputs; t < terms_.size(); ++t)
      if (terms_[t].folded && terms_[t].level == level && !terms_[t].is_reduction()) targets.push_back(t);
    writer_.compute(targets, true);
  }

  void write_folded() {
    if (folded_.empty()) return;
    writer_.open(is_partial_ ? "if (lane == 0 && is_row)" : "if (lane == 0)");
    for (const int o : folded_)
      writer_.line(element("y" + std::to_string(o), "row") + " = " + terms_[terms_.outputs[o]].name + ";");
    writer_.close();
  }

  std::string start_of(int reduction) const {
    if (terms_[reduction].kind == TileTerm::Kind::sum) return "0";
    return (terms_[reduction].kind == TileTerm::Kind::maximum ? "lowest<" : "highest<") +
           writer_.type(reduction) + ">()";
  }
  std::string step_of(int reduction) const {
    const TileTerm& term = terms_[reduction];
    if (term.kind == TileTerm::Kind::sum) return term.name + " += " + term.expression + ";";
    return term.name + " = " + (term.kind == TileTerm::Kind::maximum ? "scalar::max(" : "scalar::min(") +
           term.name + ", " + term.expression + ");";
  }
  std::string reduced(int reduction) const {
    const TileTerm& term = terms_[reduction];
    const std::string op = term.kind == TileTerm::Kind::sum       ? "SumOf"
                           : term.kind == TileTerm::Kind::maximum ? "MaxOf"
                                                                  : "MinOf";
    if (threads_.is_block()) return "block_reduce<" + op + ">(" + term.name + ")";
    const std::string lanes = threads_.per_row < 32 ? ", " + std::to_string(threads_.per_row) : "";
    return "warp_reduce<" + op + lanes + ">(" + term.name + ")";
  }

  const TileTerms& terms_;
  std::int64_t rows_, length_;
  Work work_;
  const Phases& phases_;
  const TileRowThreads& threads_;
  TileWriter writer_;
  std::int64_t rows_per_block_ = 1, blocks_ = 1;
  bool is_partial_ = false;              // the last block has threads without a row
  std::map<int, std::string> pointers_;  // to the row, of inputs that vary along it
  std::vector<int> folded_;              // outputs
};

}  // namespace

KernelSource tile_rows(const TileTerms& terms, const Shape& shape, std::span<const Layout> inputs, int axes) {
  return RowsWriter(terms, shape, inputs, axes).write();
}

}  // namespace nabla::cuda
