"""Weights and batches that all sides read, as directories of .npy files. The same bytes every time."""

import hashlib
import pathlib
import shutil
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent / "peers"))
import tensors  # noqa: E402


class Weights(dict):
    """Parameters by name. No bias is zero, so that nothing is left out unseen."""

    def __init__(self, random):
        self.random = random

    def linear(self, name, inputs, outputs, bias=True):
        self[name + ".weight"] = self.random.standard_normal((inputs, outputs)).T / np.sqrt(inputs)
        if bias:
            self[name + ".bias"] = 0.1 * self.random.standard_normal(outputs)


    def convolution(self, name, inputs, outputs, window=3):
        fan_in = inputs * window**2
        self[name + ".weight"] = self.random.standard_normal((outputs, inputs, window, window)) / np.sqrt(fan_in)
        self[name + ".bias"] = 0.1 * self.random.standard_normal(outputs)

    def norm(self, name, channels):
        self[name + ".weight"] = 1 + 0.2 * self.random.standard_normal(channels)
        self[name + ".bias"] = 0.1 * self.random.standard_normal(channels)

    def condition(self, times, embedding, features):
        self.linear("condition.time", features, embedding)
        if times == 2:
            self.linear("condition.gap", features, embedding, bias=False)


def network(random, inputs, outputs, width, features, times=1, embedding=64, hidden=3):
    """The parameters of nn::Mlp."""
    params = Weights(random)
    for i in range(times):
        params.linear(f"embed_time.{i}", features, embedding, i == 0)
    for i in range(hidden):
        params.linear(f"shifts.{i}", embedding, width)
        params.linear(f"layers.{i}", inputs if i == 0 else width, width, False)
    params.linear(f"layers.{hidden}", width, outputs)
    return params


def residual_stack(random, extent, width, blocks):
    """The parameters of ResidualStack (bench/workloads/networks.h)."""
    params = Weights(random)
    for i in range(blocks):
        params.linear(f"inner.{i}", extent, width)
        params.linear(f"outer.{i}", width, extent)
    return params


def modulated_mlp(random, extent, width, hidden, features, embedding=64):
    """The parameters of ModulatedMlp (bench/workloads/networks.h)."""
    params = Weights(random)
    params.linear("embed_time", features, embedding)
    for i in range(hidden):
        params.linear(f"layers.{i}", extent if i == 0 else width, width)
        params[f"norms.{i}.gain"] = 1 + 0.2 * random.standard_normal(width)
        params[f"norms.{i}.bias"] = 0.1 * random.standard_normal(width)
        params.linear(f"scales.{i}", embedding, width)
        params.linear(f"shifts.{i}", embedding, width)
    params.linear(f"layers.{hidden}", width, extent)
    return params


def scalar_mlp(random, extents):
    """The parameters of ScalarMlp (bench/workloads/networks.h)."""
    params = Weights(random)
    for i, (rows, columns) in enumerate(zip(extents, extents[1:])):
        params.linear(f"layers.{i}", rows, columns)
    return params


def unet(random, times=1, base=16, multipliers=(1, 2, 2), embedding=64, features=32):
    """The parameters of nn::UNet for pictures of one channel, with a block to a level and no attention."""
    params = Weights(random)
    widths = [base * m for m in multipliers]

    def block(name, inputs, outputs):
        params.norm(name + ".norm1", inputs)
        params.convolution(name + ".conv1", inputs, outputs)
        params.linear(name + ".film", embedding, 2 * outputs)
        params.norm(name + ".norm2", outputs)
        params.convolution(name + ".conv2", outputs, outputs)
        if inputs != outputs:
            params.convolution(name + ".skip", inputs, outputs, window=1)

    params.condition(times, embedding, features)
    params.convolution("first", 1, widths[0])
    for level, width in enumerate(widths):
        block(f"down.{level}.blocks.0", widths[max(level - 1, 0)], width)
        if level + 1 < len(widths):
            params.convolution(f"down.{level}.downsample", width, width)
        block(f"up.{level}.blocks.0", widths[min(level + 1, len(widths) - 1)] + width, width)
        if level > 0:
            params.convolution(f"up.{level}.upsample", width, width)
    for i in range(2):
        block(f"middle.blocks.{i}", widths[-1], widths[-1])
    params.norm("last_norm", widths[0])
    params.convolution("last", widths[0], 1)
    return params


