#include <algorithm>
#include <array>

#include "engine/backend/cuda/source/source_writer.h"
#include "engine/backend/cuda/source/tile/tile_folds.h"
#include "engine/backend/cuda/source/tile/tile_writer.h"
#include "engine/tensor/error.h"

namespace nabla::cuda {
namespace {

// Fewer threads leave multiprocessors without work. Then each takes fewer places, and at one place several
// share the tangents.
constexpr std::int64_t kFewestThreads = 32768, kEnoughThreads = 131072;
constexpr int kMostSlices = 8;
// Lines of a loop over tangents up to which several turns are unrolled, so that their reads come together.
constexpr std::size_t kUnrolledLines = 16;

int lanes_of(const TileTerms& terms, std::int64_t places) {
  int lanes = widest_access(terms);
  while (lanes > 1 && (places % lanes != 0 || places / lanes < kFewestThreads)) lanes /= 2;
  return lanes;
}

// Slices of a block, each of which takes every so many of the tangents.
int slices_of(int lanes, std::int64_t places, std::int64_t tangents) {
  int slices = 1;
  while (lanes == 1 && slices < kMostSlices && places * slices < kEnoughThreads && tangents >= 4 * slices)
    slices *= 2;
  return slices;
}

class TangentsWriter {
 public:
  TangentsWriter(const TileTerms& terms, const Shape& shape, std::span<const Layout> inputs, int axes)
      : terms_(terms),
        places_(shape.without_first(axes).size()),
        tangents_(shape.first(axes).size()),
        writer_(terms, inputs, axes, lanes_of(terms, places_)),
        slices_(slices_of(writer_.lanes, places_, tangents_)) {
    const std::int64_t per_block = std::int64_t{kThreads} / slices_ * writer_.lanes;
    blocks_ = (places_ + per_block - 1) / per_block;
    writer_.must_reach(blocks_ * per_block);
    writer_.must_reach(places_ * tangents_);
    for (int t = 0; t < terms_.size(); ++t) {
      if (terms_[t].level > 0 && !terms_[t].folded)
        throw Error("cuda: a value that varies along tangents depends on a sum over them");
      if (terms_[t].is_reduction()) sums_.push_back(t);
    }
    for (std::size_t o = 0; o < terms_.outputs.size(); ++o)
      (terms_[terms_.outputs[o]].folded ? folded_ : varying_).push_back(static_cast<int>(o));
    for (const int sum : sums_) each_tangent_.push_back(terms_[sum].operands[0]);
    for (const int o : varying_) each_tangent_.push_back(term(o));
  }

  KernelSource write() {
    writer_.head("over_tangents", kThreads, std::array<std::string, 2>{"places", "tangents"});
    place();
    before_tangents();
    over_tangents();
    behind_tangents();
    return writer_.kernel(std::array{places_, tangents_}, blocks_);
  }

 private:
  int term(int output) const { return terms_.outputs[output]; }

  // Where a thread's places begin, and which tangents it takes.
  void place() {
    const std::string places = writer_.count("places");
    if (slices_ == 1) {
      writer_.place();
      writer_.line("if (first >= " + places + ") return;");
      return;
    }
    const std::string width = std::to_string(kThreads / slices_) + "u";
    const std::string index = writer_.index_type();
    writer_.line("const u32 slice = threadIdx.x / " + width + ";");
    writer_.line("const " + index + " place = " + writer_.block_index() + " * " + width +
                 " + threadIdx.x % " + width + ";");
    writer_.line("const bool is_place = place < " + places + ";");
    // Slices meet at barriers: threads beyond the last place compute it again.
    writer_.line("const " + index + " first = is_place ? place : " + places + " - 1;");
  }

  // What the tangents read that is one for all of them.
  void before_tangents() {
    std::vector<int> read;
    for (const int t : writer_.needed(each_tangent_)) {
      if (terms_[t].folded) continue;
      std::ranges::copy_if(terms_[t].operands, std::back_inserter(read),
                           [&](int operand) { return terms_[operand].folded; });
    }
    std::ranges::copy_if(each_tangent_, std::back_inserter(read), [&](int t) { return terms_[t].folded; });
    std::ranges::sort(read);
    read.erase(std::unique(read.begin(), read.end()), read.end());
    load_needed(read);
    std::erase_if(read, [&](int t) { return t < terms_.inputs; });
    if (read.empty()) return;
    if (writer_.lanes == 1) return writer_.compute(read, true);
    for (const int t : read) writer_.line(writer_.array_type(t) + " " + writer_.array(t) + ";");
    writer_.open_lanes();
    writer_.compute(read);
    for (const int t : read) {
      writer_.location(t) = writer_.array(t) + ".at[j]";
      writer_.line(writer_.location(t) + " = " + terms_[t].name + ";");
    }
    writer_.close_lanes();
  }

