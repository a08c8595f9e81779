"""Whether the processors are ours while something is measured."""

import os
import pathlib
import time

OTHERS = 0.08  # a round is repeated where others use more than this share of our processors
STEADY = 0.75  # a round during which the machine is slower than this share of its best is repeated


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
