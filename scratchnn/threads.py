"""How many threads a training or a prediction takes."""

from __future__ import annotations

import math
import os

__all__ = ["available_cpus", "choose", "most"]


# Threads are tried from this many multiply-adds a thread and step on, some 5 µs, against two barriers of 0.2 to 1 µs.
# Whether they pay is found while they run (core/trial.pyx).
THREAD_WORK = 400_000

# Threads pay from this many multiply-adds a thread and call on: to start and end one takes 250 µs, the work 500.
START_WORK = 30_000_000

# More threads than any machine of today has cores are a slip of the pen.
MOST = 1024

# Where Linux tells a container's share of time: quota and period, in one file (cgroup v2) or in two (v1).
CGROUP_FILES = (
    ("/sys/fs/cgroup/cpu.max",),
    ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us"),
)


def _cgroup_cpus() -> float:
    """Return the CPUs that a container's quota allows, infinity where there is none."""
    for paths in CGROUP_FILES:
        words: list[str] = []
        try:
            for path in paths:
                with open(path) as file:
                    words += file.read().split()
            quota, period = map(int, words)
        except (OSError, ValueError):  # no such file, or "max" for no quota
            continue
        if quota > 0 and period > 0:
            return quota / period
    return math.inf


def most() -> int:
    """Return the most threads where a call says nothing: what the environment allows, else the available CPUs."""
    ours = os.environ.get("SCRATCHNN_NUM_THREADS")
    if ours:
        if not ours.isdecimal() or not 1 <= int(ours) <= MOST:
            raise ValueError(f"SCRATCHNN_NUM_THREADS is {ours!r}; expected an integer >= 1 and <= {MOST}")
        return int(ours)
    # The variable that joblib sets in its workers, and batch systems in their jobs. Another's, so that what it says to
    # OpenMP alone is no error here.
    everybodys = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if everybodys.isdecimal() and int(everybodys) >= 1:
        return min(int(everybodys), available_cpus())
    return available_cpus()


def available_cpus() -> int:
    """Return how many CPUs this process may use, by its affinity mask and its container's quota."""
    if hasattr(os, "sched_getaffinity"):
        cpus = len(os.sched_getaffinity(0))
    else:
        cpus = os.cpu_count() or 1
    return max(1, min(cpus, int(min(_cgroup_cpus(), cpus))))


def choose(n_threads: int | None, work: float, n_steps: int = 1) -> int:
    """Return the number of threads for so many steps of `work` multiply-adds: as many as have enough of it.

    Parameters
    ----------
    n_threads : int or None
        The most. Where it is None, the environment variable SCRATCHNN_NUM_THREADS says so; without it there is at
        most one thread for each available CPU, and no more than OMP_NUM_THREADS.

    Raises
    ------
    TypeError, ValueError
        If either is no integer >= 1.
    """
    enough = int(min(work / THREAD_WORK, n_steps * work / START_WORK))
    if enough >= 2 or os.environ.get("SCRATCHNN_NUM_THREADS"):  # else nobody asks for the CPUs, which costs 20 µs
        enough = min(enough, most() if n_threads is None else n_threads)
    return max(1, enough)
