# shellcheck shell=bash
# Installing what is missing. Sourced by the scripts in tools/ and .ci/.

# need_packages <package>...: installs the Debian packages that are not there yet.
# On a system without apt it prints what is needed and fails.
need_packages() {
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    need_commands_and_headers "$@"
    return
  fi

  local missing=() package
  for package in "$@"; do
    if [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) != installed ]]; then
      missing+=("$package")
    fi
  done
  if ((${#missing[@]} == 0)); then return; fi

  local as_root=()
  if ((EUID != 0)); then
    if ! command -v sudo >/dev/null; then
      echo "Please install as root: apt-get install ${missing[*]}" >&2
      return 1
    fi
    as_root=(sudo)
  fi

  echo "Installing ${missing[*]}"
  "${as_root[@]}" apt-get -qq update
  # dpkg's log goes to a file that is shown only when something fails.
  local log
  log=$(mktemp)
  if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -qq -y --no-install-recommends install "${missing[@]}" >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}

# Without apt nothing is installed: names what a compile cannot find.
need_commands_and_headers() {
  local package missing=()
  for package in "$@"; do
    is_usable "$package" || missing+=("$package")
  done
  if ((${#missing[@]} == 0)); then return; fi
  echo "Please install what these Debian packages hold: ${missing[*]}" >&2
  return 1
}

# is_usable <package>: whether its program or header is there. oneDNN is optional, so it never counts as missing.
is_usable() {
  case $1 in
    g++) command -v c++ >/dev/null ;;
    cmake | ccache | clang-format) command -v "$1" >/dev/null ;;
    ninja-build) command -v ninja >/dev/null ;;
    clang-16) command -v clang++-16 >/dev/null ;;
    libclang-rt-16-dev) echo "int main() {}" | clang++-16 -fsanitize=address -x c++ - -o /dev/null 2>/dev/null ;;
    zlib1g-dev) has_header zlib.h ;;
    libpng-dev) has_header png.h ;;
    libzip-dev) has_header zip.h ;;
    nlohmann-json3-dev) has_header nlohmann/json.hpp ;;
    libcli11-dev) has_header CLI/CLI.hpp ;;
    doctest-dev) has_header doctest/doctest.h ;;
    *) true ;;
  esac
}

has_header() {
  echo "#include <$1>" | c++ -std=c++20 -E -x c++ - >/dev/null 2>&1
}
