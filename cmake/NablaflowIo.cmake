# nablaflow::io stands beside the other modules, on the engine alone; where a library that it needs is missing it is
# skipped and everything else still builds.

find_package(ZLIB QUIET)
find_package(PNG QUIET)
find_package(libzip MODULE QUIET)
find_package(nlohmann_json CONFIG QUIET)

if(ZLIB_FOUND AND PNG_FOUND AND libzip_FOUND AND nlohmann_json_FOUND)
  set(NABLAFLOW_HAVE_IO ON)
  nablaflow_add_module(io DEPENDS engine)
  # nlohmann_json is headers only, so a consumer of the installed library does without it.
  nablaflow_link(io PRIVATE ZLIB::ZLIB PNG::PNG libzip::zip $<BUILD_INTERFACE:nlohmann_json::nlohmann_json>)
else()
  set(NABLAFLOW_HAVE_IO OFF)
  message(STATUS "io and the examples are skipped: they need zlib, libpng, libzip and nlohmann_json "
    "(Debian: zlib1g-dev libpng-dev libzip-dev nlohmann-json3-dev)")
endif()
