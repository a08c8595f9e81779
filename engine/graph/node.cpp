#include "engine/graph/node.h"

#include <bit>
#include <mutex>
#include <string>

#include "engine/graph/node_mutex.h"
#include "engine/graph/primitive.h"

namespace nabla {
namespace {

thread_local std::source_location current_source;
thread_local bool current_source_active = false;

std::atomic<WarningHandler> warning_handler = nullptr;

constexpr std::size_t kFirstWarning = std::size_t{1} << 22;

std::uint64_t mix(std::uint64_t h, std::uint64_t v) {
  h ^= v + 0x9e3779b97f4a7c15ULL + (h << 6) + (h >> 2);
  return h * 0xff51afd7ed558ccdULL;
}

}  // namespace

SourceScope::SourceScope(const std::source_location& where) : active_(!current_source_active) {
  if (!active_) return;
  current_source = where;
  current_source_active = true;
}
SourceScope::~SourceScope() {
  if (active_) current_source_active = false;
}

DerivedSourceScope::DerivedSourceScope(const std::source_location& where)
    : saved_(current_source), saved_active_(current_source_active) {
  current_source = where;
  current_source_active = true;
}
DerivedSourceScope::~DerivedSourceScope() {
  current_source = saved_;
  current_source_active = saved_active_;
}

// All nodes alive, found by content. Weak: a node leaves the table when its last reference goes.
// One mutex guards the table, the node memory and every last release.
class InternTable {
 public:
  // Inlined whatever else is compiled beside it: every node that is built comes here.
  [[gnu::always_inline]] static InternTable& instance() {
    static InternTable& table = *new InternTable;  // never destroyed: static tensors may outlive it
    return table;
  }

  Tensor intern(const Primitive& primitive, std::span<const Tensor> inputs, Attributes&& attributes,
                const TensorType& type, const std::source_location& where) {
    std::uint64_t hash = mix(0, std::bit_cast<std::uintptr_t>(&primitive));
    for (const std::int64_t a : attributes) hash = mix(hash, static_cast<std::uint64_t>(a));
    for (const Tensor& input : inputs) hash = mix(hash, std::bit_cast<std::uintptr_t>(&input.node()));
    hash ^= hash >> 32;

    std::string warning;
    Node* node = nullptr;
    {
      const std::lock_guard lock(mutex_);
      for (std::size_t i = hash & mask(); slots_[i].node; i = (i + 1) & mask()) {
        if (slots_[i].hash != hash || !matches(*slots_[i].node, primitive, inputs, attributes)) continue;
        slots_[i].node->retain(Node::kHandle);
        return Tensor(slots_[i].node, Tensor::Adopt{});
      }
      node = new_node();
      node->primitive_ = &primitive;
      node->hash_ = hash;
      node->id_ = next_id_++;
      node->attributes_ = std::move(attributes);
      set_inputs(*node, inputs);
      node->where_ = where;
      node->shape_ = type.shape;
      node->dtype_ = type.dtype;
      node->references_.store(Node::kHandle, std::memory_order_relaxed);
      insert(*node);
      if (live_ >= warn_at_) {
        warning = "graph: " + std::to_string(live_) +
                  " nodes are alive; evaluate and detach() what a loop carries over, or the graph grows with "
                  "every turn";
        warn_at_ *= 2;
      }
    }
    if (!warning.empty()) warn(warning);
    return Tensor(node, Tensor::Adopt{});
  }

  Tensor leaf(const Primitive& primitive, const Shape& shape, DType dtype, Array value,
              Attributes&& attributes, const std::source_location& where) {
    const std::lock_guard lock(mutex_);
    Node* node = new_node();
    node->primitive_ = &primitive;
    node->id_ = next_id_++;
    node->attributes_ = std::move(attributes);
    node->where_ = where;
    node->shape_ = shape;
    node->dtype_ = dtype;
    if (value) node->set_value(std::move(value));
    node->references_.store(Node::kHandle, std::memory_order_relaxed);
    return Tensor(node, Tensor::Adopt{});  // not in the table: two leaves are never the same
  }

  void release(Node* node, std::uint64_t unit) {
    // The last reference goes only under the lock, so that intern() never revives a node that is being
    // destroyed.
    std::uint64_t count = node->references_.load(std::memory_order_relaxed);
    while (count != unit)
      if (node->references_.compare_exchange_weak(count, count - unit, std::memory_order_acq_rel)) return;
    const std::lock_guard lock(mutex_);
    if (node->references_.fetch_sub(unit, std::memory_order_acq_rel) != unit) return;
    destroy(node);
  }

  std::size_t live() {
    const std::lock_guard lock(mutex_);
    return live_;
  }
  std::mutex& mutex() { return mutex_; }

 private:
  std::size_t mask() const { return slots_.size() - 1; }

  static bool matches(const Node& node, const Primitive& primitive, std::span<const Tensor> inputs,
                      const Attributes& attributes) {
    if (node.primitive_ != &primitive || node.input_count_ != inputs.size() || node.attributes_ != attributes)
      return false;
    const std::span<Node* const> own = node.inputs();
    for (std::size_t i = 0; i < own.size(); ++i)
      if (own[i] != &inputs[i].node()) return false;
    return true;
  }

