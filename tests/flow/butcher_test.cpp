#include "flow/butcher.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>
#include <string>

#include "engine/tensor/error.h"
#include "tests/flow/solvers.h"

// The order conditions of Butcher: a method has order p if sum_i b_i Phi_i(tree) = 1 / gamma(tree) for every
// rooted tree of up to p nodes (Hairer, Norsett, Wanner, "Solving ordinary differential equations I", II.2).

namespace nabla::flow {
namespace {

using Weights = ButcherTable::Weights;

// A rooted tree is what hangs from its root, in order, so that equal trees are equal.
struct RootedTree {
  std::vector<RootedTree> branches;
  bool operator<(const RootedTree& other) const { return branches < other.branches; }
};

// Every tree of `nodes` nodes: one of fewer nodes with a branch of the rest at its root.
std::set<RootedTree> trees_of(int nodes) {
  if (nodes == 1) return {RootedTree{}};
  std::set<RootedTree> trees;
  for (int rest = 1; rest < nodes; ++rest)
    for (const RootedTree& root : trees_of(nodes - rest))
      for (const RootedTree& branch : trees_of(rest)) {
        RootedTree tree = root;
        tree.branches.push_back(branch);
        std::sort(tree.branches.begin(), tree.branches.end());
        trees.insert(tree);
      }
  return trees;
}

int size_of(const RootedTree& tree) {
  int size = 1;
  for (const RootedTree& branch : tree.branches) size += size_of(branch);
  return size;
}

double gamma_of(const RootedTree& tree) {
  double gamma = size_of(tree);
  for (const RootedTree& branch : tree.branches) gamma *= gamma_of(branch);
  return gamma;
}

// Phi_i of the tree for every stage i.
Weights phi_of(const ButcherTable& table, const RootedTree& tree) {
  Weights phi{};
  std::fill_n(phi.begin(), table.stages, 1.0);
  for (const RootedTree& branch : tree.branches) {
    const Weights inner = phi_of(table, branch);
    for (int i = 0; i < table.stages; ++i) {
      double sum = 0;
      for (int j = 0; j < i; ++j) sum += table.a[i][j] * inner[j];
      phi[i] *= sum;
    }
  }
  return phi;
}

// The largest violation of the conditions for trees of `nodes` nodes by weights that lead to the share q of
// the step.
double violation(const ButcherTable& table, const Weights& weights, int nodes, double q = 1) {
  double largest = 0;
  for (const RootedTree& tree : trees_of(nodes)) {
    const Weights phi = phi_of(table, tree);
    double sum = 0;
    for (int i = 0; i < table.stages; ++i) sum += weights[i] * phi[i];
    largest = std::max(largest, std::abs(sum - std::pow(q, nodes) / gamma_of(tree)));
  }
  return largest;
}

// What weighs the slopes at the share q of the step in the continuous extension.
Weights dense_weights(const ButcherTable& table, double q) {
  Weights weights{};
  for (int i = 0; i < table.stages; ++i) {
    const double change = table.b[i];
    const double bend = (i == 0 ? 1 : 0) - change;
    const double twist = change - (i == table.stages - 1 ? 1 : 0) - bend;
    const double last = table.dense ? (*table.dense)[i] : 0;
    weights[i] = q * (change + (1 - q) * (bend + q * (twist + (1 - q) * last)));
  }
  return weights;
}

constexpr double kRounding = 2e-14;  // coefficients of up to 13 are rounded themselves

}  // namespace

TEST_CASE("there are 1, 1, 2, 4, 9 and 20 rooted trees of up to six nodes") {
  const std::size_t counts[] = {1, 1, 2, 4, 9, 20};
  for (int nodes = 1; nodes <= 6; ++nodes) CHECK(trees_of(nodes).size() == counts[nodes - 1]);
}

TEST_CASE("every table has the order that it states, and not the next") {
  for (const Solver solver : kSolvers) {
    const ButcherTable& table = butcher_table(solver);
    CAPTURE(table.name);
    for (int nodes = 1; nodes <= table.order; ++nodes) {
      CAPTURE(nodes);
      CHECK(violation(table, table.b, nodes) < kRounding);
    }
    CHECK(violation(table, table.b, table.order + 1) > 1e-4);
  }
}

TEST_CASE("every stage is at the time of its row's sum, and reads only those before it") {
  for (const Solver solver : kSolvers) {
    const ButcherTable& table = butcher_table(solver);
    CAPTURE(table.name);
    for (int i = 0; i < ButcherTable::kMostStages; ++i) {
      CAPTURE(i);
      double sum = 0;
      for (int j = 0; j < ButcherTable::kMostStages; ++j) {
        if (j >= i || i >= table.stages) CHECK(table.a[i][j] == 0);
        sum += table.a[i][j];
      }
      CHECK(std::abs(sum - table.c[i]) < kRounding);
      if (i >= table.stages) CHECK(table.b[i] == 0);
    }
  }
}

TEST_CASE("the embedded method has one order less, and the last stage begins the next step") {
  for (const Solver solver : kSolvers) {
    const ButcherTable& table = butcher_table(solver);
    CAPTURE(table.name);
    const bool embedded =
        std::find(std::begin(kEmbedded), std::end(kEmbedded), solver) != std::end(kEmbedded);
    CHECK(table.error.has_value() == embedded);
    CHECK(table.first_same_as_last == embedded);
    CHECK(evaluations_per_step(solver) == table.stages - (embedded ? 1 : 0));
    if (!embedded) {
      CHECK_FALSE(table.dense);
      continue;
    }
    Weights weights = table.b;
    for (int i = 0; i < table.stages; ++i) weights[i] -= (*table.error)[i];
    for (int nodes = 1; nodes < table.order; ++nodes) {
      CAPTURE(nodes);
      CHECK(violation(table, weights, nodes) < kRounding);
    }
    CHECK(violation(table, weights, table.order) > 1e-4);
    const int last = table.stages - 1;
    CHECK(table.a[last] == table.b);
    CHECK(table.b[last] == 0);
    CHECK(table.c[last] == 1);
    CHECK((*table.error)[last] != 0);
  }
}

TEST_CASE("the continuous extension has order 4, the cubic order 3, all along the step") {
  for (const Solver solver : kEmbedded) {
    const ButcherTable& table = butcher_table(solver);
    CAPTURE(table.name);
    const int order = table.dense ? 4 : 3;
    CHECK(order == (table.order == 5 ? 4 : 3));
    double next = 0;
    for (const double q : {0.1, 0.35, 0.5, 0.77, 0.95, 1.0}) {
      CAPTURE(q);
      const Weights weights = dense_weights(table, q);
      for (int nodes = 1; nodes <= order; ++nodes) {
        CAPTURE(nodes);
        CHECK(violation(table, weights, nodes, q) < kRounding);
      }
      next = std::max(next, violation(table, weights, order + 1, q));
    }
    CHECK(next > 1e-4);
  }
}

TEST_CASE("tables know their names, and there is none without a solver") {
  std::set<std::string_view> names;
  for (const Solver solver : kSolvers) names.insert(name_of(solver));
  CHECK(names.size() == std::size(kSolvers));
  CHECK(name_of(Solver::tsitouras) == "tsitouras");
  CHECK(order_of(Solver::bogacki_shampine) == 3);
  CHECK_THROWS_WITH_AS(butcher_table(static_cast<Solver>(9)), doctest::Contains("no solver 9"), Error);
}

}  // namespace nabla::flow
