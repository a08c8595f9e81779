#include "engine/spectral/spectrum.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "engine/compile/compile.h"
#include "engine/graph/evaluation.h"
#include "engine/ops/constant.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/random.h"
#include "engine/ops/reduction.h"
#include "engine/ops/shaping.h"
#include "engine/ops/slicing.h"
#include "engine/plan/evaluate.h"
#include "engine/spectral/block_vectors.h"
#include "engine/spectral/dense/symmetric_eigenvalues.h"
#include "engine/tensor/number_text.h"

namespace nabla {
namespace {

using Product = std::function<Tensor(const Tensor&)>;

// The best directions of the space searched so far, and how far they are from eigenvectors.
struct Ritz {
  std::vector<double> values;     // [B, block], descending
  std::vector<double> residuals;  // [B, block]
  Tensor vectors;                 // [block, B, D]
  Tensor images;
  Tensor residual_vectors;
};

// Directions of all samples with their images, and the operator projected on them.
class SearchSpace {
 public:
  SearchSpace(const char* what, const LinearOperator& a, Product product)
      : what_(what),
        product_(std::move(product)),
        domain_(a.domain),
        samples_(a.domain[0]),
        extent_(a.domain.without_first(1).size()),
        dtype_(a.dtype),
        largest_(samples_, 0.0),
        projected_(samples_) {}

  std::int64_t size() const { return basis_.defined() ? basis_.shape()[0] : 0; }
  const Tensor& basis() const { return basis_; }

  void extend(const OrthonormalBlock& block) {
    const std::int64_t count = block.directions.shape()[0];
    const Shape flat{count, domain_[0], extent_};
    const Tensor image =
        reshape(product_(reshape(block.directions, concatenate(Shape{count}, domain_))), flat);
    replace(basis_.defined() ? concatenate({basis_, block.directions}, 0) : block.directions,
            images_.defined() ? concatenate({images_, image}, 0) : image, block.nonzero, count);
  }

  void restart(const Ritz& ritz) {
    std::vector<char> nonzero;  // a Ritz vector is zero where the sample's space had too few directions
    for (const double value : ritz.values) nonzero.push_back(!std::isnan(value));
    for (std::vector<char>& used : nonzero_) used.clear();
    for (std::vector<double>& matrix : projected_) matrix.clear();
    replace(ritz.vectors, ritz.images, nonzero, ritz.vectors.shape()[0]);
  }

  // Fewest directions that any sample has.
  std::int64_t rank() const {
    std::int64_t least = std::numeric_limits<std::int64_t>::max();
    for (const std::vector<char>& used : nonzero_)
      least = std::min<std::int64_t>(least, std::count(used.begin(), used.end(), 1));
    return least;
  }

  Ritz best(std::int64_t block) {
    const std::size_t wanted = block;
    const std::size_t held = size();
    Ritz ritz;
    ritz.values.assign(samples_ * wanted, std::numeric_limits<double>::quiet_NaN());
    std::vector<double> coefficients(samples_ * wanted * held, 0.0);
    for (std::size_t b = 0; b < samples_; ++b) {
      std::vector<std::size_t> used;
      for (std::size_t i = 0; i < held; ++i)
        if (nonzero_[b][i]) used.push_back(i);
      const std::size_t n = used.size();
      std::vector<double> matrix(n * n);
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < n; ++j) matrix[i * n + j] = projected_[b][used[i] * held + used[j]];
      const SymmetricEigen eigen = symmetric_eigen(matrix, n);
      for (const double value : eigen.values) largest_[b] = std::max(largest_[b], std::abs(value));
      for (std::size_t i = 0; i < std::min(wanted, n); ++i) {
        const std::size_t from = n - 1 - i;
        ritz.values[b * wanted + i] = eigen.values[from];
        for (std::size_t j = 0; j < n; ++j)
          coefficients[(b * wanted + i) * held + used[j]] = eigen.vectors[from * n + j];
      }
    }
    measure(ritz, coefficients, block);
    return ritz;
  }

  bool converged(const Ritz& ritz, std::int64_t count, std::int64_t block, double tolerance) const {
    for (std::size_t b = 0; b < samples_; ++b)
      for (std::int64_t i = 0; i < count; ++i)
        if (!(ritz.residuals[b * block + i] <= tolerance * largest_[b])) return false;
    return true;
  }

