#pragma once

// What a library of compiled kernels and the program say to each other; both include it.

namespace nabla::cuda::host {

/// What the library calls.
struct Runtime {
  void (*block_barrier)(int line);
  void (*warp_barrier)(unsigned mask, int line);
  /// From lane `lane` (kind 0), `lane` below (1), above (2) or exclusive-or (3), within `width` lanes.
  unsigned long long (*shuffle)(unsigned mask, unsigned long long value, int kind, int lane, int width,
                                int line);
  unsigned (*ballot)(unsigned mask, int predicate, int line);
  /// exp log expm1 log1p sin cos tanh erf erfc normcdf
  float (*unary_f32[10])(float);
  double (*unary_f64[10])(double);
  float (*pow_f32)(float, float);
  double (*pow_f64)(double, double);
};

struct Place {
  unsigned x, y, z;
};

/// A kernel of the library. `threads` runs thread after thread, from `*next` in steps of `step`, until
/// `*next` is `end`, and counts in `*next` as it starts them.
struct Entry {
  const char* name;
  int text;
  int parameters;
  void (*threads)(const unsigned long long* arguments, int* next, int end, int step);
  char* shared_begin;  ///< the text's shared memory
  char* shared_end;
};

struct Library {
  Place* thread;
  Place* block;
  Place* block_extent;
  Place* grid_extent;
  char* shared_begin;  ///< the preamble's shared memory
  char* shared_end;
  int entry_count;
  const Entry* entries;
};

}  // namespace nabla::cuda::host
