# oneDNN is optional: without it the portable kernels of the CPU backend do all the work.

# nablaflow_link_onednn(<module>): defines NABLAFLOW_HAVE_ONEDNN=1 inside the module when oneDNN is there and wanted,
# and tells the caller in NABLAFLOW_LINKS_ONEDNN the versions that may be linked with what is built, or nothing.
function(nablaflow_link_onednn name)
  set(NABLAFLOW_LINKS_ONEDNN "" PARENT_SCOPE)
  if(NABLAFLOW_ONEDNN STREQUAL "OFF")
    message(STATUS "oneDNN: off")
    return()
  endif()

  find_package(OneDnn MODULE QUIET)
  if(NOT OneDnn_FOUND AND NABLAFLOW_ONEDNN STREQUAL "ON")
    message(FATAL_ERROR "NABLAFLOW_ONEDNN is ON, but no oneDNN that links with libgomp was found (Debian: libdnnl-dev)")
  elseif(NOT OneDnn_FOUND)
    message(STATUS "oneDNN: none found that links with libgomp, using the portable kernels")
    return()
  endif()

  message(STATUS "oneDNN: ${NABLAFLOW_DNNL_LIBRARY}")
  get_target_property(type nablaflow_${name} TYPE)
  if(NOT type STREQUAL "INTERFACE_LIBRARY")
    target_link_libraries(nablaflow_${name} PRIVATE OneDnn::OneDnn)
    target_compile_definitions(nablaflow_${name} PRIVATE NABLAFLOW_HAVE_ONEDNN=1)
    # Its interface changes with the major version.
    string(REGEX MATCH "^[0-9]+" major "${OneDnn_VERSION}")
    math(EXPR next "${major} + 1")
    set(NABLAFLOW_LINKS_ONEDNN "${OneDnn_VERSION}...<${next}" PARENT_SCOPE)
  endif()
endfunction()
