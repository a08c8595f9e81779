#include "engine/backend/cpu/product/convolution.h"

#ifdef NABLAFLOW_HAVE_ONEDNN

#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/backend/cpu/product/channel_blocks.h"
#include "engine/backend/cpu/product/onednn_call.h"
#include "engine/backend/products.h"

namespace nabla::cpu {
namespace {

using Format = dnnl::memory::format_tag;

dnnl::memory::desc described(const dnnl::memory::dims& extents, Format format) {
  return {extents, dnnl::memory::data_type::f32, format};
}

// An operand as it lies in our memory and as oneDNN prefers it, with the copy between: our own for blocks of
// channels, which takes half the time of oneDNN's.
class ConvolutionOperand {
 public:
  ConvolutionOperand(const dnnl::memory::desc& ours, const dnnl::memory::desc& theirs, bool is_output)
      : plain_(ours, cpu_engine(), DNNL_MEMORY_NONE), inner_(plain_) {
    if (ours == theirs) return;
    inner_ = dnnl::memory(theirs, cpu_engine());
    const dnnl::memory::dims extents = ours.dims();
    constexpr Format kBlocked[] = {Format::aBc16b, Format::aBcd16b, Format::aBcde16b};
    if (extents.size() <= 5 && theirs == described(extents, kBlocked[extents.size() - 3])) {
      std::int64_t places = 1;
      for (std::size_t i = 2; i < extents.size(); ++i) places *= extents[i];
      blocks_ = ChannelBlocks{extents[0], extents[1], places};
    } else {
      copy_ = is_output ? dnnl::reorder(inner_, plain_) : dnnl::reorder(plain_, inner_);
    }
  }

  const dnnl::memory& inner() const { return inner_; }
  void lies_at(float* elements) { plain_.set_data_handle(elements); }
  void copy_in() {
    if (blocks_) blocks_->to_blocks(elements_of(plain_), elements_of(inner_));
    if (copy_) copy_.execute(own_stream(), plain_, inner_);
  }
  void copy_out() {
    if (blocks_) blocks_->from_blocks(elements_of(inner_), elements_of(plain_));
    if (copy_) copy_.execute(own_stream(), inner_, plain_);
  }

 private:
  static float* elements_of(const dnnl::memory& memory) {
    return static_cast<float*>(memory.get_data_handle());
  }

  dnnl::memory plain_, inner_;
  std::optional<ChannelBlocks> blocks_;
  dnnl::reorder copy_;
};

// A primitive with memory for its operands, whose addresses change from call to call.
class OneDnnConvolution {
 public:
  OneDnnConvolution(ConvolutionSlot slot, const ConvolutionShape& x) {
    // Axes of one element that stand before the others are left out.
    std::size_t skipped = 0;
    while (skipped < 2 && x.data[skipped] == 1 && x.window[skipped] == 1 && x.places[skipped] == 1) ++skipped;
    const std::size_t spatial = x.data.size() - skipped;
    const auto with_spatial = [&](dnnl::memory::dims outer, const SpatialExtents& extents) {
      outer.insert(outer.end(), extents.begin() + static_cast<std::ptrdiff_t>(skipped), extents.end());
      return outer;
    };
    const dnnl::memory::dims data = with_spatial({x.samples, x.groups * x.inputs}, x.data);
    const dnnl::memory::dims result = with_spatial({x.samples, x.groups * x.outputs}, x.places);
    const bool is_grouped = x.groups > 1;
    const dnnl::memory::dims weight =
        with_spatial(is_grouped ? dnnl::memory::dims{x.groups, x.outputs, x.inputs}
                                : dnnl::memory::dims{x.outputs, x.inputs},
                     x.window);
    const Format by_rank[] = {Format::abc, Format::abcd, Format::abcde, Format::abcdef};
    const Format picture = by_rank[spatial - 1], window = by_rank[spatial - 1 + (is_grouped ? 1 : 0)];
    dnnl::memory::dims strides, dilations, before, after;
    for (std::size_t i = skipped; i < x.axes.size(); ++i) {
      strides.push_back(x.axes[i].stride);
      dilations.push_back(x.axes[i].dilation - 1);
      before.push_back(x.axes[i].before);
      after.push_back(x.axes[i].after);
    }

    const auto any = [](const dnnl::memory::dims& extents) { return described(extents, Format::any); };
    const dnnl::algorithm direct = dnnl::algorithm::convolution_direct;
    const dnnl::convolution_forward::primitive_desc forward(
        {dnnl::prop_kind::forward_training, direct, any(data), any(weight), any(result), strides, dilations,
         before, after},
        cpu_engine());
    const auto add = [&](int argument, const dnnl::memory::dims& extents, Format format,
                         const dnnl::memory::desc& theirs, bool is_output) {
      operands_.emplace_back(argument, ConvolutionOperand(described(extents, format), theirs, is_output));
    };
    switch (slot) {
      case ConvolutionSlot::result:
        primitive_ = dnnl::convolution_forward(forward);
        add(DNNL_ARG_SRC, data, picture, forward.src_desc(), false);
        add(DNNL_ARG_WEIGHTS, weight, window, forward.weights_desc(), false);
        add(DNNL_ARG_DST, result, picture, forward.dst_desc(), true);
        break;
      case ConvolutionSlot::data: {
        const dnnl::convolution_backward_data::primitive_desc to_data(
            {direct, any(data), any(weight), any(result), strides, dilations, before, after}, cpu_engine(),
            forward);
        primitive_ = dnnl::convolution_backward_data(to_data);
        add(DNNL_ARG_WEIGHTS, weight, window, to_data.weights_desc(), false);
        add(DNNL_ARG_DIFF_DST, result, picture, to_data.diff_dst_desc(), false);
        add(DNNL_ARG_DIFF_SRC, data, picture, to_data.diff_src_desc(), true);
        break;
      }
      case ConvolutionSlot::weight: {
        const dnnl::convolution_backward_weights::primitive_desc to_weight(
            {direct, any(data), any(weight), any(result), strides, dilations, before, after}, cpu_engine(),
            forward);
        primitive_ = dnnl::convolution_backward_weights(to_weight);
        add(DNNL_ARG_SRC, data, picture, to_weight.src_desc(), false);
        add(DNNL_ARG_DIFF_DST, result, picture, to_weight.diff_dst_desc(), false);
        add(DNNL_ARG_DIFF_WEIGHTS, weight, window, to_weight.diff_weights_desc(), true);
        break;
      }
    }
    for (const auto& [argument, operand] : operands_) arguments_.emplace(argument, operand.inner());
  }

