#include "engine/autodiff/contraction/linear_map.h"

#include <algorithm>

#include "engine/ops/constant.h"
#include "engine/ops/contraction.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduction.h"
#include "engine/ops/shaping.h"
#include "engine/ops/slicing.h"

namespace nabla {
namespace {

using Diagonal = std::optional<Tensor>;

bool is_shared(const Diagonal& d) { return d && d->shape()[0] == 1; }
// Does it scale all elements alike? Then it may stand on either side of a matrix.
bool is_uniform(const Diagonal& d) { return d && d->shape()[-1] == 1; }

bool has_matrix(const LinearMap& map) {
  return map.kind == MapKind::shared || map.kind == MapKind::per_sample;
}
// Is it dear to multiply with?
bool is_dense(const LinearMap& map) { return has_matrix(map) || map.kind == MapKind::applied; }

Tensor with_batch(const Tensor& x, std::int64_t samples) {
  Shape shape = x.shape();
  shape[0] = samples;
  return broadcast_to(x, shape);
}

Diagonal product(const Diagonal& a, const Diagonal& b) {
  if (!a) return b;
  return b ? Diagonal(*a * *b) : a;
}

Tensor columns_scaled(const Tensor& matrix, const Tensor& diagonal) {
  return matrix * insert_axes(diagonal, {-2});  // [.., rows, columns] and [B or 1, columns]
}

// A diagonal that all samples share goes into a matrix that they share; one number stays beside it, which
// spares a copy of the matrix.
LinearMap with_left(LinearMap map, const Diagonal& d) {
  if (!d) return map;
  if (map.kind != MapKind::shared || !is_shared(d) || is_uniform(d) || map.left)
    map.left = product(d, map.left);
  else
    map.matrix = *map.matrix * transpose(*d);
  return map;
}
LinearMap with_right(LinearMap map, const Diagonal& d) {
  if (!d) return map;
  if (map.kind == MapKind::diagonal)
    map.left = product(map.left, d);
  else if (map.kind == MapKind::shared && is_uniform(d))
    map.left = product(map.left, d);
  else if (map.kind != MapKind::shared || !is_shared(d) || map.right)
    map.right = product(map.right, d);
  else
    map.matrix = *map.matrix * *d;
  return map;
}

// Of a matrix, without products with what stands beside the diagonal.
Tensor diagonal_of(const Tensor& matrix) {
  const Tensor on = cast(identity(matrix.shape()[-1], DType::u8), DType::boolean);
  return sum(select(on, matrix, 0.0), {-1});
}

Tensor batched(const LinearMap& map) {
  return map.kind == MapKind::shared ? insert_axes(*map.matrix, {-3}) : *map.matrix;
}

std::int64_t rank_of(const LinearMap& map) { return map.left->shape()[1]; }

// Sums vector[i] matrix[i, j] over i; [B or 1, rows or 1] and [B or 1, rows, columns].
Tensor times_rows(const Tensor& vector, const Tensor& matrix) {
  if (vector.shape()[-1] == 1) return vector * sum(matrix, {-2});
  return drop_axes(contraction(insert_axes(vector, {-1}), matrix, {-2}), {-2});
}

// Over n elements that may be one for all.
Tensor summed(const Tensor& d, std::int64_t n) {
  return d.shape()[-1] == n ? sum(d, {-1}) : drop_axes(d, {-1}) * static_cast<double>(n);
}

// Each of the vectors [B or 1, k, n] times a diagonal [B or 1, n].
Tensor scaled(const Tensor& vectors, const Diagonal& d) {
  return d ? vectors * insert_axes(*d, {-2}) : vectors;
}

// A map with a matrix, or one that is applied, of the vectors [B or 1, k, columns] or, transposed, [B or 1,
// k, rows]. Vectors of all samples go through a shared matrix as rows of one product.
Tensor image(const LinearMap& map, const Tensor& vectors, bool transposed) {
  const Tensor in = scaled(vectors, transposed ? map.left : map.right);
  Tensor out;
  if (map.kind == MapKind::applied) {
    const AppliedMap& function = *map.function;
    out = (transposed ? function.transposed : function.forward)(with_batch(in, function.samples));
  } else {
    const Tensor matrix = transposed ? *map.matrix : transpose(*map.matrix);
    const std::int64_t samples = in.shape()[0], count = in.shape()[1];
    out = map.kind == MapKind::shared ? reshape(matmul(reshape(in, {samples * count, in.shape()[2]}), matrix),
                                                {samples, count, matrix.shape()[-1]})
                                      : matmul(in, matrix);
  }
  return scaled(out, transposed ? map.right : map.left);
}

// A map as one matrix for each sample, [B or 1, rows, columns].
Tensor formed(const LinearMap& map, DType dtype) {
  if (map.kind == MapKind::diagonal) {
    const Tensor eye = insert_axes(identity(map.rows, dtype), {-3});
    return map.left ? columns_scaled(eye, *map.left) : eye;
  }
  if (map.kind == MapKind::low_rank) return matmul(transpose(*map.left), *map.right);
  if (map.kind == MapKind::applied)
    return transpose(image(map, insert_axes(identity(map.columns, dtype), {-3}), false));
  Tensor matrix = batched(map);
  if (map.left) matrix = matrix * insert_axes(*map.left, {-1});
  return map.right ? columns_scaled(matrix, *map.right) : matrix;
}

LinearMap of_low_rank(const LinearMap& second, const LinearMap& first, Tensor left, Tensor right) {
  return {MapKind::low_rank, second.rows, first.columns, std::move(left), {}, std::move(right)};
}

LinearMap product_of_low_rank(const LinearMap& second, const LinearMap& first) {
  if (first.kind == MapKind::diagonal)
    return of_low_rank(second, first, *second.left, scaled(*second.right, first.left));
  if (second.kind == MapKind::diagonal)
    return of_low_rank(second, first, scaled(*first.left, second.left), *first.right);
  if (first.kind != MapKind::low_rank)
    return of_low_rank(second, first, *second.left, image(first, *second.right, true));
  if (second.kind != MapKind::low_rank)
    return of_low_rank(second, first, image(second, *first.left, false), *first.right);
  const Tensor inner = matmul(*second.right, transpose(*first.left));
  if (rank_of(second) <= rank_of(first))
    return of_low_rank(second, first, *second.left, matmul(inner, *first.right));
  return of_low_rank(second, first, matmul(transpose(inner), *second.left), *first.right);
}

// One that is applied, times a matrix or the other way round: the columns, or rows, go through it. Two that
// are applied stay so, unless they meet in few elements.
LinearMap product_of_applied(const LinearMap& second, const LinearMap& first) {
  LinearMap result{MapKind::per_sample, second.rows, first.columns, {}, {}, {}};
  const bool both = second.kind == MapKind::applied && first.kind == MapKind::applied;
  const DType dtype = (second.function ? second : first).function->dtype;
  if (stays_low_rank(second.columns, second.rows, first.columns, false)) {
    const Tensor eye = insert_axes(identity(second.columns, dtype), {-3});
    return of_low_rank(second, first, image(second, eye, false), image(first, eye, true));
  }
  if (both) {
    result.kind = MapKind::applied;
    const auto forward = [second, first](const Tensor& x) {
      return image(second, image(first, x, false), false);
    };
    const auto transposed = [second, first](const Tensor& x) {
      return image(first, image(second, x, true), true);
    };
    result.function = std::make_shared<AppliedMap>(
        AppliedMap{forward, transposed, first.function->samples, first.function->dtype,
                   first.function->operations + second.function->operations});
  } else if (second.kind == MapKind::applied) {
    result.matrix = transpose(image(second, transpose(formed(first, dtype)), false));
  } else {
    result.matrix = image(first, formed(second, dtype), true);
  }
  return result;
}

LinearMap sum_of_applied(const LinearMap& a, const LinearMap& b) {
  const auto sum_of = [a, b](bool transposed) {
    return [=](const Tensor& x) { return image(a, x, transposed) + image(b, x, transposed); };
  };
  LinearMap result{MapKind::applied, a.rows, a.columns, {}, {}, {}};
  result.function = std::make_shared<AppliedMap>(AppliedMap{sum_of(false), sum_of(true), a.function->samples,
                                                            a.function->dtype,
                                                            a.function->operations + b.function->operations});
  return result;
}

// Outer products one behind the other.
LinearMap sum_of_low_rank(const LinearMap& a, const LinearMap& b) {
  const auto both = [](const Tensor& x, const Tensor& y) {
    const std::int64_t samples = std::max(x.shape()[0], y.shape()[0]);
    return concatenate(std::vector<Tensor>{with_batch(x, samples), with_batch(y, samples)}, 1);
  };
  return of_low_rank(a, a, both(*a.left, *b.left), both(*a.right, *b.right));
}

// With the number beside a matrix that all samples share put into it, so that another can be added.
LinearMap with_number_inside(LinearMap map) {
  if (map.kind != MapKind::shared || !is_shared(map.left) || !is_uniform(map.left)) return map;
  map.matrix = *map.matrix * *map.left;
  map.left.reset();
  return map;
}

// All terms with a matrix as one.
LinearMaps with_one_matrix(LinearMaps maps) {
  if (std::ranges::count_if(maps, has_matrix) <= 1) return maps;
  LinearMap all{MapKind::per_sample, maps.front().rows, maps.front().columns, {}, {}, {}};
  for (const LinearMap& map : maps) {
    if (!has_matrix(map)) continue;
    const Tensor matrix = formed(map, map.matrix->dtype());
    all.matrix = all.matrix ? *all.matrix + matrix : matrix;
  }
  std::erase_if(maps, has_matrix);
  maps.push_back(all);
  return maps;
}

}  // namespace

LinearMap multiply(const LinearMap& second, const LinearMap& first) {
  if (second.kind == MapKind::low_rank || first.kind == MapKind::low_rank)
    return product_of_low_rank(second, first);
  if (second.kind == MapKind::diagonal) return with_left(first, second.left);
  if (first.kind == MapKind::diagonal) return with_right(second, first.left);
  if (second.kind == MapKind::applied || first.kind == MapKind::applied)
    return product_of_applied(second, first);
  Diagonal middle = product(second.right, first.left);
  Diagonal outer = second.left;
  if (is_uniform(middle)) {
    outer = product(outer, middle);
    middle.reset();
  }
  const bool once = second.kind == MapKind::shared && first.kind == MapKind::shared && !middle;
  if (stays_low_rank(second.columns, second.rows, first.columns, once)) {
    const Tensor left = scaled(transpose(batched(second)), outer);
    const Tensor right = scaled(batched(first), first.right);
    // The scales in the middle belong to the outer products; the shared side of them takes the fewest.
    return of_low_rank(second, first, left, middle ? right * insert_axes(*middle, {-1}) : right);
  }
  LinearMap result{MapKind::shared, second.rows, first.columns, outer, {}, first.right};
  if (once) {
    result.matrix = matmul(*second.matrix, *first.matrix);
    return result;
  }
  result.kind = MapKind::per_sample;
  Tensor left = batched(second);
  if (middle) left = columns_scaled(left, *middle);
  result.matrix = matmul(left, batched(first));
  return result;
}

void add(LinearMaps& to, const LinearMap& term, DType dtype) {
  for (LinearMap& map : to) {
    if (map.kind != term.kind) continue;
    if (map.kind == MapKind::diagonal) {
      const auto full = [&](const Diagonal& d) { return d ? *d : ones({1, 1}, dtype); };
      map.left = full(map.left) + full(term.left);
      return;
    }
    if (map.kind == MapKind::low_rank) {
      const LinearMap both = sum_of_low_rank(map, term);
      if (!is_full_rank(rank_of(both), both.rows, both.columns)) {
        map = both;
        return;
      }
      std::erase_if(to, [](const LinearMap& m) { return m.kind == MapKind::low_rank; });
      const Tensor matrix = formed(both, both.left->dtype());
      const bool shared = matrix.shape()[0] == 1;
      add(to,
          {shared ? MapKind::shared : MapKind::per_sample,
           both.rows,
           both.columns,
           {},
           shared ? drop_axes(matrix, {-3}) : matrix,
           {}},
          dtype);
      return;
    }
    if (map.kind == MapKind::applied) {
      map = sum_of_applied(map, term);
      return;
    }
    const LinearMap one = with_number_inside(map), other = with_number_inside(term);
    if (one.left || one.right || other.left || other.right) continue;
    map = one;
    map.matrix = *one.matrix + *other.matrix;
    return;
  }
  to.push_back(term);
  if (std::ranges::count_if(to, has_matrix) > kMostMatrices) to = with_one_matrix(to);
}

LinearMaps multiply(const LinearMaps& second, const LinearMaps& first, DType dtype) {
  const auto ready = [](const LinearMaps& maps, const LinearMaps& other) {
    return std::ranges::any_of(other, is_dense) ? with_one_matrix(maps) : maps;
  };
  LinearMaps result;
  for (const LinearMap& s : ready(second, first))
    for (const LinearMap& f : ready(first, second)) add(result, multiply(s, f), dtype);
  return result;
}

Tensor diagonal_of_product(const LinearMap& second, const LinearMap& first, DType dtype) {
  if (second.kind == MapKind::diagonal && first.kind == MapKind::diagonal) {
    const Diagonal d = product(second.left, first.left);
    return d ? *d : ones({1, 1}, dtype);
  }
  if (second.kind == MapKind::low_rank || first.kind == MapKind::low_rank) {
    const LinearMap both = multiply(second, first);
    return sum(*both.left * *both.right, {-2});
  }
  if (second.kind == MapKind::applied || first.kind == MapKind::applied) {
    const LinearMap both = multiply(second, first);
    return both.kind == MapKind::low_rank ? sum(*both.left * *both.right, {-2})
                                          : diagonal_of(formed(both, dtype));
  }
  if (second.kind == MapKind::diagonal || first.kind == MapKind::diagonal) {
    const LinearMap& map = second.kind == MapKind::diagonal ? first : second;
    const Diagonal& d = second.kind == MapKind::diagonal ? second.left : first.left;
    Tensor on_diagonal = diagonal_of(batched(map));  // [B or 1, n]
    for (const Diagonal& factor : {map.left, map.right, d})
      if (factor) on_diagonal = on_diagonal * *factor;
    return on_diagonal;
  }
  // l2_i r1_i sum_j M2_ij (r2 l1)_j M1_ji
  const Diagonal middle = product(second.right, first.left);
  const Tensor both = batched(second) * transpose(batched(first));
  Tensor on_diagonal = times_rows(middle ? *middle : ones({1, 1}, both.dtype()), transpose(both));
  for (const Diagonal& factor : {second.left, first.right})
    if (factor) on_diagonal = on_diagonal * *factor;
  return on_diagonal;
}

Tensor trace_of_product(const LinearMap& second, const LinearMap& first, DType dtype) {
  const std::int64_t n = first.columns;
  // tr(AB) = tr(BA): vectors of few meet the matrix, and the shorter diagonal is summed.
  if (!has_matrix(second) || !has_matrix(first)) {
    const bool turned =
        second.kind != MapKind::diagonal && first.kind != MapKind::diagonal && second.rows > first.rows;
    return turned ? summed(diagonal_of_product(first, second, dtype), first.rows)
                  : summed(diagonal_of_product(second, first, dtype), n);
  }
  // sum_ij l1_i M1_ij r1_j l2_j M2_ji r2_i
  const Diagonal by_row = product(second.left, first.right);
  const Diagonal by_column = product(second.right, first.left);
  const Tensor both = batched(second) * transpose(batched(first));
  const Tensor by_columns = times_rows(by_row ? *by_row : ones({1, 1}, both.dtype()), both);
  return sum(by_column ? by_columns * *by_column : by_columns, {-1});  // of [B or 1, columns]
}

LinearMap for_samples(const LinearMap& map, std::int64_t start, std::int64_t stop) {
  LinearMap part = map;
  const auto cut = [&](std::optional<Tensor>& x) {
    if (x && x->shape()[0] != 1) x = slice(*x, 0, start, stop);
  };
  cut(part.left);
  cut(part.right);
  if (map.kind == MapKind::per_sample) cut(part.matrix);
  return part;
}

Tensor formed(const LinearMaps& maps, DType dtype) {
  if (maps.empty()) throw Error("formed: a sum without terms has no extents");
  Tensor matrix;
  for (const LinearMap& map : maps) {
    const Tensor term = formed(map, dtype);
    matrix = matrix.defined() ? matrix + term : term;
  }
  return matrix;
}

}  // namespace nabla
