#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/autodiff/contraction/contraction_cost.h"
#include "engine/autodiff/contraction/linear_map.h"

namespace nabla {

/// The arithmetic of linear maps: products, sums, traces and diagonals. `Values` says what the maps are made
/// of: TensorValues builds tensors, CountedValues counts what they would cost, so that what is searched is
/// what is built.
template <class Values>
class LinearMapAlgebra {
 public:
  using Value = typename Values::Value;
  using Map = typename Values::Map;
  using Maps = std::vector<Map>;  ///< a sum

  explicit LinearMapAlgebra(Values of) : values(std::move(of)) {}

  Values values;

  /// Composes two maps: first, then second.
  Map multiply(const Map& second, const Map& first) {
    if (second.kind == MapKind::low_rank || first.kind == MapKind::low_rank)
      return multiply_low_rank(second, first);
    if (second.kind == MapKind::diagonal) {
      values.count_vector(varies(second.left), number(first.rows));
      return scale_left(first, second.left);
    }
    if (first.kind == MapKind::diagonal) {
      values.count_vector(varies(first.left), number(second.rows));
      return scale_right(second, first.left);
    }
    if (second.kind == MapKind::applied || first.kind == MapKind::applied)
      return multiply_applied(second, first);
    return multiply_matrices(second, first);
  }

  /// Multiplies all terms. What has several matrices is formed first where another matrix meets it: adding
  /// them takes less than multiplying each.
  Maps multiply(const Maps& second, const Maps& first) {
    const auto ready = [&](const Maps& maps, const Maps& other) {
      return std::ranges::any_of(other, is_dense_map) ? with_one_matrix(maps) : maps;
    };
    const Maps seconds = ready(second, first), firsts = ready(first, second);
    Maps result;
    for (const Map& s : seconds)
      for (const Map& f : firsts) add(result, multiply(s, f));
    return result;
  }

  /// Adds a term, to another of its kind where that costs no more than adding two diagonals or matrices.
  void add(Maps& to, const Map& term) {
    for (Map& map : to) {
      if (map.kind != term.kind) continue;
      if (map.kind == MapKind::diagonal) {
        map.left = values.side(
            values.sum(map.left ? *map.left : values.one(), term.left ? *term.left : values.one()));
        return;
      }
      if (map.kind == MapKind::low_rank) {
        map.right = values.concatenate(*map.right, *term.right);
        map.left = values.concatenate(*map.left, *term.left);
        if (is_full_rank(values.count(*map.left), map.rows, map.columns)) form_low_rank(to, Map(map));
        return;
      }
      if (map.kind == MapKind::applied) {
        map = sum_of_applied(map, term);
        return;
      }
      const Map one = with_number_inside(map), other = with_number_inside(term);
      if (one.left || one.right || other.left || other.right) continue;
      if (map.kind == MapKind::per_sample) values.count_matrix(true, elements(map));
      map = one;
      map.matrix = values.sum(*one.matrix, *other.matrix);
      return;
    }
    to.push_back(term);
    if (std::ranges::count_if(to, has_matrix_map) > kMostMatrices) to = with_one_matrix(to);
  }

  /// Finds the diagonal of first, then second, of each sample: [B or 1, rows], or [B or 1, 1] where all are
  /// equal.
  Value diagonal_of_product(const Map& second, const Map& first) {
    if (second.kind == MapKind::diagonal && first.kind == MapKind::diagonal) {
      values.count_matrix(true, number(second.rows));
      const Side d = product(second.left, first.left);
      return d ? *d : values.one();
    }
    if (second.kind == MapKind::low_rank || first.kind == MapKind::low_rank ||
        second.kind == MapKind::applied || first.kind == MapKind::applied) {
      const Map both = multiply(second, first);
      const bool is_low_rank = both.kind == MapKind::low_rank;
      values.count_matrix(true, number(is_low_rank ? values.count(*both.left) * both.rows : both.rows));
      return is_low_rank ? values.diagonal(*both.left, *both.right) : values.diagonal(matrix_of(both));
    }
    if (second.kind == MapKind::diagonal || first.kind == MapKind::diagonal) {
      values.count_matrix(true, number(second.rows));
      const Map& map = second.kind == MapKind::diagonal ? first : second;
      const Side& d = second.kind == MapKind::diagonal ? second.left : first.left;
      Value on_diagonal = values.diagonal(with_samples(map));  // [B or 1, n]
      for (const Side* factor : {&map.left, &map.right, &d})
        if (*factor) on_diagonal = values.multiply(on_diagonal, **factor);
      return on_diagonal;
    }
    // l2_i r1_i sum_j M2_ij (r2 l1)_j M1_ji
    const Side middle = product(second.right, first.left);
    count_pair(second, first, is_full(middle));
    const Value both = values.multiply(with_samples(second), values.transposed(with_samples(first)));
    Value on_diagonal = values.sum_of_rows(middle ? *middle : values.one(), values.transposed(both));
    for (const Side* factor : {&second.left, &first.right})
      if (*factor) on_diagonal = values.multiply(on_diagonal, **factor);
    return on_diagonal;
  }

