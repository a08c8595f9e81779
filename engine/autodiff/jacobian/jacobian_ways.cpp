#include "engine/autodiff/jacobian/jacobian_ways.h"

#include <algorithm>
#include <functional>
#include <mutex>
#include <span>
#include <unordered_map>

#include "engine/autodiff/contraction/jacobian_contraction.h"
#include "engine/autodiff/jacobian/along_basis.h"
#include "engine/autodiff/jacobian/colouring.h"
#include "engine/autodiff/jacobian/one_hot_seeds.h"
#include "engine/graph/walk.h"
#include "engine/ops/constant.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/shaping.h"
#include "engine/ops/substitute.h"
#include "engine/plan/forecast.h"

namespace nabla {
namespace {

using WayKind = JacobianWay::Kind;

// Below this everything is calls and steps, of which tangents have the fewest.
constexpr double kFewOperations = 1e6;
// Structures whose ways are kept; a program whose networks never recur must not collect them for ever.
constexpr std::size_t kMostWays = 256;
// Of many chunks so many are planned; the others take what these do.
constexpr std::int64_t kChunks = 16;

// The first `count` directions or samples, `at_once` in turn.
using Build = std::function<Tensor(std::int64_t at_once, std::int64_t count)>;

Direction direction_of(WayKind kind) {
  return kind == WayKind::cotangents ? Direction::reverse : Direction::forward;
}

std::int64_t directions_of(const FieldOnVariable& field, WayKind kind) {
  return (kind == WayKind::tangents ? field.x : field.y).shape().without_first(1).size();
}

// Of the whole, all directions whatever `count` is.
Tensor by_directions(const FieldOnVariable& field, EliminationGoal goal, WayKind kind, std::int64_t at_once,
                     std::int64_t count) {
  const Direction direction = direction_of(kind);
  if (goal == EliminationGoal::whole) return jacobian_along_basis(field, 1, direction, at_once);
  const DirectionsOf basis = standard_basis(field);
  return goal == EliminationGoal::trace ? trace_along(field, basis, direction, at_once, count)
                                        : diagonal_along(field, basis, direction, at_once, count);
}

Tensor by_colours(const FieldOnVariable& field, EliminationGoal goal, const Colouring& colouring,
                  std::int64_t at_once, std::int64_t count) {
  const DirectionsOf directions = [&](std::int64_t start, std::int64_t stop) {
    const Tensor seeds = colour_seeds(colouring, start, stop, field.dtype());
    return reshape(seeds, concatenate(Shape{stop - start, 1}, field.x.shape().without_first(1)));
  };
  return goal == EliminationGoal::trace
             ? trace_along(field, directions, Direction::forward, at_once, count)
             : diagonal_along(field, directions, Direction::forward, at_once, count);
}

// Which orders of a contraction are looked at; for the best, of those with few operations only the first.
enum class Orders { all, best, cut };

class Ways {
 public:
  Ways(const FieldOnVariable& field, EliminationGoal goal, std::int64_t bytes)
      : field_(field), goal_(goal), bytes_(static_cast<double>(std::max<std::int64_t>(1, bytes))) {
    for (const Node* node : dependents(field.y, field.x, Through::differentiable).nodes)
      field_bytes_ += static_cast<double>(node->shape().size()) * static_cast<double>(size_of(node->dtype()));
  }

  JacobianWay along_basis(WayKind kind) const {
    const std::int64_t directions = directions_of(field_, kind);
    JacobianWay way{kind,
                    std::to_string(directions) + (kind == WayKind::tangents ? " tangents" : " cotangents")};
    const auto build = [&](std::int64_t at_once, std::int64_t count) {
      return by_directions(field_, goal_, kind, at_once, count);
    };
    if (goal_ == EliminationGoal::whole) {
      // The parts are there at the end whatever is taken at once.
      way.at_once = seeds_at_once(field_.y, field_.x, directions, static_cast<std::int64_t>(bytes_));
      take(way, forecast(build(way.at_once, directions), field_.x));
    } else {
      fit(way, directions, build);
    }
    return way;
  }

