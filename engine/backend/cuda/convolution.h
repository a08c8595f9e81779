#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

#include "engine/backend/cuda/handle.h"
#include "engine/backend/cuda/source/convolution_form.h"
#include "engine/backend/device.h"
#include "engine/tensor/dtype.h"

namespace nabla::cuda {

/// One slot of the trilinear form sum(cotangent * convolution(data, weight)): data [N, C_in, *spatial],
/// weight [C_out, C_in / groups, *window], result and its cotangent [N, C_out, *places], all dense. One to
/// three spatial axes. As everywhere in the field it is a correlation: windows are not flipped.
struct ConvolutionShape {
  ConvolutionSlot slot;
  std::int64_t batch, channels_in, channels_out, groups;
  std::vector<std::int64_t> spatial;  ///< extents of the data
  std::vector<std::int64_t> window;   ///< of the weight; as long, and so are the following
  std::vector<std::int64_t> places;   ///< of the result
  std::vector<std::int64_t> stride, dilation;
  std::vector<std::int64_t> padding;  ///< zeros on each side
  DType type;                         ///< f32 or f64
  ProductPrecision precision;         ///< of f32: bf16 is done in tf32, which cuDNN offers for f32 operands
  auto operator<=>(const ConvolutionShape&) const = default;
};

/// A convolution as cuDNN is to do it: descriptions and the algorithm that it recommends for this GPU among
/// those that give the same bits every time, keep the precision and fit in the shared workspace.
class Convolution {
 public:
  /// @throws Error where cuDNN fails by something that is no refusal.
  explicit Convolution(const ConvolutionShape& shape);
  /// False where cuDNN refuses the shape or has no such algorithm: then it cannot run.
  bool is_accepted() const { return accepted_; }
  bool uses_workspace() const { return workspace_bytes_ > 0; }
  /// Puts it on the recording stream; the operands in the order of the slot. False where cuDNN refuses it
  /// after all. @throws Error for what is no refusal.
  bool run(const std::byte* first, const std::byte* second, std::byte* out, std::byte* workspace) const;

 private:
  bool describe(const ConvolutionShape& shape);
  bool choose();
  template <class Recommended, class Search, class WorkspaceOf>
  bool choose_from(const Search& search, const WorkspaceOf& workspace_of);

  ConvolutionSlot slot_;
  DType type_;
  bool may_round_;  // f32 to tf32
  TensorDescription data_, result_;
  FilterDescription weight_;
  ConvolutionDescription convolution_;
  std::variant<cudnnConvolutionFwdAlgo_t, cudnnConvolutionBwdDataAlgo_t, cudnnConvolutionBwdFilterAlgo_t>
      algorithm_;
  std::size_t workspace_bytes_ = 0;
  bool accepted_;
};

/// Made once for each shape; equal convolutions of all plans share it. Null where cuDNN does not accept it.
/// Under the evaluation lock.
std::shared_ptr<const Convolution> convolution_of(const ConvolutionShape& shape);

}  // namespace nabla::cuda
