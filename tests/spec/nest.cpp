#include "tests/spec/nest.h"

#include <memory>
#include <vector>

#include "tests/spec/sample.h"

namespace nabla::spec {
namespace {

constexpr std::int64_t kWidth = 3;
constexpr int kMostLevels = 4;
// Derivatives inside derivatives multiply the work and the magnitudes.
constexpr int kMostDerivatives = 2;

// The tensors [3] that an expression may use, outermost first.
using Scope = std::vector<Tensor>;
using Expression = std::function<Tensor(const Scope&)>;

Scope with(Scope scope, const Tensor& tensor) {
  scope.push_back(tensor);
  return scope;
}

// sin(a) * b with its own rules.
const CustomDerivative& wave() {
  static const CustomDerivative rule(
      "wave", [](const std::vector<Tensor>& v) { return nabla::sin(v[0]) * v[1]; },
      [](const std::vector<Tensor>& v, const Tensor& y, const std::vector<std::optional<Tensor>>& t) {
        const Tensor by_first = t[0] ? *t[0] * nabla::cos(v[0]) * v[1] : y * 0.0;
        return t[1] ? by_first + *t[1] * nabla::sin(v[0]) : by_first;
      },
      [](const std::vector<Tensor>& v, const Tensor&, const Tensor& ct) {
        return std::vector<std::optional<Tensor>>{ct * nabla::cos(v[0]) * v[1], ct * nabla::sin(v[0])};
      });
  return rule;
}

class NestGenerator {
 public:
  NestGenerator(std::uint64_t seed, NestParts parts) : random_(seed), parts_(parts) {}

  Expression generate() { return block(1, 0, 0); }

 private:
  int pick(int count) { return static_cast<int>(random_() % static_cast<std::uint64_t>(count)); }

  // A few transforms one after another, each of which the later ones may use, and what they add up to.
  Expression block(std::size_t scope, int level, int derivatives) {
    std::vector<Expression> steps;
    const int count = 1 + pick(level == 0 ? 4 : 2);
    for (int i = 0; i < count; ++i)
      steps.push_back(transform(scope + static_cast<std::size_t>(i), level, derivatives));
    const Expression last = plain(scope + static_cast<std::size_t>(count));
    return [steps, last](Scope s) {
      for (const Expression& step : steps) s.push_back(step(s));
      return last(s);
    };
  }

  // Without a transform: two of the recent tensors, and sometimes a product with a constant matrix.
  Expression plain(std::size_t scope) {
    const std::size_t a = recent(scope);
    const std::size_t b = recent(scope);
    switch (pick(6)) {
      case 0:
        return [=](const Scope& s) { return nabla::sin(s[a]) + s[b] * 0.5; };
      case 1:
        return [=](const Scope& s) { return nabla::tanh(s[a] * s[b]); };
      case 2:
        return [=](const Scope& s) { return s[a] * nabla::cos(s[b]); };
      case 3: {
        const Tensor w = direction(random_, {kWidth, kWidth});
        return [=](const Scope& s) { return nabla::tanh(matmul(s[a], w)) - s[b] * 0.3; };
      }
      case 4:
        return [=](const Scope& s) { return softmax(s[a]) * 2.0 + s[b] * 0.4; };
      default:
        return [=](const Scope& s) { return s[a] * 1.5 - sigmoid(s[b]); };
    }
  }
  std::size_t recent(std::size_t scope) {
    return pick(2) == 0 ? scope - 1 : static_cast<std::size_t>(pick(static_cast<int>(scope)));
  }

  Expression transform(std::size_t scope, int level, int derivatives) {
    if (level == kMostLevels) return plain(scope);
    const Expression at = plain(scope);
    const Expression beside = plain(scope);
    const bool may_derive = derivatives < kMostDerivatives;
    switch (pick(may_derive ? 11 : 6)) {
      case 0:
      case 1:
        return checkpointed({at}, block(scope + 1, level + 1, derivatives));
      case 2:
        return checkpointed({at, beside}, block(scope + 2, level + 1, derivatives));
      case 3:
        return compiled(at, block(scope + 1, level + 1, derivatives));
      case 4:
        return [at, beside, own = parts_.custom](const Scope& s) {
          const Tensor a = at(s);
          const Tensor b = beside(s);
          return own ? wave()({a, b}) : nabla::sin(a) * b;
        };
      case 5: {
        const Expression body = block(scope + 1, level + 1, derivatives);
        return [=](const Scope& s) {
          const Tensor rows = stack({at(s), beside(s)});
          return mean(vmap([&](const Tensor& row) { return body(with(s, row)); }, rows), {0});
        };
      }
      case 6:
      case 7: {
        const Expression body = block(scope + 1, level + 1, derivatives + 1);
        return [=](const Scope& s) {
          return grad([&](const Tensor& v) { return sum(body(with(s, v))); }, at(s));
        };
      }
      case 8: {
        const Expression body = block(scope + 1, level + 1, derivatives + 1);
        return [=](const Scope& s) {
          return vjp([&](const Tensor& v) { return body(with(s, v)); }, at(s), beside(s)).cotangent;
        };
      }
      case 9: {
        const Expression body = block(scope + 1, level + 1, derivatives + 1);
        return [=](const Scope& s) {
          return jvp([&](const Tensor& v) { return body(with(s, v)); }, at(s), beside(s)).tangent;
        };
      }
      default: {
        // By tensors that are already built, one of them from the other. No other expression is scaled by
        // this number: what equal expressions are one node differs with what is checkpointed.
        const Expression body = block(scope + 2, level + 1, derivatives + 1);
        const double scale = uniform(random_, 0.8, 1.2);
        return [=](const Scope& s) {
          const Tensor v = (at(s) + s.front() * 0.1) * scale;
          const Tensor w = (v + s.back()) * scale;
          const std::vector<Tensor> found = gradients(sum(body(with(with(s, w), v))), {v, w});
          return found[0] + found[1] * 0.5;
        };
      }
    }
  }

  Expression checkpointed(const std::vector<Expression>& at, const Expression& body) {
    return [=, called = !parts_.checkpoints](const Scope& s) {
      std::vector<Tensor> arguments;
      for (const Expression& argument : at) arguments.push_back(argument(s));
      const auto f = [&](const std::vector<Tensor>& v) {
        Scope inner = s;
        inner.insert(inner.end(), v.begin(), v.end());
        return body(inner);
      };
      return called ? f(arguments) : checkpoint(f, arguments);
    };
  }

  // Called with what depends on a variable, a compiled function is the function itself and may capture
  // others. The tensor at hand may be the zero derivative of something, so the outermost takes part.
  Expression compiled(const Expression& at, const Expression& body) {
    return [=, called = !parts_.compiled](const Scope& s) {
      const auto f = [&](const Tensor& v) { return body(with(s, v)); };
      const Tensor argument = at(s) + s.front() * 0.1;
      return called ? f(argument) : compile(f)(argument);
    };
  }

  Random random_;
  NestParts parts_;
};

}  // namespace

NestFunction random_nest(std::uint64_t seed, NestParts parts) {
  const Expression expression = NestGenerator(seed, parts).generate();
  return [expression](const Tensor& x) { return mean(expression({x})); };
}

Tensor nest_point(std::uint64_t seed) {
  Random random(seed + 1000000);
  return direction(random, {kWidth}).detach();
}

}  // namespace nabla::spec
