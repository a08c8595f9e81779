"""Compares results and derivatives of the networks that write_networks wrote with JAX's, in f64."""

import functools
import pathlib
import sys

import jax
import jax.numpy as jnp
import numpy as np

import jax_networks
import safetensors_file

UNET = functools.partial(jax_networks.unet, groups=2)
DIT = functools.partial(jax_networks.dit, patch=2, heads=2)
# The options that write_networks.cpp has.
NETWORKS = {
    "mlp": jax_networks.mlp,
    "unet": functools.partial(UNET, heads=2),
    "unet, channels last": functools.partial(UNET, heads=2, last=True),
    "unet_without_norms": UNET,
    "dit": DIT,
    "dit_learned_positions": DIT,
}
TOLERANCE = 1e-10


def found_by_jax(network, params, numbers):
    arguments = [jnp.asarray(numbers[name]) for name in ("t", "gap", "classes")]
    field = lambda x: network(params, x, *arguments)
    push = lambda x: jax.jvp(field, (x,), (numbers["tangent"],))[1]
    pull = lambda x: jax.vjp(field, x)[1](jnp.asarray(numbers["cotangent"]))[0]
    x = jnp.asarray(numbers["x"])
    return {
        "y": field(x),
        "jvp": push(x),
        "vjp": pull(x),
        "jvp_of_vjp": jax.jvp(pull, (x,), (numbers["second_tangent"],))[1],
        "vjp_of_jvp": jax.vjp(push, x)[1](jnp.asarray(numbers["second_cotangent"]))[0],
        "jacobian": jax.jacfwd(field)(x),
    }


def main():
    jax.config.update("jax_enable_x64", True)
    print(f"JAX {jax.__version__}")
    failed = False
    for name, network in NETWORKS.items():
        directory = pathlib.Path(sys.argv[1]) / name.partition(",")[0]
        params = {k: jnp.asarray(v) for k, v in safetensors_file.read(directory / "weights.safetensors").items()}
        numbers = safetensors_file.read(directory / "numbers.safetensors")
        apart = {}
        for what, value in jax.jit(functools.partial(found_by_jax, network, params))(numbers).items():
            largest = np.abs(numbers[what]).max()
            if largest < 0.01:
                raise ValueError(f"{name}: {what} of {largest} tells nothing")
            apart[what] = np.abs(np.asarray(value) - numbers[what]).max() / largest
        failed |= not all(distance <= TOLERANCE for distance in apart.values())
        print(f"{name:22}", ", ".join(f"{what} {distance:.0e}" for what, distance in apart.items()))
    print(f"all must lie within {TOLERANCE}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
