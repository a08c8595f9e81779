"""The protocol that bench/workloads/main.cpp describes, for a library in Python: lines in, lines of JSON out."""

import json
import sys
import time

SHORTEST_MS = 5  # shorter calls are timed several at a time
LONG_MS = 100
MOST_COLD_CALLS = 4


class Work:
    """One workload of one library. `run` starts a call, `wait` returns when all calls are done."""

    units = 1
    always_cold = False

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


def serve(makers, versions, save):
    """Answers commands until the input ends. `makers` gives a Work for each name, `save(path, arrays)` writes them."""
    made = {}

    def answer(command, name="", *rest):
        if command == "make":
            work = made[name] = makers[name]()
            return {"first_call_ms": milliseconds_of(work, 1)} | work.facts()
        if command == "check":
            work = makers[name]()
            milliseconds_of(work, 1)
            save(rest[0], work.results())
            return {}
        if command == "time":
            return time_calls(made[name], float(rest[0]))
        if command == "drop":
            made.pop(name, None)
            return {}
        if command == "versions":
            return versions()
        raise ValueError(f"no command '{command}'")

    for line in sys.stdin:
        try:
            reply = answer(*line.split())
        except Exception as error:  # the other side decides what a failure means
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)
