"""Measures the engine's workloads and the same work in JAX and PyTorch, in turn, and writes out/bench.

Started by tools/bench, which builds bench_workloads and the virtual environment that this runs in."""

import argparse
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile

import gpu
import gpu_table
import inputs
import report
from measuring import Progress, conclude, measure
from rows import GPU_ROWS, ROWS
from sides import THREADS, XLA_FLAGS, Failure, start_sides
from watch import STEADY, Watch

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = ROOT / "build" / "bench-data"


def finish(entry, row, ceilings, sets):
    """Adds what follows from the times that processors took."""
    medians = entry["medians_ms"]
    for name in ("ours", "jax", "torch"):
        entry[f"{name}_ms"] = medians.get(name)
    for name in ("ours", "jax"):
        entry[f"{name}_temp_bytes"] = entry["facts"].get(name, {}).get("temp_bytes")
    entry["first_call_ms"] = {name: fact["first_call_ms"] for name, fact in entry["facts"].items()}
    entry["instruction_set"] = sets
    conclude(entry, row, ceilings, ("jax", "torch"))


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


def choose(rows, only):
    if not only:
        return rows
    names = only.split(",")
    unknown = [name for name in names if name not in {row.work for row in rows}]
    if unknown:
        raise Failure(f"no work {', '.join(unknown)}; there are {', '.join(row.work for row in rows)}")
    return [row for row in rows if row.work in names]


def run_on_processors(arguments):
    rows = choose(ROWS, arguments.only)
    processors = sorted(os.sched_getaffinity(0))[:THREADS]
    os.sched_setaffinity(0, processors)
    inputs.write(DATA)
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
            entries.append(measure(row, sides, DATA, rounds, seconds, progress, watch))
            measured.append(sides[0].ask("ceilings"))
        ceilings = usual(measured)
        for entry, row in zip(entries, rows):
            finish(entry, row, ceilings, sets)
    finally:
        for side in sides:
            side.stop()

    path = arguments.out / "results.json"
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
    table = report.table(results)
    write(arguments.out, results, table)
    print(f"\n{table}\nWritten to {path} and {arguments.out / 'table.md'}")


def write(out, results, table):
    (out / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    (out / "table.md").write_text(table)


def run_on_gpu(arguments):
    """Writes the results after each row, so that they stay if the time is up before the rest."""
    inputs.write(DATA)
    rows = choose(GPU_ROWS[arguments.precision], arguments.only)
    for results in gpu.run(arguments, rows, DATA):
        results["machine"] = {"processor": processor(), "system": platform.platform()}
        table = gpu_table.table(results)
        write(arguments.out, results, table)
    print(f"\n{table}", flush=True)
    failures = gpu.failures(results)
    if failures:
        raise Failure("; ".join(failures))


def main():
    parser = argparse.ArgumentParser(prog="tools/bench", description=__doc__.splitlines()[0])
    parser.add_argument("--only", metavar="WORK,..", help="some of: " + ", ".join(row.work for row in ROWS))
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="cuda: other rows, on a GPU")
    parser.add_argument("--precision", choices=tuple(GPU_ROWS), default="f32", help="of products on a GPU, on all sides")
    parser.add_argument("--seconds", type=float, help="on a GPU: starts no row that will not be done by then")
    parser.add_argument("--caches", type=pathlib.Path, help="on a GPU: keeps what is compiled; empty for cold first calls")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "out" / "bench", help="where results go")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--no-peers", action="store_true", help="our side only, results not compared")
    parser.add_argument("--torch-python", metavar="PYTHON", help="a Python with PyTorch, the second peer")
    parser.add_argument("--program", default=ROOT / "build/release/bench/bench_workloads", help=argparse.SUPPRESS)
    try:
        arguments = parser.parse_args()
        arguments.out.mkdir(parents=True, exist_ok=True)
        run_on_gpu(arguments) if arguments.device == "cuda" else run_on_processors(arguments)
    except Failure as failure:
        sys.exit(f"bench: {failure}")


if __name__ == "__main__":
    main()
