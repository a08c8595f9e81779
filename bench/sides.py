"""The processes that are measured: ours and a peer for each library, which obey lines on their standard input."""

import json
import os
import pathlib
import subprocess
import sys
import threading

PEERS = pathlib.Path(__file__).resolve().parent / "peers"
THREADS = 2
PATIENCE = 120  # seconds that a side on a GPU may take for an answer, compilers included

# With the vectors of 256 bits that XLA prefers by default, JAX is 2 to 13% slower where there are wider ones.
XLA_FLAGS = "--xla_cpu_prefer_vector_width=512"


class Failure(Exception):
    pass


class Skipped(Exception):
    """What a side cannot do, and why."""


class Side:
    """A process that obeys the lines described in bench/workloads/main.cpp; one that takes longer than `patience` seconds
    for an answer is ended."""

    def __init__(self, name, command, patience=None, **settings):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}
        self.environment = environment | settings
        self.name = name
        self.command = [str(word) for word in command]
        self.patience = patience
        self.start()

    def start(self):
        try:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=self.environment
            )
        except OSError as error:
            raise Failure(f"{self.name}: {error}") from error

    def stop(self):
        self.process.kill()
        self.process.wait()

    def restart_if_ended(self):
        if self.process.poll() is not None:
            self.start()

    def ask(self, *words):
        """The answer to a command. @raises Skipped if the side cannot do this work, Failure if it fails."""
        said = " ".join(map(str, words))
        alarm = threading.Timer(self.patience, self.process.kill) if self.patience else None
        if alarm:
            alarm.start()
        try:
            self.process.stdin.write(said + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            if alarm:
                alarm.cancel()
        if not line:
            raise Failure(f"{self.name}: ended with status {self.process.wait()} at '{said}'")
        reply = json.loads(line)
        if "skip" in reply:
            raise Skipped(reply["skip"])
        if "error" in reply:
            raise Failure(f"{self.name}: {said}: {reply['error']}")
        return reply

    def ticks(self):
        """Processor time of the process so far, threads that have ended included."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    def thread_seconds(self):
        """Processor time of every thread so far."""
        tick, found = os.sysconf("SC_CLK_TCK"), {}
        for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            try:
                fields = (task / "stat").read_text().rpartition(")")[2].split()
                found[task.name] = (int(fields[11]) + int(fields[12])) / tick
            except OSError:
                pass  # ended meanwhile
        return found


def start_sides(program, data, peers, torch_python):
    """Ours and, where peers are wanted, JAX in this Python and PyTorch in another, if there is one."""
    threads = {"OMP_NUM_THREADS": str(THREADS)}
    sides = [Side("ours", [program, "--data", data], **threads)]
    if peers:
        command = [sys.executable, "-u", PEERS / "jax_peer.py", data]
        sides.append(Side("jax", command, JAX_PLATFORMS="cpu", XLA_FLAGS=XLA_FLAGS, **threads))
    if peers and torch_python:
        command = [torch_python, "-u", PEERS / "torch_peer.py", data]
        # A first call shall find nothing that torch.compile made in another process.
        sides.append(Side("torch", command, TORCHINDUCTOR_FORCE_DISABLE_CACHES="1", **threads))
    return sides


def start_gpu_sides(program, data, peers, torch_python, precision, caches):
    """The same on a GPU, with PyTorch twice: eager and compiled. What any of them compiles to keep lies in `caches`; where
    that is empty, first calls find nothing."""
    own = ("NABLAFLOW_CACHE_DIR", "CUDA_CACHE_PATH", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR")
    options = ["--device", "cuda", "--precision", precision]

    def side(name, *command, **settings):
        settings |= {variable: str(caches / name / variable.lower()) for variable in own}
        return Side(name, [*command, *options], PATIENCE, **settings)

    sides = [side("ours", program, "--data", data)]
    if peers:
        command = [sys.executable, "-u", PEERS / "jax_peer.py", data]
        # Else JAX takes most of the memory for itself at once.
        sides.append(side("jax", *command, JAX_PLATFORMS="cuda", XLA_PYTHON_CLIENT_PREALLOCATE="false"))
    if peers and torch_python:
        command = [torch_python, "-u", PEERS / "torch_peer.py", data, "--forms"]
        sides.append(side("torch", *command, "eager"))
        sides.append(side("torch_compiled", *command, "compiled"))
    return sides
