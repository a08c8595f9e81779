"""nn::Mlp, nn::UNet and nn::DiT in PyTorch: modules whose state_dict is what nn::state_of gives."""

import math

import torch
import torch.nn.functional as F
from torch import nn


class FourierFeatures(nn.Module):
    def __init__(self, count, highest_turns=8):
        super().__init__()
        ladder = [0.25 * (highest_turns / 0.25) ** (i / max(count - 1, 1)) for i in range(count)]
        self.register_buffer("frequencies", 2 * math.pi * torch.tensor(ladder, dtype=torch.float64), persistent=False)

    def forward(self, t):
        angle = t * self.frequencies.to(t)
        return torch.cat([torch.sin(angle), torch.cos(angle)], -1)


class Mlp(nn.Module):
    def __init__(self, size, width, hidden_layers, frequencies, embedding):
        super().__init__()
        self.features = FourierFeatures(frequencies)
        self.embed_time = nn.ModuleList(nn.Linear(2 * frequencies, embedding, bias=i == 0) for i in range(2))
        self.shifts = nn.ModuleList(nn.Linear(embedding, width) for _ in range(hidden_layers))
        inner = (nn.Linear(size if i == 0 else width, width, bias=False) for i in range(hidden_layers))
        self.layers = nn.ModuleList([*inner, nn.Linear(width, size)])

    def forward(self, x, t, gap, classes=None):
        e = F.silu(self.embed_time[0](self.features(t)) + self.embed_time[1](self.features(gap)))
        for layer, shift in zip(self.layers, self.shifts):
            x = F.silu(layer(x) + shift(e))
        return self.layers[-1](x)


class Conditioning(nn.Module):
    def __init__(self, embedding=64, frequencies=16, classes=0, second_time=True):
        super().__init__()
        self.features = FourierFeatures(frequencies)
        self.time = nn.Linear(2 * frequencies, embedding)
        if second_time:
            self.gap = nn.Linear(2 * frequencies, embedding, bias=False)
        if classes:
            self.add_module("class", nn.Embedding(classes + 1, embedding))

    def forward(self, t, gap=None, classes=None):
        e = self.time(self.features(t))
        if gap is not None:
            e = e + self.gap(self.features(gap))
        return F.silu(e if classes is None else e + getattr(self, "class")(classes))


def modulate(x, shift, scale):
    return x * (1 + scale) + shift


def norm(groups, channels):
    return nn.GroupNorm(groups, channels) if groups else None


class ResidualBlock(nn.Module):
    def __init__(self, inputs, outputs, embedding, groups):
        super().__init__()
        self.norm1, self.norm2 = norm(groups, inputs), norm(groups, outputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.film = nn.Linear(embedding, 2 * outputs)
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x, e):
        h = self.conv1(F.silu(self.norm1(x) if self.norm1 else x))
        h = self.norm2(h) if self.norm2 else h
        shift, scale = self.film(e)[:, :, None, None].chunk(2, 1)
        return self.skip(x) + self.conv2(F.silu(modulate(h, shift, scale)))


