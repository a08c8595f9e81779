"""The workloads in PyTorch. Each has several forms, the fastest is taken: eager ones first, then the best of them by
torch.compile where there is one. On a GPU one process takes eager forms, and another those that are compiled."""

import functools
import itertools
import math
import pathlib
import statistics
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

import peer
import tensors
import torch_build

try:
    from torch.func import grad, jacfwd, jacrev, jvp, vjp, vmap
except ImportError:  # before PyTorch 2.0
    from functorch import grad, jacfwd, jacrev, jvp, vjp, vmap
try:
    from torch.func import functional_call
except ImportError:
    from torch.nn.utils.stateless import functional_call

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "peers"))
import torch_networks  # noqa: E402

ARGUMENTS = peer.arguments()
ON_GPU = ARGUMENTS.device == "cuda"
THREADS = 2
ADAM = {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8}
CAN_COMPILE = hasattr(getattr(torch, "compiler", None), "reset")
# Tangents at a time: on a GPU all of them may be fastest.
CHUNKS = (196, 784) if ON_GPU else (56, 196)
# What torch.compile is told of a training step: CUDA graphs pay where kernels are short.
STEP_MODES = (None, "reduce-overhead") if ON_GPU else (None,)

if ON_GPU:
    names = {"f32": "highest", "tf32": "high", "bf16": "medium"}
    torch.set_float32_matmul_precision(names[ARGUMENTS.precision])
else:
    torch.set_num_threads(THREADS)


@functools.cache
def load(name):
    arrays = tensors.read(ARGUMENTS.data / name)
    return {key: torch.from_numpy(value).to(ARGUMENTS.device, copy=True) for key, value in arrays.items()}


def wait():
    """Until all calls have ended; on a processor they end when they return."""
    if ON_GPU:
        torch.cuda.synchronize()


def frequencies(count, highest):
    ladder = 2 * np.pi * 0.25 * (highest / 0.25) ** (np.arange(count) / (count - 1))
    return torch.from_numpy(ladder.astype(np.float32)).to(ARGUMENTS.device)


PICTURE = frequencies(16, 8)
TOY = frequencies(4, 1)


def count(params, name):
    """How many layers have this name and a number."""
    return sum(key.startswith(name + ".") and key.endswith(".weight") for key in params)


def linear(params, name, h, shift=None):
    """The product added to the bias, or to what stands in its place."""
    return torch.addmm(params[name + ".bias"] if shift is None else shift, h, params[name + ".weight"].t())


def features(ladder, t):
    angle = t * ladder
    return torch.cat([torch.sin(angle), torch.cos(angle)], -1)


def mlp(ladder, params, x, t, gap=None):
    """nn::Mlp: hidden layers shifted by an embedding of the times."""
    e = linear(params, "embed_time.0", features(ladder, t))
    if gap is not None:
        e = linear(params, "embed_time.1", features(ladder, gap), e)
    e = F.silu(e)
    h = x
    layers = count(params, "layers")
    for layer in range(layers - 1):
        h = F.silu(linear(params, f"layers.{layer}", h, linear(params, f"shifts.{layer}", e)))
    return linear(params, f"layers.{layers - 1}", h)


def residual_stack(params, x, t):
    """ResidualStack of bench/workloads/networks.h."""
    h = x
    for block in range(count(params, "inner")):
        h = h + linear(params, f"outer.{block}", F.silu(linear(params, f"inner.{block}", h)))
    return h


def modulated_mlp(ladder, params, x, t):
    """ModulatedMlp of bench/workloads/networks.h."""
    e = F.silu(linear(params, "embed_time", features(ladder, t)))
    h = x
    layers = count(params, "layers")
    for layer in range(layers - 1):
        z = linear(params, f"layers.{layer}", h)
        n = F.layer_norm(z, z.shape[-1:], params[f"norms.{layer}.gain"], params[f"norms.{layer}.bias"], 1e-5)
        h = F.silu((1 + linear(params, f"scales.{layer}", e)) * n + linear(params, f"shifts.{layer}", e))
    return linear(params, f"layers.{layers - 1}", h)


