#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/backend/device.h"
#include "engine/backend/step_description.h"
#include "engine/backend/tile_program.h"
#include "engine/tensor/buffer.h"

namespace nabla {

/// A step of a plan for given layouts, ready to run.
class StepKernel {
 public:
  virtual ~StepKernel() = default;
  /// Blocks of memory that hold the inputs, to which the offsets of their layouts are added, and the outputs,
  /// which are dense. In a program an output may be the memory of an input where `TileProgram` reads that
  /// input no later than it stores the output.
  virtual void run(std::span<const std::byte* const> inputs, std::span<std::byte* const> outputs) const = 0;
};

/// An input of a step in a layout that is faster to read: worth making where the input stays the same over
/// many runs.
struct PackedOperand {
  std::int64_t elements;                     ///< of the input's type, in one row
  std::shared_ptr<const StepKernel> pack;    ///< makes them from the input
  Attributes attributes;                     ///< what they depend on beside the input's layout
  std::shared_ptr<const StepKernel> kernel;  ///< of the step, which gets them in place of the input
};

/// A block of memory that steps work on, and what it is to whoever runs them.
struct BoundBlock {
  enum class Use { input, output, overwritten, temporary };
  Use use;  ///< temporaries and overwritten blocks stay at one address, others may move from run to run
  std::size_t bytes;
};

/// A step and the blocks that it reads and writes, by index.
struct BoundStep {
  std::shared_ptr<const StepKernel> kernel;
  std::vector<int> inputs, outputs;
};

/// Runs the steps of one plan, again and again; on the CPU from several threads at once.
class StepRunner {
 public:
  virtual ~StepRunner() = default;
  /// The memory of all temporaries.
  virtual std::shared_ptr<Buffer> arena(std::size_t bytes) = 0;
  /// Writes where the steps find the elements of buffers, by block, in a run that follows: copied to the
  /// device where only the host has them, null where there is no buffer.
  virtual void locate(std::span<Buffer* const> buffers, std::span<std::byte*> addresses) = 0;
  /// Runs the steps on these blocks. After every step calls `after`, if there is one, with its index; the
  /// outputs hold their values then.
  /// @throws Error where a step refuses its data.
  virtual void run(std::span<std::byte* const> blocks, const std::function<void(std::size_t)>& after) = 0;
};

/// What executes the steps of a plan on one device. A backend knows kernels by primitive; primitives know no
/// backend.
class Backend {
 public:
  virtual ~Backend() = default;
  virtual Device device() const = 0;
  /// Prepares a step that is no program. @throws Error if there is no kernel for the primitive or the types.
  virtual std::shared_ptr<const StepKernel> prepare(const StepDescription& step) const = 0;
  /// Tells how a step would like to find input `slot`, if that stays the same; nothing if as it is.
  virtual std::optional<PackedOperand> packed(const StepDescription& step, std::size_t slot) const = 0;
  /// Prepares a program over `shape`; `inputs` are the layouts of its inputs, with strides of 0 where they
  /// repeat.
  /// @throws Error if a primitive does not know a type.
  virtual std::shared_ptr<const StepKernel> compile(const TileProgram& program, const Shape& shape,
                                                    std::span<const Layout> inputs) const = 0;
  virtual std::unique_ptr<StepRunner> runner(std::vector<BoundStep> steps,
                                             std::vector<BoundBlock> blocks) const = 0;

  /// Temporaries of a plan that take no more than this together share no memory, so that no step has to wait
  /// until another is done with it.
  virtual std::size_t most_unshared_bytes() const = 0;
  /// Allocates memory with unspecified contents.
  virtual std::shared_ptr<Buffer> allocate(std::size_t bytes) const = 0;
  /// Tells where steps find the elements of a buffer that they are about to overwrite.
  virtual std::byte* to_write(Buffer& buffer) const = 0;
  /// Copies what a step has written.
  virtual void copy_to_host(std::byte* to, const std::byte* from, std::size_t bytes) const = 0;
};

const Backend& cpu_backend();
/// Of the device that plans run on now.
const Backend& current_backend();

}  // namespace nabla
