# The CUDA backend is optional. Its kernels are compiled by NVRTC when a plan is made, for the GPU at hand, so that nothing
# here needs nvcc or a list of architectures.

include(NablaflowEmbedText)

# nablaflow_link_cuda(<module>): builds the module with the CUDA backend where the toolkit is there and wanted, else with
# what says that it is missing; tells the caller in NABLAFLOW_HAVE_CUDA which.
#
# The text of kernels needs no toolkit, unless NABLAFLOW_CUDA is OFF: nablaflow::cuda_text is the module with it. A module
# with the backend has it anyway; for others it is a library of its own, which programs without a use for it leave out.
function(nablaflow_link_cuda name)
  nablaflow_find_cuda(found)
  set(NABLAFLOW_HAVE_CUDA ${found} PARENT_SCOPE)
  set(directory "${PROJECT_SOURCE_DIR}/${name}/backend/cuda")
  set(sources "${directory}/cuda_absent.cpp")
  if(found)
    file(GLOB sources CONFIGURE_DEPENDS "${directory}/*.cpp")
    list(FILTER sources EXCLUDE REGEX "/cuda_absent\\.cpp$")
    target_link_libraries(nablaflow_${name} PRIVATE CUDA::cudart CUDA::cublasLt CUDA::nvrtc cuDNN::cuDNN)
    # CMake has NVRTC bring the driver's library along. Nothing here calls it, and machines without a GPU lack it: a program
    # that names it would not start there.
    target_link_options(nablaflow_${name} INTERFACE LINKER:--as-needed)
  endif()
  target_sources(nablaflow_${name} PRIVATE ${sources})
  if(NABLAFLOW_CUDA STREQUAL "OFF")
    return()
  endif()

  file(GLOB_RECURSE texts CONFIGURE_DEPENDS "${directory}/source/*.cpp")
  list(APPEND texts "${PROJECT_SOURCE_DIR}/${name}/explain/cuda_kernels.cpp")
  if(found)
    add_library(nablaflow_cuda_text INTERFACE)
    target_link_libraries(nablaflow_cuda_text INTERFACE nablaflow_${name})
    set(holder nablaflow_${name})
    target_sources(${holder} PRIVATE ${texts})
  else()
    set(holder nablaflow_cuda_text)
    add_library(${holder} STATIC ${texts})
    target_link_libraries(${holder} PRIVATE $<BUILD_INTERFACE:nablaflow_flags> PUBLIC nablaflow_${name})
    if(NOT NABLAFLOW_INSTALL)
      set_target_properties(${holder} PROPERTIES EXCLUDE_FROM_ALL ON)
    endif()
  endif()
  add_library(nablaflow::cuda_text ALIAS nablaflow_cuda_text)
  set_target_properties(nablaflow_cuda_text PROPERTIES EXPORT_NAME cuda_text)
  file(GLOB device CONFIGURE_DEPENDS "${directory}/source/device/*")
  list(APPEND device "${PROJECT_SOURCE_DIR}/engine/backend/scalar.inc")
  nablaflow_embed_text(${holder} HEADER "${name}/backend/cuda/source/device_text.h"
    NAMESPACE nabla::cuda::device_text FILES ${device})
endfunction()

# nablaflow_find_cuda(<result>): whether the CUDA backend is to be built; its imported targets are global then.
function(nablaflow_find_cuda result)
  set(${result} OFF PARENT_SCOPE)
  if(NABLAFLOW_CUDA STREQUAL "OFF")
    message(STATUS "CUDA: off")
    return()
  elseif(NABLAFLOW_CUDA STREQUAL "AUTO" AND NABLAFLOW_SANITIZE)
    message(STATUS "CUDA: the text of kernels alone, for the toolkit's libraries know no sanitizers")
    return()
  endif()

  set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ON)
  find_package(CUDAToolkit 12.8 QUIET)
  find_package(cuDNN 9 MODULE QUIET)
  set(missing "")
  foreach(target CUDA::cudart CUDA::cublasLt CUDA::nvrtc cuDNN::cuDNN)
    if(NOT TARGET ${target})
      list(APPEND missing ${target})
    endif()
  endforeach()
  if(missing AND NABLAFLOW_CUDA STREQUAL "ON")
    message(FATAL_ERROR "NABLAFLOW_CUDA is ON, but not found: ${missing} (CUDA Toolkit 12.8 or newer, cuDNN 9)")
  elseif(missing)
    message(STATUS "CUDA: no toolkit of 12.8 or newer with cuDNN 9 found, the CPU alone")
    return()
  endif()
  message(STATUS "CUDA: ${CUDAToolkit_VERSION}, cuDNN ${cuDNN_VERSION}")
  set(${result} ON PARENT_SCOPE)
endfunction()