def cfm_loss(net, params, batch):
    x0, x1, t = batch["x0"], batch["x1"], batch["t"]
    return F.mse_loss(net(params, torch.lerp(x0, x1, t), t), x1 - x0, reduction="sum") / x0.shape[0]


def meanflow_loss(net, params, batch):
    """meanflow_loss with the conditional velocity, all rows averaged, power 1 and offset 1e-2."""
    x0, x1, t, r = batch["x0"], batch["x1"], batch["t"], batch["r"]
    velocity = x1 - x0
    u, change = jvp(
        lambda x, t: net(params, x, t, r - t), (torch.lerp(x0, x1, t), t), (velocity, torch.ones_like(t))
    )
    error = u - torch.addcmul(velocity, r - t, change).detach()
    lengths = error.square().sum(-1)
    return (lengths / (lengths.detach() + 1e-2)).sum() / x0.shape[0]


PICTURE_NET = functools.partial(mlp, PICTURE)
PICTURE_LOSS = functools.partial(cfm_loss, PICTURE_NET)
MEANFLOW_LOSS = functools.partial(meanflow_loss, PICTURE_NET)
TOY_LOSS = functools.partial(cfm_loss, functools.partial(mlp, TOY))


def load_batch(name, turn):
    return {what: load(name)[f"{what}.{turn}"] for what in ("x0", "x1", "t", "r")}


def compiled(function, mode=None):
    """Not traced yet, whatever torch.compile has made before. On a GPU, where that takes long, once for each function."""
    if ON_GPU:
        return compiled_once(function, mode)
    torch.compiler.reset()
    return torch.compile(function)


@functools.cache
def compiled_once(function, mode):
    return torch.compile(function, mode=mode)


CHOSEN = {}


def choose(work, forms, arguments, to_compile="the fastest", modes=(None,)):
    """The name of the fastest form of a work, and what makes it anew. A form makes a function, what is worth compiling
    passed through its argument: eagerly all are tried, by torch.compile the one that is named, or the fastest."""

    def call(make):
        made = functools.cache(make)

        def run():
            made()(*arguments)
            wait()

        return run

    def fastest(makers):
        return peer.fastest(f"torch {work}", {name: call(make) for name, make in makers.items()})

    if work in CHOSEN:
        return CHOSEN[work]
    if ARGUMENTS.forms == "compiled" and not CAN_COMPILE:
        raise peer.Skip("this version has no torch.compile")
    makers = {name: functools.partial(form, lambda function: function) for name, form in forms.items()}
    form = best = None
    if ARGUMENTS.forms != "compiled" or to_compile == "the fastest":
        form = best = fastest(makers)
    if CAN_COMPILE and ARGUMENTS.forms != "eager":
        if to_compile != "the fastest":
            form = to_compile
        torch.compiler.reset()  # what was compiled for other works is not used again
        makers = {best: makers[best]} if ARGUMENTS.forms == "all" else {}
        for mode in modes:
            wrap = functools.partial(compiled, mode=mode)
            makers[f"torch.compile{f'({mode})' if mode else ''}, {form}"] = functools.partial(forms[form], wrap)
        best = fastest(makers)
    CHOSEN[work] = best, makers[best]
    return CHOSEN[work]


class Function(peer.Work):
    """The fastest form of a work, called on arguments that take turns; `name` names its one result."""

    def __init__(self, work, forms, *turns, name="value", units=1, to_compile="the fastest", modes=(None,)):
        self.form, make = choose(work, forms, turns[0], to_compile, modes)
        if ARGUMENTS.forms == "compiled":
            tried = (ms for (of, form), ms in peer.FIRST_MS.items() if of == f"torch {work}" and "compile" in form)
            self.tried_ms = next(tried)
        self.function = make()
        self.turns = itertools.cycle(turns)
        self.name = name
        self.units = units

    def run(self):
        self.value = self.function(*next(self.turns))

    def wait(self):
        wait()

    def results(self):
        return self.value if isinstance(self.value, dict) else {self.name: self.value}

    def facts(self):
        return {"form": self.form}


