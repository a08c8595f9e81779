"""What is measured on processors and on a GPU, with the targets."""

import collections
import functools

import floors

# `share` of our floor and `ratio` to the fastest peer are the targets, `memory` the ratio of temporaries to JAX's, on a GPU
# also `host_us`, microseconds until a call returns, and `cold`, the ratio of first calls in fresh processes; `seconds`
# guesses how long the row takes, for the time left; `difference` is how far results may lie apart, as a share of their length.
Row = collections.namedtuple(
    "Row", "work title share ratio floor seconds difference host_us cold memory", defaults=(2e-5, None, None, None)
)
ROWS = [
    Row("fm_step", "FM step, 784-1024-1024-1024-784, batch 256, Adam", 0.80, 0.90, floors.fm_step, 14),
    Row("meanflow_step", "MeanFlow step, the same with two times", 0.80, 0.80, floors.meanflow_step, 15, memory=0.70),
    Row("toy_step", "FM step, 2-64-64-64-2, batch 256, Adam", None, 0.50, None, 13),
    Row("divergence", "exact divergence by 784 tangents, batch 32", 0.80, 0.75, floors.divergence, 40),
    Row("trace", "the same divergence, contracted", None, 0.50, floors.trace_three, 40),
    Row("trace_two_hidden_cold", "divergence, 784-1024-1024-784, new weights", None, 0.03, floors.trace_two_cold, 25),
    Row("trace_two_hidden_cached", "the same with the same weights", None, 0.005, floors.trace_two, 25),
    Row("trace_narrow", "divergence, 784-256-256-256-784", None, 0.10, floors.trace_narrow, 20),
    Row("trace_residual", "divergence, 4 residual blocks of 256, 784-D", None, 0.15, floors.trace_residual, 20),
    Row("trace_modulated", "divergence, 3 x 512 with LayerNorm and FiLM", None, 0.70, floors.trace_modulated, 30),
    Row("diagonal", "exact Jacobian diagonal, 784-D, batch 32", 0.80, 0.75, floors.divergence, 40),
    Row("jacobian", "full Jacobian 784 x 784, batch 4", 0.80, 0.90, floors.jacobian, 16),
    Row("laplacian", "Laplacian, 2-256-256-1, against forward Laplacians", None, 0.90, floors.laplacian, 14),
    Row("laplacian_nested", "the same against nested derivatives", None, 0.50, floors.laplacian, 14),
    Row("ode_sampling", "ODE sampling, one evaluation, batch 256", 0.80, 0.80, floors.ode_sampling, 13),
    Row("hvp", "Hessian-vector product of the FM loss", 0.75, 0.90, floors.hvp, 14),
    Row("pointwise_chain", "16 pointwise operators, 2^22 elements", 0.70, 0.90, floors.pointwise_chain, 14),
    Row("softmax_columns", "softmax of the columns of 1024 x 1024", None, 1.00, None, 12),
    Row("logsumexp_columns", "logsumexp of the same", None, 1.00, None, 12),
    Row("gather_rows", "gather within rows, 1024 x 1024", None, 1.00, None, 12),
    Row("gather_columns", "gather within columns, 1024 x 1024", None, 1.00, None, 12),
    Row("gather_random", "gather from a list, 2^20 elements", None, 1.00, None, 12),
    Row("scatter_rows", "scatter_add of 1024 rows of 1024", None, 1.00, None, 12),
    Row("scatter_random", "scatter_add into a list, 2^20 elements", None, 1.00, None, 12),
    Row("top_k", "the 5 largest of 2^20 elements", None, 1.00, None, 12),
    Row("product_f64", "product of f64, 1024 x 1024 x 1024", None, 1.00, None, 13),
    Row("convolution", "convolution 3 x 3, 16 channels, 64 x 28 x 28", 0.60, 1.10, floors.convolution, 13),
    Row("convolution_data", "its transpose in the data", 0.60, 1.10, floors.convolution, 13),
    Row("convolution_weight", "and in the weight", 0.60, 1.10, floors.convolution, 13, difference=1e-4),
    Row("unet_fm_step", "FM step of a U-Net, 28 x 28, 16 channels, batch 64, Adam", 0.60, 0.70, floors.unet_fm_step, 60),
    Row("unet_meanflow_step", "MeanFlow step of the same with two times", None, 0.60, floors.unet_meanflow_step, 80, memory=0.70),
    # The gradients of the keys' biases are 0 but for rounding, of which Adam makes steps.
    Row(
        "dit_meanflow_step",
        "MeanFlow step of a DiT, patch 2, width 192, depth 4, batch 64",
        0.70,
        0.80,
        floors.dit_meanflow_step,
        60,
        1e-4,
    ),
    Row("unet_divergence", "exact divergence of the U-Net, batch 1", 0.60, 0.60, floors.unet_divergence, 120),
    Row("convolution_divergence", "the same of 6 convolutions without norms, 16 channels", None, 0.10, None, 60),
    Row("attention", "attention, 196 places, 6 heads of 32, batch 16", None, 0.80, None, 15),
    Row("attention_jvp", "its tangents along 8 directions", None, 0.80, None, 20),
    Row("attention_vjp", "its cotangents", None, 0.80, None, 15),
    Row("first_call", "first call of a new batch size", None, 0.10, None, 17),
]

# The first row's first call is the cold one.
MEANFLOW = Row(
    "meanflow_step_1024",
    "MeanFlow step, 784-1024-1024-1024-784, batch 1024, Adam",
    None,
    0.85,
    functools.partial(floors.meanflow_step, batch=1024),
    60,
    difference=1e-4,
    cold=0.25,
)
TOY = Row("toy_step", "FM step, 2-64-64-64-2, batch 256, Adam", None, 0.30, None, 40, difference=1e-4, host_us=20)
FORWARD = Row(
    "divergence_64",
    "exact divergence by 784 tangents, batch 64",
    0.70,
    0.75,
    functools.partial(floors.divergence, samples=64),
    50,
    difference=1e-4,
)
PLANNED = Row(
    "trace_64",
    "the same divergence, contracted",
    None,
    0.50,
    functools.partial(floors.trace_three, samples=64),
    15,
    difference=1e-4,
)
CHAIN = Row(
    "pointwise_chain_large",
    "16 pointwise operators, 2^25 elements",
    0.85,
    None,
    functools.partial(floors.pointwise_chain, elements=2**25),
    15,
)


def reduced(row, difference, **targets):
    """A row whose products read fewer bits of their operands: results lie further apart, and what is no target of its
    own is none."""
    none = dict.fromkeys(("share", "ratio", "host_us", "cold", "memory"))
    return row._replace(difference=difference, **(none | targets))


GPU_ROWS = {
    "f32": [MEANFLOW, TOY, CHAIN, FORWARD, PLANNED],
    "tf32": [reduced(MEANFLOW, 2e-2, ratio=0.60), reduced(FORWARD, 2e-2), reduced(PLANNED, 2e-2)],
    "bf16": [reduced(row, 2e-1) for row in (MEANFLOW, FORWARD, PLANNED)],
}
