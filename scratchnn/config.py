"""What this installation is and what it chose."""

from __future__ import annotations

import os

import numpy as np

from . import threads
from ._version import __version__
from .core import kernels

__all__ = ["configuration", "show_config"]


def configuration() -> dict[str, str]:
    """Return what :func:`show_config` prints, by name."""
    import platform  # only this report needs it

    return {
        "scratchnn": __version__,
        "Python": f"{platform.python_version()} ({platform.python_implementation()})",
        "NumPy": np.__version__,
        "platform": platform.platform(),
        "instruction sets in this build": ", ".join(kernels.compiled()),
        "available on this machine": ", ".join(kernels.available()),
        "in use": kernels.isa() + (" (SCRATCHNN_ISA)" if os.environ.get("SCRATCHNN_ISA") else ""),
        "dtypes": "float32, float64",
        "threads": f"up to {os.environ.get('SCRATCHNN_NUM_THREADS') or threads.most()}",
    }


def show_config() -> None:
    """Print versions, instruction sets, dtypes and threads: what a report of a fault should begin with."""
    entries = configuration()
    width = max(map(len, entries))
    for name, value in entries.items():
        print(f"{name:<{width}}  {value}")