class Training:
    """A step on a batch gives its loss; parameters and the optimizer's state stay from step to step."""

    def __init__(self, weights, loss, options):
        self.params = {name: value.clone().requires_grad_() for name, value in load(weights).items()}
        self.loss = loss
        self.adam = torch.optim.Adam(list(self.params.values()), **ADAM, **options)

    def __call__(self, batch):
        self.adam.zero_grad(set_to_none=True)
        loss = self.loss(self.params, batch)
        loss.backward()
        self.adam.step()
        return loss.detach()


def results_of_step(self):
    found = {"loss": self.value}
    for name, value in self.function.params.items():
        found |= {"updated." + name: value, "gradient." + name: value.grad}
    return found


class TrainingStep(Function):
    def __init__(self, work, weights, batches, loss):
        options = {
            "Adam by tensors": {"foreach": False},
            "Adam by lists": {"foreach": True},
            "fused Adam": {"fused": True},
        }
        forms = {name: lambda wrap, o=o: Training(weights, wrap(loss), o) for name, o in options.items()}
        turns = ((load_batch(batches, turn),) for turn in range(4))
        to_compile = "fused Adam" if ON_GPU else "the fastest"
        super().__init__(work, forms, *turns, to_compile=to_compile, modes=STEP_MODES)

    results = results_of_step


class PictureStep(Function):
    results = results_of_step


def of_flat_pictures(make):
    """A network of pictures [B, 1, 28, 28] for rows [B, 784], as a function of its parameters."""
    module = functools.cache(lambda: make().to(ARGUMENTS.device))

    def field(params, x, t, gap=None):
        pictures = x.reshape(-1, 1, 28, 28)
        return functional_call(module(), params, (pictures, t, gap)).reshape(x.shape)

    return field


def unet(second_time):
    options = {"channels": 1, "base": 16, "multipliers": (1, 2, 2), "groups": 8, "heads": 0}
    return of_flat_pictures(lambda: torch_networks.UNet(**options, second_time=second_time))


DIT = of_flat_pictures(
    lambda: torch_networks.DiT(
        channels=1, height=28, width=28, patch=2, hidden=192, depth=4, heads=6, mlp_ratio=4, second_time=True
    )
)


def convolution_stack(params, x, t):
    """ConvolutionStack of bench/workloads/networks.h."""
    h = x.reshape(-1, 1, 28, 28)
    for layer in range(count(params, "layers")):
        h = h if layer == 0 else F.silu(h)
        h = F.conv2d(h, params[f"layers.{layer}.weight"], params[f"layers.{layer}.bias"], padding=1)
    return h.reshape(x.shape)


class PictureTraining(Training):
    """On 64 pictures, with weights of convolutions as they are, or channels innermost."""

    def __init__(self, weights, loss, options, last):
        super().__init__(weights, loss, options)
        for value in self.params.values() if last else ():
            if value.dim() == 4:
                value.data = value.data.contiguous(memory_format=torch.channels_last)

    def __call__(self, batch):
        return super().__call__({name: value[:64] for name, value in batch.items()})


def picture_step(work, weights, loss):
    forms = {
        f"Adam by {by}, channels {'last' if last else 'first'}": lambda wrap, by=by, last=last: PictureTraining(
            weights, wrap(loss), {"foreach": by == "lists"}, last
        )
        for by in ("tensors", "lists")
        for last in (False, True)
    }
    return PictureStep(work, forms, *((load_batch("pictures", turn),) for turn in range(4)))


def attention(work, make):
    """Value, tangents or cotangents of attention, by products and softmax and, where there is one, by PyTorch's own."""
    file = load("attention")

    def by_products(q, k, v):
        return torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]), -1) @ v

    functions = {"softmax of products": by_products}
    if hasattr(F, "scaled_dot_product_attention"):
        functions["scaled_dot_product_attention"] = F.scaled_dot_product_attention
    forms = {name: make(function) for name, function in functions.items()}
    return Function(work, plain(forms), (file,))


def attention_value(function):
    return lambda file: function(file["q"], file["k"], file["v"])


