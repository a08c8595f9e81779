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
