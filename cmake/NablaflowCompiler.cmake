# The language level and the flags that all of our own code is compiled with.

include(NablaflowCompilerVersion)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(PROJECT_IS_TOP_LEVEL)
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
endif()

find_program(NABLAFLOW_CCACHE ccache)
mark_as_advanced(NABLAFLOW_CCACHE)
if(NABLAFLOW_CCACHE AND PROJECT_IS_TOP_LEVEL AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${NABLAFLOW_CCACHE}")
endif()

# Linked privately by every target of ours, so that no flag leaks to a project that embeds Nablaflow.
add_library(nablaflow_flags INTERFACE)

target_compile_options(nablaflow_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
  $<$<BOOL:${NABLAFLOW_WERROR}>:-Werror>)

# GCC 12 sees overlapping copies in plain additions of std::string where there are none; GCC 13 no longer does.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(nablaflow_flags INTERFACE -Wno-restrict)
endif()

# Clang warns where it leaves a loop scalar that was declared independent; at -O1, or of doubles, it always does.
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  target_compile_options(nablaflow_flags INTERFACE -Wno-pass-failed)
endif()

# A contracted multiply-add rounds once instead of twice, and whether it appears depends on the compiler and the
# instruction set: off, so that every build gives the same bits. Code that wants an fma says std::fma.
# Nobody reads errno after a math call, nor the flags of floating-point exceptions; keeping either exact keeps loops from
# being vectorised. Values, NaN and infinity stay as they are.
# -ffast-math and -march=native stay out: the first breaks NaN and rounding, the second breaks shipped binaries. A project
# that embeds us may set the first, or parts of it, for itself: taken back here, for these flags come after its own. Clang
# is given the parts of "unsafe" alone, because with the whole it takes traps to be wanted, and told to keep subnormal numbers.
target_compile_options(nablaflow_flags INTERFACE
  -fno-fast-math $<IF:$<CXX_COMPILER_ID:GNU>,-fno-unsafe-math-optimizations,-fno-approx-func> -fno-associative-math
  $<$<NOT:$<CXX_COMPILER_ID:GNU>>:-fdenormal-fp-math=ieee>
  -fno-reciprocal-math -fno-finite-math-only -fsigned-zeros $<$<CXX_COMPILER_ID:GNU>:-fno-single-precision-constant>
  $<$<CXX_COMPILER_ID:GNU>:-fno-cx-limited-range>
  -ffp-contract=off -fno-math-errno -fno-trapping-math)

# The x87 unit of 32-bit x86 computes in 80 bits and rounds where the compiler happens to store.
if(CMAKE_SIZEOF_VOID_P EQUAL 4 AND CMAKE_SYSTEM_PROCESSOR MATCHES "^(i.86|x86|x86_64|AMD64|amd64)$")
  target_compile_options(nablaflow_flags INTERFACE -msse2 -mfpmath=sse)
endif()

# Without a build type compilers do not optimise, which makes kernels some twenty times slower.
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES AND NOT CMAKE_CXX_FLAGS MATCHES "(^| )-O")
  message(WARNING "No build type is set: Nablaflow's own targets are optimised, the others are not. Configure with "
    "-DCMAKE_BUILD_TYPE=Release")
  target_compile_options(nablaflow_flags INTERFACE -O3)
endif()

if(NABLAFLOW_SANITIZE)
  # -fno-sanitize-recover: a finding must fail the test, not only print.
  set(nablaflow_sanitizers -fsanitize=${NABLAFLOW_SANITIZE} -fno-sanitize-recover=all)
  target_compile_options(nablaflow_flags INTERFACE ${nablaflow_sanitizers} -fno-omit-frame-pointer)
  target_link_options(nablaflow_flags INTERFACE ${nablaflow_sanitizers})
  # By which GCC says so; Clang asks by __has_feature.
  if(CMAKE_CXX_COMPILER_ID MATCHES "Clang" AND NABLAFLOW_SANITIZE MATCHES "address")
    target_compile_definitions(nablaflow_flags INTERFACE __SANITIZE_ADDRESS__)
  endif()
endif()
