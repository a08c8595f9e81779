#pragma once

// Functions that are compiled once more for a newer instruction set and chosen at run time. The attribute
// stands on single functions, never on a file: an inline function of a header, compiled for a newer
// processor, could become the one that the linker keeps for all. Only what is inlined into such a function
// profits.

#if defined(__x86_64__) && defined(__GNUC__)
#define NABLAFLOW_TARGETS 1
#define NABLAFLOW_TARGET_AVX2 [[gnu::target("avx2")]]
#define NABLAFLOW_TARGET_AVX512 [[gnu::target("avx512f,avx512vl,avx512dq,avx512bw")]]
#else
#define NABLAFLOW_TARGETS 0
#define NABLAFLOW_TARGET_AVX2
#define NABLAFLOW_TARGET_AVX512
#endif

// For functions that such a loop must inline whatever their size: a call keeps it scalar. Lambdas take theirs
// behind the parameters.
#if defined(__GNUC__)
#define NABLAFLOW_INLINED [[gnu::always_inline]] inline
#define NABLAFLOW_INLINED_LAMBDA __attribute__((always_inline))
#else
#define NABLAFLOW_INLINED inline
#define NABLAFLOW_INLINED_LAMBDA
#endif

// Stands before a loop each of whose turns reads only its own elements before it writes them: the output may
// be an operand, and that is no reason for the compiler to keep to single elements.
#if defined(__clang__)
#define NABLAFLOW_INDEPENDENT_TURNS _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define NABLAFLOW_INDEPENDENT_TURNS _Pragma("GCC ivdep")
#else
#define NABLAFLOW_INDEPENDENT_TURNS
#endif

// Stands before a loop over a few registers, whose turns are known: left as a loop it would keep them in
// memory.
#if defined(__clang__)
#define NABLAFLOW_UNROLLED _Pragma("clang loop unroll(full)")
#elif defined(__GNUC__)
#define NABLAFLOW_UNROLLED _Pragma("GCC unroll 8")
#else
#define NABLAFLOW_UNROLLED
#endif
