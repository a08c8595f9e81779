"""Measures the engine's workloads and the same work in JAX and PyTorch, in turn, and writes out/bench.

Started by tools/bench, which builds bench_workloads and the virtual environment that this runs in."""

import argparse
import collections
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

import floors
import inputs
import report
import tensors
from sides import THREADS, XLA_FLAGS, Failure, Skipped, start_sides

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = ROOT / "build" / "bench-data"
OUT = ROOT / "out" / "bench"
OTHERS = 0.08  # a round is repeated where others use more than this share of our processors
STEADY = 0.75  # a round during which the machine is slower than this share of its best is repeated

# `share` of our floor and `ratio` to the fastest peer are the targets; `seconds` guesses how long the row takes, for the
# time left; `difference` is how far results may lie apart, as a share of their length.
Row = collections.namedtuple("Row", "work title share ratio floor seconds difference", defaults=(2e-5,))
ROWS = [
    Row("fm_step", "FM step, 784-1024-1024-1024-784, batch 256, Adam", 0.80, 0.90, floors.fm_step, 14),
    Row("meanflow_step", "MeanFlow step, the same with two times", 0.80, 0.80, floors.meanflow_step, 15),
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
    Row("first_call", "first call of a new batch size", None, 0.10, None, 17),
]


class Progress:
    def __init__(self, rows):
        self.start = time.monotonic()
        self.total = sum(row.seconds for row in rows)
        self.done = 0

    def say(self, text, seconds=0):
        """Announces a part; `seconds` is the guess for what was finished since the last call."""
        self.done += seconds
        elapsed = time.monotonic() - self.start
        speed = elapsed / self.done if self.done > 0 else 1
        left = max(self.total - self.done, 0) * speed
        print(f"[{elapsed:4.0f} s, about {left:3.0f} s left] {text}", flush=True)


def difference(ours, theirs):
    """The largest distance of two results, as a share of the length of the second."""
    if ours.keys() != theirs.keys():
        raise Failure(f"results differ in name: {sorted(ours.keys() ^ theirs.keys())}")
    worst = 0.0
    for name, mine in ours.items():
        other = theirs[name].astype(np.float64)
        if mine.shape != other.shape:
            raise Failure(f"'{name}' is {mine.shape} on our side and {other.shape} on the other")
        distance = np.linalg.norm(mine.astype(np.float64) - other) / max(np.linalg.norm(other), 1e-30)
        worst = max(worst, float(distance) if np.isfinite(distance) else float("inf"))
    return worst


def check(row, sides):
    """Compares the first results of all sides before anything is timed: how far the peers' lie from ours, and why
    peers skip the work."""
    found, skipped = {}, {}
    for side in sides:
        path = DATA / f"result.{side.name}.safetensors"
        try:
            side.ask("check", row.work, path)
        except Skipped as reason:
            skipped[side.name] = str(reason)
            continue
        found[side.name] = tensors.read(path)
        path.unlink()
    ours = found.pop("ours")
    apart = {name: difference(ours, other) for name, other in found.items()}
    for name, value in apart.items():
        if not value <= row.difference:
            raise Failure(f"{row.work}: our results lie {value:.2g} from {name}'s, more than {row.difference:.2g}")
    return apart, skipped


class Watch:
    """Whether the machine is ours and at its usual speed: shared ones fall to half of it for seconds at a time."""

    def __init__(self, sides, processors, fastest):
        self.sides, self.processors, self.fastest = sides, processors, fastest

    def begin(self):
        self.slowest, self.others, self.start = self.speed(), self.others_seconds(), time.monotonic()

    def trouble(self):
        """What disturbed the time since begin(), or nothing."""
        share = (self.others_seconds() - self.others) / (time.monotonic() - self.start) / len(self.processors)
        self.slowest = min(self.slowest, self.speed())
        if share > OTHERS:
            return f"others used {share:.0%} of the processors"
        if self.slowest < STEADY * self.fastest:
            return f"products at {self.slowest:.0f} of {self.fastest:.0f} GFLOP/s"
        return None

    def speed(self):
        speed = self.sides[0].ask("speed")["gflops"]
        self.fastest = max(self.fastest, speed)
        return speed

    def others_seconds(self):
        """Time of our processors that went to other processes or other guests of the machine, so far."""
        busy = 0
        for line in pathlib.Path("/proc/stat").read_text().splitlines():
            name, *ticks = line.split()
            if name in {f"cpu{number}" for number in self.processors}:
                busy += sum(map(int, ticks[:8])) - int(ticks[3]) - int(ticks[4])  # without idle and waiting
        own = sum(side.ticks() for side in self.sides)
        return (busy - own) / os.sysconf("SC_CLK_TCK")


