"""How many threads a training uses."""

from __future__ import annotations

import os
from pathlib import Path

from .core.trainer import THREAD_WORK

__all__ = ["available_cpus", "choose"]


def _cgroup_cpus() -> float:
    """Return the CPUs that a container's quota allows, infinity where there is none (Linux, cgroup v2 and v1)."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            cpu = Path("/sys/fs/cgroup/cpu")
            quota = (cpu / "cpu.cfs_quota_us").read_text().strip()
            period = (cpu / "cpu.cfs_period_us").read_text().strip()
        except OSError:
            return float("inf")
    try:
        return int(quota) / int(period) if int(quota) > 0 else float("inf")
    except ValueError:  # "max"
        return float("inf")


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
        if not variable.isdecimal() or int(variable) < 1:
            raise ValueError(f"SCRATCHNN_NUM_THREADS is {variable!r}; expected an integer >= 1")
        n_threads = int(variable)
    if n_threads is not None:
        return n_threads
    return max(1, min(available_cpus(), int(work / THREAD_WORK)))
