# Nablaflow embedded in a project that sets no build type and asks for fast arithmetic: its own sources are compiled as
# ever.  cmake -DSOURCE=<this tree> -DSCRATCH=<directory> -DCOMPILER=<C++ compiler> -DGENERATOR=<CMake generator> -P embedded_flags.cmake

cmake_minimum_required(VERSION 3.25)
file(REMOVE_RECURSE "${SCRATCH}")
execute_process(COMMAND "${CMAKE_COMMAND}" -S "${CMAKE_CURRENT_LIST_DIR}" -B "${SCRATCH}" -G "${GENERATOR}"
    "-DNABLAFLOW_SOURCE=${SOURCE}" -DNABLAFLOW_CUDA=OFF -DCMAKE_BUILD_TYPE= "-DCMAKE_CXX_COMPILER=${COMPILER}"
    "-DCMAKE_CXX_FLAGS=-ffast-math -ffinite-math-only" -DCMAKE_EXPORT_COMPILE_COMMANDS=ON
  RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(NOT result EQUAL 0 OR NOT output MATCHES "No build type is set")
  message(FATAL_ERROR "The project is not configured with a warning that it has no build type (${result}):\n${output}")
endif()
file(READ "${SCRATCH}/compile_commands.json" commands)
string(REGEX MATCHALL "\"command\": [^\n]* [^ \n]*${SOURCE}/(engine|nn|flow|uncertainty)/[^\n]*\n" ours "${commands}")
if(NOT ours)
  message(FATAL_ERROR "No source of Nablaflow is compiled")
endif()
foreach(command IN LISTS ours)
  if(NOT command MATCHES "-ffast-math -ffinite-math-only.* -fno-fast-math.* -fno-finite-math-only.* -O3")
    message(FATAL_ERROR "Flags of the project hold for Nablaflow: ${command}")
  endif()
endforeach()
