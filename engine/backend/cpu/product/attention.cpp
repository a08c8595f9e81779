#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "engine/backend/cpu/kernels/attention_rows.h"
#include "engine/backend/cpu/kernels/kernels.h"
#include "engine/backend/cpu/product/matmul.h"
#include "engine/backend/cpu/threads/thread_own.h"
#include "engine/backend/cpu/threads/thread_pool.h"
#include "engine/backend/walk.h"
#include "engine/graph/attention_attributes.h"
#include "engine/tensor/buffer.h"

// The steps of attention take some queries at a time: their weights for all keys are a matrix that stays in
// the second cache, and serve all tangents or cotangents of these queries.

namespace nabla::cpu {
namespace {

// The matrices of an operand, one for each place along the leading axes; strides in elements.
template <class T>
class Matrices {
 public:
  explicit Matrices(const ArrayView& view) : layout_(view.layout), elements_(view.data<T>()) {
    if (!is_matrix()) {
      const Layout dense = Layout::dense(view.shape());
      copy_ = std::make_unique<Buffer>(static_cast<std::size_t>(view.shape().size()) * sizeof(T));
      const ArrayView to{copy_->data(), dense, view.dtype};
      copy_to_dense({{&view, 1}, to, {}});
      layout_ = dense;
      elements_ = to.data<T>();
    }
  }
  Layout leading() const { return axes_of(layout_, 0, layout_.shape.rank() - 2); }
  const T* elements() const { return elements_; }
  std::int64_t row() const { return stride(-2); }
  std::int64_t column() const { return stride(-1); }

 private:
  // Of one element the stride does not count; else 0 would mean a repetition, which products do not take.
  std::int64_t stride(int axis) const {
    if (layout_.shape[axis] == 1) return axis == -1 ? 1 : std::max<std::int64_t>(1, layout_.shape[-1]);
    return layout_.strides[layout_.shape.rank() + axis];
  }
  bool is_matrix() const { return stride(-2) > 0 && stride(-1) > 0 && (stride(-2) == 1 || stride(-1) == 1); }

  Layout layout_;
  const T* elements_;
  std::unique_ptr<Buffer> copy_;
};

// What is added to scores, or to their tangents: its strides are 0 where it is repeated.
template <class T>
struct Added {
  const T* elements = nullptr;
  std::int64_t row = 0, column = 0;
  const T* at_row(std::int64_t i) const { return elements ? elements + i * row : nullptr; }
};

template <class T>
struct AttentionMemory {
  std::vector<T> weights, derivatives, more, part;
};
template <class T>
T* scratch_of(std::vector<T>& memory, std::int64_t elements) {
  if (static_cast<std::int64_t>(memory.size()) < elements) memory.resize(static_cast<std::size_t>(elements));
  return memory.data();
}

// c [m, n] = a b, where k may be 0.
template <class T>
void multiply(const MatmulShape& shape, const T* a, const T* b, T* c) {
  if (shape.m == 0 || shape.n == 0) return;
  if (shape.k == 0) {
    for (std::int64_t i = 0; i < shape.m; ++i) std::fill_n(c + i * shape.c_row, shape.n, T(0));
    return;
  }
  matmul(MatmulArguments<T>{shape, a, b, c});
}
template <class T>
void add_rows(const T* from, std::int64_t count, T* to) {
  for (std::int64_t i = 0; i < count; ++i) to[i] += from[i];
}

// A call of one of the three steps.
template <class T>
class AttentionCall {
 public:
  explicit AttentionCall(const KernelCall& call)
      : own_(AttentionAttributes::of(call.attributes)), rows_(attention_rows<T>()), set_(instruction_set()) {
    for (const ArrayView& input : call.inputs) operands_.emplace_back(input);
    const int rank = call.inputs[0].shape().rank();
    queries_ = call.inputs[0].shape()[-2];
    scored_ = call.inputs[0].shape()[-1];
    keys_ = call.inputs[1].shape()[-2];
    values_ = call.inputs[2].shape()[-1];
    // Those that are added to scores may be repeated along their rows and columns.
    for (const std::size_t i : {std::size_t{3}, own_.tangent_of(3)}) {
      if (own_.primals < 4 || i == 0) continue;
      const Shape& shape = call.inputs[i].shape();
      added_[i == 3 ? 0 : 1] = {nullptr, shape[-2] == 1 ? 0 : operands_[i].row(),
                                shape[-1] == 1 ? 0 : operands_[i].column()};
    }
    const int leading = call.output.shape().rank() - (call.output.shape().rank() == rank ? 2 : 1);
    std::vector<Layout> layouts{axes_of(call.output.layout, 0, leading)};
    for (const Matrices<T>& operand : operands_) layouts.push_back(operand.leading());
    group(merged(call.output.shape().first(leading), layouts));
  }

