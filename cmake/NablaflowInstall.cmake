# cmake --install: the libraries, their headers, and the package that find_package(nablaflow) reads.

if(NOT NABLAFLOW_INSTALL)
  return()
endif()

include(CMakePackageConfigHelpers)
include(GNUInstallDirs)
set(nablaflow_headers_dir "${CMAKE_INSTALL_INCLUDEDIR}/nablaflow")
set(nablaflow_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/nablaflow")

# nablaflow_install(<export> <module>...): modules whose targets a consumer reads together, from <export>Targets.cmake.
# Headers keep their places relative to each other, so that an #include reads the same here and there.
function(nablaflow_install export)
  list(TRANSFORM ARGN PREPEND nablaflow_ OUTPUT_VARIABLE targets)
  install(TARGETS ${targets} EXPORT ${export}Targets
    ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    INCLUDES DESTINATION "${nablaflow_headers_dir}")
  install(EXPORT ${export}Targets NAMESPACE nablaflow:: DESTINATION "${nablaflow_package_dir}")
  foreach(module IN LISTS ARGN)
    if(NOT IS_DIRECTORY "${PROJECT_SOURCE_DIR}/${module}")
      continue()
    endif()
    install(DIRECTORY "${PROJECT_SOURCE_DIR}/${module}" DESTINATION "${nablaflow_headers_dir}"
      FILES_MATCHING PATTERN "*.h" PATTERN "*.def" PATTERN "backend/cpu" EXCLUDE PATTERN "backend/cuda" EXCLUDE)
  endforeach()
endfunction()

set(nablaflow_components engine nn flow uncertainty)
if(TARGET nablaflow_cuda_text)
  list(APPEND nablaflow_components cuda_text)
endif()
nablaflow_install(nablaflow ${nablaflow_components})
# The one header there that others include.
install(FILES "${PROJECT_SOURCE_DIR}/engine/backend/cuda/source/kernel_source.h"
  DESTINATION "${nablaflow_headers_dir}/engine/backend/cuda/source")
if(NABLAFLOW_HAVE_IO)
  nablaflow_install(nablaflowIo io)
endif()

# The same find modules as here, for a consumer links what a static library needs.
install(DIRECTORY "${PROJECT_SOURCE_DIR}/cmake/modules" DESTINATION "${nablaflow_package_dir}")

configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/nablaflowConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/nablaflowConfig.cmake" INSTALL_DESTINATION "${nablaflow_package_dir}")
# Before 1.0 a minor version may change what a program sees.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/nablaflowConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/nablaflowConfig.cmake" "${PROJECT_BINARY_DIR}/nablaflowConfigVersion.cmake"
  DESTINATION "${nablaflow_package_dir}")