def dit(random, times, patch=2, hidden=192, depth=4, mlp_ratio=4, embedding=64, features=32):
    """The parameters of nn::DiT for pictures of one channel."""
    params = Weights(random)
    params.condition(times, embedding, features)
    params.linear("first", patch**2, hidden)
    for i in range(depth):
        params.linear(f"blocks.{i}.modulation", embedding, 6 * hidden)
        params.linear(f"blocks.{i}.attention.in_proj", hidden, 3 * hidden)
        for what in ("weight", "bias"):
            params[f"blocks.{i}.attention.in_proj_{what}"] = params.pop(f"blocks.{i}.attention.in_proj.{what}")
        params.linear(f"blocks.{i}.attention.out_proj", hidden, hidden)
        params.linear(f"blocks.{i}.mlp1", hidden, mlp_ratio * hidden)
        params.linear(f"blocks.{i}.mlp2", mlp_ratio * hidden, hidden)
    params.linear("last_modulation", embedding, 2 * hidden)
    params.linear("last", hidden, patch**2)
    return params


def convolution_stack(random, channels=16, layers=6):
    """The parameters of ConvolutionStack (bench/workloads/networks.h)."""
    params = Weights(random)
    for i in range(layers):
        params.convolution(f"layers.{i}", 1 if i == 0 else channels, 1 if i + 1 == layers else channels)
    return params


def attention(random):
    """Queries, keys and values [samples, heads, L, d], a cotangent, and eight tangents of each."""
    shape = (16, 6, 196, 32)
    found = {name: random.standard_normal(shape) for name in ("q", "k", "v", "cotangent")}
    return found | {"d" + name: random.standard_normal((8, *shape)) for name in "qkv"}


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


def operators(random):
    """A million elements, and indices into them: for each row or column, for whole rows, and for a list."""
    return {
        "x": random.standard_normal((1024, 1024)),
        "y": random.standard_normal((1024, 1024)),
        "list": random.standard_normal(2**20),
        "indices": random.integers(0, 1024, (1024, 1024)),
        "rows": random.integers(0, 1024, 1024),
        "places": random.integers(0, 2**20, 2**20),
    }


def convolution(random):
    """Pictures, a weight of 3 x 3 windows, and a cotangent of their convolution."""
    return {
        "x": random.standard_normal((64, 16, 28, 28)),
        "w": random.standard_normal((16, 16, 3, 3)) / 12,
        "c": random.standard_normal((64, 16, 28, 28)),
    }


def as_stored(value):
    return value if value.dtype.kind == "i" else value.astype(np.float32, order="C")


def write(directory):
    """Writes what is missing, and all that was written by another version of this file."""
    version = hashlib.sha256(pathlib.Path(__file__).read_bytes()).hexdigest()
    written_by = directory / "version"
    if not written_by.exists() or written_by.read_text() != version:
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        written_by.write_text(version)
    random = np.random.default_rng
    makers = {
        "picture": lambda: network(random(1), 784, 784, 1024, 32),
        "average_picture": lambda: network(random(2), 784, 784, 1024, 32, times=2),
        "toy": lambda: network(random(3), 2, 2, 64, 8),
        "pictures": lambda: batches(random(4), 256, 784),
        "many_pictures": lambda: batches(random(14), 1024, 784),
        "points": lambda: batches(random(5), 256, 2),
        "direction": lambda: network(random(6), 784, 784, 1024, 32),
        "chain": lambda: {
            f"{name}.{i}": random([7, i, ord(name)]).standard_normal(2**22) for i in range(4) for name in "xy"
        },
        "two_hidden": lambda: network(random(8), 784, 784, 1024, 32, hidden=2),
        "narrow": lambda: network(random(9), 784, 784, 256, 32),
        "residual": lambda: residual_stack(random(10), 784, 256, 4),
        "modulated": lambda: modulated_mlp(random(11), 784, 512, 3, 32),
        "scalar": lambda: scalar_mlp(random(12), (2, 256, 256, 1)),
        "plane": lambda: {"x": random(13).standard_normal((1024, 2))},
        "operators": lambda: operators(random(15)),
        "convolution": lambda: convolution(random(16)),
        "unet": lambda: unet(random(17)),
        "average_unet": lambda: unet(random(18), times=2),
        "average_dit": lambda: dit(random(19), times=2),
        "convolutions": lambda: convolution_stack(random(20)),
        "attention": lambda: attention(random(21)),
    }
    for name, make in makers.items():
        path = directory / name
        if not path.exists():
            unfinished = path.with_suffix(".new")
            tensors.write(unfinished, {key: as_stored(value) for key, value in make().items()})
            unfinished.rename(path)
