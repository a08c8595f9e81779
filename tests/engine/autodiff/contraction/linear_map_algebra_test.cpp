#include "engine/autodiff/contraction/linear_map_algebra.h"

#include <set>

#include "engine/autodiff/contraction/counted_values.h"
#include "engine/autodiff/contraction/tensor_values.h"
#include "tests/engine/numbers.h"

// What is foretold of sums, products, traces and diagonals of linear maps against what is built, for each
// pair of kinds of maps.

namespace nabla::test {
namespace {

constexpr std::int64_t kSamples = 3;

using Building = LinearMapAlgebra<TensorValues>;
using Counting = LinearMapAlgebra<CountedValues>;

// Products alone.
Counting counting_products() { return Counting(CountedValues{{}, {0, 0}}); }

class Maps {
 public:
  struct Case {
    std::string name;
    LinearMap map;
  };

  std::vector<Case> of(std::int64_t rows, std::int64_t columns) {
    std::vector<Case> all;
    const auto add = [&](const char* name, MapKind kind, std::optional<Tensor> left,
                         std::optional<Tensor> matrix, std::optional<Tensor> right) {
      all.push_back({name, {kind, rows, columns, left, matrix, right}});
    };
    const std::int64_t b = kSamples, rank = 2;
    if (rows == columns) {
      add("identity", MapKind::diagonal, {}, {}, {});
      add("diagonal", MapKind::diagonal, numbers({b, rows}), {}, {});
      add("number", MapKind::diagonal, numbers({b, 1}), {}, {});
    }
    add("shared", MapKind::shared, {}, numbers({rows, columns}), {});
    add("shared, left", MapKind::shared, numbers({b, rows}), numbers({rows, columns}), {});
    add("shared, both", MapKind::shared, numbers({b, 1}), numbers({rows, columns}), numbers({b, columns}));
    add("per sample", MapKind::per_sample, {}, numbers({b, rows, columns}), {});
    add("per sample, both", MapKind::per_sample, numbers({b, rows}), numbers({b, rows, columns}),
        numbers({b, columns}));
    add("low rank of all", MapKind::low_rank, numbers({1, rank, rows}), {}, numbers({1, rank, columns}));
    add("low rank", MapKind::low_rank, numbers({b, rank, rows}), {}, numbers({b, rank, columns}));
    for (const bool is_scaled : {false, true}) {
      add(is_scaled ? "applied, left" : "applied", MapKind::applied, {}, {}, {});
      LinearMap& map = all.back().map;
      if (is_scaled) map.left = numbers({b, rows});
      const Tensor matrix = numbers({rows, columns});
      map.function = std::make_shared<AppliedMap>(
          AppliedMap{[=](const Tensor& x) { return matmul(x, transpose(matrix)); },
                     [=](const Tensor& x) { return matmul(x, matrix); }, b,
                     2 * static_cast<double>(rows) * static_cast<double>(columns)});
    }
    return all;
  }

