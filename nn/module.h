#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tensor/cell.h"
#include "engine/tensor/tensor.h"

namespace nabla::nn {

/// A parameter or buffer by its place in a module: "layers.0.weight".
struct Parameter {
  std::string name;
  Cell* cell;
};

/// A list of named parameters, and of buffers: values that training carries along and no gradient changes,
/// such as running statistics. Layers and networks derive from it, register what they own and what their
/// parts own, and define how to be called; there is nothing virtual. Moving keeps the cells where they are.
class Module {
 public:
  /// In the order of registration, which is the order of gradients and optimizer state.
  const std::vector<Parameter>& parameters() const { return parameters_; }
  /// In the order of registration. Optimizers pass them over.
  const std::vector<Parameter>& buffers() const { return buffers_; }
  /// The parameters, then the buffers: all that a module holds.
  std::vector<Parameter> cells() const;
  /// Number of scalars in all parameters.
  std::int64_t parameter_count() const;
  /// @throws Error listing the names that exist if `name` does not.
  Cell& parameter(std::string_view name) const;
  /// The leaves of the present versions, aligned with parameters().
  std::vector<Tensor> leaves() const;

 protected:
  Module() = default;
  Module(Module&&) = default;
  Module& operator=(Module&&) = default;
  ~Module() = default;

  /// A new cell with this value. @throws Error if the name is taken or the type is not floating.
  Cell& add_parameter(std::string name, const Tensor& initial);
  /// A new cell with this value that is no parameter. @throws Error as add_parameter() does.
  Cell& add_buffer(std::string name, const Tensor& initial);
  /// The parameters and buffers of a part, as "prefix.name". The part must live as long as this module: make
  /// it a member.
  void add_part(std::string_view prefix, const Module& part);

 private:
  Cell& add_cell(std::vector<Parameter>& list, std::string name, const Tensor& initial);
  void append(std::vector<Parameter>& list, std::string name, Cell* cell);

  std::vector<std::unique_ptr<Cell>> owned_;
  std::vector<Parameter> parameters_;
  std::vector<Parameter> buffers_;
};

struct LossAndGradients {
  Tensor loss;
  std::vector<Tensor>
      gradients;  ///< aligned with Module::parameters(); zeros where the loss does not depend on one
  std::vector<Tensor> auxiliary;  ///< what the function returned beside the loss, not differentiated
};
/// Calls `loss`, which uses the module's present leaves and returns the loss (one element) followed by
/// anything else, and differentiates the loss by every parameter. Nothing is evaluated.
/// @throws Error if nothing is returned or the loss has more than one element.
LossAndGradients value_and_grad(const Module& module, const std::function<std::vector<Tensor>()>& loss);

}  // namespace nabla::nn
