#pragma once

#include <array>
#include <cstdint>

#include "engine/backend/cpu/kernels/kernels.h"
#include "engine/backend/cpu/kernels/loop.h"

namespace nabla::cpu {

/// A reduction seen as a walk over what is kept, and for each kept element a walk over what is reduced.
struct Reduction {
  Walk<2> kept;     // output, input
  Walk<1> reduced;  // input
  std::int64_t count;

  explicit Reduction(const KernelCall& call) {
    const ArrayView& x = call.inputs[0];
    Layout kept_part = x.layout;
    Layout reduced_part = x.layout;
    reduced_part.shape = Shape::filled(x.shape().rank(), 1);
    for (const std::int64_t axis : call.attributes) {
      kept_part.shape[static_cast<int>(axis)] = 1;
      reduced_part.shape[static_cast<int>(axis)] = x.shape()[static_cast<int>(axis)];
    }
    kept = merged<2>(call.output.shape(), {&call.output.layout, &kept_part});
    reduced = merged<1>(reduced_part.shape, {&reduced_part});
    count = reduced_part.shape.size();
  }

  std::int64_t kept_count() const { return kept.size(); }

  /// Calls run(offset, count, stride) for the runs that are reduced into one element, in order.
  template <class Run>
  void for_each_reduced_run(Run run) const {
    for_each_reduced_run(0, count, run);
  }
  /// The same for the terms [start, stop) alone.
  template <class Run>
  void for_each_reduced_run(std::int64_t start, std::int64_t stop, Run run) const {
    const std::int64_t inner = reduced.inner_extent();
    const std::int64_t stride = reduced.inner_stride(0);
    if (reduced.rank() <= 1 && start < stop) return run(start * stride, stop - start, stride);
    for (std::int64_t term = start; term < stop;) {
      const std::int64_t length = std::min(inner - term % inner, stop - term);
      run(reduced.offset(term, 0), length, stride);
      term += length;
    }
  }

  /// Calls element(out_offset, in_offset) for every kept element.
  template <class Element>
  void for_each_kept(Element element) const {
    const std::int64_t to_next = kept.inner_stride(0), from_next = kept.inner_stride(1);
    for_each_run<2>(
        kept,
        [&](const std::array<std::int64_t, 2>& at, std::int64_t n) {
          for (std::int64_t i = 0; i < n; ++i) element(at[0] + i * to_next, at[1] + i * from_next);
        },
        count);
  }
};

}  // namespace nabla::cpu