  // Leading places with the same first operands, whose weights are found once.
  struct Member {
    std::int64_t out;  // the place's first element in the output
    std::vector<const T*> inputs;
  };
  struct Group {
    std::vector<Member> members;
    const std::vector<const T*>& inputs() const { return members.front().inputs; }
  };

  const AttentionAttributes& own() const { return own_; }
  const std::vector<Group>& groups() const { return groups_; }
  std::int64_t queries() const { return queries_; }
  std::int64_t keys() const { return keys_; }
  std::int64_t scored() const { return scored_; }
  std::int64_t values() const { return values_; }
  const Matrices<T>& operand(std::size_t i) const { return operands_[i]; }

  // Some queries, and the keys that these may attend to.
  struct Block {
    std::int64_t first, rows, keys;
  };
  std::int64_t blocks() const { return (queries_ + per_block() - 1) / per_block(); }
  Block block(std::int64_t i) const {
    const std::int64_t first = i * per_block();
    const std::int64_t last = std::min(queries_, first + per_block());
    return {first, last - first, own_.causal ? std::min(keys_, last) : keys_};
  }

  // c [rows of the block, keys] = x y^T for rows of queries x and keys y.
  void score(const Block& at, const T* x, const Matrices<T>& of_x, const T* y, const Matrices<T>& of_y,
             T* c) const {
    multiply<T>({at.rows, at.keys, scored_, of_x.row(), of_x.column(), of_y.column(), of_y.row(), at.keys},
                x + at.first * of_x.row(), y, c);
  }
  // The weights of the block, in this thread's memory.
  const T* weights(const Group& group, const Block& at) const {
    T* w = scratch_of(thread_own<AttentionMemory<T>>().weights, at.rows * at.keys);
    const std::vector<const T*>& in = group.inputs();
    score(at, in[0], operands_[0], in[1], operands_[1], w);
    rows_.weigh.at(set_)(score_rows(w, at, added(0, own_.primals > 3 ? in[3] : nullptr), scale()));
    return w;
  }
  // factor w (s' - sum of w s') in place of s', which is scaled and may have a bias.
  void derive(const Block& at, const T* weights, T* s, T scale, T factor, const T* more = nullptr,
              const T* bias = nullptr) const {
    rows_.derive.at(set_)(score_rows(s, at, added(1, bias), scale), weights, more, factor);
  }
  T scale() const { return static_cast<T>(own_.scale); }

