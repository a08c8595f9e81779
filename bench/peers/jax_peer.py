"""The workloads in JAX: one jit a step, buffers donated where the step replaces them."""

import functools
import itertools
import pathlib
import sys

import jax
import jax.numpy as jnp
import numpy as np

import peer
import tensors

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "peers"))
import jax_networks  # noqa: E402

ARGUMENTS = peer.arguments()
ON_GPU = ARGUMENTS.device == "cuda"
RATE, BETA1, BETA2, EPSILON = 1e-3, 0.9, 0.999, 1e-8
# Tangents at a time: on a GPU all of them may be fastest.
CHUNKS, ONE_CHUNK = ((196, 784), 784) if ON_GPU else ((16, 56, 196), 56)

if ON_GPU:
    names = {"f32": "highest", "tf32": "tensorfloat32", "bf16": "bfloat16"}
    jax.config.update("jax_default_matmul_precision", names[ARGUMENTS.precision])


@functools.cache
def load(name):
    return {key: jnp.asarray(value) for key, value in tensors.read(ARGUMENTS.data / name).items()}


def frequencies(count, highest):
    return jnp.asarray((2 * np.pi * 0.25 * (highest / 0.25) ** (np.arange(count) / (count - 1))).astype(np.float32))


PICTURE = frequencies(16, 8)
TOY = frequencies(4, 1)


def count(params, name):
    """How many layers have this name and a number."""
    return sum(key.startswith(name + ".") and key.endswith(".weight") for key in params)


def linear(params, name, h):
    product = h @ params[name + ".weight"].T
    return product + params[name + ".bias"] if name + ".bias" in params else product


def features(ladder, t):
    angle = t * ladder
    return jnp.concatenate([jnp.sin(angle), jnp.cos(angle)], -1)


def mlp(ladder, params, x, t, gap=None):
    """nn::Mlp: hidden layers shifted by an embedding of the times."""
    e = linear(params, "embed_time.0", features(ladder, t))
    if gap is not None:
        e = e + linear(params, "embed_time.1", features(ladder, gap))
    e = jax.nn.silu(e)
    h = x
    layers = count(params, "layers")
    for layer in range(layers - 1):
        h = jax.nn.silu(linear(params, f"layers.{layer}", h) + linear(params, f"shifts.{layer}", e))
    return linear(params, f"layers.{layers - 1}", h)


def residual_stack(params, x, t):
    """ResidualStack of bench/workloads/networks.h."""
    h = x
    for block in range(count(params, "inner")):
        h = h + linear(params, f"outer.{block}", jax.nn.silu(linear(params, f"inner.{block}", h)))
    return h


def modulated_mlp(ladder, params, x, t):
    """ModulatedMlp of bench/workloads/networks.h."""
    e = jax.nn.silu(linear(params, "embed_time", features(ladder, t)))
    h = x
    layers = count(params, "layers")
    for layer in range(layers - 1):
        z = linear(params, f"layers.{layer}", h)
        centred = z - z.mean(-1, keepdims=True)
        n = centred * jax.lax.rsqrt(jnp.square(centred).mean(-1, keepdims=True) + 1e-5)
        n = n * params[f"norms.{layer}.gain"] + params[f"norms.{layer}.bias"]
        h = jax.nn.silu((1 + linear(params, f"scales.{layer}", e)) * n + linear(params, f"shifts.{layer}", e))
    return linear(params, f"layers.{layers - 1}", h)


def cfm_loss(net, params, batch):
    x0, x1, t = batch["x0"], batch["x1"], batch["t"]
    error = net(params, t * x1 + (1 - t) * x0, t) - (x1 - x0)
    return jnp.sum(error**2) / x0.shape[0]


def meanflow_loss(net, params, batch):
    """meanflow_loss with the conditional velocity, all rows averaged, power 1 and offset 1e-2."""
    x0, x1, t, r = batch["x0"], batch["x1"], batch["t"], batch["r"]
    velocity = x1 - x0
    u, change = jax.jvp(
        lambda x, t: net(params, x, t, r - t), (t * x1 + (1 - t) * x0, t), (velocity, jnp.ones_like(t))
    )
    error = u - jax.lax.stop_gradient(velocity + (r - t) * change)
    lengths = jnp.sum(error**2, -1)
    return jnp.sum(lengths / (jax.lax.stop_gradient(lengths) + 1e-2)) / x0.shape[0]


