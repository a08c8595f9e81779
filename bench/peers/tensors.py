"""Sets of arrays: what the sides of the benchmark exchange. A set is a directory, in it a .npy file for each array."""

import shutil

import numpy as np


def write(directory, arrays):
    """Writes a dictionary of arrays into a directory that is made anew."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    for name, value in arrays.items():
        np.save(directory / f"{name}.npy", value)


def read(directory):
    """The arrays of a directory by their names."""
    found = {path.stem: np.load(path) for path in sorted(directory.iterdir())}
    if not found:
        raise FileNotFoundError(f"{directory} is empty")
    return found
