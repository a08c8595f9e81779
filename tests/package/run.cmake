# Installs BUILD into a scratch prefix, moves the prefix, and builds and runs the program beside this file with nothing
# but the package found there.
#   cmake -DBUILD=<build tree> -DCONFIG=<configuration> -DIO=<was io built?>
#     -DCUDA_TEXT=<was cuda_text?> -DARGUMENTS=<for configuring> -P run.cmake

cmake_minimum_required(VERSION 3.25)
set(scratch "${BUILD}/package")
file(REMOVE_RECURSE "${scratch}")

# run(<what> <command>...)
function(run what)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${what} failed (${result}):\n${output}")
  endif()
  message(STATUS "${what}: done")
endfunction()

run("Installing" "${CMAKE_COMMAND}" --install "${BUILD}" --config "${CONFIG}" --prefix "${scratch}/installed")
# No path of the place it was installed to may have been written down.
file(RENAME "${scratch}/installed" "${scratch}/moved")

run("Configuring the consumer" "${CMAKE_COMMAND}" -S "${CMAKE_CURRENT_LIST_DIR}" -B "${scratch}/consumer"
  "-DCMAKE_PREFIX_PATH=${scratch}/moved" "-DCONSUMER_READS_FILES=${IO}"
  "-DCONSUMER_PRINTS_KERNELS=${CUDA_TEXT}" ${ARGUMENTS})
run("Building the consumer" "${CMAKE_COMMAND}" --build "${scratch}/consumer" --config "${CONFIG}")
run("Running the consumer" "${CMAKE_CTEST_COMMAND}" --test-dir "${scratch}/consumer" -C "${CONFIG}" --output-on-failure
  --no-tests=error)
