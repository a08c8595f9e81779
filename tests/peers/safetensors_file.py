"""Reads safetensors files with NumPy alone: neither Debian's PyTorch nor JAX brings a reader."""

import json
import pathlib

import numpy as np

TYPES = {"F64": np.float64, "F32": np.float32, "I64": np.int64}


def read(path):
    """The arrays of a file by their names."""
    content = pathlib.Path(path).read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    found = {}
    for name, entry in json.loads(content[8:start]).items():
        if name != "__metadata__":
            first, last = entry["data_offsets"]
            flat = np.frombuffer(content[start + first : start + last], TYPES[entry["dtype"]])
            found[name] = flat.reshape(entry["shape"])
    return found
