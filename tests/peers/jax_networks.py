"""nn::Mlp, nn::UNet and nn::DiT in JAX: functions of a dictionary of parameters with the names of nn::state_of.

Where there is no second time, or are no classes, norms or attention, the dictionary has no parameters of theirs. `last`
puts channels innermost inside a U-Net, which XLA may convolve faster; pictures are [B, C, H, W] either way."""

import functools

import jax
import jax.numpy as jnp
import numpy as np


def linear(params, name, x):
    y = x @ params[name + ".weight"].T
    return y + params[name + ".bias"] if name + ".bias" in params else y


def features(t, count, highest_turns=8):
    angle = t * jnp.asarray(2 * np.pi * 0.25 * (highest_turns / 0.25) ** (np.arange(count) / max(count - 1, 1)), t.dtype)
    return jnp.concatenate([jnp.sin(angle), jnp.cos(angle)], -1)


def mlp(params, x, t, gap=None, classes=None):
    of = lambda time: features(time, params["embed_time.0.weight"].shape[1] // 2)
    e = linear(params, "embed_time.0", of(t))
    e = jax.nn.silu(e if gap is None else e + linear(params, "embed_time.1", of(gap)))
    layers = numbers(params, "layers")
    for i in layers[:-1]:
        x = jax.nn.silu(linear(params, f"layers.{i}", x) + linear(params, f"shifts.{i}", e))
    return linear(params, f"layers.{layers[-1]}", x)


def numbers(params, name):
    """The numbers behind this name, 0 to the largest."""
    return sorted({int(key[len(name) + 1 :].split(".")[0]) for key in params if key.startswith(name + ".")})


def condition(params, t, gap, classes):
    of = lambda time: features(time, params["condition.time.weight"].shape[1] // 2)
    e = linear(params, "condition.time", of(t))
    if gap is not None:
        e = e + linear(params, "condition.gap", of(gap))
    return jax.nn.silu(e if classes is None else e + params["condition.class.weight"][classes])


def modulate(x, shift, scale):
    return x * (1 + scale) + shift


def attention(params, name, x, heads):
    """torch.nn.MultiheadAttention of x [B, L, width] with itself."""
    joined = x @ params[name + ".in_proj_weight"].T + params[name + ".in_proj_bias"]
    q, k, v = (part.reshape(*x.shape[:2], heads, -1) for part in jnp.split(joined, 3, -1))
    # jax.nn.dot_product_attention takes the softmax in f32, whatever its operands are.
    weights = jax.nn.softmax(jnp.einsum("bqhd,bkhd->bhqk", q, k) / np.sqrt(q.shape[-1]), -1)
    return linear(params, name + ".out_proj", jnp.einsum("bhqk,bkhd->bqhd", weights, v).reshape(x.shape))


def convolve(params, name, x, last, stride=1):
    layout = "NHWC" if last else "NCHW"
    weight, bias = params[name + ".weight"], params[name + ".bias"]
    padding = 2 * [(weight.shape[-1] // 2,) * 2]
    numbers = (layout, "OIHW", layout)
    y = jax.lax.conv_general_dilated(x, weight, (stride, stride), padding, dimension_numbers=numbers)
    return y + (bias if last else bias[:, None, None])


def group_norm(params, name, x, groups, last):
    if name + ".weight" not in params:
        return x
    channels = x.shape[-1] if last else x.shape[1]
    split = (channels // groups,)
    shape = (*x.shape[:-1], groups, *split) if last else (x.shape[0], groups, *split, *x.shape[2:])
    axes = (1, 2, 4) if last else (2, 3, 4)
    y = x.reshape(shape)
    y = y - y.mean(axes, keepdims=True)
    y = (y * jax.lax.rsqrt(jnp.square(y).mean(axes, keepdims=True) + 1e-5)).reshape(x.shape)
    weight, bias = params[name + ".weight"], params[name + ".bias"]
    return y * weight + bias if last else y * weight[:, None, None] + bias[:, None, None]


def residual_block(params, name, x, e, groups, last):
    h = convolve(params, name + ".conv1", jax.nn.silu(group_norm(params, name + ".norm1", x, groups, last)), last)
    h = group_norm(params, name + ".norm2", h, groups, last)
    film = linear(params, name + ".film", e)
    shift, scale = jnp.split(film[:, None, None] if last else film[:, :, None, None], 2, -1 if last else 1)
    h = convolve(params, name + ".conv2", jax.nn.silu(modulate(h, shift, scale)), last)
    return h + (convolve(params, name + ".skip", x, last) if name + ".skip.weight" in params else x)


def unet(params, x, t, gap=None, classes=None, *, groups=8, heads=0, last=False):
    block = functools.partial(residual_block, params, groups=groups, last=last)
    e = condition(params, t, gap, classes)
    channels = -1 if last else 1
    h = convolve(params, "first", jnp.transpose(x, (0, 2, 3, 1)) if last else x, last)
    made = []
    for level in numbers(params, "down"):
        for i in numbers(params, f"down.{level}.blocks"):
            h = block(f"down.{level}.blocks.{i}", h, e)
            made.append(h)
        if f"down.{level}.downsample.weight" in params:
            h = convolve(params, f"down.{level}.downsample", h, last, stride=2)
    h = block("middle.blocks.0", h, e)
    if heads:
        normed = group_norm(params, "middle.norm", h, groups, last)
        if not last:
            normed = jnp.moveaxis(normed, 1, -1)
        places = normed.reshape(normed.shape[0], -1, normed.shape[-1])
        seen = attention(params, "middle.attention", places, heads).reshape(normed.shape)
        h = h + (seen if last else jnp.moveaxis(seen, -1, 1))
    h = block("middle.blocks.1", h, e)
    for level in reversed(numbers(params, "up")):
        for i in numbers(params, f"up.{level}.blocks"):
            h = block(f"up.{level}.blocks.{i}", jnp.concatenate([h, made.pop()], channels), e)
        if f"up.{level}.upsample.weight" in params:
            rows = 1 if last else 2
            h = convolve(params, f"up.{level}.upsample", jnp.repeat(jnp.repeat(h, 2, rows), 2, rows + 1), last)
    y = convolve(params, "last", jax.nn.silu(group_norm(params, "last_norm", h, groups, last)), last)
    return jnp.transpose(y, (0, 3, 1, 2)) if last else y


def token_norm(x):
    y = x - x.mean(-1, keepdims=True)
    return y * jax.lax.rsqrt(jnp.square(y).mean(-1, keepdims=True) + 1e-6)


def sinusoidal_positions(rows, columns, hidden):
    powers = 10000.0 ** (-np.arange(hidden // 4) / (hidden // 4))
    angles = [place.reshape(-1, 1) * powers for place in np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")]
    return np.concatenate([f(angle) for angle in angles for f in (np.sin, np.cos)], 1)


def dit(params, x, t, gap=None, classes=None, *, patch, heads):
    samples, channels, height, width = x.shape
    rows, columns = height // patch, width // patch
    e = condition(params, t, gap, classes)
    cut = x.reshape(samples, channels, rows, patch, columns, patch).transpose(0, 2, 4, 1, 3, 5)
    h = linear(params, "first", cut.reshape(samples, rows * columns, -1))
    if "positions" in params:
        h = h + params["positions"]
    else:
        h = h + jnp.asarray(sinusoidal_positions(rows, columns, h.shape[-1]), h.dtype)
    for i in numbers(params, "blocks"):
        name = f"blocks.{i}"
        modulation = linear(params, name + ".modulation", e)[:, None]
        shift1, scale1, gate1, shift2, scale2, gate2 = jnp.split(modulation, 6, -1)
        h = h + gate1 * attention(params, name + ".attention", modulate(token_norm(h), shift1, scale1), heads)
        inner = linear(params, name + ".mlp1", modulate(token_norm(h), shift2, scale2))
        h = h + gate2 * linear(params, name + ".mlp2", jax.nn.gelu(inner, approximate=False))
    shift, scale = jnp.split(linear(params, "last_modulation", e)[:, None], 2, -1)
    patches = linear(params, "last", modulate(token_norm(h), shift, scale))
    patches = patches.reshape(samples, rows, columns, channels, patch, patch).transpose(0, 3, 1, 4, 2, 5)
    return patches.reshape(x.shape)
