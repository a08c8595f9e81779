"""Reading and writing safetensors files with NumPy alone: what both sides of the benchmark exchange."""

import json
import struct

import numpy as np

NAMES = {np.dtype("<f4"): "F32", np.dtype("<i4"): "I32"}
TYPES = {name: dtype for dtype, name in NAMES.items()}


def write(path, tensors):
    """Writes a dictionary of arrays."""
    header, blocks, offset = {}, [], 0
    for name, value in tensors.items():
        block = np.ascontiguousarray(value)
        header[name] = {
            "dtype": NAMES[block.dtype],
            "shape": list(np.shape(value)),
            "data_offsets": [offset, offset + block.nbytes],
        }
        offset += block.nbytes
        blocks.append(block)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for block in blocks:
            file.write(block.tobytes())


def read(path):
    """The arrays of a file by their names."""
    data = np.fromfile(path, dtype=np.uint8)
    length = int(data[:8].view("<u8")[0])
    header = json.loads(data[8 : 8 + length].tobytes())
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            start, stop = (8 + length + offset for offset in entry["data_offsets"])
            tensors[name] = data[start:stop].view(TYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensors
