#include <algorithm>
#include <string>
#include <vector>

#include "engine/backend/cuda/source/primitive_sources.h"
#include "engine/backend/cuda/source/source_writer.h"
#include "engine/graph/attention_attributes.h"
#include "engine/tensor/number_text.h"

// The steps of attention, one thread for each query, and one for each key where cotangents of keys and values
// are summed. A thread goes through the scores of its row as often as it needs them and keeps none, so that
// no step takes memory for them. Operands may lie in any layout.

namespace nabla::cuda {
namespace {

// What the text says of one operand: where its matrix of a leading place starts, and the steps in it.
struct NamedOperand {
  std::string name;
  std::size_t input;
};

class AttentionText {
 public:
  AttentionText(std::string_view name, const StepDescription& step, int core_of_output)
      : name_(name), step_(step), own_(AttentionAttributes::of(step.attributes)) {
    if (step.output_type != DType::f32 && step.output_type != DType::f64)
      throw_unsupported(name, step.output_type);
    leading_ = step.output.shape.first(step.output.shape.rank() - core_of_output);
    std::vector<Layout> layouts;
    for (const Layout& input : step.inputs) layouts.push_back(axes_of(input, 0, leading_.rank()));
    const Walk<> walk = merged(leading_, layouts);
    const char* const names[] = {"q", "k", "v", "bias"};
    for (std::size_t i = 0; i < own_.primals; ++i) operands_.push_back({names[i], i});
    for (std::size_t i = 0; i < own_.primals; ++i)
      if (const std::size_t input = own_.tangent_of(i))
        operands_.push_back({std::string("d") + names[i], input});
    if (operands_.size() < step.inputs.size()) operands_.push_back({"u", own_.primals});

    const Shape &q = step.inputs[0].shape, &k = step.inputs[1].shape;
    text_ = "typedef " + type_name(name, step.output_type) + " Element;\n" +
            index_type(std::max(step.output.shape.size(), leading_.size() * std::max(q[-2], k[-2])));
    for (const auto& [constant, value] :
         {std::pair{"kQueries", q[-2]}, std::pair{"kKeys", k[-2]}, std::pair{"kScored", q[-1]},
          std::pair{"kValued", step.inputs[2].shape[-1]}})
      text_ += std::string("#define ") + constant + " " + std::to_string(value) + "ll\n";
    for (const NamedOperand& operand : operands_) {
      text_ += offset_function(operand.name + "_leading", walk, operand.input);
      const Layout& layout = step.inputs[operand.input];
      text_ += "#define " + operand.name + "_at(i, j) " + operand.name + "_core[(i) * " + stride(layout, -2) +
               " + (j) * " + stride(layout, -1) + "]\n";
    }
    text_ += "#define keys_of(i) " +
             std::string(own_.causal ? "((i) + 1 < kKeys ? (i) + 1 : kKeys)" : "kKeys") + "\n";
  }

  /// A kernel of `count` threads: its head, with pointers to the operands' matrices and, of the name `own`,
  /// the place of a thread among `extent` others of the same leading place.
  KernelSource kernel(const std::string& entry, const std::string& own, std::int64_t extent,
                      const std::string& body,
                      const std::vector<std::pair<std::string, KernelArgument>>& more) {
    KernelSource kernel;
    kernel.entry = entry;
    std::string parameters, cores;
    for (const NamedOperand& operand : operands_) {
      parameters += "const Element* " + operand.name + ", ";
      cores += "  const Element* " + operand.name + "_core = " + operand.name + " + " + operand.name +
               "_leading(lead);\n";
      kernel.arguments.push_back(input(static_cast<std::int64_t>(operand.input)));
    }
    for (const auto& [name, argument] : more) {
      parameters += "Element* " + name + ", ";
      kernel.arguments.push_back(argument);
    }
    const std::int64_t count = leading_.size() * extent;
    kernel.arguments.push_back(number(count));
    kernel.blocks = divided_up(count, kThreads);
    kernel.text = text_ + filled(R"(
// The score of a query for a key.
#define score_of(i, j) \
  Element score = Element(0); \
  for (i64 c = 0; c < kScored; ++c) score += q_at(i, c) * k_at(j, c); \
  score = score * Element($scale)$bias;

extern "C" __global__ void $entry($parameters i64 count) {
  const Index thread = static_cast<Index>(blockIdx.x) * 256 + threadIdx.x;
  if (thread >= static_cast<Index>(count)) return;
  const i64 $own = thread % $extent;
  const Index lead = thread / $extent;
$cores$body}
)",
                                 {{"bias", own_.primals > 3 ? " + bias_at(i, j)" : ""},
                                  {"scale", scale()},
                                  {"entry", entry},
                                  {"parameters", parameters},
                                  {"own", own},
                                  {"extent", std::to_string(extent)},
                                  {"cores", cores},
                                  {"body", body}});
    return kernel;
  }