class UNet(nn.Module):
    """Group norms are left out where groups are 0, attention where heads are."""

    def __init__(self, channels, base, multipliers, groups, heads, embedding=64, blocks=1, **condition):
        super().__init__()
        widths = [base * m for m in multipliers]
        self.condition = Conditioning(embedding, **condition)
        self.first = nn.Conv2d(channels, widths[0], 3, padding=1)
        self.down, self.up, self.middle = nn.ModuleList(), nn.ModuleList(), nn.Module()

        def level(counts, outputs):
            part = nn.Module()
            part.blocks = nn.ModuleList(ResidualBlock(n, outputs, embedding, groups) for n in counts)
            return part

        at = widths[0]
        for l, width in enumerate(widths):
            self.down.append(level([at] + (blocks - 1) * [width], width))
            if l + 1 < len(widths):
                self.down[l].downsample = nn.Conv2d(width, width, 3, stride=2, padding=1)
            at = width
        self.middle.blocks = level([at, at], at).blocks
        self.middle.norm = norm(groups, at) if heads else None
        self.middle.attention = nn.MultiheadAttention(at, heads, batch_first=True) if heads else None
        for l, width in enumerate(widths):
            below = widths[min(l + 1, len(widths) - 1)]
            self.up.append(level([below + width] + (blocks - 1) * [2 * width], width))
            if l > 0:
                self.up[l].upsample = nn.Conv2d(width, width, 3, padding=1)
        self.last_norm = norm(groups, widths[0])
        self.last = nn.Conv2d(widths[0], channels, 3, padding=1)

    def attended(self, h):
        if not self.middle.attention:
            return h
        places = (self.middle.norm(h) if self.middle.norm else h).flatten(2).transpose(1, 2)
        return h + self.middle.attention(places, places, places)[0].transpose(1, 2).reshape(h.shape)

    def forward(self, x, t, gap=None, classes=None):
        e = self.condition(t, gap, classes)
        h, made = self.first(x), []
        for level in self.down:
            for block in level.blocks:
                h = block(h, e)
                made.append(h)
            h = level.downsample(h) if hasattr(level, "downsample") else h
        h = self.attended(self.middle.blocks[0](h, e))
        h = self.middle.blocks[1](h, e)
        for level in reversed(self.up):
            for block in level.blocks:
                h = block(torch.cat([h, made.pop()], 1), e)
            h = level.upsample(F.interpolate(h, scale_factor=2.0)) if hasattr(level, "upsample") else h
        return self.last(F.silu(self.last_norm(h) if self.last_norm else h))


class DiTBlock(nn.Module):
    def __init__(self, hidden, heads, mlp_ratio, embedding):
        super().__init__()
        self.modulation = nn.Linear(embedding, 6 * hidden)
        self.attention = nn.MultiheadAttention(hidden, heads, batch_first=True)
        self.mlp1 = nn.Linear(hidden, mlp_ratio * hidden)
        self.mlp2 = nn.Linear(mlp_ratio * hidden, hidden)

    def forward(self, x, e):
        shift1, scale1, gate1, shift2, scale2, gate2 = self.modulation(e)[:, None].chunk(6, -1)
        y = modulate(token_norm(x), shift1, scale1)
        x = x + gate1 * self.attention(y, y, y)[0]
        return x + gate2 * self.mlp2(F.gelu(self.mlp1(modulate(token_norm(x), shift2, scale2))))


def token_norm(x):
    return F.layer_norm(x, x.shape[-1:], eps=1e-6)


def sinusoidal_positions(rows, columns, hidden):
    powers = 10000.0 ** (-torch.arange(hidden // 4, dtype=torch.float64) / (hidden // 4))
    row, column = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    angles = [place.reshape(-1, 1) * powers for place in (row, column)]
    return torch.cat([f(angle) for angle in angles for f in (torch.sin, torch.cos)], 1)


class DiT(nn.Module):
    def __init__(
        self, channels, height, width, patch, hidden, depth, heads, mlp_ratio, embedding=64, learned=False, **condition
    ):
        super().__init__()
        self.patch, self.rows, self.columns = patch, height // patch, width // patch
        self.condition = Conditioning(embedding, **condition)
        self.first = nn.Linear(channels * patch**2, hidden)
        if learned:
            self.positions = nn.Parameter(torch.zeros(self.rows * self.columns, hidden))
        else:
            self.register_buffer("positions", sinusoidal_positions(self.rows, self.columns, hidden), persistent=False)
        self.blocks = nn.ModuleList(DiTBlock(hidden, heads, mlp_ratio, embedding) for _ in range(depth))
        self.last_modulation = nn.Linear(embedding, 2 * hidden)
        self.last = nn.Linear(hidden, channels * patch**2)

    def forward(self, x, t, gap=None, classes=None):
        samples, channels = x.shape[:2]
        e = self.condition(t, gap, classes)
        cut = x.reshape(samples, channels, self.rows, self.patch, self.columns, self.patch)
        tokens = cut.permute(0, 2, 4, 1, 3, 5).reshape(samples, self.rows * self.columns, -1)
        h = self.first(tokens) + self.positions.to(tokens)
        for block in self.blocks:
            h = block(h, e)
        shift, scale = self.last_modulation(e)[:, None].chunk(2, -1)
        patches = self.last(modulate(token_norm(h), shift, scale))
        patches = patches.reshape(samples, self.rows, self.columns, channels, self.patch, self.patch)
        return patches.permute(0, 3, 1, 4, 2, 5).reshape(x.shape)
