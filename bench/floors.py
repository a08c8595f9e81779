"""The least that each workload has to do: operations of its products, bytes that must move. docs/performance.md
says it in words. A floor is operations / product ceiling + bytes / copy ceiling."""

BATCH, SAMPLES, JACOBIANS = 256, 32, 4
D, WIDTH, EMBEDDING, FEATURES = 784, 1024, 64, 32
STATE_PASSES = 7  # Adam reads p, m, v and the gradient, and writes p, m and v


def product(rows, inputs, outputs):
    return 2 * rows * inputs * outputs


# (extents, whether the gradient of the layer's input is needed): the data and the times need none.
LAYERS = [((D, WIDTH), False), ((WIDTH, WIDTH), True), ((WIDTH, WIDTH), True), ((WIDTH, D), True)]
SHIFTS = 3 * [((EMBEDDING, WIDTH), True)]
EMBED = ((FEATURES, EMBEDDING), False)


def picture(times=1):
    return LAYERS + SHIFTS + times * [EMBED]


def training(layers, batch, tangents=0):
    """Forward, `tangents` forward tangents, the weights' gradients, and the inputs' where they are needed."""
    return sum(product(batch, *extents) * (2 + tangents + inner) for extents, inner in layers)


def state_bytes(layers, biases):
    return 4 * STATE_PASSES * (sum(inputs * outputs for (inputs, outputs), _ in layers) + biases)


BIASES = 3 * WIDTH + D + EMBEDDING


def fm_step():
    return {"flops": training(picture(), BATCH), "bytes": state_bytes(picture(), BIASES)}


def meanflow_step(batch=BATCH):
    return {"flops": training(picture(2), batch, tangents=1), "bytes": state_bytes(picture(2), BIASES)}


def opaque_divergence(samples):
    """D tangents through every layer; one-hot ones are rows of the first weight until the samples' activations."""
    inner = sum(product(samples * D, *extents) for extents, _ in LAYERS[1:])
    return product(D, D, WIDTH) + inner


def divergence(samples=SAMPLES):
    """The same without the last product, of which only the diagonal is wanted."""
    return {
        "flops": opaque_divergence(samples) - product(samples * D, WIDTH, D),
        "bytes": 0,
        "opaque_flops": opaque_divergence(samples),
    }


def contracted(width, hidden, once=0, samples=SAMPLES):
    """The trace of W D_h .. W D_1 W with two or three diagonals D of each sample, contracted with the product of the last
    and the first weight made once: a bilinear form of the two diagonals, or one product of width^3 for each sample. The
    value is needed up to the last diagonal. `once` are operations on weights alone that every call has to do."""
    value = product(samples, D, width) + (hidden - 1) * product(samples, width, width)
    trace = product(samples, width, width) if hidden == 2 else samples * product(width, width, width)
    return {"flops": value + trace + once, "bytes": 0}


def trace_three(samples=SAMPLES):
    return contracted(WIDTH, 3, samples=samples)


def trace_two():
    return contracted(WIDTH, 2)


def trace_two_cold():
    return contracted(WIDTH, 2, once=product(WIDTH, D, WIDTH))


def trace_narrow():
    return contracted(256, 3)


def trace_residual():
    """The value of four blocks up to the last activation, and four products of width^3 for each sample: the fewest that
    the engine's search finds, products of weights made once."""
    width, blocks = 256, 4
    value = blocks * product(SAMPLES, D, width) + (blocks - 1) * product(SAMPLES, width, D)
    return {"flops": value + 4 * SAMPLES * product(width, width, width), "bytes": 0}


def trace_modulated():
    """The corrections that the norms add to every product are of lower order."""
    return contracted(512, 3)


def jacobian():
    inner = sum(product(JACOBIANS * D, *extents) for extents, _ in LAYERS[1:])
    return {"flops": inner, "bytes": 4 * JACOBIANS * D * D}


def laplacian():
    """Values, one second derivative and two tangents through the inner weight of 2-256-256-1. The first weight takes
    values alone, and the last the second derivatives."""
    points, width = 1024, 256
    return {"flops": product(points, 2, width) + 4 * product(points, width, width) + product(points, width, 1), "bytes": 0}


def ode_sampling():
    """One evaluation of the field at a time that all samples share."""
    return {"flops": sum(product(BATCH, *extents) for extents, _ in LAYERS), "bytes": 0}


def hvp():
    """Of each layer x W: x W and x dW, x' dc; where its input has a tangent and a gradient also dx W, c W', dc W', c dW'
    and dx' c."""
    return {"flops": sum(product(BATCH, *extents) * (3 + 5 * inner) for extents, inner in picture()), "bytes": 0}


def convolution(samples=64, channels=16, extent=28, window=3):
    """Every product of the trilinear form, padding included."""
    return {"flops": product(samples * extent**2, channels * window**2, channels), "bytes": 0}


def block(extent, inputs, outputs):
    """Both convolutions of a residual block, and the one of its skip."""
    skip = [product(extent**2, inputs, outputs)] if inputs != outputs else []
    return [product(extent**2, 9 * inputs, outputs), product(extent**2, 9 * outputs, outputs)] + skip


# The convolutions of the U-Net for one picture, the first one apart: what is upsampled meets 4 sums of its 9 weights for
# each place.
UNET_FIRST = product(28**2, 9, 16)
UNET_INNER = sum(
    block(28, 16, 16)
    + [product(14**2, 9 * 16, 16)]
    + block(14, 16, 32)
    + [product(7**2, 9 * 32, 32)]
    + 3 * block(7, 32, 32)
    + block(7, 64, 32)
    + [product(14**2, 4 * 32, 32)]
    + block(14, 64, 32)
    + [product(28**2, 4 * 32, 32)]
    + block(28, 48, 16)
    + [product(28**2, 9 * 16, 1)]
)


def unet_fm_step(tangents=0, batch=64):
    return {"flops": batch * ((2 + tangents) * UNET_FIRST + (3 + tangents) * UNET_INNER), "bytes": 0}


def unet_meanflow_step():
    return unet_fm_step(tangents=1)


def unet_divergence():
    """784 tangents through all but the first convolution, whose tangents are its weights."""
    return {"flops": UNET_FIRST + (1 + D) * UNET_INNER, "bytes": 0}


def dit_meanflow_step(batch=64, tokens=196, width=192, depth=4, patch=4):
    """Of each block 12 width^2 for a token, and attention: both products for the value, four more for the tangent, and five
    for the cotangents, one of which makes the weights of the softmax again."""
    layers = depth * [((width, 12 * width), True)] + [((patch, width), False), ((width, patch), True)]
    attention = depth * batch * product(tokens, tokens, width) * (2 + 4 + 5)
    return {"flops": training(layers, batch * tokens, tangents=1) + attention, "bytes": 0}


def pointwise_chain(elements=2**22):
    return {"flops": 0, "bytes": 3 * 4 * elements}


def milliseconds(floor, ceilings, flops="flops"):
    return 1e3 * (
        floor[flops] / (ceilings["product_gflops"] * 1e9) + floor["bytes"] / (ceilings["copy_gigabytes"] * 1e9)
    )