  // The residuals as directions of length about 1 where they are large.
  Tensor scaled_residuals(const Ritz& ritz) const {
    std::vector<double> divisors;
    for (const double size : largest_) divisors.push_back(size > 0 ? size : 1);
    return cast(cast(ritz.residual_vectors, DType::f64) / tensor(divisors, Shape{1, domain_[0], 1}), dtype_);
  }

 private:
  // Takes a basis whose last `count` directions are new.
  void replace(const Tensor& basis, const Tensor& images, const std::vector<char>& nonzero,
               std::int64_t count) {
    const std::int64_t before = basis.shape()[0] - count;
    const Tensor new_images = slice(images, 0, before, before + count);
    const Tensor products = cast(inner_products(new_images, basis), DType::f64);  // [B, count, all]
    evaluate({basis, images, products});
    basis_ = basis.detach();
    images_ = images.detach();
    const std::span<const double> numbers = products.data<double>();
    const std::size_t old = before;
    const std::size_t all = basis.shape()[0];
    for (std::size_t b = 0; b < samples_; ++b) {
      std::vector<double> matrix(all * all);
      for (std::size_t i = 0; i < old; ++i)
        std::copy_n(projected_[b].begin() + static_cast<std::ptrdiff_t>(i * old), old,
                    matrix.begin() + static_cast<std::ptrdiff_t>(i * all));
      for (std::int64_t i = 0; i < count; ++i)
        for (std::size_t j = 0; j < all; ++j) {
          const double value = numbers[(b * count + i) * all + j];
          if (!std::isfinite(value))
            throw Error(std::string(what_) + ": the operator " + to_string(domain_) +
                        " gives a NaN or an infinity for sample " + std::to_string(b));
          matrix[(old + i) * all + j] = value;
          if (j < old) matrix[j * all + old + i] = value;
        }
      // Rounding, or an operator that is not quite symmetric, makes the two triangles differ.
      for (std::size_t i = old; i < all; ++i)
        for (std::size_t j = old; j < i; ++j)
          matrix[i * all + j] = matrix[j * all + i] = (matrix[i * all + j] + matrix[j * all + i]) / 2;
      projected_[b] = std::move(matrix);
      const auto first = nonzero.begin() + static_cast<std::ptrdiff_t>(b * count);
      nonzero_.resize(samples_);
      nonzero_[b].insert(nonzero_[b].end(), first, first + count);
    }
  }

  void measure(Ritz& ritz, const std::vector<double>& coefficients, std::int64_t block) const {
    const Tensor turn = cast(tensor(coefficients, Shape{domain_[0], block, size()}), dtype_);
    std::vector<double> values = ritz.values;
    for (double& value : values)
      if (std::isnan(value)) value = 0;
    const Tensor by_sample = transpose(tensor(values, Shape{domain_[0], block}));
    ritz.vectors = combine(turn, basis_);
    ritz.images = combine(turn, images_);
    ritz.residual_vectors = ritz.images - cast(insert_axes(by_sample, {-1}), dtype_) * ritz.vectors;
    const Tensor residuals = transpose(lengths(ritz.residual_vectors));  // [B, block]
    evaluate({ritz.vectors, ritz.images, ritz.residual_vectors, residuals});
    for (Tensor* kept : {&ritz.vectors, &ritz.images, &ritz.residual_vectors}) *kept = kept->detach();
    ritz.residuals = residuals.to_vector<double>();
  }