  /// Finds the trace of first, then second, of each sample: [B or 1].
  Value trace_of_product(const Map& second, const Map& first) {
    // tr(AB) = tr(BA): vectors of few meet the matrix, and the shorter diagonal is summed.
    if (!has_matrix(second) || !has_matrix(first)) {
      const bool swaps = second.kind != MapKind::diagonal && first.kind != MapKind::diagonal &&
                         values.swaps_trace(second.rows, first.rows);
      return swaps ? values.sum_of_elements(diagonal_of_product(first, second), first.rows)
                   : values.sum_of_elements(diagonal_of_product(second, first), first.columns);
    }
    // A product can be formed transposed; another matrix lies as it does.
    if (values.is_shared_product(*second.matrix) && !values.is_shared_product(*first.matrix))
      return trace_of_product(first, second);
    // sum_ij l1_i M1_ij r1_j l2_j M2_ji r2_i
    const Side by_row = product(second.left, first.right);
    const Side by_column = product(second.right, first.left);
    count_pair(second, first, is_full(by_row) || is_full(by_column));
    const Value both = values.multiply(with_samples(second), values.transposed(with_samples(first)));
    const Value by_columns = values.sum_of_rows(by_row ? *by_row : values.one(), both);
    return values.sum_of_elements(by_column ? values.multiply(by_columns, *by_column) : by_columns,
                                  second.columns);
  }

  /// Forms a sum as one matrix for each sample: [B or 1, rows, columns]. @throws Error if it has no terms.
  Value form(const Maps& maps) {
    if (maps.empty()) throw Error("formed: a sum without terms has no extents");
    std::optional<Value> matrix;
    for (const Map& map : maps) {
      const Value term = matrix_of(map);
      const bool is_scaled = varies(map.left) || varies(map.right);
      if (has_matrix(map) ? map.kind == MapKind::per_sample || is_scaled
                          : map.kind == MapKind::diagonal && is_scaled)
        values.count_matrix(true, elements(map));
      matrix = matrix ? values.sum(*matrix, term) : term;
    }
    return *matrix;
  }

 private:
  using Side = std::optional<Value>;

  static double number(std::int64_t n) { return static_cast<double>(n); }
  static double elements(const Map& map) { return number(map.rows) * number(map.columns); }
  static bool has_matrix_map(const Map& map) { return has_matrix(map); }
  static bool is_dense_map(const Map& map) { return is_dense(map); }
  static bool varies(const Side& d) { return d && Values::varies(*d); }
  // Does it scale all elements alike? Then it may stand on either side of a matrix.
  static bool is_uniform(const Side& d) { return d && Values::is_uniform(*d); }
  static bool is_full(const Side& d) { return varies(d) && !is_uniform(d); }

  Side product(const Side& a, const Side& b) {
    if (!a) return b;
    return b ? Side(values.multiply(*a, *b)) : a;
  }

  Value with_samples(const Map& map) {
    return map.kind == MapKind::shared ? values.with_samples(*map.matrix) : *map.matrix;
  }

