#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/graph/node.h"
#include "engine/graph/op.h"
#include "engine/tensor/layout.h"

// The contract that every operator signs. Transforms (jvp, vjp, vmap) know no operator by name: all they need
// is here.
//
// Shapes: axes count from the right, and every primitive accepts any number of leading axes. A tangent of
// x:[*S] is [K, *S] (or [*L, *S]); cotangents and vmap likewise. Operands of one primitive have equal rank.
// A tangent or cotangent may have extent 1 where the primal has n, meaning a broadcast ("compressed"), on
// axes that the primitive accepts compressed; the transform expands the others before it calls a rule.

namespace nabla {

using Inputs = std::span<const Tensor>;
using Tangents =
    std::span<const std::optional<Tensor>>;  // aligned with the inputs; nullopt is a symbolic zero

struct TensorType {
  Shape shape;
  DType dtype;
};

/// One use of a primitive, as its rules see it.
struct Application {
  Inputs inputs;
  const Tensor& output;
  const Attributes& attributes;
};

/// What a primitive does along the axes that its attributes name: `reduces` leaves one element for all,
/// `maps` makes a line from a line. Other axes it treats pointwise then.
enum class AlongAxes { nothing, reduces, maps };

/// Where an axis of an input reappears in the output, if place p there sees places p + first .. p + last of
/// it alone.
struct AxisWindow {
  int axis;  ///< of the output, from the right
  std::int64_t first = 0, last = 0;
};

/// A primitive lives until the process is gone, for threads and destructors of statics may differentiate
/// while it ends: make it by `new`, and keep a reference.
class Primitive {
 public:
  enum class Class { pointwise, linear, multilinear, composite, nondifferentiable };

  virtual ~Primitive() = default;
  Primitive(const Primitive&) = delete;
  Primitive& operator=(const Primitive&) = delete;

  Op op() const { return op_; }
  /// Its name in the catalogue, or the one that its maker gave it.
  std::string_view name() const { return name_; }
  Class derivative_class() const { return class_; }

  /// Shape and type of the output. @throws Error that says what does not fit.
  virtual TensorType infer(Inputs inputs, const Attributes& attributes) const = 0;

  /// Tangent of the output from the tangents of the inputs, at least one of which is present.
  virtual std::optional<Tensor> jvp(const Application& at, Tangents tangents) const = 0;
  /// Contribution of the output's cotangent to the cotangent of one input.
  virtual std::optional<Tensor> vjp(const Application& at, int slot, const Tensor& cotangent) const = 0;
  /// The contributions to all inputs that are `wanted`, into `results`; both are aligned with the inputs. By
  /// default slot by slot; overridden where one pass serves all slots.
  virtual void vjp_of_slots(const Application& at, const std::vector<bool>& wanted, const Tensor& cotangent,
                            std::vector<std::optional<Tensor>>& results) const;

  /// False for an input that only tells from what or after what the output is computed. Transforms leave it
  /// as it is where they give leading axes to the others.
  virtual bool shows(int /*slot*/) const { return true; }
  /// True if input 0 only tells how the output is computed from the other inputs: it is rebuilt from these,
  /// and what it is made of is no one else's, even where a tensor outside is equal to it.
  virtual bool encloses_input() const { return false; }
  /// Where axis `axis` (-1, -2, ..) of input `slot` reappears in the output if the primitive treats it
  /// pointwise (every entry along it is processed alone); nullopt if entries along it mix.
  virtual std::optional<int> carried_axis(const Application& at, int slot, int axis) const = 0;
  /// The window that the output has on axis `axis` of input `slot`: a single place where it is carried, the
  /// same for all places, or nullopt.
  virtual std::optional<AxisWindow> window_along(const Application& at, int slot, int axis) const {
    if (const std::optional<int> carried = carried_axis(at, slot, axis)) return AxisWindow{*carried};
    return std::nullopt;
  }
  /// May the tangent of `slot` be compressed along `axis`? By default on the axes that are carried.
  virtual bool accepts_compressed_tangent(const Application& at, int slot, int axis) const {
    return carried_axis(at, slot, axis).has_value();
  }
  /// May the output's cotangent be compressed along `axis`? By default where some input axis is carried
  /// there.
  virtual bool accepts_compressed_cotangent(const Application& at, int axis) const;

  /// True if the output is a linear map of input `slot` that the other inputs and the attributes give.
  /// Whoever plans with it checks that those inputs depend neither on the variable nor on the sample.
  virtual bool is_constant_operator(int /*slot*/) const { return false; }
  /// True if rows of an identity stay such, or are made from numbers alone (iota): a plan then looks closer.
  virtual bool builds_identity() const { return is_uniform(); }

  /// The output as a view of input 0's elements, if it can be one without moving any.
  virtual std::optional<Layout> view(const Layout& /*input*/, const Shape& /*output*/,
                                     const Attributes&) const {
    return std::nullopt;
  }

  /// Extents along the last axis of those parts of the output that a step can write apart, each dense; none
  /// if it cannot. `inputs` are the shapes of the inputs.
  virtual std::vector<std::int64_t> parts(std::span<const Shape> /*inputs*/, const Attributes&) const {
    return {};
  }

  /// True if the output, though it is a view of input 0, must not be seen before the other inputs are there.
  virtual bool orders_steps() const { return false; }
  /// True if the kernel may refuse what the inputs hold (an index outside its axis).
  virtual bool may_refuse_values() const { return false; }
  /// True if element i of the output is a function of elements i of the inputs (extents of 1 repeat).
  virtual bool is_pointwise() const { return class_ == Class::pointwise; }
  /// Says how its named axes are used, if it has one input and programs over whole rows may contain it.
  virtual AlongAxes along_axes() const { return AlongAxes::nothing; }
  /// True if all elements of every output are equal, so that one may stand for all (a constant).
  virtual bool is_uniform() const { return false; }
  /// True for the variables of transforms, which never have a value.
  virtual bool is_variable() const { return false; }

  /// Attributes in a reader's words, for printing.
  virtual std::string describe(const Attributes& attributes) const;

 protected:
  /// Of the catalogue, where one is listed for each line. One that is not is computed as `op` is.
  enum class Registration { listed, unlisted };
  Primitive(Op op, Class derivative_class, Registration registration = Registration::listed);
  /// A caller's own, Op::custom.
  Primitive(std::string_view name, Class derivative_class);
  void rename(std::string_view name) { name_ = name; }

 private:
  std::string_view name_;
  Op op_;
  Class class_;
};

/// The primitive of a line of the catalogue.
/// @throws Error where the program does not link the file that defines it.
const Primitive& primitive_of(Op op);
/// Those that are linked into the program, in the order of the catalogue.
std::vector<const Primitive*> all_primitives();

/// "name: operands [2, 3] f32 and [4] f32": the beginning of an error message.
std::string with_operands(std::string_view name, Inputs inputs);

}  // namespace nabla