def attention_jvp(function):
    def tangents(file):
        qkv = tuple(file[name] for name in "qkv")
        return vmap(lambda *d: jvp(function, qkv, d)[1])(*(file["d" + name] for name in "qkv"))

    return tangents


def attention_vjp(function):
    def cotangents(file):
        qkv = [file[name].detach().requires_grad_() for name in "qkv"]
        return dict(zip("qkv", torch.autograd.grad(function(*qkv), qkv, file["cotangent"])))

    return cotangents


def first_call():
    """The row is about making code for a shape, which eager calls do not do."""
    raise peer.Skip("eager calls compile nothing")


def whole_forms(field, t, eye):
    """Full Jacobians of a field that is an opaque function of a batch: all directions at once."""
    pushes, pulls = batched(field, t)
    forms = {name: lambda x, push=push: push(x)(eye).permute(1, 2, 0) for name, push in pushes.items()}
    return forms | {name: lambda x, pull=pull: pull(x)(eye).transpose(0, 1) for name, pull in pulls.items()}


def diagonal_forms(field, t, eye):
    """Diagonals of such Jacobians: over chunks of directions."""

    def chunked(directional, chunk):
        def form(x):
            along = directional(x)
            parts = (along(eye[i : i + chunk])[:, :, i : i + chunk] for i in range(0, len(eye), chunk))
            return torch.cat([part.diagonal(0, 0, 2) for part in parts], 1)

        return form

    pushes, pulls = batched(field, t)
    return {
        f"{name} over chunks of {chunk}": chunked(directional, chunk)
        for name, directional in (pushes | pulls).items()
        for chunk in CHUNKS
    }


def of_samples(function, x, t, out_dims=0):
    """function(row, time) of every sample, whose times [B, 1] or [1, 1] may be shared."""
    if len(t) > 1:
        return vmap(function, out_dims=out_dims)(x, t)
    return vmap(lambda row: function(row, t[0]), out_dims=out_dims)(x)


def batched(field, t):
    """What maps a batch x to a function of directions [K, D]: their tangents, and their cotangents, [K, B, D]."""

    def by_jvp(x):
        return lambda seeds: vmap(lambda s: jvp(lambda x: field(x, t), (x,), (s.expand_as(x),))[1])(seeds)

    def by_sample(x):
        def of_sample(row, time, seeds):
            return vmap(lambda s: jvp(lambda one: field(one[None], time[None])[0], (row,), (s,))[1])(seeds)

        return lambda seeds: of_samples(lambda row, time: of_sample(row, time, seeds), x, t, out_dims=1)

    def by_vjp(x):
        pull = vjp(lambda x: field(x, t), x)[1]
        return lambda seeds: vmap(lambda s: pull(s.expand_as(x))[0])(seeds)

    def by_grad(x):
        x = x.detach().requires_grad_()
        y = field(x, t)

        def pull(seeds):
            seeds = seeds[:, None].expand(-1, *x.shape)
            return torch.autograd.grad(y, x, seeds, retain_graph=True, is_grads_batched=True)[0]

        return pull

    pushes = {"vmap(jvp)": by_jvp, "vmap(vmap(jvp))": by_sample}
    return pushes, {"vmap(vjp)": by_vjp, "autograd.grad(is_grads_batched)": by_grad}


# Fields by the names of their weights: the network, and whether every sample has a time of its own.
FIELDS = {
    "picture": (PICTURE_NET, False),
    "two_hidden": (PICTURE_NET, False),
    "narrow": (PICTURE_NET, False),
    "residual": (residual_stack, False),
    "modulated": (functools.partial(modulated_mlp, PICTURE), True),
    "unet": (unet(second_time=False), False),
    "convolutions": (convolution_stack, False),
}


