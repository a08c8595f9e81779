#include "examples/jacobian_inspect/digits.h"

#include <memory>

#include "engine/engine.h"
#include "examples/digits/ready_model.h"

namespace nabla::jacobian_inspect {

std::vector<Subject> digit_subjects(const Options& options, const Tensor& key) {
  const Tensor keys = split(key, 3);
  const digits::Images images = digits::read_images(options.data);
  const digits::ReadyModel ready =
      options.checkpoint.empty() ? digits::train_small_model(images, options.seed, options.steps, keys[0])
                                 : digits::load_model(options.checkpoint, images);
  const Tensor clean = digits::dequantise(ready.data.held_out.levels, keys[1]).detach();
  const Tensor known = cast(digits::dequantise(ready.data.training.levels, keys[2]), DType::f64);
  const auto oracle = std::make_shared<const flow::EmpiricalField>(known.detach());
  return {
      {"digits", "network, digits", ready.description + " It sees held-out digits behind noise.",
       [model = ready.model](const Tensor& x, const Tensor& t) { return model->velocity()(x, t); }, clean},
      {"closed_form", "exact field, digits",
       "The field that would be learned without any error from the " +
           std::to_string(ready.data.training.count()) +
           " training digits, in closed form and f64. Its Jacobian is symmetric; towards t = 1 it knows "
           "single digits by heart.",
       [oracle](const Tensor& x, const Tensor& t) { return oracle->velocity(x, t); },
       cast(clean, DType::f64).detach()}};
}

}  // namespace nabla::jacobian_inspect
