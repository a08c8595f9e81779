# nablaflow::io stands alone; where zlib or libpng is missing it is skipped and everything else still builds.

find_package(ZLIB QUIET)
find_package(PNG QUIET)

if(ZLIB_FOUND AND PNG_FOUND)
  set(NABLAFLOW_HAVE_IO ON)
  nablaflow_add_module(io)
  nablaflow_link(io PRIVATE ZLIB::ZLIB PNG::PNG)
else()
  set(NABLAFLOW_HAVE_IO OFF)
  message(STATUS "io and the examples are skipped: they need zlib and libpng (Debian: zlib1g-dev libpng-dev)")
endif()