def field_derivative(what, weights, rows):
    """The fastest of several forms that take the network as an opaque function of x."""
    net, has_times = FIELDS[weights]
    params, x = load(weights), load("pictures")["x1.0"][:rows]
    t = load("pictures")["t.0"][:rows] if has_times else torch.full((1, 1), 0.5, device=x.device)

    field = functools.partial(net, params)

    def samplewise(transform, take):
        def of_sample(row, time):
            return take(transform(lambda one: field(one[None], time[None])[0])(row))

        return lambda x: of_samples(of_sample, x, t)

    take = {"divergence": torch.trace, "diagonal": torch.diagonal, "jacobian": lambda j: j}[what]
    forms = {"vmap(jacfwd)": samplewise(jacfwd, take), "vmap(jacrev)": samplewise(jacrev, take)}
    eye = torch.eye(x.shape[1], device=x.device)
    if what == "jacobian":
        forms |= whole_forms(field, t, eye)
    else:
        for name, form in diagonal_forms(field, t, eye).items():
            forms[name] = form if what == "diagonal" else lambda x, form=form: form(x).sum(1)
    return Function(f"{what} {weights} {rows}", plain(forms), (x,))


def plain(forms):
    """Forms that are compiled as a whole or not at all."""
    return {name: lambda wrap, form=form: wrap(form) for name, form in forms.items()}


def scalar_mlp(params, x):
    """ScalarMlp of bench/workloads/networks.h: x [B, D] -> [B]."""
    h = x
    layers = count(params, "layers")
    for layer in range(layers - 1):
        h = torch.tanh(linear(params, f"layers.{layer}", h))
    return linear(params, f"layers.{layers - 1}", h)[:, 0]


def forward_laplacian(params, x, stacked):
    """As in jax_peer.py."""
    weights = [params[f"layers.{layer}.weight"].t() for layer in range(count(params, "layers"))]
    z, tangents, second = linear(params, "layers.0", x), [row[None] for row in weights[0]], 0
    for layer, weight in enumerate(weights[1:-1], 1):
        h, tangents, second = through_tanh(z, tangents, second)
        channels = [h, second, *tangents]
        if stacked:
            channels = torch.chunk(torch.cat(channels) @ weight, len(channels))
        else:
            channels = [channel @ weight for channel in channels]
        z, second, tangents = channels[0] + params[f"layers.{layer}.bias"], channels[1], channels[2:]
    return (through_tanh(z, tangents, second)[2] @ weights[-1])[:, 0]


def through_tanh(z, tangents, second):
    h = torch.tanh(z)
    slope = 1 - h * h
    bend = -2 * h * slope
    return h, [slope * t for t in tangents], slope * second + bend * sum(t * t for t in tangents)


def nested_laplacian(params, x):
    """By jvp of jvp along one-hot directions of the whole batch."""

    def along(direction):
        tangent = direction.expand_as(x)

        def slope(x):
            return jvp(functools.partial(scalar_mlp, params), (x,), (tangent,))[1]

        return jvp(slope, (x,), (tangent,))[1]

    return vmap(along)(torch.eye(x.shape[1], device=x.device)).sum(0)


def reverse_laplacian(params, x):
    """By jvp of the gradient."""
    gradient = grad(lambda x: scalar_mlp(params, x).sum())

    def along(direction):
        return (jvp(gradient, (x,), (direction.expand_as(x),))[1] * direction).sum(-1)

    return vmap(along)(torch.eye(x.shape[1], device=x.device)).sum(0)


FORWARD_LAPLACIANS = {
    "one product a layer": functools.partial(forward_laplacian, stacked=True),
    "a product for each channel": functools.partial(forward_laplacian, stacked=False),
}
NESTED_LAPLACIANS = {"vmap(jvp of jvp)": nested_laplacian, "vmap(jvp of grad)": reverse_laplacian}


def laplacian(work, forms):
    return Function(work, plain(forms), (load("scalar"), load("plane")["x"]))


def ode_sampling():
    """flow::integrate with Heun's method over eight equal steps."""
    params, noise = load("picture"), load("pictures")["x0.0"]
    steps = 8
    h = 1 / steps
    times = torch.linspace(0, 1, steps + 1, device=noise.device).reshape(-1, 1, 1)

    def sample(x):
        for i in range(steps):
            first = PICTURE_NET(params, x, times[i])
            second = PICTURE_NET(params, torch.add(x, first, alpha=h), times[i + 1])
            x = torch.add(x, first + second, alpha=h / 2)
        return x

    return Function("ode_sampling", plain({"eager": sample}), (noise,), name="samples", units=2 * steps)