 private:
  // Some rows for each core, and a matrix of weights that stays in a part of the second cache.
  std::int64_t per_block() const {
    constexpr std::int64_t kWeights = 1 << 16;
    return std::clamp<std::int64_t>(kWeights / std::max<std::int64_t>(1, keys_), 16, 128);
  }
  Added<T> added(std::size_t which, const T* elements) const {
    Added<T> bias = added_[which];
    bias.elements = elements;
    return bias;
  }
  ScoreRows<T> score_rows(T* elements, const Block& at, const Added<T>& bias, T scale) const {
    return {elements, at.rows,     at.keys, at.first, own_.causal, bias.at_row(at.first),
            bias.row, bias.column, scale};
  }
  void group(const Walk<>& walk) {
    std::map<std::vector<const T*>, std::size_t> found;
    for (std::int64_t index = 0; index < walk.size(); ++index) {
      Member member{walk.offset(index, 0), {}};
      for (std::size_t i = 0; i < operands_.size(); ++i)
        member.inputs.push_back(operands_[i].elements() + walk.offset(index, i + 1));
      const std::vector<const T*> first(member.inputs.begin(),
                                        member.inputs.begin() + static_cast<std::ptrdiff_t>(own_.primals));
      const auto [at, is_new] = found.try_emplace(first, groups_.size());
      if (is_new) groups_.emplace_back();
      groups_[at->second].members.push_back(std::move(member));
    }
  }

  AttentionAttributes own_;
  AttentionRows<T> rows_;
  InstructionSet set_;
  std::vector<Matrices<T>> operands_;
  std::array<Added<T>, 2> added_;
  std::int64_t queries_, keys_, scored_, values_;
  std::vector<Group> groups_;
};

// Queries of all groups, some at a time.
template <class T, class Work>
void for_blocks(const AttentionCall<T>& call, const Work& work) {
  const std::int64_t blocks = call.blocks();
  parallel_for(static_cast<std::int64_t>(call.groups().size()) * blocks, [&](std::int64_t task) {
    work(call.groups()[static_cast<std::size_t>(task / blocks)], call.block(task % blocks));
  });
}

template <class T>
void attend(const AttentionCall<T>& call, T* out) {
  const Matrices<T>& v = call.operand(2);
  for_blocks(call, [&](const auto& group, const auto& at) {
    const T* w = call.weights(group, at);
    for (const auto& member : group.members)
      multiply<T>({at.rows, call.values(), at.keys, at.keys, 1, v.row(), v.column(), call.values()}, w,
                  member.inputs[2], out + member.out + at.first * call.values());
  });
}

// out = (w (s' - sum of w s')) v + w v', s' = scale (q' k^T + q k'^T) + the bias's tangent.
template <class T>
void push(const AttentionCall<T>& call, T* output) {
  const AttentionAttributes& own = call.own();
  const std::size_t dq = own.tangent_of(0), dk = own.tangent_of(1), dv = own.tangent_of(2);
  const std::size_t db = own.primals > 3 ? own.tangent_of(3) : 0;
  const Matrices<T>& v = call.operand(2);
  for_blocks(call, [&](const auto& group, const auto& at) {
    const T* w = call.weights(group, at);
    auto& memory = thread_own<AttentionMemory<T>>();
    const std::int64_t size = at.rows * at.keys;
    for (const auto& member : group.members) {
      const std::vector<const T*>& in = member.inputs;
      T* out = output + member.out + at.first * call.values();
      const bool through_scores = dq || dk || db;
      if (through_scores) {
        T* s = scratch_of(memory.derivatives, size);
        const T* more = nullptr;
        if (dq) call.score(at, in[dq], call.operand(dq), in[1], call.operand(1), s);
        if (dk) {
          T* to = dq ? scratch_of(memory.more, size) : s;
          call.score(at, in[0], call.operand(0), in[dk], call.operand(dk), to);
          if (dq) more = to;
        }
        if (!dq && !dk) std::fill_n(s, size, T(0));
        call.derive(at, w, s, call.scale(), T(1), more, db ? in[db] : nullptr);
        multiply<T>({at.rows, call.values(), at.keys, at.keys, 1, v.row(), v.column(), call.values()}, s,
                    in[2], out);
      }
      if (!dv) continue;
      const Matrices<T>& tangent = call.operand(dv);
      const std::int64_t elements = at.rows * call.values();
      T* to = through_scores ? scratch_of(memory.part, elements) : out;
      multiply<T>(
          {at.rows, call.values(), at.keys, at.keys, 1, tangent.row(), tangent.column(), call.values()}, w,
          in[dv], to);
      if (through_scores) add_rows(to, elements, out);
    }
  });
}

// With the cotangent u of the output: s = scale w (u v^T - sum of w u v^T), and s k, s^T q, w^T u.
template <class T>
class Pull {
 public:
  Pull(const AttentionCall<T>& call, const ArrayView& output, std::span<std::byte* const> parts)
      : call_(call),
        u_(call.own().primals),
        for_place_(output.shape()[-1]),
        to_keys_(call.keys() * call.scored()),
        to_values_(call.keys() * call.values()),
        pieces_(
            std::clamp<std::int64_t>(kMostPieces / members(), 1, std::max<std::int64_t>(1, call.blocks()))) {
    std::int64_t first = 0;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      const std::int64_t extent = std::array{call.queries() * call.scored(), to_keys_, to_values_}[i];
      parts_[i] = parts.empty() ? Part{output.data<T>() + first, for_place_}
                                : Part{reinterpret_cast<T*>(parts[i]), extent};
      first += extent;
    }
  }

