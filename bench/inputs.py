"""Weights and batches that all sides read, as safetensors files. The same bytes every time."""

import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent / "peers"))
import tensors  # noqa: E402


def network(random, inputs, outputs, width, features, times=1, embedding=64):
    """The parameters of nn::Mlp with three hidden layers; no bias is zero, so that nothing is left out unseen."""
    params = {}

    def linear(name, rows, columns, bias):
        params[name + ".weight"] = random.standard_normal((rows, columns)) / np.sqrt(rows)
        if bias:
            params[name + ".bias"] = 0.1 * random.standard_normal(columns)

    for i in range(times):
        linear(f"embed_time.{i}", features, embedding, i == 0)
    for i in range(3):
        linear(f"shifts.{i}", embedding, width, True)
        linear(f"layers.{i}", inputs if i == 0 else width, width, False)
    linear("layers.3", width, outputs, True)
    return params


def batches(random, rows, extent):
    found = {}
    for i in range(4):
        times = random.uniform(0.01, 0.99, (rows, 2))
        found |= {
            f"x0.{i}": random.standard_normal((rows, extent)),
            f"x1.{i}": random.standard_normal((rows, extent)),
            f"t.{i}": times.min(1, keepdims=True),
            f"r.{i}": times.max(1, keepdims=True) + 0.005,  # t < r on all rows
        }
    return found


def write(directory):
    """Writes what is missing."""
    random = np.random.default_rng
    makers = {
        "picture": lambda: network(random(1), 784, 784, 1024, 32),
        "average_picture": lambda: network(random(2), 784, 784, 1024, 32, times=2),
        "toy": lambda: network(random(3), 2, 2, 64, 8),
        "pictures": lambda: batches(random(4), 256, 784),
        "points": lambda: batches(random(5), 256, 2),
        "direction": lambda: network(random(6), 784, 784, 1024, 32),
        "chain": lambda: {
            f"{name}.{i}": random([7, i, ord(name)]).standard_normal(2**22) for i in range(4) for name in "xy"
        },
    }
    directory.mkdir(parents=True, exist_ok=True)
    for name, make in makers.items():
        path = directory / f"{name}.safetensors"
        if not path.exists():
            unfinished = path.with_suffix(".new")
            tensors.write(unfinished, {key: value.astype(np.float32) for key, value in make().items()})
            unfinished.rename(path)