  void over_tangents() {
    if (each_tangent_.empty()) return;
    for (const int sum : sums_) {
      const bool single = writer_.lanes == 1;
      writer_.line(single ? writer_.type(sum) + " " + terms_[sum].name + " = 0;"
                          : writer_.array_type(sum) + " " + writer_.array(sum) + " = {};");
    }
    const std::vector<int> lines = writer_.needed(each_tangent_);
    if (varying_.empty() && lines.size() <= kUnrolledLines) writer_.line("#pragma unroll 4");
    const std::string begin = slices_ > 1 ? "slice" : "0";
    const std::string step = slices_ > 1 ? "t += " + std::to_string(slices_) : "++t";
    writer_.open("for (" + writer_.index_type() + " t = " + begin + "; t < " + writer_.count("tangents") +
                 "; " + step + ")");
    load_tangent(lines);
    writer_.declare_results(varying_);
    writer_.open_lanes();
    writer_.compute(each_tangent_);
    for (const int sum : sums_)
      writer_.line((writer_.lanes == 1 ? terms_[sum].name : writer_.array(sum) + ".at[j]") +
                   " += " + terms_[sum].expression + ";");
    writer_.fill_results(varying_);
    writer_.close_lanes();
    if (!varying_.empty() && slices_ > 1) writer_.open("if (is_place)");
    for (const int o : varying_) writer_.store(o, "t * " + writer_.count("places") + " + first");
    if (!varying_.empty() && slices_ > 1) writer_.close();
    writer_.close();
    writer_.forget_varying();
    for (const int sum : sums_) {
      const std::string& name = terms_[sum].name;
      if (slices_ > 1)
        writer_.line(name + " = slice_reduce<SumOf, " + std::to_string(slices_) + ">(" + name + ");");
      writer_.location(sum) = writer_.lanes == 1 ? name : writer_.array(sum) + ".at[j]";
    }
  }

  void load_tangent(const std::vector<int>& lines) {
    std::vector<int> inputs;
    for (const int k : lines) {
      if (k >= terms_.inputs || terms_[k].folded) continue;
      inputs.push_back(k);
      const std::string number = std::to_string(k);
      const TileOperand& operand = writer_.operands[k];
      writer_.line("const " + writer_.type(k) + "* t" + number + " = " +
                   moved("x" + number, operand.outer.offset("t", writer_.is_wide)) + ";");
    }
    writer_.load(
        inputs, [](int k) { return "t" + std::to_string(k); }, "first");
  }

  void behind_tangents() {
    if (folded_.empty()) return;
    if (slices_ > 1) writer_.line("if (slice > 0 || !is_place) return;");
    std::vector<int> targets;
    for (const int o : folded_) targets.push_back(term(o));
    load_needed(targets);
    writer_.declare_results(folded_);
    writer_.open_lanes();
    writer_.compute(targets);
    writer_.fill_results(folded_);
    writer_.close_lanes();
    for (const int o : folded_) writer_.store(o, "first");
  }

  // Inputs behind the targets that are one for all tangents and not there yet.
  void load_needed(std::span<const int> targets) {
    std::vector<int> inputs = writer_.needed(targets);
    std::erase_if(inputs, [&](int t) { return t >= terms_.inputs || !writer_.location(t).empty(); });
    writer_.load(
        inputs, [](int k) { return "x" + std::to_string(k); }, "first");
  }

  const TileTerms& terms_;
  std::int64_t places_, tangents_, blocks_ = 0;
  TileWriter writer_;
  int slices_;
  std::vector<int> sums_, each_tangent_;  // terms
  std::vector<int> folded_, varying_;     // outputs
};

}  // namespace

KernelSource tile_tangents(const TileTerms& terms, const Shape& shape, std::span<const Layout> inputs,
                           int axes) {
  return TangentsWriter(terms, shape, inputs, axes).write();
}

}  // namespace nabla::cuda