  // In all its digits.
  std::string scale() const { return number_text(own_.scale); }
  const AttentionAttributes& own() const { return own_; }
  std::int64_t places() const { return leading_.size(); }

 private:
  static std::string stride(const Layout& x, int axis) {
    if (x.shape[axis] == 1) return "0ll";
    return std::to_string(x.strides[static_cast<std::size_t>(x.shape.rank() + axis)]) + "ll";
  }

  std::string_view name_;
  const StepDescription& step_;
  AttentionAttributes own_;
  Shape leading_;
  std::vector<NamedOperand> operands_;
  std::string text_;
};

// `shift` and `divisor` of query i: the weight of key j is exp(score - shift) / divisor.
constexpr std::string_view kWeights = R"(  Element top = -infinity<Element>();
  for (i64 j = 0; j < keys_of(i); ++j) {
    score_of(i, j)
    top = score > top ? score : top;
  }
  const Element shift = top == -infinity<Element>() ? Element(0) : top;
  Element divisor = Element(0);
  for (i64 j = 0; j < keys_of(i); ++j) {
    score_of(i, j)
    divisor += exp(score - shift);
  }
  if (divisor == Element(0)) divisor = Element(1);
)";

constexpr std::string_view kAttend = R"(  Element sums[kValued];
  for (i64 c = 0; c < kValued; ++c) sums[c] = Element(0);
  for (i64 j = 0; j < keys_of(i); ++j) {
    score_of(i, j)
    const Element weight = exp(score - shift) / divisor;
    for (i64 c = 0; c < kValued; ++c) sums[c] += weight * v_at(j, c);
  }
  for (i64 c = 0; c < kValued; ++c) out[thread * kValued + c] = sums[c];
)";

// $tangent adds to the score's tangent.
constexpr std::string_view kPush = R"(  Element mean = Element(0);
  for (i64 j = 0; j < keys_of(i); ++j) {
    score_of(i, j)
    Element tangent = Element(0);
$tangent    mean += exp(score - shift) / divisor * tangent;
  }
  Element sums[kValued];
  for (i64 c = 0; c < kValued; ++c) sums[c] = Element(0);
  for (i64 j = 0; j < keys_of(i); ++j) {
    score_of(i, j)
    Element tangent = Element(0);
$tangent    const Element weight = exp(score - shift) / divisor;
    for (i64 c = 0; c < kValued; ++c) sums[c] += weight * ((tangent - mean) * v_at(j, c)$value);
  }
  for (i64 c = 0; c < kValued; ++c) out[thread * kValued + c] = sums[c];
)";

constexpr std::string_view kPullToQueries = R"(  Element mean = Element(0);
  for (i64 j = 0; j < keys_of(i); ++j) {
    score_of(i, j)
    Element along = Element(0);
    for (i64 c = 0; c < kValued; ++c) along += u_at(i, c) * v_at(j, c);
    mean += exp(score - shift) / divisor * along;
  }
  shifts[thread] = shift;
  divisors[thread] = divisor;
  means[thread] = mean;
  Element* to = $queries + i * kScored;
  for (i64 c = 0; c < kScored; ++c) to[c] = Element(0);
  for (i64 j = 0; j < keys_of(i); ++j) {
    score_of(i, j)
    Element along = Element(0);
    for (i64 c = 0; c < kValued; ++c) along += u_at(i, c) * v_at(j, c);
    const Element slope = Element($scale) * (exp(score - shift) / divisor * (along - mean));
    for (i64 c = 0; c < kScored; ++c) to[c] += slope * k_at(j, c);
  }
)";

