"""Comparing and timing one row on all sides."""

import collections
import shutil
import statistics
import time

import numpy as np

import floors
from inputs import tensors
from sides import Failure, Skipped

# How far the peers' first results lie from ours, which peers skip the work and why, milliseconds of first calls, and which
# results lie too far apart.
Compared = collections.namedtuple("Compared", "apart skipped first_ms wrong")


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


def compare(row, sides, data, forgiving):
    """Compares the first results of all sides before anything is timed. @raises Failure where a side fails or results lie
    too far apart; if `forgiving`, the peers' failures and such results are only told."""
    found, skipped, first = {}, {}, {}
    for side in sides:
        path = data / f"result.{side.name}"
        try:
            first[side.name] = side.ask("check", row.work, path)["first_call_ms"]
        except Skipped as reason:
            skipped[side.name] = str(reason)
            continue
        except Failure as failure:
            if not forgiving or side.name == "ours":
                raise
            skipped[side.name] = str(failure)
            continue
        found[side.name] = tensors.read(path)
        shutil.rmtree(path)
    ours = found.pop("ours")
    apart = {name: difference(ours, other) for name, other in found.items()}
    wrong = [
        f"{row.work}: our results lie {value:.2g} from {name}'s, more than {row.difference:.2g}"
        for name, value in apart.items()
        if not value <= row.difference
    ]
    if wrong and not forgiving:
        raise Failure(wrong[0])
    return Compared(apart, skipped, first, wrong)


def time_one(side, row, seconds):
    """Median milliseconds of one round of one side, how many threads worked, and on how many processors."""
    before, start = side.thread_seconds(), time.monotonic()
    reply = side.ask("time", row.work, seconds)
    wall = time.monotonic() - start
    spent = [t - before.get(thread, 0) for thread, t in side.thread_seconds().items()]
    busy = (sum(t > 0.1 * wall for t in spent), round(sum(spent) / wall, 2))
    return statistics.median(reply["ms"]) / reply["units"], busy


def conclude(entry, row, ceilings, peers):
    """Adds the ratio to the fastest of these peers and what follows from the floor; without ceilings there is none."""
    medians = entry["medians_ms"]
    theirs = [medians[name] for name in peers if name in medians]
    entry["ratio_to_best"] = medians["ours"] / min(theirs) if theirs else None
    entry["ceilings"] = ceilings
    entry["floor_ms"] = entry["share_of_floor"] = entry["opaque_floor_ms"] = None
    if row.floor and ceilings:
        floor = row.floor()
        entry["floor"] = floor
        entry["floor_ms"] = floors.milliseconds(floor, ceilings)
        entry["share_of_floor"] = entry["floor_ms"] / medians["ours"]
        if "opaque_flops" in floor:
            entry["opaque_floor_ms"] = floors.milliseconds(floor, ceilings, "opaque_flops")


def targets_of(row):
    return {
        "share_of_floor": row.share,
        "ratio_to_best": row.ratio,
        "host_us": row.host_us,
        "cold_ratio": row.cold,
        "memory": row.memory,
    }


def measure(row, sides, data, rounds, seconds, progress, watch):
    """All that is known of a row. `watch` looks after the processors; without one the sides compute on a GPU."""
    on_gpu = watch is None
    progress.say(f"{row.work}: comparing results")
    compared = compare(row, sides, data, forgiving=on_gpu)
    for name, reason in compared.skipped.items():
        progress.say(f"{row.work}: skipped by {name}: {reason}")
    for text in compared.wrong:
        progress.say(text)
    sides = [side for side in sides if side.name not in compared.skipped]
    facts = {side.name: side.ask("make", row.work) for side in sides}
    part = row.seconds / (rounds + 2)
    said = ", ".join(f"{value:.1g} from {name}" for name, value in compared.apart.items())
    progress.say(f"{row.work}: {f'results lie {said}' if said else 'results not compared'}", 2 * part)
    times = {side.name: [] for side in sides}
    busy = {side.name: (0, 0.0) for side in sides}
    repeated = disturbed = 0
    while len(times["ours"]) < rounds:
        if watch:
            watch.begin()
        turn = {side.name: time_one(side, row, seconds) for side in sides}
        trouble = watch.trouble() if watch else None
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
    host = {side.name: side.ask("host", row.work)["host_us"] for side in sides} if on_gpu else {}
    for side in sides:
        side.ask("drop", row.work)
    return {
        "work": row.work,
        "title": row.title,
        "target": targets_of(row),
        "medians_ms": {name: statistics.median(all) for name, all in times.items()},
        "rounds_ms": times,
        "host_us": host,
        "difference": compared.apart,
        "wrong": compared.wrong,
        "skipped": compared.skipped,
        "cold_ms": compared.first_ms,
        "facts": facts,
        "repeated_rounds": repeated,
        "disturbed_rounds": disturbed,
        "threads": {name: {"busy": count, "processors": cores} for name, (count, cores) in busy.items()},
    }
