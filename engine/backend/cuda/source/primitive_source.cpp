#include <map>

#include "engine/backend/contraction_axes.h"
#include "engine/backend/cuda/source/cumsum_source.h"
#include "engine/backend/cuda/source/indexing_source.h"
#include "engine/backend/cuda/source/random_source.h"
#include "engine/backend/cuda/source/reduction_source.h"
#include "engine/backend/cuda/source/shaping_source.h"
#include "engine/backend/cuda/source/small_contraction_source.h"
#include "engine/backend/cuda/source/softmax_source.h"
#include "engine/tensor/error.h"

namespace nabla::cuda {

bool is_matrix_product(const StepDescription& step) {
  return step.primitive && step.primitive->name() == "contraction" && step.output.shape.size() > 0 &&
         sort_contraction(step.inputs[0], step.inputs[1], step.output, step.attributes).form ==
             SortedContraction::Form::matrix_products;
}

StepSource primitive_source(const StepDescription& step) {
  using Source = StepSource (*)(const StepDescription&);
  static const std::map<std::string_view, Source>& sources = *new std::map<std::string_view, Source>{
      {"reshape", &reshape_source},
      {"pad", &pad_source},
      {"concatenate", &concatenate_source},
      {"iota", &iota_source},
      {"sum", &sum_source},
      {"reduce_max", &reduce_max_source},
      {"reduce_min", &reduce_min_source},
      {"logsumexp", &logsumexp_source},
      {"softmax", &softmax_source},
      {"cumsum", &cumsum_source},
      {"gather", &gather_source},
      {"scatter_add", &scatter_add_source},
      {"argmax", &argmax_source},
      {"argsort", &argsort_source},
      {"random_bits", &random_bits_source},
      {"random_uniform", &random_uniform_source},
      {"fold_in", &fold_in_source},
      {"contraction", &small_contraction_source},
  };
  if (step.primitive == nullptr) return copy_source(step);
  const auto found = sources.find(step.primitive->name());
  if (found == sources.end()) throw Error("cuda: no kernel for " + std::string(step.primitive->name()));
  return found->second(step);
}

}  // namespace nabla::cuda