def adam_step(loss, state, batch):
    value, gradients = jax.value_and_grad(loss)(state["params"], batch)
    count = state["count"] + 1
    first = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, state["first"], gradients)
    second = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, state["second"], gradients)
    n = count.astype(jnp.float32)
    first_scale, second_scale = 1 / (1 - BETA1**n), 1 / (1 - BETA2**n)
    params = jax.tree.map(
        lambda p, m, v: p - RATE * (m * first_scale) / (jnp.sqrt(v * second_scale) + EPSILON),
        state["params"],
        first,
        second,
    )
    return {"params": params, "first": first, "second": second, "count": count}, value


def first_rows(batch, rows):
    return {name: value[:rows] for name, value in batch.items()}


class TrainingStep(peer.Work):
    def __init__(self, weights, batches, loss, rows=None, form=None):
        # Copies, because the step donates its state.
        params = jax.tree.map(jnp.copy, load(weights))
        zeros = lambda: jax.tree.map(jnp.zeros_like, params)
        self.state = {"params": params, "first": zeros(), "second": zeros(), "count": jnp.int32(0)}
        file = load(batches)
        self.batches = [{name: file[f"{name}.{i}"] for name in ("x0", "x1", "t", "r")} for i in range(4)]
        if rows:
            self.batches = [first_rows(batch, rows) for batch in self.batches]
        self.form = form
        self.turn = 0
        self.step = jax.jit(functools.partial(adam_step, loss), donate_argnums=0)

    def run(self):
        self.state, self.loss = self.step(self.state, self.batches[self.turn % 4])
        self.turn += 1

    def wait(self):
        jax.block_until_ready((self.state, self.loss))

    def results(self):
        found = {"loss": self.loss}
        found |= {"updated." + name: value for name, value in self.state["params"].items()}
        found |= {"gradient." + name: value / (1 - BETA1) for name, value in self.state["first"].items()}
        return found

    def facts(self):
        analysis = self.step.lower(self.state, self.batches[0]).compile().memory_analysis()
        return {"temp_bytes": analysis.temp_size_in_bytes} | ({"form": self.form} if self.form else {})


def of_flat_pictures(network):
    """A network of pictures [B, 1, 28, 28] for rows [B, 784]."""

    def field(params, x, t, gap=None):
        return network(params, x.reshape(-1, 1, 28, 28), t, gap).reshape(x.shape)

    return field


def convolution_stack(params, x, t, gap=None, last=False):
    """ConvolutionStack of bench/workloads/networks.h: x [B, 1, H, W]."""
    h = jnp.moveaxis(x, 1, -1) if last else x
    layers = count(params, "layers")
    for layer in range(layers):
        h = jax_networks.convolve(params, f"layers.{layer}", h if layer == 0 else jax.nn.silu(h), last)
    return jnp.moveaxis(h, -1, 1) if last else h


def both_layouts(network):
    """A network with channels where they are and with channels innermost."""
    return {
        "channels first": of_flat_pictures(network),
        "channels last": of_flat_pictures(functools.partial(network, last=True)),
    }


UNETS = both_layouts(jax_networks.unet)
DITS = {"": of_flat_pictures(functools.partial(jax_networks.dit, patch=2, heads=6))}


def picture_step(work, weights, networks, loss):
    """A step on 64 pictures by the form of the network that is fastest in it."""

    def step(name):
        return TrainingStep(weights, "pictures", functools.partial(loss, networks[name]), 64, name)

    def call(name):
        made = functools.cache(functools.partial(step, name))
        return lambda: (made().run(), made().wait())

    return step(peer.fastest(f"jax {work}", {name: call(name) for name in networks}) if len(networks) > 1 else "")


class FirstCall(TrainingStep):
    """Every call has a batch size of its own, so that it is traced and compiled."""

    always_cold = True
    rows = 255

    def __init__(self):
        super().__init__("picture", "pictures", PICTURE_LOSS)

    def prepare(self):
        self.batches = 4 * [{name: value[: self.rows] for name, value in load_batch().items()}]
        jax.block_until_ready(self.batches)
        self.rows -= 1

    def facts(self):
        return {}


def load_batch():
    file = load("pictures")
    return {name: file[name + ".0"] for name in ("x0", "x1", "t", "r")}


PICTURE_NET = functools.partial(mlp, PICTURE)
PICTURE_LOSS = functools.partial(cfm_loss, PICTURE_NET)
MEANFLOW_LOSS = functools.partial(meanflow_loss, PICTURE_NET)
TOY_LOSS = functools.partial(cfm_loss, functools.partial(mlp, TOY))


