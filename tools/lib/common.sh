# shellcheck shell=bash
# shellcheck disable=SC2034  # the lists are used by the scripts that source this file
# What every script in tools/ and .ci/ starts with. Sourced, after set -euo pipefail.

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$repository" || exit 1

source "$repository/tools/lib/packages.sh"

# Packages that every build uses, and those that io and the examples add.
build_packages=(g++ cmake ninja-build libdnnl-dev)
io_packages=(zlib1g-dev libpng-dev libzip-dev nlohmann-json3-dev)
example_packages=("${io_packages[@]}" libcli11-dev)
test_packages=(doctest-dev locales)
clang_sanitizer_packages=(clang-16 libclang-rt-16-dev)

# step <words>: a heading with the seconds since the script started.
step() {
  printf '\n[%3ds] %s\n' "$SECONDS" "$*"
}