  // A diagonal that all samples share goes into a matrix that they share; one number stays beside it, which
  // spares a copy of the matrix.
  bool goes_inside(const Map& map, const Side& d, const Side& side) const {
    return map.kind == MapKind::shared && !varies(d) && !is_uniform(d) && !side;
  }
  Map scale_left(Map map, const Side& d) {
    if (!d) return map;
    if (goes_inside(map, d, map.left))
      map.matrix = values.scale_rows(*map.matrix, *d);
    else
      map.left = product(d, map.left);
    return map;
  }
  Map scale_right(Map map, const Side& d) {
    if (!d) return map;
    if (map.kind == MapKind::diagonal || (map.kind == MapKind::shared && is_uniform(d)))
      map.left = product(map.left, d);
    else if (goes_inside(map, d, map.right))
      map.matrix = values.scale_columns(*map.matrix, *d);
    else
      map.right = product(map.right, d);
    return map;
  }

  // Each of the vectors [B or 1, k, n] times a diagonal [B or 1, n].
  Value scale(const Value& vectors, const Side& d, std::int64_t n) {
    if (!d) return vectors;
    values.count_vector(varies(d), number(values.count(vectors)) * number(n));
    return values.scale_columns(vectors, *d);
  }

  // A map with a matrix, or one that is applied, of the vectors [B or 1, k, columns] or, transposed, [B or 1,
  // k, rows].
  Value image(const Map& map, const Value& vectors, bool transposed) {
    const Value in = scale(vectors, transposed ? map.left : map.right, transposed ? map.rows : map.columns);
    return scale(values.image(map, in, transposed), transposed ? map.right : map.left,
                 transposed ? map.columns : map.rows);
  }

  // A map as one matrix for each sample, [B or 1, rows, columns].
  Value matrix_of(const Map& map) {
    if (map.kind == MapKind::diagonal) {
      const Value eye = values.identity(map.rows);
      return map.left ? values.scale_columns(eye, *map.left) : eye;
    }
    if (map.kind == MapKind::low_rank) return values.product(values.transposed(*map.left), *map.right);
    if (map.kind == MapKind::applied)
      return values.transposed(image(map, values.identity(map.columns), false));
    Value matrix = with_samples(map);
    if (map.left) matrix = values.scale_rows(matrix, *map.left);
    return map.right ? values.scale_columns(matrix, *map.right) : matrix;
  }

  static Map of_low_rank(const Map& second, const Map& first, Value left, Value right) {
    return {MapKind::low_rank, second.rows, first.columns, std::move(left), {}, std::move(right)};
  }

  Map multiply_matrices(const Map& second, const Map& first) {
    Side middle = product(second.right, first.left);
    Side outer = second.left;
    if (is_uniform(middle)) {
      outer = product(outer, middle);
      middle.reset();
    }
    const bool once = second.kind == MapKind::shared && first.kind == MapKind::shared && !middle;
    if (stays_low_rank(second.columns, second.rows, first.columns, once)) {
      const Value left = scale(values.transposed(with_samples(second)), outer, second.rows);
      Value right = with_samples(first);
      values.count_vector(varies(first.right) || varies(middle), elements(first));
      if (first.right) right = values.scale_columns(right, *first.right);
      // The scales in the middle belong to the outer products; the shared side of them takes the fewest.
      if (middle) right = values.scale_rows(right, *middle);
      return of_low_rank(second, first, left, right);
    }
    Map result{MapKind::shared, second.rows, first.columns, outer, {}, first.right};
    if (once) {
      result.matrix = values.product(*second.matrix, *first.matrix);
      return result;
    }
    result.kind = MapKind::per_sample;
    Value left = with_samples(second);
    if (middle) left = values.scale_columns(left, *middle);
    values.count_matrix(true, elements(result) + (varies(middle) ? elements(second) : 0));
    result.matrix = values.product(left, with_samples(first));
    return result;
  }

  Map multiply_low_rank(const Map& second, const Map& first) {
    if (first.kind == MapKind::diagonal)
      return of_low_rank(second, first, *second.left, scale(*second.right, first.left, first.rows));
    if (second.kind == MapKind::diagonal)
      return of_low_rank(second, first, scale(*first.left, second.left, second.rows), *first.right);
    if (first.kind != MapKind::low_rank)
      return of_low_rank(second, first, *second.left, image(first, *second.right, true));
    if (second.kind != MapKind::low_rank)
      return of_low_rank(second, first, image(second, *first.left, false), *first.right);
    // All of it counts for each sample if any side does.
    const bool is_varying =
        varies(second.left) || varies(second.right) || varies(first.left) || varies(first.right);
    const Value inner = values.product(*second.right, values.transposed(*first.left), is_varying);
    if (values.count(*second.left) <= values.count(*first.left))
      return of_low_rank(second, first, *second.left, values.product(inner, *first.right, is_varying));
    return of_low_rank(second, first, values.product(values.transposed(inner), *second.left, is_varying),
                       *first.right);
  }