def time_one(side, row, seconds):
    """Median milliseconds of one round of one side, how many threads worked, and on how many processors."""
    before, start = side.thread_seconds(), time.monotonic()
    reply = side.ask("time", row.work, seconds)
    wall = time.monotonic() - start
    spent = [t - before.get(thread, 0) for thread, t in side.thread_seconds().items()]
    busy = (sum(t > 0.1 * wall for t in spent), round(sum(spent) / wall, 2))
    return statistics.median(reply["ms"]) / reply["units"], busy


def measure(row, sides, rounds, seconds, progress, watch):
    progress.say(f"{row.work}: comparing results")
    apart, skipped = check(row, sides)
    for name, reason in skipped.items():
        progress.say(f"{row.work}: skipped by {name}: {reason}")
    sides = [side for side in sides if side.name not in skipped]
    facts = {side.name: side.ask("make", row.work) for side in sides}
    part = row.seconds / (rounds + 2)
    compared = ", ".join(f"{value:.1g} from {name}" for name, value in apart.items())
    progress.say(f"{row.work}: {f'same results ({compared})' if compared else 'results not compared'}", 2 * part)
    times = {side.name: [] for side in sides}
    busy = {side.name: (0, 0.0) for side in sides}
    repeated = disturbed = 0
    while len(times["ours"]) < rounds:
        watch.begin()
        turn = {side.name: time_one(side, row, seconds) for side in sides}
        trouble = watch.trouble()
        if trouble and repeated < 2 * rounds:
            repeated += 1
            progress.say(f"{row.work}: a round is repeated, {trouble}")
            continue
        disturbed += trouble is not None
        for name, (value, used) in turn.items():
            times[name].append(value)
            busy[name] = max(busy[name], used)
        said = ", ".join(f"{name} {value:.3f} ms" for name, (value, _) in turn.items())
        progress.say(f"{row.work}: {said}{f' ({trouble})' if trouble else ''}", part)
    for side in sides:
        side.ask("drop", row.work)
    return {
        "work": row.work,
        "title": row.title,
        "target": {"share_of_floor": row.share, "ratio_to_best": row.ratio},
        "medians_ms": {name: statistics.median(all) for name, all in times.items()},
        "rounds_ms": times,
        "difference": apart,
        "skipped": skipped,
        "facts": facts,
        "repeated_rounds": repeated,
        "disturbed_rounds": disturbed,
        "threads": {name: {"busy": count, "processors": cores} for name, (count, cores) in busy.items()},
    }


def finish(entry, row, ceilings, sets):
    """Adds what follows from the measured times."""
    medians = entry["medians_ms"]
    ours = medians["ours"]
    for name in ("ours", "jax", "torch"):
        entry[f"{name}_ms"] = medians.get(name)
    for name in ("ours", "jax"):
        entry[f"{name}_temp_bytes"] = entry["facts"].get(name, {}).get("temp_bytes")
    peers = [value for name, value in medians.items() if name != "ours"]
    entry["ratio_to_best"] = ours / min(peers) if peers else None
    entry["first_call_ms"] = {name: fact["first_call_ms"] for name, fact in entry["facts"].items()}
    entry["instruction_set"] = sets
    entry["ceilings"] = ceilings
    entry["floor_ms"] = entry["share_of_floor"] = entry["opaque_floor_ms"] = None
    if row.floor:
        floor = row.floor()
        entry["floor"] = floor
        entry["floor_ms"] = floors.milliseconds(floor, ceilings)
        entry["share_of_floor"] = entry["floor_ms"] / ours
        if "opaque_flops" in floor:
            entry["opaque_floor_ms"] = floors.milliseconds(floor, ceilings, "opaque_flops")


