# Files as text in a program, which needs nothing but CMake.

# nablaflow_embed_text(<target> HEADER <header> NAMESPACE <namespace> FILES <file>...): the target defines what the header
# declares (a path from the root of the project): for each file its text, under the file's name without extension.
# Lines that include other files, or say that they come once, are left out: texts are joined by those who use them.
function(nablaflow_embed_text target)
  cmake_parse_arguments(arg "" "HEADER;NAMESPACE" "FILES" ${ARGN})
  set(definitions "#include \"${arg_HEADER}\"\n\nnamespace ${arg_NAMESPACE} {\n\n")
  foreach(file IN LISTS arg_FILES)
    file(READ "${file}" text)
    string(REGEX REPLACE "#(pragma once|include \"[^\"]*\")\n\n?" "" text "${text}")
    string(LENGTH "${text}" length)
    if(length GREATER 65000)
      message(FATAL_ERROR "${file} is longer than a string literal may be: cut it in two")
    endif()
    get_filename_component(name "${file}" NAME_WE)
    string(APPEND definitions "constinit const std::string_view ${name} = R\"text(${text})text\";\n\n")
  endforeach()
  string(APPEND definitions "}  // namespace ${arg_NAMESPACE}\n")
  string(REGEX REPLACE "\\.h$" ".cpp" source "${PROJECT_BINARY_DIR}/embedded/${arg_HEADER}")
  file(CONFIGURE OUTPUT "${source}" CONTENT "@definitions@" @ONLY)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${arg_FILES})
  target_sources(${target} PRIVATE "${source}")
endfunction()
