#include "nn/conditioning.h"

#include <string>

#include "engine/ops/constant.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/random.h"

namespace nabla::nn {
namespace {

const ConditioningOptions& checked_conditioning(const ConditioningOptions& o) {
  if (o.width < 1 || o.classes < 0)
    throw Error("conditioning: a width of " + std::to_string(o.width) + " and " + std::to_string(o.classes) +
                " classes; the width must be at least 1 and the classes not negative");
  return o;
}

void require_time(const char* what, const char* name, const Tensor& t, const Tensor& x) {
  if (t.rank() == 2 && t.shape()[1] == 1 && (t.shape()[0] == 1 || t.shape()[0] == x.shape()[0])) return;
  throw Error(std::string(what) + ": " + name + " " + to_string(t.shape()) + " for x " +
              to_string(x.shape()) + " must be [" + std::to_string(x.shape()[0]) + ", 1] or [1, 1]");
}

void require_labels(const char* what, const Tensor& x, const Tensor& labels) {
  const bool fits = labels.rank() == 1 && (labels.shape()[0] == 1 || labels.shape()[0] == x.shape()[0]);
  if (fits && is_integer(labels.dtype())) return;
  throw Error(std::string(what) + ": classes " + to_string(labels.shape()) + " " +
              std::string(name_of(labels.dtype())) + " for x " + to_string(x.shape()) +
              " must be integers [" + std::to_string(x.shape()[0]) + "] or [1]");
}

}  // namespace

void require_times(const char* what, const Tensor& x, const Tensor& t, const std::optional<Tensor>& gap,
                   bool second_time) {
  require_time(what, "t", t, x);
  if (gap.has_value() != second_time)
    throw Error(std::string(what) + (second_time
                                         ? ": the second time r - t is missing"
                                         : ": a second time is given, but the options do not ask for one"));
  if (gap) require_time(what, "r - t", *gap, x);
}

Conditioning::Conditioning(const Tensor& key, const ConditioningOptions& options)
    : options_(checked_conditioning(options)),
      features_(options.frequencies, options.highest_turns, options.dtype),
      time_(fold_in(key, 0), features_.outputs(), options.width, {.dtype = options.dtype}) {
  if (options.second_time)
    gap_.emplace(fold_in(key, 1), features_.outputs(), options.width,
                 LinearOptions{.bias = false, .dtype = options.dtype});
  if (options.classes > 0)
    class_.emplace(fold_in(key, 2), options.classes + 1, options.width,
                   EmbeddingOptions{.dtype = options.dtype});
  add_part("time", time_);
  if (gap_) add_part("gap", *gap_);
  if (class_) add_part("class", *class_);
}

Tensor Conditioning::operator()(const char* what, const Tensor& x, const Tensor& t,
                                const std::optional<Tensor>& gap,
                                const std::optional<Tensor>& classes) const {
  require_times(what, x, t, gap, options_.second_time);
  if (classes && !class_)
    throw Error(std::string(what) + ": classes are given, but the options do not ask for any");
  if (classes) require_labels(what, x, *classes);
  Tensor e = time_(features_(t));
  if (gap) e = e + (*gap_)(features_(*gap));
  if (class_) {
    const Tensor none = full(Shape{1}, static_cast<double>(options_.classes), DType::i64);
    e = e + (*class_)(classes.value_or(none));
  }
  return activate(options_.activation, e);
}

}  // namespace nabla::nn
