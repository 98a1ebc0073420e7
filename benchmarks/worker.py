"""A process with one library: takes commands as lines of JSON on its input, and answers each with one.

``python benchmarks/worker.py RIVAL N_THREADS``; workers.py starts it with the environment that fixes its threads.
"""

import ctypes
import gc
import json
import os
import resource
import sys
import time

import rivals
import workloads
from rivals import UnsuitableError


def peak_memory():
    """Return the largest resident size since forget_peak(), in bytes; outside of Linux since the start."""
    try:
        with open("/proc/self/status") as file:
            return next(1024 * int(line.split()[1]) for line in file if line.startswith("VmHWM"))
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def forget_peak():
    """Give freed memory back, so that it is not used unseen, and start anew from the size of now."""
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")


def seconds(session, n):
    """Return how long n runs take from the start."""
    session.reset()
    start = time.perf_counter()
    session.run(n)
    return time.perf_counter() - start


def calibrate(session, duration):
    """Return (n, seconds of a run): how many runs take about `duration`; two at least, as a call's start is no step."""
    n = 1
    while (taken := seconds(session, n)) < duration / 4:
        n = max(2 * n, int(n * duration / 3 / max(taken, 1e-7)))
    return max(2, round(n * duration / taken)), taken / n


class Worker:
    def __init__(self, rival, n_threads):
        self.rival, self.n_threads = rivals.load(rival), n_threads

    def about(self):
        return {"version": self.rival.version(), "isa": self.isa()}

    def isa(self):
        if self.rival.MODULE != "scratchnn":
            return None
        from scratchnn.core import kernels

        return kernels.isa()

    def prepare(self, name, duration, short):
        """Make the session whose variant is the fastest, check what it computes, and say what memory it took."""
        workload = self.workload = workloads.BY_NAME[name]
        self.session = None
        makers = self.rival.variants(workload, self.n_threads, short)
        data = workloads.data(workload)
        start = workloads.start(workload)
        failed, times, outcomes = {}, {}, {}
        for variant, make in makers.items():
            forget_peak()
            before = peak_memory()
            try:
                session = make(workload, *data, start, self.n_threads)
                self.run_for_check(session)  # compiles, too
                memory = peak_memory() - before
                checked = self.check(session, data, start)
                n, times[variant] = calibrate(session, duration)
                outcomes[variant] = n, memory, checked
            except Exception as error:
                if len(makers) == 1:
                    raise
                failed[variant] = f"{type(error).__name__}: {error}".splitlines()[0]
                continue
            if times[variant] == min(times.values()):
                self.session = session
            session = None
        if not times:
            raise RuntimeError("; ".join(f"{name}: {reason}" for name, reason in failed.items()))
        best = min(times, key=times.get)
        self.n, memory, (loss, difference) = outcomes[best]
        return {
            "variant": best,
            "variants": {name: 1e6 * taken / self.steps(1) for name, taken in times.items()},
            "failed_variants": failed,
            "steps": self.steps(self.n),
            "seconds_of_a_measurement": self.n * times[best],
            "memory_bytes": memory,
            "final_loss": loss,
            "difference": difference,
        }

    def run_for_check(self, session):
        session.reset()
        session.run(self.workload.check_epochs)

    def check(self, session, data, start):
        """Return (final loss after the row's epochs, None), or (None, how far a prediction is from float64's)."""
        if self.workload.kind == "train":
            return workloads.final_loss(self.workload, session.result(), *data), None
        expected = workloads.outputs(self.workload, start, data[0])
        return None, float(abs(session.result() - expected).max())

    def steps(self, n):
        return n * (self.workload.steps_per_epoch if self.workload.kind == "train" else 1)

    def measure(self):
        """Return the microseconds of a step; a short run before fills the caches again."""
        if self.n > 4:
            seconds(self.session, self.n // 4)
        return {"microseconds": 1e6 * seconds(self.session, self.n) / self.steps(self.n)}

    def finish(self):
        self.session = None
        return {}


def main(rival, n_threads):
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer

    def answer(value):
        print(json.dumps(value), file=answers, flush=True)

    try:
        worker = Worker(rival, int(n_threads))
        answer(worker.about())
    except Exception as error:
        answer({"error": f"{type(error).__name__}: {error}"})
        return
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer(getattr(worker, command.pop("do"))(**command))
        except UnsuitableError as reason:
            answer({"unsuitable": str(reason)})
        except Exception as error:
            answer({"error": f"{type(error).__name__}: {error}".splitlines()[0]})


if __name__ == "__main__":
    main(*sys.argv[1:])
