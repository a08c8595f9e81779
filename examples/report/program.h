#pragma once

#include <filesystem>
#include <functional>
#include <string>

namespace nabla::report {

/// What main of an example returns: makes the directory `out`, better now than after a training, and holds it
/// so that no other run writes there, runs `work`, and tells what it throws, or the reason it returns for a
/// failure (empty: none), as one line behind the program's name. 0 or 1.
int run_program(const std::string& name, const std::filesystem::path& out,
                const std::function<std::string()>& work);

}  // namespace nabla::report
