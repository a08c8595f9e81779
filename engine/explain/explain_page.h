#pragma once

#include <span>
#include <string>
#include <string_view>

#include "engine/plan/step_text.h"

// The parts of the page that shows a plan in a browser.

namespace nabla {

/// The class that gives a kind of step its colour.
std::string_view colour_class(StepKind kind);

/// The arena and the results over the steps: a rectangle for each block, from the step that writes it first
/// to the last that needs it. Labels are HTML beside the drawings, which stretch with the page.
std::string memory_picture(const Plan& plan, std::span<const ExplainedStep> steps);

/// One column for text and tables, light and dark, nothing loaded from elsewhere.
std::string_view page_style();
/// Sorts a table of class "sortable" by the column whose head is clicked.
std::string_view page_script();

}  // namespace nabla
