# Finds libzip as the target libzip::zip, in our own build and, installed beside the package, in that of a consumer.
#
# Header and library are looked up directly. The CMake package that Debian ships insists on the programs of libzip,
# which its libzip-dev does not bring.

include(FindPackageHandleStandardArgs)

find_path(NABLAFLOW_LIBZIP_INCLUDE_DIR zip.h)
find_library(NABLAFLOW_LIBZIP_LIBRARY zip)
mark_as_advanced(NABLAFLOW_LIBZIP_INCLUDE_DIR NABLAFLOW_LIBZIP_LIBRARY)

find_package_handle_standard_args(libzip
  REQUIRED_VARS NABLAFLOW_LIBZIP_LIBRARY NABLAFLOW_LIBZIP_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "(Debian: libzip-dev)")

if(libzip_FOUND AND NOT TARGET libzip::zip)
  add_library(libzip::zip UNKNOWN IMPORTED)
  set_target_properties(libzip::zip PROPERTIES
    IMPORTED_LOCATION "${NABLAFLOW_LIBZIP_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${NABLAFLOW_LIBZIP_INCLUDE_DIR}")
endif()
