#include "examples/jacobian_inspect/subjects.h"

#include "engine/engine.h"
#include "examples/jacobian_inspect/digits.h"
#include "examples/jacobian_inspect/plane.h"

namespace nabla::jacobian_inspect {

std::vector<Subject> make_subjects(const Options& options) {
  const Tensor keys = split(random_key(options.seed), 2);
  std::vector<Subject> subjects{plane_subject(options, keys[0])};
  for (Subject& subject : digit_subjects(options, keys[1])) subjects.push_back(std::move(subject));
  return subjects;
}

}  // namespace nabla::jacobian_inspect
