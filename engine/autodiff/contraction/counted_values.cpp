#include "engine/autodiff/contraction/counted_values.h"

namespace nabla {

CountedMap counted(const LinearMap& map) {
  const auto side = [&](const std::optional<Tensor>& x) -> std::optional<CountedValue> {
    if (!x || (map.kind != MapKind::low_rank && x->shape()[0] == 1)) return std::nullopt;
    return CountedValue{map.kind == MapKind::low_rank ? x->shape()[-2] : 1, x->shape()[-1],
                        x->shape()[0] != 1};
  };
  CountedMap result{map.kind, map.rows, map.columns, side(map.left), {}, side(map.right)};
  if (map.matrix)
    result.matrix =
        CountedValue{map.rows, map.columns, map.kind == MapKind::per_sample && map.matrix->shape()[0] != 1};
  if (map.function) result.function = map.function->operations;
  return result;
}

}  // namespace nabla