  // None for whole Jacobians, and where elements meet all others.
  std::vector<JacobianWay> colours() const {
    if (goal_ == EliminationGoal::whole) return {};
    const std::optional<Colouring> colouring = colouring_of(field_);
    if (!colouring) return {};
    JacobianWay way{WayKind::colours, std::to_string(colouring->colours()) + " colours"};
    fit(way, colouring->colours(), [&](std::int64_t at_once, std::int64_t count) {
      return by_colours(field_, goal_, *colouring, at_once, count);
    });
    return {way};
  }

  // Where matrices are too large, what they stand for is applied instead.
  std::vector<JacobianWay> contractions(Orders orders) const {
    std::vector<JacobianWay> ways = contractions_with(kMostMatrixElements, orders);
    if (std::ranges::none_of(ways, &JacobianWay::fits)) {
      const std::int64_t fitting =
          static_cast<std::int64_t>(bytes_ / 4 / static_cast<double>(size_of(field_.dtype())));
      if (fitting < kMostMatrixElements)
        std::ranges::move(contractions_with(fitting, orders), std::back_inserter(ways));
    }
    std::ranges::stable_sort(ways,
                             [](const JacobianWay& a, const JacobianWay& b) { return goes_before(a, b); });
    return ways;
  }

  static bool goes_before(const JacobianWay& a, const JacobianWay& b) {
    if (a.fits != b.fits) return a.fits;
    return a.fits ? a.work() < b.work() : a.bytes < b.bytes;
  }

 private:
  std::vector<JacobianWay> contractions_with(std::int64_t matrix_elements, Orders orders) const {
    const ContractionPlan plan = plan_contraction(linear_graph(field_.y, field_.x, matrix_elements), goal_);
    std::vector<JacobianWay> ways;
    for (const EliminationOrder& order : plan.orders) {
      const bool is_found = !ways.empty() && order.cost.total(plan.graph.samples) < kFewOperations;
      if (orders == Orders::cut ? !order.is_cut : orders == Orders::best && is_found) continue;
      JacobianWay way{WayKind::contraction, "contracted, " + order.name, order, matrix_elements};
      if (takes_all_samples(plan.graph)) {
        way.at_once = plan.graph.samples;
        take(way, forecast(contract_in_order(plan, order), field_.x));
      } else {
        fit(way, plan.graph.samples, [&](std::int64_t at_once, std::int64_t count) {
          return contract_in_order(plan, order, at_once, count);
        });
      }
      ways.push_back(std::move(way));
    }
    return ways;
  }

  // How many of `all` may be taken at once, and what the way takes then. Memory grows with as many as are
  // taken at once, operations with all.
  void fit(JacobianWay& way, std::int64_t all, const Build& build) const {
    const auto foretold = [&](std::int64_t at_once, std::int64_t count) {
      // Put in as the argument will be: what does not depend on it keeps its place in the order of building.
      const Tensor built = build(at_once, count);
      const Tensor argument = variable(field_.x.shape(), field_.x.dtype());
      return forecast(substitute(built, field_.x, argument), argument);
    };
    way.at_once = std::max<std::int64_t>(1, all);
    const Forecast whole = foretold(way.at_once, all);
    if (all <= 1 || arena(whole) <= bytes_) return take(way, whole);
    const double least = arena(foretold(1, 1));
    double growth = arena(whole) - least;
    if (growth <= bytes_) return take(way, whole);
    // Steps of neighbouring chunks may be fused, so that several are there at once.
    const auto some = [&] { return std::min(all, kChunks * way.at_once); };
    Forecast found = whole;
    for (int tries = 0; tries < 6 && growth > 1.1 * bytes_ && way.at_once > 1; ++tries) {
      way.at_once = std::max<std::int64_t>(
          1, static_cast<std::int64_t>(static_cast<double>(way.at_once) * bytes_ / growth));
      found = foretold(way.at_once, some());
      growth = arena(found) - least;
    }
    // Parts that are put together are there at the end, all of them.
    if (goal_ != EliminationGoal::trace && some() < all) return take(way, foretold(way.at_once, all));
    if (some() == all) return take(way, found);
    const Forecast fewer = foretold(way.at_once, some() / 2);
    const double more = static_cast<double>(all - some()) / static_cast<double>(some() - some() / 2);
    const auto extend = [&](double PlanCost::*part) {
      found.cost.*part += more * (found.cost.*part - fewer.cost.*part);
    };
    extend(&PlanCost::flops);
    extend(&PlanCost::bytes_read);
    extend(&PlanCost::bytes_written);
    // What does not depend on the argument may be there for all of them.
    if (found.arena_bytes > fewer.arena_bytes)
      found.arena_bytes +=
          static_cast<std::size_t>(more * static_cast<double>(found.arena_bytes - fewer.arena_bytes));
    take(way, found);
  }

