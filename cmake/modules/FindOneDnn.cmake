# Finds oneDNN as the target OneDnn::OneDnn, in our own build and, installed beside the package, in that of a consumer.
#
# Header and library are looked up directly. The CMake package that Debian ships insists on the OpenCL headers,
# which nothing here uses. Point NABLAFLOW_DNNL_ROOT at another installation.

include(CheckCXXSourceCompiles)
include(CMakePushCheckState)
include(FindPackageHandleStandardArgs)

find_path(NABLAFLOW_DNNL_INCLUDE_DIR oneapi/dnnl/dnnl.hpp HINTS "${NABLAFLOW_DNNL_ROOT}/include")
find_library(NABLAFLOW_DNNL_LIBRARY dnnl HINTS "${NABLAFLOW_DNNL_ROOT}/lib")
mark_as_advanced(NABLAFLOW_DNNL_INCLUDE_DIR NABLAFLOW_DNNL_LIBRARY)

# The engine's own threads tell oneDNN to stay on one thread through libgomp, the OpenMP runtime that oneDNN is
# linked with. A build of oneDNN on another runtime cannot be told, so it is not used.
if(NABLAFLOW_DNNL_INCLUDE_DIR AND NABLAFLOW_DNNL_LIBRARY)
  cmake_push_check_state(RESET)
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
  cmake_pop_check_state()

  # The lines of the major, the minor and the patch version, in this order.
  file(STRINGS "${NABLAFLOW_DNNL_INCLUDE_DIR}/oneapi/dnnl/dnnl_version.h" OneDnn_VERSION
    REGEX "define DNNL_VERSION_(MAJOR|MINOR|PATCH) ")
  list(TRANSFORM OneDnn_VERSION REPLACE ".* " "")
  list(JOIN OneDnn_VERSION "." OneDnn_VERSION)
endif()

find_package_handle_standard_args(OneDnn
  REQUIRED_VARS NABLAFLOW_DNNL_LIBRARY NABLAFLOW_DNNL_INCLUDE_DIR NABLAFLOW_DNNL_WORKS
  VERSION_VAR OneDnn_VERSION
  HANDLE_VERSION_RANGE
  REASON_FAILURE_MESSAGE "it must link with libgomp (Debian: libdnnl-dev)")

if(OneDnn_FOUND AND NOT TARGET OneDnn::OneDnn)
  add_library(OneDnn::OneDnn UNKNOWN IMPORTED)
  set_target_properties(OneDnn::OneDnn PROPERTIES
    IMPORTED_LOCATION "${NABLAFLOW_DNNL_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${NABLAFLOW_DNNL_INCLUDE_DIR}"
    INTERFACE_LINK_LIBRARIES gomp)
endif()
