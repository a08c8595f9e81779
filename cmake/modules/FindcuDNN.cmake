# Finds cuDNN 9 as the target cuDNN::cuDNN, in our own build and, installed beside the package, in that of a consumer.
# It is looked for beside the CUDA Toolkit too; point NABLAFLOW_CUDNN_ROOT at another installation.

include(FindPackageHandleStandardArgs)

find_path(NABLAFLOW_CUDNN_INCLUDE_DIR cudnn.h
  HINTS "${NABLAFLOW_CUDNN_ROOT}" ${CUDAToolkit_INCLUDE_DIRS} PATH_SUFFIXES include)
find_library(NABLAFLOW_CUDNN_LIBRARY cudnn
  HINTS "${NABLAFLOW_CUDNN_ROOT}" ${CUDAToolkit_LIBRARY_DIR} PATH_SUFFIXES lib lib64)
mark_as_advanced(NABLAFLOW_CUDNN_INCLUDE_DIR NABLAFLOW_CUDNN_LIBRARY)

if(NABLAFLOW_CUDNN_INCLUDE_DIR AND EXISTS "${NABLAFLOW_CUDNN_INCLUDE_DIR}/cudnn_version.h")
  # The lines of the major, the minor and the patch version, in this order.
  file(STRINGS "${NABLAFLOW_CUDNN_INCLUDE_DIR}/cudnn_version.h" cuDNN_VERSION
    REGEX "define CUDNN_(MAJOR|MINOR|PATCHLEVEL) ")
  list(TRANSFORM cuDNN_VERSION REPLACE ".* " "")
  list(JOIN cuDNN_VERSION "." cuDNN_VERSION)
endif()

find_package_handle_standard_args(cuDNN
  REQUIRED_VARS NABLAFLOW_CUDNN_LIBRARY NABLAFLOW_CUDNN_INCLUDE_DIR
  VERSION_VAR cuDNN_VERSION)

if(cuDNN_FOUND AND NOT TARGET cuDNN::cuDNN)
  add_library(cuDNN::cuDNN UNKNOWN IMPORTED)
  set_target_properties(cuDNN::cuDNN PROPERTIES
    IMPORTED_LOCATION "${NABLAFLOW_CUDNN_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${NABLAFLOW_CUDNN_INCLUDE_DIR}")
endif()