  void take(JacobianWay& way, const Forecast& found) const {
    way.once = found.flops_without;
    way.total = found.cost.flops;
    way.bytes_moved = found.cost.bytes();
    way.bytes = static_cast<double>(found.arena_bytes + found.result_bytes);
    way.fits = arena(found) <= 1.1 * bytes_ + field_bytes_;
  }

  static double arena(const Forecast& found) { return static_cast<double>(found.arena_bytes); }

  const FieldOnVariable& field_;
  EliminationGoal goal_;
  double bytes_;
  double field_bytes_ = 0;
};

JacobianWay choose_way(const Ways& ways, const JacobianOptions& options) {
  if (options.method == JacobianMethod::forward) return ways.along_basis(WayKind::tangents);
  if (options.method == JacobianMethod::reverse) return ways.along_basis(WayKind::cotangents);
  if (options.method == JacobianMethod::loop_cut) return ways.contractions(Orders::cut).front();
  if (options.method == JacobianMethod::contraction) return ways.contractions(Orders::best).front();
  std::vector<JacobianWay> found{ways.along_basis(WayKind::tangents), ways.along_basis(WayKind::cotangents)};
  std::ranges::move(ways.colours(), std::back_inserter(found));
  const auto best = [&] { return *std::ranges::min_element(found, Ways::goes_before); };
  if (best().fits && best().total < kFewOperations) return best();
  std::ranges::move(ways.contractions(Orders::best), std::back_inserter(found));
  return best();
}

struct Question {
  PlanKey structure;
  EliminationGoal goal;
  JacobianMethod method;
  std::int64_t bytes;
  friend bool operator==(const Question&, const Question&) = default;
};

struct HashOfQuestion {
  std::size_t operator()(const Question& question) const {
    return static_cast<std::size_t>(question.structure.hash());
  }
};

}  // namespace

std::vector<JacobianWay> jacobian_ways(const FieldOnVariable& field, EliminationGoal goal,
                                       const JacobianOptions& options) {
  const Ways ways(field, goal, options.tangent_bytes);
  std::vector<JacobianWay> found{ways.along_basis(WayKind::tangents)};
  std::ranges::move(ways.colours(), std::back_inserter(found));
  std::ranges::move(ways.contractions(Orders::all), std::back_inserter(found));
  found.push_back(ways.along_basis(WayKind::cotangents));
  return found;
}

JacobianWay chosen_way(const FieldOnVariable& field, EliminationGoal goal, const JacobianOptions& options) {
  static std::mutex& mutex = *new std::mutex;
  static auto& cache = *new std::unordered_map<Question, JacobianWay, HashOfQuestion>;
  Question question{structure_of(std::vector<Tensor>{field.y, field.x}), goal, options.method,
                    options.tangent_bytes};
  {
    const std::lock_guard lock(mutex);
    if (const auto found = cache.find(question); found != cache.end()) return found->second;
  }
  const JacobianWay way = choose_way(Ways(field, goal, options.tangent_bytes), options);
  const std::lock_guard lock(mutex);
  if (cache.size() >= kMostWays) cache.clear();
  cache.emplace(std::move(question), way);
  return way;
}

Tensor by_way(const FieldOnVariable& field, EliminationGoal goal, const JacobianWay& way) {
  Tensor found;
  if (way.kind == WayKind::contraction) {
    const ContractionPlan plan{linear_graph(field.y, field.x, way.matrix_elements), goal, {}};
    found = cast(contract_in_order(plan, *way.order, way.at_once, plan.graph.samples), field.dtype());
  } else if (way.kind == WayKind::colours) {
    const Colouring colouring = *colouring_of(field);
    found = by_colours(field, goal, colouring, way.at_once, colouring.colours());
  } else {
    found = by_directions(field, goal, way.kind, way.at_once, directions_of(field, way.kind));
  }
  const Shape& x = field.x.shape();
  if (goal == EliminationGoal::trace) return found;
  if (goal == EliminationGoal::diagonal) return reshape(found, x);
  return reshape(found, concatenate(field.y.shape(), x.without_first(1)));
}

}  // namespace nabla