  void run() const {
    const std::int64_t groups = static_cast<std::int64_t>(call_.groups().size());
    const std::int64_t both = to_keys_ + to_values_;
    std::vector<T> kept(static_cast<std::size_t>(pieces_ == 1 ? 0 : members() * pieces_ * both));
    std::vector<std::int64_t> first_member;  // of each group
    std::int64_t counted = 0;
    for (const auto& group : call_.groups()) {
      first_member.push_back(counted);
      counted += static_cast<std::int64_t>(group.members.size());
    }
    const auto sums_of = [&](std::int64_t group, std::size_t member, std::int64_t piece) {
      if (pieces_ == 1) {
        const auto& own = call_.groups()[static_cast<std::size_t>(group)].members[member];
        return Sums{cotangent(own, 1), cotangent(own, 2)};
      }
      const std::int64_t index =
          first_member[static_cast<std::size_t>(group)] + static_cast<std::int64_t>(member);
      T* const sums = kept.data() + (index * pieces_ + piece) * both;
      return Sums{sums, sums + to_keys_};
    };
    parallel_for(groups * pieces_, [&](std::int64_t task) {
      const std::int64_t group = task / pieces_, piece = task % pieces_;
      const auto& members_of = call_.groups()[static_cast<std::size_t>(group)].members;
      for (std::size_t m = 0; m < members_of.size(); ++m) {
        const Sums sums = sums_of(group, m, piece);
        std::fill_n(sums.of_keys, to_keys_, T(0));
        std::fill_n(sums.of_values, to_values_, T(0));
      }
      for (std::int64_t b = piece * call_.blocks() / pieces_; b < (piece + 1) * call_.blocks() / pieces_; ++b)
        add_block(call_.groups()[static_cast<std::size_t>(group)], call_.block(b),
                  [&](std::size_t m) { return sums_of(group, m, piece); });
    });
    if (pieces_ == 1) return;
    parallel_for(groups, [&](std::int64_t group) {
      const auto& members_of = call_.groups()[static_cast<std::size_t>(group)].members;
      for (std::size_t m = 0; m < members_of.size(); ++m) {
        T *const of_keys = cotangent(members_of[m], 1), *const of_values = cotangent(members_of[m], 2);
        const Sums first = sums_of(group, m, 0);
        std::copy_n(first.of_keys, to_keys_, of_keys);
        std::copy_n(first.of_values, to_values_, of_values);
        for (std::int64_t piece = 1; piece < pieces_; ++piece) {
          const Sums more = sums_of(group, m, piece);
          add_rows(more.of_keys, to_keys_, of_keys);
          add_rows(more.of_values, to_values_, of_values);
        }
      }
    });
  }

