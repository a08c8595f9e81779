#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/backend/cuda/source/device_text.h"
#include "engine/backend/cuda/source/kernel_source.h"
#include "engine/backend/walk.h"

// What the writers of kernels share: names, positions of elements, launches.

namespace nabla::cuda {

/// The type's name in kernels. @throws Error for complex numbers, naming `primitive`.
std::string type_name(std::string_view primitive, DType dtype);
/// An unsigned type of the same size, for kernels that only move elements.
std::string moved_type_name(std::string_view primitive, DType dtype);
/// @throws Error that `primitive` has no kernel for the type.
[[noreturn]] void throw_unsupported(std::string_view primitive, DType dtype);

/// `text` with every $name replaced by its value.
std::string filled(std::string_view text,
                   std::initializer_list<std::pair<std::string_view, std::string>> values);

/// A device function: where the element of an operand with a row-major index lies.
std::string offset_function(std::string_view name, const Walk<>& walk, std::size_t operand);

/// The same layout with one place along the axis.
Layout without_axis(Layout layout, int axis);

/// Elements along the axes inside `axis` (from the right): the stride along it where elements are dense.
std::int64_t places_inside(const Shape& shape, int axis);

/// `typedef .. Index;` of 32 bits where they count up to `largest`.
std::string index_type(std::int64_t largest);

/// Elements of one access of at most 16 bytes that divide `extent`.
int run_length(std::int64_t extent, std::size_t element_size);

/// Sizes of blocks where a kernel has no reason for another one.
inline constexpr int kThreads = 256;
inline std::int64_t divided_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

inline KernelArgument input(std::int64_t index) { return {KernelArgument::From::input, index}; }
inline KernelArgument output() { return {KernelArgument::From::output, 0}; }
inline KernelArgument scratch(std::int64_t byte) { return {KernelArgument::From::scratch, byte}; }
inline KernelArgument number(std::int64_t value) { return {KernelArgument::From::number, value}; }
inline KernelArgument refusal() { return {KernelArgument::From::refusal, 0}; }

/// Takes pieces of a step's scratch memory.
class Scratch {
 public:
  std::int64_t take(std::int64_t bytes);
  std::size_t bytes() const { return static_cast<std::size_t>(bytes_); }

 private:
  std::int64_t bytes_ = 0;
};

}  // namespace nabla::cuda
