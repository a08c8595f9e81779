#include "nn/update.h"

#include "engine/compile/trace.h"
#include "engine/plan/evaluate.h"
#include "engine/tensor/type_text.h"

namespace nabla::nn {

void commit(std::span<const Update> updates, std::span<const Tensor> outputs) {
  std::vector<Tensor> values(outputs.begin(), outputs.end());
  for (const Update& update : updates) {
    const Cell& old = *update.cell;
    if (!(old.shape() == update.value.shape()) || old.dtype() != update.value.dtype())
      throw Error("commit: a value " + type_text(update.value) + " cannot replace " +
                  type_text(old.shape(), old.dtype()));
    values.push_back(update.value);
  }
  if (!tracing()) evaluate(values);
  for (const Update& update : updates) update.cell->assign(update.value);
}

}  // namespace nabla::nn