  const char* what_;
  Product product_;
  Shape domain_;
  std::size_t samples_;
  std::int64_t extent_;
  DType dtype_;
  std::vector<double> largest_;                 // |value| seen, for each sample
  std::vector<std::vector<double>> projected_;  // V^T A V of each sample
  std::vector<std::vector<char>> nonzero_;      // which directions of each sample are not zero
  Tensor basis_;                                // [M, B, D]
  Tensor images_;
};

void check_options(const char* what, const Shape& domain, DType dtype, const SpectrumOptions& options) {
  const std::int64_t extent = domain.without_first(1).size();
  if (options.count < 1 || options.count > extent)
    throw Error(std::string(what) + ": " + std::to_string(options.count) + " pairs of an operator on " +
                to_string(domain) + "; there are 1 to " + std::to_string(extent));
  if (options.oversampling < 0 || options.max_iterations < 1 || !(options.tolerance >= 0) ||
      !std::isfinite(options.tolerance))
    throw Error(std::string(what) + ": oversampling " + std::to_string(options.oversampling) +
                " and tolerance " + number_text(options.tolerance) +
                " must not be negative, max_iterations " + std::to_string(options.max_iterations) +
                " at least 1");
  const std::int64_t block = options.count + options.oversampling;
  if (options.basis != 0 && options.basis < 2 * block)
    throw Error(std::string(what) + ": a basis of " + std::to_string(options.basis) +
                " is too small for blocks of " + std::to_string(block) + "; at least twice that");
  if (!options.start.defined()) return;
  const Shape& start = options.start.shape();
  if (start.rank() != domain.rank() + 1 || !(start.without_first(1) == domain) || start[0] > block ||
      options.start.dtype() != dtype)
    throw Error(std::string(what) + ": start " + to_string(start) + " " +
                std::string(name_of(options.start.dtype())) + " must be at most " + std::to_string(block) +
                " directions [K, ..] of " + to_string(domain) + " " + std::string(name_of(dtype)));
}

Tensor random_block(const SpectrumOptions& options, std::uint32_t turn, const Shape& shape, DType dtype) {
  return normal(fold_in(random_key(options.seed), turn), shape, dtype);
}

Tensor first_block(const SpectrumOptions& options, const Shape& shape, DType dtype) {
  if (!options.start.defined()) return random_block(options, 0, shape, dtype);
  const std::int64_t given = std::min(options.start.shape()[0], shape[0]);
  const Tensor start =
      slice(reshape(options.start, Shape{options.start.shape()[0], shape[1], shape[2]}), 0, 0, given);
  if (given == shape[0]) return start;
  return concatenate({start, random_block(options, 0, Shape{shape[0] - given, shape[1], shape[2]}, dtype)},
                     0);
}

// values[b, i] of rows of length `from`, cut to `count`.
Tensor leading_columns(const std::vector<double>& values, std::int64_t samples, std::int64_t from,
                       std::int64_t count) {
  return slice(tensor(values, Shape{samples, from}), 1, 0, count);
}

// The operator, of each sample times a power of 2 that brings its images near 1, so that squares neither
// vanish nor overflow.
LinearOperator of_size_one(const LinearOperator& a, const SpectrumOptions& options) {
  if (!a.apply_transpose || a.domain.size() == 0 || a.range.size() == 0) return a;
  const Tensor probe = random_block(options, std::numeric_limits<std::uint32_t>::max(),
                                    concatenate(Shape{1}, a.domain), a.dtype);
  const Tensor image = reshape(a.apply(probe), Shape{a.range[0], a.range.without_first(1).size()});
  const std::vector<double> sizes = reduce_max(abs(cast(image, DType::f64)), {-1}).to_vector<double>();
  const std::vector<double> factors = factors_to_one(sizes, a.dtype);
  const auto scaled = [&](const std::function<Tensor(const Tensor&)>& product, const Shape& range) {
    const Shape shape = concatenate(range.first(1), Shape::filled(range.rank() - 1, 1));
    return [product, factor = cast(tensor(factors, shape), a.dtype).detach()](const Tensor& x) {
      return product(x) * factor;
    };
  };
  return {scaled(a.apply, a.range), scaled(a.apply_transpose, a.domain), a.domain, a.range, a.dtype};
}

EigenPairs find_eigenpairs(const char* what, const LinearOperator& a, const SpectrumOptions& options) {
  check_options(what, a.domain, a.dtype, options);
  const std::int64_t samples = a.domain[0];
  const std::int64_t extent = a.domain.without_first(1).size();
  const std::int64_t count = options.count;
  const Shape result = concatenate(Shape{count}, a.domain);
  if (samples == 0)
    return {zeros(Shape{0, count}, DType::f64),
            zeros(result, a.dtype),
            zeros(Shape{0, count}, DType::f64),
            0,
            0,
            true};
  const std::int64_t block = std::min(count + options.oversampling, extent);
  const std::int64_t capacity = options.basis ? options.basis : 6 * block;
  const Product product = options.compile_products ? Product(compile(a.apply)) : a.apply;
  SearchSpace space(what, a, product);
  EigenPairs found;
  const auto extend = [&](const OrthonormalBlock& directions) {
    space.extend(directions);
    ++found.iterations;
    found.products += block;
  };
  const Shape shape{block, samples, extent};
  const Tensor first = first_block(options, shape, a.dtype);
  Evaluation evaluation(what);
  evaluation.reads(a.apply(reshape(first, concatenate(Shape{block}, a.domain))));
  extend(orthonormal_beside(first, {}));
  // A start that repeats itself leaves too few directions to choose from.
  for (std::uint32_t turn = 1; space.rank() < count; ++turn)
    extend(orthonormal_beside(random_block(options, turn, shape, a.dtype), space.basis()));
  Ritz ritz = space.best(block);
  const auto is_done = [&] { return space.converged(ritz, count, block, options.tolerance); };
  while (!is_done() && found.iterations < options.max_iterations) {
    const OrthonormalBlock next =
        orthonormal_beside(space.scaled_residuals(ritz), space.basis(), precision_of(a.dtype));
    if (!next.any()) break;  // rounding errors keep the residuals above the tolerance
    if (space.size() + block > capacity) space.restart(ritz);
    extend(next);
    ritz = space.best(block);
  }
  found.converged = is_done();
  found.values = evaluation.leaf(leading_columns(ritz.values, samples, block, count));
  found.residuals = evaluation.leaf(leading_columns(ritz.residuals, samples, block, count));
  found.vectors = evaluation.leaf(reshape(slice(ritz.vectors, 0, 0, count), result));
  return found;
}

}  // namespace