class Function(peer.Work):
    """A jitted function of arguments that take turns; `name` names its one result."""

    def __init__(self, function, *turns, name="value", units=1, form=None):
        self.function = jax.jit(function)
        self.turns = itertools.cycle(turns)
        self.name = name
        self.units = units
        self.form = form

    def run(self):
        self.value = self.function(*next(self.turns))

    def wait(self):
        jax.block_until_ready(self.value)

    def results(self):
        return self.value if isinstance(self.value, dict) else {self.name: self.value}

    def facts(self):
        return {"form": self.form} if self.form else {}


# Fields by the names of their weights: the network, or its forms by their names, and whether every sample has a time of
# its own.
FIELDS = {
    "picture": (PICTURE_NET, False),
    "two_hidden": (PICTURE_NET, False),
    "narrow": (PICTURE_NET, False),
    "residual": (residual_stack, False),
    "modulated": (functools.partial(modulated_mlp, PICTURE), True),
    "unet": (UNETS, False),
    "convolutions": (both_layouts(convolution_stack), False),
}


def forms_of(what, net, has_times, eye, convolves):
    """Several forms that take the network as an opaque function of x. Convolutions take ten times as long inside XLA's
    loops: chunks of directions follow each other without one there."""
    extent = len(eye)
    keep = {
        "divergence": lambda tangent, seeds: jnp.einsum("kbd,kd->b", tangent, seeds),
        "diagonal": lambda tangent, seeds: jnp.einsum("kbd,kd->bk", tangent, seeds),
    }

    def chunked(chunk, push_of):
        """Sums or stacks over chunks of one-hot directions, pushed through the whole batch."""

        def form(params, x, t):
            push = push_of(lambda x: net(params, x, t), x)
            seeds = eye.reshape(extent // chunk, chunk, extent)
            part = lambda s: keep[what](push(s), s)
            parts = jnp.stack([part(s) for s in seeds]) if convolves else jax.lax.map(part, seeds)
            return parts.sum(0) if what == "divergence" else parts.transpose(1, 0, 2).reshape(x.shape)

        return form

    def by_jvp(f, x):
        return lambda seeds: jax.vmap(lambda s: jax.jvp(f, (x,), (jnp.broadcast_to(s, x.shape),))[1])(seeds)

    def by_linearize(f, x):
        _, push = jax.linearize(f, x)
        return lambda seeds: jax.vmap(lambda s: push(jnp.broadcast_to(s, x.shape)))(seeds)

    def by_vjp(f, x):
        _, pull = jax.vjp(f, x)
        return lambda seeds: jax.vmap(lambda s: pull(jnp.broadcast_to(s, x.shape))[0])(seeds)

    def per_sample(transform):
        take = {
            "divergence": lambda j: jnp.trace(j),
            "diagonal": lambda j: jnp.diagonal(j),
            "jacobian": lambda j: j,
        }[what]

        def form(params, x, t):
            def of_sample(row, time):
                return take(transform(lambda one: net(params, one[None], time[None])[0])(row))

            return jax.vmap(of_sample)(x, t) if has_times else jax.vmap(of_sample, (0, None))(x, t[0])

        return form

    def whole_batch(push_of):
        def form(params, x, t):
            push = push_of(lambda x: net(params, x, t), x)
            pushed = push(eye)  # [K, B, D]
            return pushed.transpose(1, 2, 0) if push_of is not by_vjp else pushed.transpose(1, 0, 2)

        return form

    forms = {"vmap(jacfwd)": per_sample(jax.jacfwd), "vmap(jacrev)": per_sample(jax.jacrev)}
    if what == "jacobian":
        forms |= {
            "vmap(linearize)": whole_batch(by_linearize),
            "vmap(jvp)": whole_batch(by_jvp),
            "vmap(vjp)": whole_batch(by_vjp),
        }
    elif convolves:
        forms["linearize, vmap over chunks of 196"] = chunked(196, by_linearize)
    else:
        for chunk in CHUNKS:
            forms[f"linearize, vmap over chunks of {chunk}"] = chunked(chunk, by_linearize)
        forms[f"vmap(jvp) over chunks of {ONE_CHUNK}"] = chunked(ONE_CHUNK, by_jvp)
        forms[f"vmap(vjp) over chunks of {ONE_CHUNK}"] = chunked(ONE_CHUNK, by_vjp)
    return forms


@functools.cache
def fastest(what, weights, rows):
    """The fastest form, of the network in its fastest layout."""
    nets, has_times = FIELDS[weights]
    params, x = load(weights), load("pictures")["x1.0"][:rows]
    t = load("pictures")["t.0"][:rows] if has_times else jnp.full((1, 1), 0.5, jnp.float32)
    eye = jnp.eye(x.shape[1], dtype=jnp.float32)
    forms = {
        f"{form}, {name}" if name else form: function
        for name, net in (nets.items() if isinstance(nets, dict) else [("", nets)])
        for form, function in forms_of(what, net, has_times, eye, isinstance(nets, dict)).items()
    }

    def call(form):
        function = jax.jit(form)
        return lambda: jax.block_until_ready(function(params, x, t))

    best = peer.fastest(f"jax {what} {weights}", {name: call(form) for name, form in forms.items()})
    return forms[best], (params, x, t), best


def field_derivative(what, weights, rows):
    form, arguments, name = fastest(what, weights, rows)
    return Function(form, arguments, form=name)


def scalar_mlp(params, x):
    """ScalarMlp of bench/workloads/networks.h: x [B, D] -> [B]."""
    h = x
    layers = count(params, "layers")
    for layer in range(layers - 1):
        h = jnp.tanh(linear(params, f"layers.{layer}", h))
    return linear(params, f"layers.{layers - 1}", h)[:, 0]


def forward_laplacian(params, x, stacked):
    """The Laplacian of scalar_mlp in one pass of values, D tangents and second derivatives (forward Laplacian, Li et al.
    2023), each through every weight by a product of its own, or all in one. One-hot tangents are columns of the first weight.
    Tangents in one array of rank 3 take three times as long on a processor."""
    weights = [params[f"layers.{layer}.weight"].T for layer in range(count(params, "layers"))]
    z, tangents, second = linear(params, "layers.0", x), [row[None] for row in weights[0]], 0
    for layer, weight in enumerate(weights[1:-1], 1):
        h, tangents, second = through_tanh(z, tangents, second)
        channels = [h, second, *tangents]
        if stacked:
            channels = jnp.split(jnp.concatenate(channels) @ weight, len(channels))
        else:
            channels = [channel @ weight for channel in channels]
        z, second, tangents = channels[0] + params[f"layers.{layer}.bias"], channels[1], channels[2:]
    return (through_tanh(z, tangents, second)[2] @ weights[-1])[:, 0]


def through_tanh(z, tangents, second):
    h = jnp.tanh(z)
    slope = 1 - h * h
    bend = -2 * h * slope
    return h, [slope * t for t in tangents], slope * second + bend * sum(t * t for t in tangents)


def nested_laplacian(params, x):
    """By jvp of jvp along one-hot directions of the whole batch."""

    def along(direction):
        tangent = jnp.broadcast_to(direction, x.shape)
        slope = lambda x: jax.jvp(functools.partial(scalar_mlp, params), (x,), (tangent,))[1]
        return jax.jvp(slope, (x,), (tangent,))[1]

    return jax.vmap(along)(jnp.eye(x.shape[1], dtype=x.dtype)).sum(0)


def samplewise_laplacian(params, x):
    return jax.vmap(lambda row: nested_laplacian(params, row[None])[0])(x)


FORWARD_LAPLACIANS = {
    "one product a layer": functools.partial(forward_laplacian, stacked=True),
    "a product for each channel": functools.partial(forward_laplacian, stacked=False),
}
NESTED_LAPLACIANS = {"vmap(jvp of jvp)": nested_laplacian, "vmap(vmap(jvp of jvp))": samplewise_laplacian}


def laplacian(forms):
    arguments = load("scalar"), load("plane")["x"]

    def call(form):
        function = jax.jit(form)
        return lambda: jax.block_until_ready(function(*arguments))

    best = peer.fastest("jax laplacian", {name: call(form) for name, form in forms.items()})
    return Function(forms[best], arguments, form=best)


def ode_sampling():
    """flow::integrate with Heun's method over eight equal steps, all in one jit."""
    params, noise = load("picture"), load("pictures")["x0.0"]
    steps = 8

    def sample(params, x):
        def step(x, i):
            t, h = i / steps, 1 / steps
            at = lambda t: jnp.full((1, 1), t, jnp.float32)
            first = PICTURE_NET(params, x, at(t))
            second = PICTURE_NET(params, x + h * first, at(t + h))
            return x + h * 0.5 * (first + second), None

        return jax.lax.scan(step, x, jnp.arange(steps, dtype=jnp.float32))[0]

    return Function(sample, (params, noise), name="samples", units=2 * steps)


def hvp():
    """Forward over reverse along a direction in the space of parameters."""

    def product(params, direction, batch):
        return jax.jvp(jax.grad(lambda p: PICTURE_LOSS(p, batch)), (params,), (direction,))[1]

    return Function(product, (load("picture"), load("direction"), load_batch()))


def pointwise_chain(pairs, copies):
    def chain(x, y):
        a = x * y
        b = a + x
        c = jnp.maximum(b, y)
        d = c - x
        e = jnp.square(d)
        f = jnp.minimum(e, 4)
        g = f * y
        h = g + a
        i = jnp.abs(h)
        j = i - b
        k = -j
        l = jnp.maximum(k, x)
        m = l * c
        n = m + y
        o = jnp.minimum(n, 8)
        return o - d

    file = load("chain")
    return Function(chain, *([jnp.tile(file[f"{name}.{i}"], copies) for name in "xy"] for i in range(pairs)))


class Wide(Function):
    """A function of f64, which JAX computes only where it is told to."""

    def __init__(self, function, *arguments):
        with jax.enable_x64(True):
            super().__init__(function, [jnp.asarray(value, jnp.float64) for value in arguments])

    def run(self):
        with jax.enable_x64(True):
            super().run()


def operator(function, *names):
    """A function of entries of the file "operators"."""
    return Function(function, [load("operators")[name] for name in names])


class Convolution(Function):
    """Of entries of the file "convolution", with channels innermost, which is faster than as they lie there."""

    LAST, WEIGHT = (0, 2, 3, 1), (2, 3, 1, 0)

    def __init__(self, slot):
        file = load("convolution")
        x, c = (jnp.transpose(file[name], self.LAST) for name in "xc")
        w = jnp.transpose(file["w"], self.WEIGHT)
        self.axes = self.WEIGHT if slot == "weight" else self.LAST

        def convolve(x, w):
            return jax.lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))

        if slot == "result":
            super().__init__(convolve, (x, w))
        elif slot == "data":
            super().__init__(lambda c, w: jax.vjp(lambda x: convolve(x, w), jnp.zeros_like(x))[1](c)[0], (c, w))
        else:
            super().__init__(lambda x, c: jax.vjp(lambda w: convolve(x, w), jnp.zeros_like(w))[1](c)[0], (x, c))

    def results(self):
        return {"value": jnp.transpose(self.value, np.argsort(self.axes))}


