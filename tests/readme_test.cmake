# The program printed in README.md is the one that is built and run: examples/first_steps/first_steps.cpp.
file(READ "${ROOT}/README.md" readme)
file(READ "${ROOT}/examples/first_steps/first_steps.cpp" program)
string(FIND "${readme}" "```cpp\n${program}```" at)
if(at EQUAL -1)
  message(FATAL_ERROR "README.md does not show examples/first_steps/first_steps.cpp as it is")
endif()
