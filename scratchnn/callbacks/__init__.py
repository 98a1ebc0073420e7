"""Callbacks: what looks on while a network is trained, and what may be done meanwhile."""

from .base import Callback, Run
from .checkpoint import Checkpoint
from .progress import ProgressBar
from .tensorboard import TensorBoard

__all__ = ["Callback", "Checkpoint", "ProgressBar", "Run", "TensorBoard"]