def attention(qkv, inner):
    """Of queries, keys and values [B, heads, L, d], or [B, L, heads, d] for JAX's own."""
    q, k, v = qkv
    if inner:
        return jax.nn.dot_product_attention(q, k, v)
    weights = jax.nn.softmax(q @ jnp.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1]), -1)
    return weights @ v


class Attention(Function):
    """Value, tangents or cotangents of attention, each side's operands as they suit it."""

    def __init__(self, what):
        file = load("attention")

        def work(inner):
            function = functools.partial(attention, inner=inner)
            forms = {
                "value": lambda qkv, other: function(qkv),
                "jvp": lambda qkv, other: jax.vmap(lambda d: jax.jvp(function, (qkv,), (d,))[1])(other),
                "vjp": lambda qkv, other: jax.vjp(function, qkv)[1](other)[0],
            }
            return forms[what]

        def lie(value, inner):
            return jnp.swapaxes(value, -2, -3) if inner else value

        def arguments(inner):
            qkv = [lie(file[name], inner) for name in "qkv"]
            others = {"value": lambda: (), "jvp": lambda: [lie(file["d" + name], inner) for name in "qkv"]}
            return qkv, others.get(what, lambda: lie(file["cotangent"], inner))()

        def call(inner):
            function, given = jax.jit(work(inner)), arguments(inner)
            return lambda: jax.block_until_ready(function(*given))

        names = {"softmax of products": False, "dot_product_attention": True}
        best = peer.fastest(f"jax attention {what}", {name: call(inner) for name, inner in names.items()})
        self.inner = names[best]
        super().__init__(work(self.inner), arguments(self.inner), form=best)

    def results(self):
        values = dict(zip("qkv", self.value)) if isinstance(self.value, (list, tuple)) else {"value": self.value}
        return {name: jnp.swapaxes(value, -2, -3) if self.inner else value for name, value in values.items()}