EigenPairs top_eigenpairs(const LinearOperator& symmetric, const SpectrumOptions& options) {
  if (!(symmetric.domain == symmetric.range))
    throw Error("top_eigenpairs: the operator maps " + to_string(symmetric.domain) + " to " +
                to_string(symmetric.range) + "; eigenvalues need equal spaces");
  const bool symmetrise = options.symmetrise && symmetric.apply_transpose;
  return find_eigenpairs("top_eigenpairs", symmetrise ? symmetric_part(symmetric) : symmetric, options);
}

SingularTriplets top_singular_values(const LinearOperator& a, const SpectrumOptions& options) {
  const EigenPairs pairs =
      find_eigenpairs("top_singular_values", normal_operator(of_size_one(a, options)), options);
  SingularTriplets found;
  found.right = pairs.vectors;
  found.iterations = pairs.iterations;
  found.products = 2 * pairs.products;
  found.converged = pairs.converged;
  const auto norms = [](const Tensor& vectors) {  // [K, B, ..] -> [B, K]
    const Shape flat{vectors.shape()[0], vectors.shape()[1], vectors.shape().without_first(2).size()};
    return transpose(lengths(reshape(vectors, flat)));
  };
  const auto per_vector = [](const Tensor& numbers, const Tensor& vectors) {  // [B, K] beside [K, B, ..]
    const Shape shape =
        concatenate(Shape{vectors.shape()[0], vectors.shape()[1]}, Shape::filled(vectors.rank() - 2, 1));
    return reshape(transpose(numbers), shape);
  };
  const Tensor image = a.apply(found.right);
  const Tensor sizes = norms(image);
  // Divided in f64: the reciprocal of a small value may be out of range. An image of length 0 is 0.
  const Tensor divisors = per_vector(select(equal(sizes, 0), 1.0, sizes), image);
  const Tensor left = cast(cast(image, DType::f64) / divisors, a.dtype);
  const Tensor rest = a.apply_transpose(left) - cast(per_vector(sizes, found.right), a.dtype) * found.right;
  const Tensor residuals = norms(rest);
  evaluate({sizes, left, residuals});
  Evaluation evaluation("top_singular_values");
  found.values = evaluation.leaf(sizes);
  found.left = evaluation.leaf(left);
  found.residuals = evaluation.leaf(residuals);
  return found;
}

}  // namespace nabla