 private:
  using Member = typename AttentionCall<T>::Member;
  // Cotangents of queries, keys or values: of the first place along the leading axes, and the step to the
  // next.
  struct Part {
    T* first = nullptr;
    std::int64_t step = 0;
  };
  struct Sums {
    T* of_keys;
    T* of_values;
  };

  // Few sums are taken in as many pieces in all, which are added in order.
  static constexpr std::int64_t kMostPieces = 8;

  T* cotangent(const Member& member, std::size_t part) const {
    return parts_[part].first + member.out / for_place_ * parts_[part].step;
  }
  std::int64_t members() const {
    std::int64_t count = 0;
    for (const auto& group : call_.groups()) count += static_cast<std::int64_t>(group.members.size());
    return std::max<std::int64_t>(1, count);
  }

  template <class Group, class Block, class SumsOf>
  void add_block(const Group& group, const Block& at, const SumsOf& sums_of) const {
    const Matrices<T>&q = call_.operand(0), &k = call_.operand(1), &v = call_.operand(2),
          &u = call_.operand(u_);
    const std::int64_t d = call_.scored(), e = call_.values();
    const T* w = call_.weights(group, at);
    auto& memory = thread_own<AttentionMemory<T>>();
    T* s = scratch_of(memory.derivatives, at.rows * at.keys);
    T* part = scratch_of(memory.part, at.keys * std::max(d, e));
    for (std::size_t m = 0; m < group.members.size(); ++m) {
      const std::vector<const T*>& in = group.members[m].inputs;
      const T* of_rows = in[u_] + at.first * u.row();
      multiply<T>({at.rows, at.keys, e, u.row(), u.column(), v.column(), v.row(), at.keys}, of_rows, in[2],
                  s);
      call_.derive(at, w, s, T(1), call_.scale());
      multiply<T>({at.rows, d, at.keys, at.keys, 1, k.row(), k.column(), d}, s, in[1],
                  cotangent(group.members[m], 0) + at.first * d);
      const Sums sums = sums_of(m);
      multiply<T>({at.keys, d, at.rows, 1, at.keys, q.row(), q.column(), d}, s, in[0] + at.first * q.row(),
                  part);
      add_rows(part, at.keys * d, sums.of_keys);
      multiply<T>({at.keys, e, at.rows, 1, at.keys, u.row(), u.column(), e}, w, of_rows, part);
      add_rows(part, at.keys * e, sums.of_values);
    }
  }

  const AttentionCall<T>& call_;
  std::size_t u_;           // the cotangent's input
  std::int64_t for_place_;  // elements of the output
  std::int64_t to_keys_;    // those of the keys' cotangents
  std::int64_t to_values_;
  std::int64_t pieces_;
  std::array<Part, 3> parts_;
};

// Calls work(AttentionCall<T>, T{}).
template <class Work>
void visit_attention(const char* name, const KernelCall& call, const Work& work) {
  if (call.output.shape().size() == 0) return;
  if (call.output.dtype == DType::f32) return work(AttentionCall<float>(call), float{});
  if (call.output.dtype == DType::f64) return work(AttentionCall<double>(call), double{});
  throw Error(std::string(name) + ": not supported for " + std::string(name_of(call.output.dtype)));
}

}  // namespace

void attention_kernel(const KernelCall& call) {
  visit_attention("attention", call,
                  [&](const auto& x, auto element) { attend(x, call.output.data<decltype(element)>()); });
}
void attention_jvp_kernel(const KernelCall& call) {
  visit_attention("attention_jvp", call,
                  [&](const auto& x, auto element) { push(x, call.output.data<decltype(element)>()); });
}
void attention_vjp_kernel(const KernelCall& call) {
  visit_attention("attention_vjp", call, [&](const auto& x, auto element) {
    Pull<decltype(element)>(x, call.output, call.parts).run();
  });
}

}  // namespace nabla::cpu
