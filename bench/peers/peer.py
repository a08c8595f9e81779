"""The protocol that bench/workloads/main.cpp describes, for a library in Python: lines in, lines of JSON out. A peer may
also answer {"skip": why}: its library cannot do this work."""

import argparse
import json
import pathlib
import statistics
import sys
import time

SHORTEST_MS = 5  # shorter calls are timed several at a time
LONG_MS = 100
MOST_COLD_CALLS = 4
CHOICE_SECONDS = 0.3  # for each of several forms to choose from
FEWEST_BURSTS, MOST_BURSTS, BURST = 3, 31, 20
BURSTS_SECONDS = 1
FIRST_MS = {}  # of the forms that were tried: by work and name


def arguments():
    """What a peer is started with."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--precision", choices=("f32", "tf32", "bf16"), default="f32", help="of products on a GPU")
    parser.add_argument("--forms", choices=("all", "eager", "compiled"), default="all", help="which PyTorch may run")
    return parser.parse_args()


class Skip(Exception):
    """This version of the library cannot do the work: the bench goes on without it."""


class Work:
    """One workload of one library. `run` starts a call, `wait` returns when all calls are done."""

    units = 1
    always_cold = False
    tried_ms = None  # the first call of all where forms were tried to choose one

    def prepare(self):
        """What must be there before a call and is no part of it."""

    def run(self):
        raise NotImplementedError

    def wait(self):
        raise NotImplementedError

    def results(self):
        """The arrays of the last call, by the names that the engine gives them."""
        raise NotImplementedError

    def facts(self):
        """What else is known: memory, the form that was chosen."""
        return {}


def fastest(what, calls):
    """The name of the fastest of several calls, given by their names; a call that fails is none of them.
    @raises Skip if all fail."""
    times, reasons = {}, []
    for name, call in calls.items():
        try:
            start = time.perf_counter()
            call()  # what is traced and compiled
            FIRST_MS[what, name] = (time.perf_counter() - start) * 1e3
            spent = []
            while len(spent) < 2 or sum(spent) < CHOICE_SECONDS:
                start = time.perf_counter()
                call()
                spent.append(time.perf_counter() - start)
        except Exception as error:
            reasons.append(f"{name}: {type(error).__name__}: {(str(error).strip() or '-').splitlines()[0]}")
            print(f"{what}: {reasons[-1]}", file=sys.stderr, flush=True)
        else:
            times[name] = min(spent)
            print(f"{what}: {name} {times[name] * 1e3:.3g} ms", file=sys.stderr, flush=True)
    if not times:
        raise Skip("; ".join(reasons))
    return min(times, key=times.get)


def milliseconds_of(work, calls):
    work.prepare()
    start = time.perf_counter()
    for _ in range(calls):
        work.run()
    work.wait()
    return (time.perf_counter() - start) * 1e3 / calls


def time_calls(work, seconds):
    start = time.perf_counter()
    calls, times = 1, []
    if not work.always_cold:
        one = milliseconds_of(work, 1)
        calls = min(max(int(SHORTEST_MS / one), 1), 1000)
        if one > LONG_MS:  # needs no warming up
            times.append(one)
    most = MOST_COLD_CALLS if work.always_cold else float("inf")
    while not times or (len(times) < most and time.perf_counter() - start < seconds):
        times.append(milliseconds_of(work, calls))
    return {"calls": calls, "units": work.units, "ms": times}


def host_microseconds(work):
    """Until a call returns that a GPU has yet to finish, the median over bursts from an idle device."""
    times = []
    end = time.perf_counter() + BURSTS_SECONDS
    while len(times) < FEWEST_BURSTS or (len(times) < MOST_BURSTS and time.perf_counter() < end):
        work.prepare()
        start = time.perf_counter()
        for _ in range(BURST):
            work.run()
        times.append((time.perf_counter() - start) * 1e6 / BURST)
        work.wait()
    return statistics.median(times)


def serve(makers, versions, save, ceilings=None):
    """Answers commands until the input ends. `makers` gives a Work for each name, `save(path, arrays)` writes them,
    `ceilings` measures what the device does at best."""
    made = {}

    def answer(command, name="", *rest):
        if command == "make":
            work = made[name] = makers[name]()
            return {"first_call_ms": milliseconds_of(work, 1)} | work.facts()
        if command == "check":
            work = makers[name]()
            first = milliseconds_of(work, 1)
            save(pathlib.Path(rest[0]), work.results())
            return {"first_call_ms": work.tried_ms or first}
        if command == "time":
            return time_calls(made[name], float(rest[0]))
        if command == "host":
            return {"host_us": host_microseconds(made[name])}
        if command == "drop":
            made.pop(name, None)
            return {}
        if command == "versions":
            return versions()
        if command == "ceilings" and ceilings:
            return ceilings()
        raise ValueError(f"no command '{command}'")

    for line in sys.stdin:
        try:
            reply = answer(*line.split())
        except Skip as reason:
            reply = {"skip": str(reason)}
        except Exception as error:  # the other side decides what a failure means
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)
