"""Opens what write_networks wrote as weights of PyTorch's modules, strictly, and compares their results."""

import pathlib
import sys

import numpy as np
import torch

import safetensors_file
from torch_networks import DiT, Mlp, UNet

SMALL = {"embedding": 6, "frequencies": 3, "classes": 3}
UNET = {"channels": 2, "base": 4, "multipliers": (1, 2), **SMALL}
DIT = {"channels": 2, "height": 4, "width": 6, "patch": 2, "hidden": 8, "depth": 2, "heads": 2, "mlp_ratio": 2, **SMALL}
LARGE = {"channels": 1, "embedding": 64, "frequencies": 16, "classes": 3}
# The options that write_networks.cpp has.
NETWORKS = {
    "mlp": lambda: Mlp(size=5, width=12, hidden_layers=2, frequencies=4, embedding=6),
    "unet": lambda: UNet(**UNET, groups=2, heads=2),
    "unet_without_norms": lambda: UNet(**UNET, groups=0, heads=0),
    "dit": lambda: DiT(**DIT),
    "dit_learned_positions": lambda: DiT(**DIT, learned=True),
    "unet_28": lambda: UNet(**LARGE, base=16, multipliers=(1, 2, 2), groups=8, heads=4),
    "dit_28": lambda: DiT(**LARGE, height=28, width=28, patch=4, hidden=64, depth=4, heads=4, mlp_ratio=4),
}
TOLERANCE = {np.dtype(np.float32): 1e-5, np.dtype(np.float64): 1e-12}


def check(directory, make):
    """How far the results lie apart, over the largest of them."""
    weights = {k: torch.from_numpy(v.copy()) for k, v in safetensors_file.read(directory / "weights.safetensors").items()}
    numbers = safetensors_file.read(directory / "numbers.safetensors")
    network = make().to(next(iter(weights.values())).dtype)
    network.load_state_dict(weights, strict=True)
    arguments = (torch.from_numpy(numbers[name].copy()) for name in ("x", "t", "gap", "classes"))
    with torch.no_grad():
        y = network(*arguments).numpy()
    largest = np.abs(numbers["y"]).max()
    if largest < 0.1:
        raise ValueError(f"{directory.name}: results of {largest} tell nothing")
    return np.abs(y - numbers["y"]).max() / largest, TOLERANCE[y.dtype]


def main():
    print(f"PyTorch {torch.__version__}")
    failed = False
    for name, make in NETWORKS.items():
        apart, tolerance = check(pathlib.Path(sys.argv[1]) / name, make)
        failed |= not apart <= tolerance
        print(f"{name:22} results lie {apart:.1e} apart{'' if apart <= tolerance else f', more than {tolerance}'}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
