#include "engine/plan/packed_operands.h"

#include <algorithm>

#include "engine/graph/primitive.h"

namespace nabla {
namespace {

// Names the steps of a packing plan: no tensor's graph holds it.
class Pack final : public Primitive {
 public:
  Pack() : Primitive("pack", Class::nondifferentiable) {}
  TensorType infer(Inputs, const Attributes&) const override { throw Error("pack: only plans have it"); }
  std::optional<Tensor> jvp(const Application&, Tangents) const override { return std::nullopt; }
  std::optional<Tensor> vjp(const Application&, int, const Tensor&) const override { return std::nullopt; }
  std::optional<int> carried_axis(const Application&, int, int) const override { return std::nullopt; }
};

const Pack& kPack = *new Pack;

bool same(const Layout& a, const Layout& b) {
  return a.shape == b.shape && a.strides == b.strides && a.offset == b.offset;
}

}  // namespace

// Used once.
class OperandPacker {
 public:
  OperandPacker(const Plan& plan, const std::vector<bool>& lasting)
      : plan_(plan), lasting_leaf_(plan.storages().size(), kNone) {
    plan_.runner_ = nullptr;  // for other steps
    packing_.backend_ = plan.backend_;
    for (std::size_t i = 0; i < lasting.size(); ++i)
      if (lasting[i]) lasting_leaf_[storage_of(plan.leaves()[i])] = i;
  }

  std::optional<PackedPlan> run() {
    for (std::size_t s = 0; s < plan_.steps_.size(); ++s) pack_an_operand(s);
    if (packed_.empty()) return std::nullopt;
    for (const int output : packing_.outputs_)
      storage(packing_, output).last_step = static_cast<int>(packing_.steps_.size());
    std::vector<std::size_t> read = drop_unread_leaves();
    return PackedPlan{std::make_shared<const Plan>(std::move(plan_)), std::move(read),
                      std::make_shared<const Plan>(std::move(packing_)), std::move(leaves_)};
  }

 private:
  static constexpr std::size_t kNone = -1;
  struct Packed {
    std::size_t leaf;
    Layout layout;
    Attributes attributes;
    int value;  // of the plan
  };

  std::size_t storage_of(int value) const { return static_cast<std::size_t>(value_of(value).storage); }
  const PlanValue& value_of(int value) const { return plan_.values_[value]; }

  void pack_an_operand(std::size_t index) {
    PlanStep& step = plan_.steps_[index];
    if (!step.primitive || step.is_program()) return;
    std::vector<Layout> layouts;
    std::vector<DType> types;
    for (const int input : step.inputs) {
      layouts.push_back(value_of(input).layout);
      types.push_back(value_of(input).dtype);
    }
    const PlanValue& output = value_of(step.outputs[0]);
    for (std::size_t slot = 0; slot < step.inputs.size(); ++slot) {
      if (lasting_leaf_[storage_of(step.inputs[slot])] == kNone) continue;
      const std::optional<PackedOperand> packed = plan_.backend_->packed(
          {step.primitive, layouts, types, output.layout, output.dtype, step.attributes}, slot);
      if (!packed) continue;
      step.kernel = packed->kernel;
      step.inputs[slot] = packed_value(step.inputs[slot], *packed, step.where);
      storage(plan_, step.inputs[slot]).last_step = static_cast<int>(index);
      return;
    }
  }

  // Steps that read an operand alike share what is made of it.
  int packed_value(int operand, const PackedOperand& packed, const std::source_location& where) {
    const PlanValue plain = value_of(operand);
    const std::size_t leaf = lasting_leaf_[storage_of(operand)];
    const auto found = std::ranges::find_if(packed_, [&](const Packed& other) {
      return other.leaf == leaf && same(other.layout, plain.layout) && other.attributes == packed.attributes;
    });
    if (found != packed_.end()) return found->value;

    const Layout row = Layout::dense({packed.elements});
    const std::size_t bytes = static_cast<std::size_t>(packed.elements) * size_of(plain.dtype);
    const int step = static_cast<int>(packing_.steps_.size());
    const int result =
        add(packing_, {row, plain.dtype, 0}, {PlanStorage::Kind::output, bytes, step, step, 0, false, false});
    packing_.outputs_.push_back(result);
    packing_.result_bytes_ += bytes;
    packing_.steps_.push_back(
        {&kPack, packed.attributes, {read_leaf(leaf, plain)}, {result}, where, {}, packed.pack});

    // The layout names the operand that it was; how the elements lie only the step's kernel knows.
    Layout under = plain.layout;
    under.offset = 0;
    const int value = add(plan_, {under, plain.dtype, 0}, new_leaf(bytes));
    plan_.leaves_.push_back(value);
    lasting_leaf_.push_back(kNone);
    packed_.push_back({leaf, plain.layout, packed.attributes, value});
    return value;
  }

  // The operand in the packing plan, where its leaf is one too.
  int read_leaf(std::size_t leaf, PlanValue operand) {
    const auto found = std::ranges::find(leaves_, leaf);
    const std::size_t at = found - leaves_.begin();
    if (found == leaves_.end()) {
      const int whole = plan_.leaves_[leaf];
      leaves_.push_back(leaf);
      packing_.leaves_.push_back(add(packing_, value_of(whole), new_leaf(storage(plan_, whole).bytes)));
    }
    operand.storage = packing_.values_[packing_.leaves_[at]].storage;
    packing_.values_.push_back(operand);
    return static_cast<int>(packing_.values_.size()) - 1;
  }

  // Leaves that nothing reads any more go. Returns which of those before the packed ones stay.
  std::vector<std::size_t> drop_unread_leaves() {
    std::vector<bool> is_read(plan_.storages_.size(), false);
    for (const PlanStep& step : plan_.steps_)
      for (const int input : step.inputs) is_read[storage_of(input)] = true;
    for (const int output : plan_.outputs_) is_read[storage_of(output)] = true;
    std::vector<std::size_t> places;
    std::vector<int> kept;
    for (std::size_t i = 0; i < plan_.leaves_.size(); ++i) {
      if (!is_read[storage_of(plan_.leaves_[i])]) continue;
      kept.push_back(plan_.leaves_[i]);
      if (i < plan_.leaves_.size() - packed_.size()) places.push_back(i);
    }
    plan_.leaves_ = std::move(kept);
    return places;
  }

  static PlanStorage new_leaf(std::size_t bytes) {
    return {PlanStorage::Kind::leaf, bytes, -1, -1, 0, false, false};
  }
  static PlanStorage& storage(Plan& plan, int value) { return plan.storages_[plan.values_[value].storage]; }
  // A value in a storage of its own.
  static int add(Plan& plan, PlanValue value, const PlanStorage& storage) {
    value.storage = static_cast<int>(plan.storages_.size());
    plan.storages_.push_back(storage);
    plan.values_.push_back(value);
    return static_cast<int>(plan.values_.size()) - 1;
  }

  Plan plan_;
  Plan packing_;
  std::vector<std::size_t> lasting_leaf_;  // by storage of the plan
  std::vector<std::size_t> leaves_;
  std::vector<Packed> packed_;
};

std::optional<PackedPlan> with_packed_operands(const Plan& plan, const std::vector<bool>& lasting) {
  return OperandPacker(plan, lasting).run();
}

}  // namespace nabla