  static void set_inputs(Node& node, std::span<const Tensor> inputs) {
    node.input_count_ = static_cast<std::uint32_t>(inputs.size());
    Node** slots = node.inline_inputs_;
    if (inputs.size() > Node::kInlineInputs) {
      node.heap_inputs_ = std::make_unique<Node*[]>(inputs.size());
      slots = node.heap_inputs_.get();
    }
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      slots[i] = &inputs[i].node();
      slots[i]->retain(Node::kUse);
    }
  }

  // Open addressing with linear probing. The slot holds the hash, so that growing and probing need not touch
  // nodes.
  struct Slot {
    std::uint64_t hash = 0;
    Node* node = nullptr;
  };

  void insert(Node& node) {
    if (2 * (interned_ + 1) > slots_.size()) grow();
    place({node.hash_, &node});
    ++interned_;
  }

  void place(const Slot& slot) {
    std::size_t i = slot.hash & mask();
    while (slots_[i].node) i = (i + 1) & mask();
    slots_[i] = slot;
  }

  void grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old)
      if (slot.node) place(slot);
  }

  void erase(const Node& node) {
    std::size_t hole = node.hash_ & mask();
    while (slots_[hole].node != &node) {
      if (!slots_[hole].node) return;  // a leaf: never interned
      hole = (hole + 1) & mask();
    }
    --interned_;
    // Close the hole: move back what probed past it.
    for (std::size_t i = (hole + 1) & mask(); slots_[i].node; i = (i + 1) & mask()) {
      const std::size_t home = slots_[i].hash & mask();
      if (((i - home) & mask()) < ((i - hole) & mask())) continue;
      slots_[hole] = slots_[i];
      hole = i;
    }
    slots_[hole] = {};
  }

  // Nodes come from slabs that are kept for the next graph: a training step builds as many as the last one
  // freed.
  union Cell {
    Cell() {}
    ~Cell() {}
    Node node;
    Cell* next_free;
  };
  static constexpr std::size_t kSlab = 256;

  [[gnu::always_inline]] Node* new_node() {
    if (!free_) {
      slabs_.push_back(std::make_unique<Cell[]>(kSlab));
      for (std::size_t i = kSlab; i-- > 0;) {
        slabs_.back()[i].next_free = free_;
        free_ = &slabs_.back()[i];
      }
    }
    Cell* cell = free_;
    free_ = cell->next_free;
    ++live_;
    return new (&cell->node) Node;
  }

  void delete_node(Node* node) {
    Cell* cell = reinterpret_cast<Cell*>(node);  // a union begins where its members do
    node->~Node();
    cell->next_free = free_;
    free_ = cell;
    --live_;
  }

  // Iterative, because a chain of a million nodes would overflow the stack.
  void destroy(Node* first) {
    doomed_.push_back(first);
    while (!doomed_.empty()) {
      Node* node = doomed_.back();
      doomed_.pop_back();
      for (Node* input : node->inputs())
        if (input->references_.fetch_sub(Node::kUse, std::memory_order_acq_rel) == Node::kUse)
          doomed_.push_back(input);
      erase(*node);
      delete_node(node);
    }
  }

  std::mutex mutex_;
  std::vector<Slot> slots_ = std::vector<Slot>(1 << 12);
  std::vector<std::unique_ptr<Cell[]>> slabs_;
  Cell* free_ = nullptr;
  std::vector<Node*> doomed_;
  std::size_t interned_ = 0;
  std::size_t live_ = 0;
  std::size_t warn_at_ = kFirstWarning;
  std::uint64_t next_id_ = 1;
};

Tensor::Tensor(Node* node) : node_(node) {
  if (node_) node_->retain(Node::kHandle);
}
Tensor::Tensor(const Tensor& other) : node_(other.node_) {
  if (node_) node_->retain(Node::kHandle);
}
Tensor::~Tensor() {
  if (node_) InternTable::instance().release(node_, Node::kHandle);
}

Tensor apply(const Primitive& primitive, std::span<const Tensor> inputs, Attributes attributes,
             std::source_location where) {
  for (const Tensor& input : inputs)
    if (!input.defined()) throw Error(std::string(primitive.name()) + ": an operand is an empty tensor");
  const TensorType type = primitive.infer(inputs, attributes);
  static_cast<void>(type.shape.size());  // refuses a shape with too many elements while the operator is known
  return InternTable::instance().intern(primitive, inputs, std::move(attributes), type,
                                        current_source_active ? current_source : where);
}

Tensor make_leaf(const Primitive& primitive, const Shape& shape, DType dtype, Array value,
                 Attributes attributes, std::source_location where) {
  return InternTable::instance().leaf(primitive, shape, dtype, std::move(value), std::move(attributes),
                                      current_source_active ? current_source : where);
}

std::mutex& node_mutex() { return InternTable::instance().mutex(); }
std::size_t live_node_count() { return InternTable::instance().live(); }
void set_warning_handler(WarningHandler handler) { warning_handler.store(handler); }
void warn(const std::string& message) {
  if (const WarningHandler handler = warning_handler.load()) handler(message);
}

}  // namespace nabla