  // One that is applied, times a matrix or the other way round: the columns, or rows, go through it. Two that
  // are applied stay so, unless they meet in few elements.
  Map multiply_applied(const Map& second, const Map& first) {
    Map result{MapKind::per_sample, second.rows, first.columns, {}, {}, {}};
    if (stays_low_rank(second.columns, second.rows, first.columns, false)) {
      const Value eye = values.identity(second.columns);
      const Value right = image(first, eye, true);
      return of_low_rank(second, first, image(second, eye, false), right);
    }
    if (second.kind == first.kind) {
      const auto map = [&](bool transposed) {
        return [algebra = *this, second, first, transposed](const Value& x) mutable {
          return transposed ? algebra.image(first, algebra.image(second, x, true), true)
                            : algebra.image(second, algebra.image(first, x, false), false);
        };
      };
      result.kind = MapKind::applied;
      result.function = values.function(first, second, map(false), map(true));
      return result;
    }
    const bool through_second = second.kind == MapKind::applied;
    const Map& matrix = through_second ? first : second;
    const Value formed = matrix_of(matrix);
    result.matrix = through_second ? values.transposed(image(second, values.transposed(formed), false))
                                   : image(first, formed, true);
    values.count_matrix(
        true, elements(result) + (varies(matrix.left) || varies(matrix.right) ? elements(matrix) : 0));
    return result;
  }

  Map sum_of_applied(const Map& a, const Map& b) {
    const auto map = [&](bool transposed) {
      return [algebra = *this, a, b, transposed](const Value& x) mutable {
        return algebra.values.sum(algebra.image(a, x, transposed), algebra.image(b, x, transposed));
      };
    };
    Map result{MapKind::applied, a.rows, a.columns, {}, {}, {}};
    result.function = values.function(a, b, map(false), map(true));
    return result;
  }

  // Outer products that are too many become a matrix.
  void form_low_rank(Maps& maps, const Map& term) {
    std::erase_if(maps, [](const Map& map) { return map.kind == MapKind::low_rank; });
    const Value matrix = matrix_of(term);
    const bool is_shared = !Values::varies(matrix);
    Map formed{is_shared ? MapKind::shared : MapKind::per_sample, term.rows, term.columns, {}, {}, {}};
    formed.matrix = is_shared ? values.without_samples(matrix) : matrix;
    add(maps, formed);
  }

  // With the number beside a matrix that all samples share put into it, so that another can be added.
  Map with_number_inside(Map map) {
    if (map.kind != MapKind::shared || !map.left || varies(map.left) || !is_uniform(map.left)) return map;
    map.matrix = values.scale_columns(*map.matrix, *map.left);
    map.left.reset();
    return map;
  }

  // All terms with a matrix as one.
  Maps with_one_matrix(Maps maps) {
    if (std::ranges::count_if(maps, has_matrix_map) <= 1) return maps;
    Map sum{MapKind::per_sample, maps.front().rows, maps.front().columns, {}, {}, {}};
    for (const Map& map : maps) {
      if (!has_matrix(map)) continue;
      const Value matrix = matrix_of(map);
      values.count_matrix(true, elements(sum));
      sum.matrix = sum.matrix ? values.sum(*sum.matrix, matrix) : matrix;
    }
    std::erase_if(maps, has_matrix_map);
    maps.push_back(sum);
    return maps;
  }

  // Two matrices that close on each other, element by element; one bilinear form where sides differ between
  // samples.
  void count_pair(const Map& second, const Map& first, bool is_scaled) {
    const bool once = second.kind == MapKind::shared && first.kind == MapKind::shared;
    values.count_matrix(!once, (once ? 1 : 3) * elements(second));
    if (once && is_scaled) values.count_form(elements(second));
  }
};

}  // namespace nabla
