"""`scratchnn info`, which needs NumPy alone."""

from __future__ import annotations

from .console import say

__all__ = ["tell"]


def tell(model: str | None = None) -> None:
    """Print what the model file `model` holds, or without one what this installation is."""
    if model is None:
        from ..config import show_config

        show_config()
    else:
        from .model import describe, load_model

        say(describe(load_model(model), model))
