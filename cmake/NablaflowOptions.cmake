# Everything a person can switch, in one place.

set(NABLAFLOW_ONEDNN AUTO CACHE STRING "Use oneDNN for matrix products and convolutions: AUTO, ON or OFF")
set_property(CACHE NABLAFLOW_ONEDNN PROPERTY STRINGS AUTO ON OFF)

set(NABLAFLOW_CUDA AUTO CACHE STRING "Build the CUDA backend: AUTO, ON or OFF")
set_property(CACHE NABLAFLOW_CUDA PROPERTY STRINGS AUTO ON OFF)

if(PROJECT_IS_TOP_LEVEL)
  set(nablaflow_tests AUTO)
else()
  set(nablaflow_tests OFF)
endif()
set(NABLAFLOW_BUILD_TESTS ${nablaflow_tests} CACHE STRING "Build the tests, which need doctest: AUTO, ON or OFF")
set_property(CACHE NABLAFLOW_BUILD_TESTS PROPERTY STRINGS AUTO ON OFF)

option(NABLAFLOW_BUILD_EXAMPLES "Build the example programs" ${PROJECT_IS_TOP_LEVEL})
option(NABLAFLOW_BUILD_BENCH "Build the benchmarks" OFF)
option(NABLAFLOW_INSTALL "Let cmake --install install the libraries and their package" ${PROJECT_IS_TOP_LEVEL})
option(NABLAFLOW_WERROR "Treat warnings as errors" OFF)
option(NABLAFLOW_FUZZ "Build the fuzzers of the readers for libFuzzer, which comes with Clang" OFF)
set(NABLAFLOW_SANITIZE "" CACHE STRING "Sanitizers, separated by commas: address,undefined or thread")

if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()
