#include <algorithm>
#include <map>

#include "engine/explain/explain_page.h"
#include "engine/tensor/escaped.h"
#include "engine/tensor/number_text.h"

namespace nabla {
namespace {

constexpr double kExtent = 1000;  // of a drawing, in either direction

// What a block of memory holds, one after the other.
struct Writing {
  std::size_t step;
  std::string text;
};
struct Block {
  const PlanStorage* storage;
  double offset;
  std::vector<Writing> writings;
};

std::string fixed(double number) { return fixed_text(number, 2); }

// The blocks that are written by steps, those of the arena and those of the results.
struct Blocks {
  std::vector<Block> arena;
  std::vector<Block> results;
};

Blocks blocks_of(const Plan& plan, std::span<const ExplainedStep> steps) {
  std::map<int, std::vector<Writing>> writings;  // by storage
  for (std::size_t s = 0; s < plan.steps().size(); ++s)
    for (const int output : plan.steps()[s].outputs) {
      const PlanValue& value = plan.values()[output];
      writings[value.storage].push_back(
          {s, "#" + std::to_string(s) + " " + steps[s].what + ", " + type_of(value)});
    }
  Blocks blocks;
  double behind = 0;
  for (auto& [index, written] : writings) {
    const PlanStorage& storage = plan.storages()[index];
    if (storage.bytes == 0) continue;
    if (storage.kind == PlanStorage::Kind::temporary) {
      blocks.arena.push_back({&storage, static_cast<double>(storage.offset), std::move(written)});
    } else if (storage.kind == PlanStorage::Kind::output) {
      blocks.results.push_back({&storage, behind, std::move(written)});
      behind += static_cast<double>(storage.bytes);
    }
  }
  return blocks;
}

// Offsets grow upwards, as the axis of a diagram does.
std::string drawing(std::string_view name, std::span<const Block> blocks, std::size_t total,
                    std::span<const ExplainedStep> steps) {
  const double count = static_cast<double>(steps.size());
  const double scale = kExtent / static_cast<double>(total);
  std::string svg = "<svg class=\"" + std::string(name) + "\" viewBox=\"0 0 " + fixed(kExtent) + " " +
                    fixed(kExtent) + "\" preserveAspectRatio=\"none\" role=\"img\">\n";
  for (const Block& block : blocks) {
    const double size = static_cast<double>(block.storage->bytes);
    const double height = std::max(size * scale, 4.0);  // small ones stay visible
    const double top = std::max(kExtent - block.offset * scale - height, 0.0);
    const double left = static_cast<double>(block.storage->first_step) / count * kExtent;
    const double right = std::min((block.storage->last_step + 1) / count, 1.0) * kExtent;
    std::string title = bytes(size) + (name == "arena" ? " at " + bytes(block.offset) : "") + ", steps " +
                        std::to_string(block.storage->first_step) + " to " +
                        std::to_string(std::min(block.storage->last_step, static_cast<int>(count) - 1));
    std::string marks;
    for (const Writing& writing : block.writings) {
      title += "\n" + writing.text;
      if (writing.step == block.writings.front().step) continue;
      marks += "M" + fixed(static_cast<double>(writing.step) / count * kExtent) + " " + fixed(top) + "v" +
               fixed(height);
    }
    svg += "<g class=\"" + std::string(colour_class(steps[block.writings.front().step].kind)) + "\"><title>" +
           escaped(title) + "</title><rect x=\"" + fixed(left) + "\" y=\"" + fixed(top) + "\" width=\"" +
           fixed(right - left) + "\" height=\"" + fixed(height) + "\"" +
           (height < 12 ? " class=\"thin\"" : "") + "/>" +
           (marks.empty() ? "" : "<path d=\"" + marks + "\"/>") + "</g>\n";
  }
  return svg + "</svg>\n";
}

std::string ticks(std::size_t steps) {
  std::string text = "<div class=\"ticks\">";
  std::size_t last = steps;
  for (const std::size_t quarter : {0, 1, 2, 3, 4}) {
    const std::size_t step = quarter * steps / 4;
    if (step == last && quarter != 4) continue;
    last = step;
    const double share = 100.0 * static_cast<double>(step) / static_cast<double>(steps);
    text += "<span style=\"left:" + fixed(share) + "%\">" +
            (quarter == 0   ? "step 0"
             : quarter == 4 ? "end"
                            : std::to_string(step)) +
            "</span>";
  }
  return text + "</div>\n";
}

}  // namespace

std::string memory_picture(const Plan& plan, std::span<const ExplainedStep> steps) {
  const Blocks blocks = blocks_of(plan, steps);
  if (blocks.arena.empty() && blocks.results.empty()) return "";
  std::string text = "<figure>\n";
  const auto strip = [&](const char* label, std::string_view name, std::span<const Block> shown,
                         std::size_t total) {
    if (shown.empty()) return;
    text += "<div class=\"strip\"><b>" + std::string(label) + "</b> " + bytes(static_cast<double>(total)) +
            " in " + std::to_string(shown.size()) + (shown.size() == 1 ? " block" : " blocks") + "</div>\n" +
            drawing(name, shown, total, steps);
  };
  strip("Arena", "arena", blocks.arena, plan.arena_bytes());
  strip("Results", "results", blocks.results, plan.result_bytes());
  return text + ticks(steps.size()) +
         "<figcaption>From left to right the steps, from bottom to top the bytes. A rectangle is a block of "
         "memory from the step that writes it to the last that needs it, in the colour of that step; at a "
         "dashed line another result is written over it. Point at one to see what it holds.</figcaption>\n"
         "</figure>\n";
}

}  // namespace nabla
