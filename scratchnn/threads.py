"""How many threads a training uses."""

from __future__ import annotations

import math
import os

from .core.trainer import THREAD_WORK

__all__ = ["available_cpus", "choose"]


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


def available_cpus() -> int:
    """Return how many CPUs this process may use, by its affinity mask and its container's quota."""
    if hasattr(os, "sched_getaffinity"):
        cpus = len(os.sched_getaffinity(0))
    else:
        cpus = os.cpu_count() or 1
    return max(1, min(cpus, int(min(_cgroup_cpus(), cpus))))


def choose(n_threads: int | None, work: float) -> int:
    """Return the number of threads for steps of `work` multiply-adds.

    Parameters
    ----------
    n_threads : int or None
        Obeyed where given. Else the environment variable SCRATCHNN_NUM_THREADS is, and without it there
        are as many threads as have enough work, at most one for each available CPU.

    Raises
    ------
    TypeError, ValueError
        If either is no integer >= 1.
    """
    if n_threads is None and os.environ.get("SCRATCHNN_NUM_THREADS"):
        variable = os.environ["SCRATCHNN_NUM_THREADS"]
        if not variable.isdecimal() or not 1 <= int(variable) <= MOST:
            raise ValueError(f"SCRATCHNN_NUM_THREADS is {variable!r}; expected an integer >= 1 and <= {MOST}")
        n_threads = int(variable)
    if n_threads is not None:
        return n_threads
    enough = int(work / THREAD_WORK)
    return 1 if enough < 2 else min(available_cpus(), enough)  # asking for the CPUs costs 20 µs
