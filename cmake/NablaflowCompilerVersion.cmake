# Refuses compilers that do not know what our code uses: older ones lack parts of C++20 (std::source_location, ranges),
# others take other flags. A file of its own, so that the test can run it as a script.

set(nablaflow_oldest_GNU 12)
set(nablaflow_oldest_Clang 16)
set(nablaflow_oldest_AppleClang 15)

set(nablaflow_oldest "${nablaflow_oldest_${CMAKE_CXX_COMPILER_ID}}")
if(NOT nablaflow_oldest OR CMAKE_CXX_COMPILER_VERSION VERSION_LESS nablaflow_oldest)
  message(FATAL_ERROR "Nablaflow needs GCC ${nablaflow_oldest_GNU}, Clang ${nablaflow_oldest_Clang}, AppleClang "
    "${nablaflow_oldest_AppleClang} or newer, not ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}: choose one with "
    "-DCMAKE_CXX_COMPILER=<compiler> in a fresh build directory")
endif()