 private:
  Tensor numbers(const Shape& shape) { return random_normal(shape, ++key_); }
  std::uint64_t key_ = 0;
};

Tensor whole(const LinearMap& map) {
  const Tensor matrix = Building({DType::f64}).form({map});
  return broadcast_to(matrix, {kSamples, map.rows, map.columns});
}

// Operations of the products behind tensors.
double products_behind(const std::vector<Tensor>& results) {
  std::set<const Node*> seen;
  std::vector<const Node*> open;
  for (const Tensor& result : results) open.push_back(&result.node());
  double operations = 0;
  while (!open.empty()) {
    const Node* node = open.back();
    open.pop_back();
    if (!seen.insert(node).second) continue;
    for (const Node* input : node->inputs()) open.push_back(input);
    if (node->primitive().name() != "contraction") continue;
    double spanned = 1;
    const Shape &a = node->inputs()[0]->shape(), &b = node->inputs()[1]->shape();
    for (int axis = 0; axis < a.rank(); ++axis) spanned *= static_cast<double>(std::max(a[axis], b[axis]));
    operations += 2 * spanned;
  }
  return operations;
}

double products_behind(const std::vector<LinearMap>& maps) {
  std::vector<Tensor> tensors;
  for (const LinearMap& map : maps)
    for (const auto& tensor : {map.left, map.matrix, map.right})
      if (tensor) tensors.push_back(*tensor);
  return products_behind(tensors);
}

void check_described(const CountedMap& foretold, const LinearMap& built) {
  const CountedMap found = counted(built);
  CHECK(foretold.kind == found.kind);
  CHECK(foretold.rows == found.rows);
  CHECK(foretold.columns == found.columns);
  CHECK(foretold.left == found.left);
  CHECK(foretold.matrix == found.matrix);
  CHECK(foretold.right == found.right);
  CHECK(foretold.function == found.function);
}

bool has_shared_side(const LinearMap& map) {
  return map.kind == MapKind::diagonal && map.left && map.left->shape()[0] == 1;
}

// Two of low rank count for each sample if any of them varies.
bool counts_more(const LinearMap& second, const LinearMap& first) {
  return second.kind == MapKind::low_rank && first.kind == MapKind::low_rank &&
         second.left->shape()[0] != first.left->shape()[0];
}

double foretold(const Counting& algebra) { return algebra.values.cost.total(kSamples); }

struct Extents {
  std::int64_t rows, middle, columns;
};
// Wide, through few elements, and square.
constexpr Extents kExtents[] = {{6, 5, 7}, {9, 2, 8}, {18, 4, 16}, {8, 8, 8}};

template <class F>
void for_each_pair(F&& f) {
  Maps maps;
  for (const Extents& extents : kExtents)
    for (const auto& [second_name, second] : maps.of(extents.rows, extents.middle))
      for (const auto& [first_name, first] : maps.of(extents.middle, extents.columns)) {
        INFO(first_name, ", then ", second_name, " ", extents.rows, " ", extents.middle, " ",
             extents.columns);
        f(second, first);
      }
}

}  // namespace

TEST_CASE("a product of two maps is what was counted") {
  for_each_pair([](const LinearMap& second, const LinearMap& first) {
    Building build({DType::f64});
    Counting count = counting_products();
    const LinearMap built = build.multiply(second, first);
    check_described(count.multiply(counted(second), counted(first)), built);
    const double products = products_behind(std::vector{built});
    if (counts_more(second, first))
      CHECK(foretold(count) >= products);
    else
      CHECK(foretold(count) == products);
    CHECK(distance(whole(built), matmul(whole(second), whole(first))) < 1e-11);
  });
}

TEST_CASE("a sum of maps, and a product of two sums, are what was counted") {
  Maps maps;
  for (const std::int64_t n : {3, 8, 20}) {
    const std::vector<Maps::Case> all = maps.of(n, n);
    for (const auto& [first_name, first] : all)
      for (const auto& [second_name, second] : all)
        for (const auto& [third_name, third] : all) {
          INFO(first_name, " + ", second_name, " + ", third_name, " of ", n);
          Building build({DType::f64});
          Counting count = counting_products();
          std::vector<LinearMap> built;
          std::vector<CountedMap> described;
          for (const LinearMap* term : {&first, &second, &third}) {
            build.add(built, *term);
            count.add(described, counted(*term));
          }
          REQUIRE(described.size() == built.size());
          for (std::size_t i = 0; i < built.size(); ++i) check_described(described[i], built[i]);
          CHECK(foretold(count) == products_behind(built));
          CHECK(distance(broadcast_to(build.form(built), {kSamples, n, n}),
                         whole(first) + whole(second) + whole(third)) < 1e-11);
          // Identities make a number that all samples share, which is not counted.
          if (std::ranges::any_of(built, has_shared_side)) continue;
          const std::vector<LinearMap> twice = build.multiply(built, {first});
          const std::vector<CountedMap> twice_described = count.multiply(described, {counted(first)});
          REQUIRE(twice_described.size() == twice.size());
          for (std::size_t i = 0; i < twice.size(); ++i) check_described(twice_described[i], twice[i]);
        }
  }
}

TEST_CASE("a formed map is what was counted") {
  Maps maps;
  for (const auto& [name, map] : maps.of(6, 6)) {
    INFO(name);
    Counting count = counting_products();
    const CountedValue described = count.form({counted(map)});
    const Tensor matrix = Building({DType::f64}).form({map});
    CHECK(described.rows == matrix.shape()[-2]);
    CHECK(described.columns == matrix.shape()[-1]);
    CHECK(described.varies == (matrix.shape()[0] != 1));
    CHECK(foretold(count) == products_behind(std::vector{matrix}));
  }
}

TEST_CASE("a trace and a diagonal are what was counted") {
  for_each_pair([](const LinearMap& second, const LinearMap& first) {
    if (second.rows != first.columns) return;
    const Tensor product = matmul(whole(second), whole(first));
    const Tensor on = cast(identity(second.rows, DType::u8), DType::boolean);
    const Tensor expected = sum(select(on, product, 0.0), {-1});
    // Two matrices are multiplied element by element, which counts as much as the sum behind it.
    const bool are_matrices = has_matrix(second) && has_matrix(first);
    for (const bool of_trace : {false, true}) {
      INFO("trace ", of_trace);
      Building build({DType::f64});
      Counting count = are_matrices ? Counting(CountedValues{}) : counting_products();
      const Tensor built =
          of_trace ? build.trace_of_product(second, first) : build.diagonal_of_product(second, first);
      const CountedMap s = counted(second), f = counted(first);
      const CountedValue described =
          of_trace ? count.trace_of_product(s, f) : count.diagonal_of_product(s, f);
      CHECK(described.varies == (built.shape()[0] != 1));
      if (are_matrices || counts_more(second, first))
        CHECK(foretold(count) >= products_behind(std::vector{built}));
      else
        CHECK(foretold(count) == products_behind(std::vector{built}));
      if (of_trace)
        CHECK(distance(broadcast_to(built, {kSamples}), sum(expected, {-1})) < 1e-11);
      else
        CHECK(distance(broadcast_to(built, expected.shape()), expected) < 1e-11);
    }
  });
}

}  // namespace nabla::test