def usual(measured):
    """The median of several measurements of the ceilings, without those of moments when the machine was slow."""
    found = {}
    for rate, by in (("product_gflops", "product_by"), ("copy_gigabytes", "copy_by")):
        best = max(ceilings[rate] for ceilings in measured)
        steady = sorted((c for c in measured if c[rate] > STEADY * best), key=lambda c: c[rate])
        middle = steady[len(steady) // 2]
        found |= {rate: middle[rate], by: middle[by]}
    return found


def jax_instruction_set():
    """What XLA compiles pointwise code to: the widest registers in the object code of a small function."""
    program = "import jax, jax.numpy as jnp; jax.jit(lambda x: x * x + 1)(jnp.ones(4096)).block_until_ready()"
    with tempfile.TemporaryDirectory() as dump:
        environment = os.environ | {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": f"{XLA_FLAGS} --xla_dump_to={dump}"}
        subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True)
        objects = [str(path) for path in pathlib.Path(dump).glob("*.o")]
        if not objects or not shutil.which("objdump"):
            return "unknown"
        code = subprocess.run(["objdump", "-d", *objects], capture_output=True, text=True, check=True).stdout
    names = {"zmm": "AVX-512", "ymm": "AVX2", "xmm": "SSE"}
    return "pointwise: " + next((name for register, name in names.items() if register in code), "unknown")


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def choose(only):
    if not only:
        return ROWS
    names = only.split(",")
    unknown = [name for name in names if name not in {row.work for row in ROWS}]
    if unknown:
        raise Failure(f"no work {', '.join(unknown)}; there are {', '.join(row.work for row in ROWS)}")
    return [row for row in ROWS if row.work in names]


def run(arguments):
    rows = choose(arguments.only)
    processors = sorted(os.sched_getaffinity(0))[:THREADS]
    os.sched_setaffinity(0, processors)
    inputs.write(DATA)
    OUT.mkdir(parents=True, exist_ok=True)
    sides = start_sides(arguments.program, DATA, not arguments.no_peers, arguments.torch_python)
    rounds, seconds = (3, 0.4) if arguments.quick else (5, 1.0)
    try:
        versions = {side.name: side.ask("versions") for side in sides}
        if "jax" in versions:
            versions["jax"]["instruction_set"] = jax_instruction_set()
        sets = {name: version.get("instruction_set") for name, version in versions.items()}
        for name, version in versions.items():
            print(f"{name}: {', '.join(f'{key} {value}' for key, value in version.items())}")
        print(f"processors {processors}", flush=True)
        progress = Progress(rows)
        measured = [sides[0].ask("ceilings")]
        watch = Watch(sides, processors, measured[0]["product_gflops"])
        entries = []
        for row in rows:
            entries.append(measure(row, sides, rounds, seconds, progress, watch))
            measured.append(sides[0].ask("ceilings"))
        ceilings = usual(measured)
        for entry, row in zip(entries, rows):
            finish(entry, row, ceilings, sets)
    finally:
        for side in sides:
            side.process.kill()
            side.process.wait()

    path = OUT / "results.json"
    if arguments.only and path.exists():  # rows that were not measured now stay, with their own ceilings
        kept = {entry["work"]: entry for entry in json.loads(path.read_text())["rows"]}
        kept |= {entry["work"]: entry for entry in entries}
        entries = [kept[row.work] for row in ROWS if row.work in kept]
    results = {
        "machine": {"processor": processor(), "processors_used": len(processors), "system": platform.platform()},
        "versions": versions,
        "ceilings": ceilings,
        "rows": entries,
    }
    path.write_text(json.dumps(results, indent=1) + "\n")
    table = report.table(results)
    (OUT / "table.md").write_text(table)
    print("\n" + table)
    print(f"Written to {path} and {OUT / 'table.md'}")


def main():
    parser = argparse.ArgumentParser(prog="tools/bench", description=__doc__.splitlines()[0])
    parser.add_argument("--only", metavar="WORK,..", help="some of: " + ", ".join(row.work for row in ROWS))
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--no-peers", action="store_true", help="our side only, results not compared")
    parser.add_argument("--torch-python", metavar="PYTHON", help="a Python with PyTorch, the second peer")
    parser.add_argument("--program", default=ROOT / "build/release/bench/bench_workloads", help=argparse.SUPPRESS)
    try:
        run(parser.parse_args())
    except Failure as failure:
        sys.exit(f"tools/bench: {failure}")


if __name__ == "__main__":
    main()