def hvp():
    """Along a direction in the space of parameters."""
    params = load("picture")

    def reverse_over_reverse(direction, batch):
        leaves = {name: value.detach().requires_grad_() for name, value in params.items()}
        gradients = torch.autograd.grad(PICTURE_LOSS(leaves, batch), list(leaves.values()), create_graph=True)
        along = [direction[name] for name in leaves]
        return dict(zip(leaves, torch.autograd.grad(gradients, list(leaves.values()), along)))

    def forward_over_reverse(direction, batch):
        return jvp(grad(lambda p: PICTURE_LOSS(p, batch)), (params,), (direction,))[1]

    forms = {"reverse over reverse": reverse_over_reverse, "forward over reverse": forward_over_reverse}
    arguments = load("direction"), load_batch("pictures", 0)
    # What torch.compile makes cannot be differentiated twice.
    return Function("hvp", plain(forms), arguments, to_compile="forward over reverse")


def pointwise_chain(pairs, copies):
    def chain(x, y):
        a = x * y
        b = a + x
        c = torch.maximum(b, y)
        d = c - x
        e = torch.square(d)
        f = torch.clamp(e, max=4)
        g = f * y
        h = g + a
        i = torch.abs(h)
        j = i - b
        k = -j
        l = torch.maximum(k, x)
        m = l * c
        n = m + y
        o = torch.clamp(n, max=8)
        return o - d

    def in_place(x, y):
        a = x * y
        b = a + x
        c = torch.maximum(b, y)
        d = c - x
        k = torch.square(d).clamp_(max=4).mul_(y).add_(a).abs_().sub_(b).neg_()
        return torch.maximum(k, x, out=k).mul_(c).add_(y).clamp_(max=8).sub_(d)

    def by_chunks(x, y):
        return torch.cat([in_place(*parts) for parts in zip(x.split(2**16), y.split(2**16))])

    file = load("chain")
    forms = {"eager": chain, "in place": in_place, "in place by chunks": by_chunks}
    turns = ([file[f"{name}.{i}"].repeat(copies) for name in "xy"] for i in range(pairs))
    return Function(f"pointwise_chain {copies}", plain(forms), *turns)


def operator(work, function, *names, dtype=None):
    """A function of entries of the file "operators"."""
    arguments = [load("operators")[name] for name in names]
    if dtype:
        arguments = [value.to(dtype) for value in arguments]
    return Function(work, plain({"eager": function}), arguments)


def convolution(work, function, *names):
    """A function of entries of the file "convolution", as they lie there and with channels innermost."""
    arguments = [load("convolution")[name] for name in names]
    last = [value.contiguous(memory_format=torch.channels_last) for value in arguments]
    forms = {"eager": lambda: function(*arguments), "channels last": lambda: function(*last)}
    return Function(work, plain(forms), [])


def scattered(x, rows):
    return torch.zeros_like(x).index_add(0, rows, x)


def ceilings():
    """What the GPU does at best through PyTorch: products in the chosen precision, and copying."""

    def seconds_of(call):
        call()
        times = []
        for _ in range(5):
            wait()
            start = time.perf_counter()
            for _ in range(4):
                call()
            wait()
            times.append((time.perf_counter() - start) / 4)
        return statistics.median(times)

    found = {"product_gflops": 0}
    for m, n, k in ((4096, 4096, 4096), (8192, 8192, 8192), (50176, 1024, 1024)):
        a, b = torch.randn(m, k, device="cuda"), torch.randn(k, n, device="cuda")
        rate = 2e-9 * m * n * k / seconds_of(lambda: a @ b)
        if rate > found["product_gflops"]:
            found |= {"product_gflops": rate, "product_by": f"{m}x{k} by {k}x{n}, PyTorch"}
    source = torch.rand(2**28, device="cuda")
    target = torch.empty_like(source)
    rate = 2e-9 * 4 * len(source) / seconds_of(lambda: target.copy_(source))
    del source, target
    torch.cuda.empty_cache()
    return found | {"copy_gigabytes": rate, "copy_by": "PyTorch's copy_"}


