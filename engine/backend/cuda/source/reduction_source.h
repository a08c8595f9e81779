#pragma once

#include "engine/backend/cuda/source/reduction_frame.h"

// Kernels that reduce axes.

namespace nabla::cuda {

/// What is reduced and how, in types and expressions of the kernel.
struct Recipe {
  std::string entry;
  std::string element;                             ///< type of the operands
  std::string total;                               ///< type of what is reduced
  std::string result;                              ///< type of what is stored
  std::string op;                                  ///< struct with a static `of` for two totals
  std::string first;                               ///< see LaneReduction
  std::string lifted;                              ///< see LaneReduction
  std::string finish;                              ///< the result from the total `v`
  std::int64_t total_size;                         ///< in bytes
  std::vector<std::string_view> operands = {"x"};  ///< names of the step's inputs
  std::string definitions = {};                    ///< before the types above
  std::string functions = {};                      ///< behind those of the frame
  std::string context = {};             ///< a statement before the reduction, which it and `finish` use
  std::string captured = {};            ///< `, TYPE NAME`: what `lifted` uses of it
  std::string captured_value = {};      ///< ` NAME,`
  std::string context_parameters = {};  ///< `, TYPE NAME`: what the statement reads
  std::vector<KernelArgument> context_arguments = {};
};
/// Adds kernels that reduce the inputs into `to`: one, and a second one for the pieces of the first.
void add_reduction(StepSource& source, Scratch& memory, const Recipe& recipe, const ReductionWalks& walks,
                   const ReductionFrame& frame, const std::vector<KernelArgument>& inputs, KernelArgument to);

/// The recipe of a sum. @throws Error if `primitive` does not add elements of the type.
Recipe sum_recipe(std::string_view primitive, DType dtype);
/// The recipe of the largest (MaxOf) or smallest (MinOf) element.
Recipe extreme_recipe(std::string_view primitive, DType dtype, std::string_view op);

}  // namespace nabla::cuda
