"""Links to the libraries and headers of CUDA that pip has installed beside this Python, in one directory and under the names
that compilers look for: the wheels have libcublasLt.so.13 alone.

usage: cuda_wheels.py DIRECTORY"""

import importlib.util
import pathlib
import shutil
import sys


def link(place, target):
    if not place.exists():
        place.symlink_to(target)


def main(directory):
    spec = importlib.util.find_spec("nvidia")
    if spec is None:
        raise SystemExit("this Python has no wheels of CUDA")
    shutil.rmtree(directory, ignore_errors=True)
    for part in ("lib", "include"):
        (directory / part).mkdir(parents=True)
    for root in map(pathlib.Path, spec.submodule_search_locations):
        for library in root.glob("*/lib/lib*.so*"):
            link(directory / "lib" / library.name, library)
            link(directory / "lib" / (library.name.partition(".so")[0] + ".so"), library)
        for header in root.glob("*/include/*"):
            link(directory / "include" / header.name, header)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]).absolute())
