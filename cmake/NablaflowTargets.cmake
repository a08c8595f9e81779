# Helpers that turn a directory of sources into a library, a test binary or a program.

# nablaflow_add_module(<name> [DEPENDS <module>...])
# The library nablaflow::<name> from every source below <name>/. Adding a file is enough to build it.
# Without sources the library is header-only, so that what depends on it still configures.
function(nablaflow_add_module name)
  cmake_parse_arguments(arg "" "" "DEPENDS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/${name}/*.cpp")
  # What is for GPUs is added where it is wanted (NablaflowCuda).
  list(FILTER sources EXCLUDE REGEX "/(backend/cuda/.*|explain/cuda_kernels)\\.cpp$")
  set(target nablaflow_${name})
  if(sources)
    add_library(${target} STATIC ${sources})
    target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:nablaflow_flags>)
    set(scope PUBLIC)
  else()
    message(STATUS "${name}/ holds no sources yet")
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  add_library(nablaflow::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  target_compile_features(${target} ${scope} cxx_std_20)
  target_include_directories(${target} ${scope} $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>)
  foreach(module IN LISTS arg_DEPENDS)
    target_link_libraries(${target} ${scope} nablaflow_${module})
  endforeach()
endfunction()

# nablaflow_link(<module> PUBLIC|PRIVATE <library>...): like target_link_libraries, also for a header-only module.
function(nablaflow_link name scope)
  get_target_property(type nablaflow_${name} TYPE)
  if(type STREQUAL "INTERFACE_LIBRARY")
    set(scope INTERFACE)
  endif()
  target_link_libraries(nablaflow_${name} ${scope} ${ARGN})
endfunction()

# nablaflow_add_program(<target> SOURCES <file>... [LIBRARIES <library>...])
function(nablaflow_add_program target)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(${target} ${arg_SOURCES})
  target_link_libraries(${target} PRIVATE nablaflow_flags ${arg_LIBRARIES})
endfunction()