constexpr std::string_view kPullToKeys =
    R"(  Element* to_key = $keys + j * kScored;
  Element* to_value = $values + j * kValued;
  for (i64 c = 0; c < kScored; ++c) to_key[c] = Element(0);
  for (i64 c = 0; c < kValued; ++c) to_value[c] = Element(0);
  for (i64 i = 0; i < kQueries; ++i) {
    if (j >= keys_of(i)) continue;
    score_of(i, j)
    const Index row = lead * kQueries + i;
    const Element weight = exp(score - shifts[row]) / divisors[row];
    Element along = Element(0);
    for (i64 c = 0; c < kValued; ++c) along += u_at(i, c) * v_at(j, c);
    const Element slope = Element($scale) * (weight * (along - means[row]));
    for (i64 c = 0; c < kScored; ++c) to_key[c] += slope * q_at(i, c);
    for (i64 c = 0; c < kValued; ++c) to_value[c] += weight * u_at(i, c);
  }
)";

}  // namespace

// Attributes of all three: AttentionAttributes.
StepSource attention_source(const StepDescription& step) {
  if (step.output.shape.size() == 0) return {};
  AttentionText text("attention", step, 2);
  return {{text.kernel("attention", "i", step.output.shape[-2], std::string(kWeights) + std::string(kAttend),
                       {{"out", output()}})},
          0};
}

StepSource attention_jvp_source(const StepDescription& step) {
  if (step.output.shape.size() == 0) return {};
  AttentionText text("attention_jvp", step, 2);
  const AttentionAttributes& own = text.own();
  std::string tangent;
  const auto product = [&](const char* a, const char* b) {
    tangent += std::string("    for (i64 c = 0; c < kScored; ++c) tangent += ") + a + "_at(i, c) * " + b +
               "_at(j, c);\n";
  };
  if (own.tangent_of(0)) product("dq", "k");
  if (own.tangent_of(1)) product("q", "dk");
  tangent += "    tangent *= Element(" + text.scale() + ");\n";
  if (own.primals > 3 && own.tangent_of(3)) tangent += "    tangent += dbias_at(i, j);\n";
  const std::string body =
      std::string(kWeights) +
      filled(kPush, {{"tangent", tangent}, {"value", own.tangent_of(2) ? " + dv_at(j, c)" : ""}});
  return {{text.kernel("attention_jvp", "i", step.output.shape[-2], body, {{"out", output()}})}, 0};
}

StepSource attention_vjp_source(const StepDescription& step) {
  if (step.output.shape.size() == 0) return {};
  AttentionText text("attention_vjp", step, 1);
  const Shape &q = step.inputs[0].shape, &k = step.inputs[1].shape;
  Scratch memory;
  // Where the cotangents of this leading place start.
  std::string queries, keys, values;
  std::vector<std::pair<std::string, KernelArgument>> arguments;
  if (step.parts.empty()) {
    arguments.emplace_back("out", output());
    queries = "out + lead * " + std::to_string(step.output.shape[-1]);
    keys = queries + " + kQueries * kScored";
    values = queries + " + (kQueries + kKeys) * kScored";
  } else {
    const char* const names[] = {"to_queries", "to_keys", "to_values"};
    for (std::int64_t i = 0; i < 3; ++i)
      arguments.emplace_back(names[i], KernelArgument{KernelArgument::From::output, i});
    queries = "to_queries + lead * (kQueries * kScored)";
    keys = "to_keys + lead * (kKeys * kScored)";
    values = "to_values + lead * (kKeys * kValued)";
  }
  for (const char* name : {"shifts", "divisors", "means"})
    arguments.emplace_back(name, scratch(memory.take(std::max<std::int64_t>(1, text.places() * q[-2]) *
                                                     static_cast<std::int64_t>(size_of(step.output_type)))));
  StepSource source;
  const auto add = [&](const char* entry, const char* own, std::int64_t extent, const std::string& body) {
    if (extent > 0)
      source.kernels.push_back(text.kernel(
          entry, own, extent,
          filled(body, {{"queries", queries}, {"keys", keys}, {"values", values}, {"scale", text.scale()}}),
          arguments));
  };
  add("attention_vjp_queries", "i", q[-2], std::string(kWeights) + std::string(kPullToQueries));
  add("attention_vjp_keys", "j", k[-2], std::string(kPullToKeys));
  source.scratch_bytes = memory.bytes();
  return source;
}

}  // namespace nabla::cuda
