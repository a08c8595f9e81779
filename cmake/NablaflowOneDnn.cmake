# oneDNN is optional: without it the portable kernels of the CPU backend do all the work.
#
# Header and library are looked up directly. The CMake package that Debian ships insists on the OpenCL headers,
# which nothing here uses. Point NABLAFLOW_DNNL_ROOT at another installation.

include(CheckCXXSourceCompiles)

# nablaflow_link_onednn(<module>): defines NABLAFLOW_HAVE_ONEDNN=1 inside the module when oneDNN is there and wanted.
function(nablaflow_link_onednn name)
  if(NABLAFLOW_ONEDNN STREQUAL "OFF")
    message(STATUS "oneDNN: off")
    return()
  endif()

  find_path(NABLAFLOW_DNNL_INCLUDE_DIR oneapi/dnnl/dnnl.hpp HINTS "${NABLAFLOW_DNNL_ROOT}/include")
  find_library(NABLAFLOW_DNNL_LIBRARY dnnl HINTS "${NABLAFLOW_DNNL_ROOT}/lib")
  mark_as_advanced(NABLAFLOW_DNNL_INCLUDE_DIR NABLAFLOW_DNNL_LIBRARY)
  if(NOT NABLAFLOW_DNNL_INCLUDE_DIR OR NOT NABLAFLOW_DNNL_LIBRARY)
    if(NABLAFLOW_ONEDNN STREQUAL "ON")
      message(FATAL_ERROR "NABLAFLOW_ONEDNN is ON, but oneDNN was not found (Debian: libdnnl-dev)")
    endif()
    message(STATUS "oneDNN: not found, using the portable kernels")
    return()
  endif()

  # The engine's own threads tell oneDNN to stay on one thread through libgomp, the OpenMP runtime that oneDNN is
  # linked with. A build of oneDNN on another runtime cannot be told, so it is not used.
  set(CMAKE_REQUIRED_INCLUDES "${NABLAFLOW_DNNL_INCLUDE_DIR}")
  set(CMAKE_REQUIRED_LIBRARIES "${NABLAFLOW_DNNL_LIBRARY}" gomp)
  check_cxx_source_compiles("
    #include <oneapi/dnnl/dnnl.hpp>
    #if DNNL_CPU_THREADING_RUNTIME != DNNL_RUNTIME_OMP
    #error not built with OpenMP
    #endif
    extern \"C\" void omp_set_num_threads(int);
    int main() {
      omp_set_num_threads(1);
      return dnnl::engine::get_count(dnnl::engine::kind::cpu) == 0;
    }" NABLAFLOW_DNNL_WORKS)
  if(NOT NABLAFLOW_DNNL_WORKS)
    if(NABLAFLOW_ONEDNN STREQUAL "ON")
      message(FATAL_ERROR "NABLAFLOW_ONEDNN is ON, but ${NABLAFLOW_DNNL_LIBRARY} does not link with libgomp")
    endif()
    message(STATUS "oneDNN: ${NABLAFLOW_DNNL_LIBRARY} does not link with libgomp, using the portable kernels")
    return()
  endif()

  message(STATUS "oneDNN: ${NABLAFLOW_DNNL_LIBRARY}")
  get_target_property(type nablaflow_${name} TYPE)
  if(NOT type STREQUAL "INTERFACE_LIBRARY")
    target_include_directories(nablaflow_${name} SYSTEM PRIVATE "${NABLAFLOW_DNNL_INCLUDE_DIR}")
    target_link_libraries(nablaflow_${name} PRIVATE "${NABLAFLOW_DNNL_LIBRARY}" gomp)
    target_compile_definitions(nablaflow_${name} PRIVATE NABLAFLOW_HAVE_ONEDNN=1)
  endif()
endfunction()
