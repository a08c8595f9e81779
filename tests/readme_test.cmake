# What README.md shows is what is built and run: the programs as they are, and of the consumer's build file its own lines.
cmake_minimum_required(VERSION 3.25)

file(READ "${ROOT}/README.md" readme)

foreach(program first_steps toy2d_first)
  file(READ "${ROOT}/examples/${program}/${program}.cpp" text)
  string(FIND "${readme}" "```cpp\n${text}```" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "README.md does not show examples/${program}/${program}.cpp as it is")
  endif()
endforeach()

# A shorter file than the consumer's is shown, one block for each way of use, indented less.
file(STRINGS "${ROOT}/tests/package/CMakeLists.txt" consumer)
list(TRANSFORM consumer STRIP)
string(REGEX MATCHALL "```cmake\n[^`]*```" blocks "${readme}")
list(LENGTH blocks count)
if(NOT count EQUAL 2)
  message(FATAL_ERROR "README.md shows ${count} blocks of CMake, not the 2 that use an installed and an embedded library")
endif()
string(REGEX REPLACE "```(cmake)?" "" lines "${blocks}")
string(REPLACE "\n" ";" lines "${lines}")
foreach(line IN LISTS lines)
  string(STRIP "${line}" line)
  if(line AND NOT line IN_LIST consumer)
    message(FATAL_ERROR "README.md shows a line that tests/package/CMakeLists.txt does not have: ${line}")
  endif()
endforeach()