  void run(const float* first, const float* second, float* out) {
    const float* const elements[] = {first, second, out};
    for (std::size_t i = 0; i < operands_.size(); ++i) {
      auto& [argument, operand] = operands_[i];
      operand.lies_at(const_cast<float*>(elements[i]));
      if (i < 2) operand.copy_in();
    }
    primitive_.execute(own_stream(), arguments_);
    own_stream().wait();
    operands_.back().second.copy_out();
    own_stream().wait();
  }

  bool has_run = false;

 private:
  dnnl::primitive primitive_;
  std::vector<std::pair<int, ConvolutionOperand>> operands_;  // both inputs, then the output
  std::unordered_map<int, dnnl::memory> arguments_;
};

struct ConvolutionCall {
  ConvolutionSlot slot;
  ConvolutionShape shape;
  friend bool operator==(const ConvolutionCall&, const ConvolutionCall&) = default;
};
struct HashOfCall {
  std::size_t operator()(const ConvolutionCall& call) const {
    std::uint64_t hash = static_cast<std::uint64_t>(call.slot);
    const auto add = [&](std::int64_t word) {
      hash = (hash ^ static_cast<std::uint64_t>(word)) * 0x9e3779b97f4a7c15u;
    };
    const ConvolutionShape& x = call.shape;
    for (const std::int64_t word : {x.samples, x.groups, x.inputs, x.outputs}) add(word);
    for (std::size_t i = 0; i < x.data.size(); ++i)
      for (const std::int64_t word :
           {x.data[i], x.window[i], x.places[i], x.axes[i].stride, x.axes[i].before})
        add(word);
    return hash ^ hash >> 32;
  }
};

// A program whose shapes never recur must not collect them for ever.
constexpr std::size_t kMostConvolutions = 256;

// Made once per thread and shape.
OneDnnConvolution& convolution_of(const ConvolutionCall& call) {
  auto& made = thread_own<std::unordered_map<ConvolutionCall, OneDnnConvolution, HashOfCall>>();
  const auto entry = made.find(call);
  if (entry != made.end()) return entry->second;
  if (made.size() >= kMostConvolutions) made.clear();
  const Making making;
  OneDnnConvolution& convolution = made.emplace(call, OneDnnConvolution(call.slot, call.shape)).first->second;
  OneDnnCall::end_before_what_is_made();
  return convolution;
}

}  // namespace

bool suits_onednn(const ConvolutionShape& x, std::int64_t samples) {
  // Below this the copies into its layouts and the call take longer than the work.
  constexpr std::int64_t kFewestTerms = 1 << 17;
  return product_library() == ProductLibrary::onednn &&
         samples * x.groups * x.weight_size() * x.place_count() >= kFewestTerms;
}

bool convolution_onednn(ConvolutionSlot slot, const ConvolutionShape& shape, const float* first,
                        const float* second, float* out) try {
  const OneDnnCall call;
  const SingleThreaded scope;
  OneDnnConvolution& convolution = convolution_of({slot, shape});
  std::optional<Making> first_run;  // makes code
  if (!convolution.has_run) first_run.emplace();
  convolution.run(first, second, out);
  if (!std::exchange(convolution.has_run, true)) OneDnnCall::end_before_what_is_made();
  return true;
} catch (const OneDnnCall::Over&) {
  return false;
} catch (const dnnl::error& error) {
  throw Error(std::string("convolution: oneDNN refused ") + std::to_string(shape.samples) + " samples of " +
              std::to_string(shape.groups * shape.inputs) + " channels: " + error.what());
}

}  // namespace nabla::cpu

#else

namespace nabla::cpu {

bool suits_onednn(const ConvolutionShape&, std::int64_t) { return false; }
bool convolution_onednn(ConvolutionSlot, const ConvolutionShape&, const float*, const float*, float*) {
  return false;
}

}  // namespace nabla::cpu

#endif