MAKERS = {
    "fm_step": lambda: TrainingStep("fm_step", "picture", "pictures", PICTURE_LOSS),
    "meanflow_step": lambda: TrainingStep("meanflow_step", "average_picture", "pictures", MEANFLOW_LOSS),
    "meanflow_step_1024": lambda: TrainingStep(
        "meanflow_step_1024", "average_picture", "many_pictures", MEANFLOW_LOSS
    ),
    "toy_step": lambda: TrainingStep("toy_step", "toy", "points", TOY_LOSS),
    "first_call": first_call,
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
    "unet_fm_step": lambda: picture_step(
        "unet_fm_step", "unet", functools.partial(cfm_loss, unet(second_time=False))
    ),
    "unet_meanflow_step": lambda: picture_step(
        "unet_meanflow_step", "average_unet", functools.partial(meanflow_loss, unet(second_time=True))
    ),
    "dit_meanflow_step": lambda: picture_step(
        "dit_meanflow_step", "average_dit", functools.partial(meanflow_loss, DIT)
    ),
    "unet_divergence": lambda: field_derivative("divergence", "unet", 1),
    "convolution_divergence": lambda: field_derivative("divergence", "convolutions", 1),
    "attention": lambda: attention("attention", attention_value),
    "attention_jvp": lambda: attention("attention_jvp", attention_jvp),
    "attention_vjp": lambda: attention("attention_vjp", attention_vjp),
    "laplacian": lambda: laplacian("laplacian", FORWARD_LAPLACIANS),
    "laplacian_nested": lambda: laplacian("laplacian_nested", NESTED_LAPLACIANS),
    "ode_sampling": ode_sampling,
    "hvp": hvp,
    "pointwise_chain": lambda: pointwise_chain(4, 1),
    "pointwise_chain_large": lambda: pointwise_chain(1, 8),
    "softmax_columns": lambda: operator("softmax_columns", lambda x: torch.softmax(x, 0), "x"),
    "logsumexp_columns": lambda: operator("logsumexp_columns", lambda x: torch.logsumexp(x, 0), "x"),
    "gather_rows": lambda: operator("gather_rows", lambda x, i: torch.gather(x, 1, i), "x", "indices"),
    "gather_columns": lambda: operator("gather_columns", lambda x, i: torch.gather(x, 0, i), "x", "indices"),
    "gather_random": lambda: operator("gather_random", lambda x, i: x[i], "list", "places"),
    "scatter_rows": lambda: operator("scatter_rows", scattered, "x", "rows"),
    "scatter_random": lambda: operator("scatter_random", scattered, "list", "places"),
    "top_k": lambda: operator("top_k", lambda x: torch.topk(x, 5)[0], "list"),
    "convolution": lambda: convolution("convolution", lambda x, w: torch.conv2d(x, w, padding=1), "x", "w"),
    "convolution_data": lambda: convolution(
        "convolution_data", lambda c, w: torch.nn.grad.conv2d_input(c.shape, w, c, padding=1), "c", "w"
    ),
    "convolution_weight": lambda: convolution(
        "convolution_weight", lambda x, c: torch.nn.grad.conv2d_weight(x, (16, 16, 3, 3), c, padding=1), "x", "c"
    ),
    "product_f64": lambda: operator("product_f64", torch.matmul, "x", "y", dtype=torch.float64),
}


def versions():
    if ON_GPU:
        found = {"version": torch.__version__, "cuda": torch.version.cuda, "device": torch.cuda.get_device_name()}
        return found | {"forms": ARGUMENTS.forms, "precision": torch.get_float32_matmul_precision()}
    sets = f"pointwise: {torch_build.pointwise(torch)}, products: {torch_build.products(torch)}"
    return {"version": torch.__version__, "instruction_set": sets, "thread_count": torch.get_num_threads()}


def save(path, arrays):
    tensors.write(path, {name: value.detach().cpu().numpy() for name, value in arrays.items()})


if __name__ == "__main__":
    peer.serve(MAKERS, versions, save, ceilings if ON_GPU else None)
