#include <algorithm>
#include <array>

#include "engine/explain/explain_page.h"
#include "engine/tensor/escaped.h"
#include "engine/tensor/number_text.h"

namespace nabla {
namespace {

constexpr std::array kKinds{StepKind::product, StepKind::pointwise, StepKind::reduction, StepKind::random,
                            StepKind::movement};

std::string_view name_of_kind(StepKind kind) {
  switch (kind) {
    case StepKind::product:
      return "products";
    case StepKind::pointwise:
      return "pointwise programs";
    case StepKind::reduction:
      return "reductions";
    case StepKind::random:
      return "random numbers";
    case StepKind::movement:
      break;
  }
  return "moving data";
}

double share(double part, double whole) { return whole > 0 ? 100 * part / whole : 0; }
double intensity(const PlanCost& cost) { return cost.bytes() > 0 ? cost.flops / cost.bytes() : 0; }

std::string fact(const std::string& name, const std::string& value) {
  return "<div><dt>" + name + "</dt><dd>" + value + "</dd></div>\n";
}

std::string facts(const Plan& plan, const PlanCost& total) {
  const PlanMemory memory = memory_of(plan);
  std::size_t overwritten = 0;
  for (std::size_t i = 0; i < plan.leaves().size(); ++i) overwritten += plan.overwrites(i);
  return "<dl class=\"facts\">\n" + fact("steps", std::to_string(plan.steps().size())) +
         fact("operations", with_prefix(total.flops) + "FLOP") +
         fact("read " + bytes(total.bytes_read) + ", written " + bytes(total.bytes_written),
              bytes(total.bytes())) +
         fact("operations per byte", number_text(intensity(total), 3)) +
         fact("peak memory", bytes(plan.peak_bytes())) +
         fact("arena, for " + bytes(memory.temporaries) + " of temporaries", bytes(plan.arena_bytes())) +
         fact("results", bytes(plan.result_bytes())) +
         fact(std::to_string(plan.leaves().size()) + " leaves" +
                  (overwritten > 0 ? ", " + std::to_string(overwritten) + " written over" : ""),
              bytes(memory.leaves)) +
         "</dl>\n";
}

// A number to sort by, as it is read.
std::string number_cell(double value, const std::string& text) {
  return "<td class=\"number\" data-v=\"" + number_text(value, 9) + "\">" + text + "</td>";
}

// With its share of the total in words, and a bar that fills the cell where `value` is the largest.
std::string bar_cell(double value, const std::string& text, const std::string& title, double total,
                     double largest) {
  return "<td class=\"number bar\" data-v=\"" + number_text(value) + "\"" +
         (title.empty() ? "" : " title=\"" + escaped(title) + "\"") + ">" + text + " <small>" +
         fixed_text(share(value, total), 1) +
         "%</small><i style=\"width:" + fixed_text(share(value, largest), 2) + "%\"></i></td>";
}

std::string swatch(StepKind kind) {
  return "<span class=\"swatch " + std::string(colour_class(kind)) + "\"></span>";
}

// What every colour stands for, and takes.
std::string kinds_table(std::span<const ExplainedStep> steps, const PlanCost& total) {
  std::string text =
      "<table><thead><tr><th>kind</th><th class=\"number\">steps</th><th class=\"number\">operations</th>"
      "<th class=\"number\">bytes</th></tr></thead>\n<tbody>\n";
  for (const StepKind kind : kKinds) {
    std::size_t count = 0;
    double flops = 0;
    double moved = 0;
    for (const ExplainedStep& step : steps) {
      if (step.kind != kind) continue;
      ++count;
      flops += step.cost.flops;
      moved += step.cost.bytes();
    }
    if (count == 0) continue;
    text += "<tr><td>" + swatch(kind) + std::string(name_of_kind(kind)) + "</td><td class=\"number\">" +
            std::to_string(count) + "</td><td class=\"number\">" + fixed_text(share(flops, total.flops), 1) +
            "%</td><td class=\"number\">" + fixed_text(share(moved, total.bytes()), 1) + "%</td></tr>\n";
  }
  return text + "</tbody></table>\n";
}

// "#3.1" leads to the row of step 3.
std::string linked(const std::string& names, const std::string& section) {
  std::string text;
  for (std::size_t start = 0; start < names.size();) {
    const std::size_t end = std::min(names.find(' ', start), names.size());
    const std::string name = names.substr(start, end - start);
    if (!text.empty()) text += " ";
    if (name.starts_with('#'))
      text += "<a href=\"#" + section + "-" + name.substr(1, name.find('.') - 1) + "\">" + name + "</a>";
    else
      text += escaped(name);
    start = end + 1;
  }
  return text;
}

std::string what_cell(const PlanStep& step, const ExplainedStep& explained) {
  std::string text = swatch(explained.kind) + escaped(explained.what);
  if (step.program.instructions.size() > 1)
    text = "<details><summary>" + text + "</summary><pre>" + escaped(instructions_of(step, explained)) +
           "</pre></details>";
  return "<td class=\"what\">" + text + "</td>";
}

std::string steps_table(const Plan& plan, std::span<const ExplainedStep> steps, const PlanCost& total,
                        const std::string& section) {
  double most_flops = 0;
  double most_bytes = 0;
  for (const ExplainedStep& step : steps) {
    most_flops = std::max(most_flops, step.cost.flops);
    most_bytes = std::max(most_bytes, step.cost.bytes());
  }
  std::string text =
      "<div class=\"scroll\"><table class=\"sortable\"><thead><tr><th class=\"number\">#</th><th>what</th>"
      "<th class=\"number\">operations</th><th class=\"number\">bytes</th>"
      "<th class=\"number\" title=\"operations per byte\">FLOP/B</th><th>result</th><th>operands</th>"
      "<th>memory</th><th>line</th></tr></thead>\n<tbody>\n";
  for (std::size_t s = 0; s < steps.size(); ++s) {
    const ExplainedStep& step = steps[s];
    const PlanStep& planned = plan.steps()[s];
    text += "<tr id=\"" + section + "-" + std::to_string(s) + "\" class=\"" +
            std::string(colour_class(step.kind)) + "\">" +
            number_cell(static_cast<double>(s), std::to_string(s)) + what_cell(planned, step) +
            bar_cell(step.cost.flops, with_prefix(step.cost.flops) + "F", "", total.flops, most_flops) +
            bar_cell(step.cost.bytes(), bytes(step.cost.bytes()),
                     "read " + bytes(step.cost.bytes_read) + ", written " + bytes(step.cost.bytes_written),
                     total.bytes(), most_bytes) +
            number_cell(intensity(step.cost), number_text(intensity(step.cost), 3)) + "<td>" +
            escaped(step.result) + "</td><td class=\"names\">" + linked(step.operands, section) +
            "</td><td class=\"names\">" + linked(step.place, section) + "</td><td title=\"" +
            escaped(planned.where.file_name()) + "\">" + escaped(step.line) + "</td></tr>\n";
  }
  return text + "</tbody></table></div>\n";
}

std::string leaves_table(const Plan& plan) {
  if (plan.leaves().empty()) return "";
  std::string text = "<details class=\"leaves\"><summary>" + std::to_string(plan.leaves().size()) +
                     " leaves</summary>\n<table><thead><tr><th>leaf</th><th>type</th>"
                     "<th class=\"number\">bytes</th><th></th></tr></thead>\n<tbody>\n";
  for (std::size_t i = 0; i < plan.leaves().size(); ++i) {
    const PlanValue& leaf = plan.values()[plan.leaves()[i]];
    text += "<tr><td>L" + std::to_string(i) + "</td><td>" + type_of(leaf) + "</td><td class=\"number\">" +
            bytes(held_bytes(leaf)) + "</td><td>" +
            (plan.overwrites(i) ? "a result is written over it" : "") + "</td></tr>\n";
  }
  return text + "</tbody></table></details>\n";
}

std::string section(const Plan& plan, const std::string& name) {
  const PlanCost total = cost_of(plan);
  const std::vector<ExplainedStep> steps = explained_steps(plan);
  std::string text = facts(plan, total);
  if (!steps.empty())
    text +=
        kinds_table(steps, total) + "<h3>Memory</h3>\n" + memory_picture(plan, steps) +
        "<h3>Steps</h3>\n"
        "<p>Operands and places: L0 is leaf 0, #3 the result of step 3 and #3.1 its second result, @4096 an "
        "offset in the arena; over #3 is written over it. Lines are those that built the graph from which "
        "the plan was first made.</p>\n" +
        steps_table(plan, steps, total, name);
  return text + leaves_table(plan);
}

std::string page(std::string_view title, const std::string& body) {
  return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" +
         escaped(title) + "</title>\n<style>" + std::string(page_style()) +
         "</style>\n</head>\n<body>\n<main>\n<h1>" + escaped(title) + "</h1>\n" + body + "</main>\n<script>" +
         std::string(page_script()) + "</script>\n</body>\n</html>\n";
}

}  // namespace

std::string_view colour_class(StepKind kind) {
  switch (kind) {
    case StepKind::product:
      return "product";
    case StepKind::pointwise:
      return "pointwise";
    case StepKind::reduction:
      return "reduction";
    case StepKind::random:
      return "random";
    case StepKind::movement:
      break;
  }
  return "movement";
}

std::string explain_html(const Plan& plan, std::string_view title) {
  return page(title, section(plan, "step"));
}

std::string explain_html(std::span<const NamedPlan> plans, std::string_view title) {
  std::string body;
  for (std::size_t i = 0; i < plans.size(); ++i)
    body += "<h2>" + escaped(plans[i].heading) + "</h2>\n" +
            section(*plans[i].plan, "plan" + std::to_string(i) + "-step");
  return page(title, body);
}

std::string explain_html(std::span<const Tensor> outputs, std::string_view title) {
  return explain_html(*make_plan(outputs).plan, title);
}
std::string explain_html(const Tensor& output, std::string_view title) {
  return explain_html(std::span(&output, 1), title);
}

}  // namespace nabla