MAKERS = {
    "fm_step": lambda: TrainingStep("picture", "pictures", PICTURE_LOSS),
    "meanflow_step": lambda: TrainingStep("average_picture", "pictures", MEANFLOW_LOSS),
    "meanflow_step_1024": lambda: TrainingStep("average_picture", "many_pictures", MEANFLOW_LOSS),
    "toy_step": lambda: TrainingStep("toy", "points", TOY_LOSS),
    "first_call": FirstCall,
    "divergence": lambda: field_derivative("divergence", "picture", 32),
    "trace": lambda: field_derivative("divergence", "picture", 32),
    "divergence_64": lambda: field_derivative("divergence", "picture", 64),
    "trace_64": lambda: field_derivative("divergence", "picture", 64),
    "trace_two_hidden_cold": lambda: field_derivative("divergence", "two_hidden", 32),
    "trace_two_hidden_cached": lambda: field_derivative("divergence", "two_hidden", 32),
    "trace_narrow": lambda: field_derivative("divergence", "narrow", 32),
    "trace_residual": lambda: field_derivative("divergence", "residual", 32),
    "trace_modulated": lambda: field_derivative("divergence", "modulated", 32),
    "diagonal": lambda: field_derivative("diagonal", "picture", 32),
    "jacobian": lambda: field_derivative("jacobian", "picture", 4),
    "unet_fm_step": lambda: picture_step("unet_fm_step", "unet", UNETS, cfm_loss),
    "unet_meanflow_step": lambda: picture_step("unet_meanflow_step", "average_unet", UNETS, meanflow_loss),
    "dit_meanflow_step": lambda: picture_step("dit_meanflow_step", "average_dit", DITS, meanflow_loss),
    "unet_divergence": lambda: field_derivative("divergence", "unet", 1),
    "convolution_divergence": lambda: field_derivative("divergence", "convolutions", 1),
    "attention": lambda: Attention("value"),
    "attention_jvp": lambda: Attention("jvp"),
    "attention_vjp": lambda: Attention("vjp"),
    "laplacian": lambda: laplacian(FORWARD_LAPLACIANS),
    "laplacian_nested": lambda: laplacian(NESTED_LAPLACIANS),
    "ode_sampling": ode_sampling,
    "hvp": hvp,
    "pointwise_chain": lambda: pointwise_chain(4, 1),
    "pointwise_chain_large": lambda: pointwise_chain(1, 8),
    "softmax_columns": lambda: operator(lambda x: jax.nn.softmax(x, 0), "x"),
    "logsumexp_columns": lambda: operator(lambda x: jax.nn.logsumexp(x, 0), "x"),
    "gather_rows": lambda: operator(lambda x, i: jnp.take_along_axis(x, i, 1), "x", "indices"),
    "gather_columns": lambda: operator(lambda x, i: jnp.take_along_axis(x, i, 0), "x", "indices"),
    "gather_random": lambda: operator(lambda x, i: x[i], "list", "places"),
    "scatter_rows": lambda: operator(lambda x, i: jnp.zeros_like(x).at[i].add(x), "x", "rows"),
    "scatter_random": lambda: operator(lambda x, i: jnp.zeros_like(x).at[i].add(x), "list", "places"),
    "top_k": lambda: operator(lambda x: jax.lax.top_k(x, 5)[0], "list"),
    "convolution": lambda: Convolution("result"),
    "convolution_data": lambda: Convolution("data"),
    "convolution_weight": lambda: Convolution("weight"),
    "product_f64": lambda: Wide(jnp.matmul, *(tensors.read(ARGUMENTS.data / "operators")[name] for name in "xy")),
}


def save(path, arrays):
    tensors.write(path, {name: np.asarray(value) for name, value in arrays.items()})


def versions():
    found = {"version": jax.__version__}
    if ON_GPU:
        devices = jax.devices()
        if devices[0].platform != "gpu":
            raise RuntimeError(f"JAX sees no GPU but {devices}")
        found |= {"devices": str([device.device_kind for device in devices]), "precision": ARGUMENTS.precision}
        found["default_matmul_precision"] = str(jax.config.jax_default_matmul_precision)
    return found


if __name__ == "__main__":
    peer.serve(MAKERS, versions, save)
