"""The rows of a GPU: ours, JAX, and PyTorch eager and compiled, in turn."""

import pathlib
import tempfile
import time

from measuring import Progress, conclude, measure, targets_of
from sides import Failure, start_gpu_sides

PEERS = ("jax", "torch_compiled")  # that the ratios are to
ROUNDS, SECONDS = 5, 0.25


def versions_of(sides):
    """Versions by side, and why peers are missing; those are taken out of `sides`."""
    versions, missing = {}, {}
    for side in list(sides):
        try:
            versions[side.name] = side.ask("versions")
            print(f"{side.name}: {', '.join(f'{key} {value}' for key, value in versions[side.name].items())}", flush=True)
        except Failure as failure:
            if side.name == "ours":
                raise
            missing[side.name] = str(failure)
            print(f"{side.name} is missing: {failure}", flush=True)
            side.stop()
            sides.remove(side)
    return versions, missing


def ceilings_of(sides):
    """The largest rates that ours and PyTorch reach; none if both fail."""
    found = {}
    for side in sides:
        if side.name not in ("ours", "torch"):
            continue
        try:
            measured = side.ask("ceilings")
        except Failure as failure:
            print(f"ceilings: {failure}", flush=True)
            side.restart_if_ended()
            continue
        for rate, by in (("product_gflops", "product_by"), ("copy_gigabytes", "copy_by")):
            if measured[rate] > found.get(rate, 0):
                found |= {rate: measured[rate], by: measured[by]}
    return found


def finish(entry, row, ceilings):
    """Adds what follows from the measured times."""
    conclude(entry, row, ceilings, PEERS)
    cold = entry["cold_ms"]
    theirs = [cold[name] for name in PEERS if name in cold]
    entry["cold_ratio"] = cold["ours"] / min(theirs) if row.cold and theirs else None


def failed(row, reason):
    return {"work": row.work, "title": row.title, "target": targets_of(row), "failed": reason}


def failures(results):
    """Rows without a figure or with wrong ones."""
    found = []
    for entry in results["rows"]:
        found += [f"{entry['work']}: {entry['failed']}"] if "failed" in entry else entry["wrong"]
    return found + [f"{name} is missing: {reason}" for name, reason in results["missing"].items()]


def run(arguments, rows, data):
    """The results so far, after each row."""
    end = time.monotonic() + arguments.seconds if arguments.seconds else float("inf")
    with tempfile.TemporaryDirectory() as empty:
        sides = start_gpu_sides(
            arguments.program,
            data,
            not arguments.no_peers,
            arguments.torch_python,
            arguments.precision,
            (arguments.caches or pathlib.Path(empty)).absolute(),
        )
        try:
            versions, missing = versions_of(sides)
            results = {"device": "cuda", "precision": arguments.precision, "versions": versions, "missing": missing}
            progress = Progress(rows)
            entries, ceilings = [], None
            for row in rows:
                for side in sides:
                    side.restart_if_ended()
                if time.monotonic() + row.seconds > end:
                    entry = failed(row, "no time was left")
                else:
                    entry = attempt(row, sides, data, progress)
                if ceilings is None:  # behind the first row, whose first calls come first of all
                    ceilings = ceilings_of(sides)
                if "failed" not in entry:
                    finish(entry, row, ceilings)
                entries.append(entry)
                waiting = [failed(later, "not measured yet") for later in rows[len(entries) :]]
                yield results | {"ceilings": ceilings, "rows": entries + waiting}
        finally:
            for side in sides:
                side.stop()


def attempt(row, sides, data, progress):
    try:
        return measure(row, sides, data, ROUNDS, SECONDS, progress, None)
    except Failure as failure:
        progress.say(f"{row.work}: {failure}")
        return failed(row, str(failure))
