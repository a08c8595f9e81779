#include "tests/spec/draw_window.h"
#include "tests/spec/program.h"

// Random sample-wise fields: compositions that leave the outermost axis alone.

namespace nabla::spec {
namespace {

using Stage = std::function<Tensor(const Tensor&)>;

class FieldGenerator {
 public:
  explicit FieldGenerator(std::uint64_t seed) : random_(seed) {}

  RandomField generate() {
    Shape shape{1 + pick(3)};
    for (int rank = 1 + pick(2); rank > 0; --rank) shape.push_back(1 + pick(3));
    x_ = direction(random_, shape);
    Tensor at = x_;
    std::vector<Stage> stages;
    for (int count = 5 + pick(8); count > 0; --count) {
      Stage stage = random_stage(at);
      const Tensor next = stage(at);
      if (next.size() > 60 || next.rank() > 4) continue;
      stages.push_back(std::move(stage));
      at = next;
    }
    // Back to the sample's own shape.
    const std::int64_t width = at.size() / shape[0];
    const Tensor back = direction(random_, {width, x_.size() / shape[0]});
    stages.emplace_back([=](const Tensor& h) {
      return reshape(matmul(reshape(h, Shape{shape[0], width}), back), shape);
    });
    return {[stages](const Tensor& x) {
              Tensor h = x;
              for (const Stage& stage : stages) h = stage(h);
              return h;
            },
            x_};
  }

 private:
  int pick(int count) { return static_cast<int>(random_() % static_cast<std::uint64_t>(count)); }

  Stage random_stage(const Tensor& at) {
    const Shape shape = at.shape();
    const Shape inner = shape.without_first(1);
    const int axis = inner.rank() == 0 ? 0 : -1 - pick(inner.rank());
    const int choice = inner.rank() == 0 ? pick(5) : pick(20);
    switch (choice) {
      case 0:
        return [](const Tensor& h) { return nabla::tanh(h); };
      case 1:
        return [](const Tensor& h) { return h * sigmoid(h); };
      case 2:
        return [](const Tensor& h) { return nabla::sin(h) + h * 0.5; };
      case 3: {
        const Tensor scale = direction(random_, {shape[0]});  // one number per sample
        const Axes axes = Axes::innermost(inner.rank());
        return [=](const Tensor& h) { return h * insert_axes(scale, axes); };
      }
      case 4: {
        const Tensor shift = direction(random_, inner);  // one sample for all
        return [=](const Tensor& h) { return h + shift; };
      }
      case 5:
      case 6:
      case 7: {
        const Tensor weight = direction(random_, {shape[-1], 1 + pick(4)});
        return [=](const Tensor& h) { return h.rank() == 1 ? h : matmul(h, weight); };
      }
      case 8:
        return [=](const Tensor& h) { return softmax(h, axis) - h; };
      case 9:
        return [=](const Tensor& h) { return h - mean(h, {axis}, true); };
      case 10:
        return [=](const Tensor& h) { return nabla::tanh(cumsum(h, axis)); };
      case 11:
        return [=](const Tensor& h) { return concatenate({flip(h, axis), square(h) * 0.5}, axis); };
      case 12:
        return [=](const Tensor& h) { return slice(h, axis, shape[axis] / 2, shape[axis]); };
      case 13:
        return [=](const Tensor& h) { return reshape(h, Shape{shape[0], h.size() / shape[0]}); };
      case 14:
        return [=](const Tensor& h) { return transpose(h, axis, 1); };
      case 15: {
        std::vector<std::int64_t> values{pick(static_cast<int>(shape[axis])), 0};
        Shape list = Shape::filled(shape.rank(), 1);
        list[axis] = 2;
        const Tensor picked = tensor<std::int64_t>(values, list);
        return [=](const Tensor& h) { return gather(h, picked, axis); };
      }
      case 16: {  // a window over the innermost axis of each sample
        const auto draw = [this](int count) { return pick(count); };
        const Shape data = inner.rank() == 1 ? concatenate(Shape{shape[0], 1}, inner) : shape;
        const DrawnWindow drawn = draw_window(draw, data[-2], data[-1]);
        const Tensor weight = direction(random_, drawn.weight);
        return [=](const Tensor& h) { return convolution(reshape(h, data), weight, drawn.options); };
      }
      case 17: {  // each sample attends to itself
        const Shape rows = inner.rank() == 1 ? concatenate(shape, Shape{1}) : shape;
        const AttentionOptions options{.causal = pick(2) == 0,
                                       .form = pick(2) == 0 ? AttentionForm::fused : AttentionForm::composed};
        return [=](const Tensor& h) {
          const Tensor x = reshape(h, rows);
          return attention(x, nabla::sin(x), x, options);
        };
      }
      case 18:
        return [=](const Tensor& h) { return h * rsqrt(sum(square(h), {axis}, true) + 0.5); };
      default:
        return [=](const Tensor& h) { return h * logsumexp(h, {axis}, true) + sum(h, {axis}, true) * 0.2; };
    }
  }

  Random random_;
  Tensor x_;
};

}  // namespace

RandomField random_field(std::uint64_t seed) { return FieldGenerator(seed).generate(); }

}  // namespace nabla::spec
