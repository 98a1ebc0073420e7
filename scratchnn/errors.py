"""The package's own exceptions. Each is also the built-in error that a caller would expect."""

from __future__ import annotations

__all__ = ["DivergenceError", "ModelFileError"]


class ModelFileError(ValueError):
    """A file is not a model that this version can read; the message names it and says why."""


class DivergenceError(FloatingPointError):
    """Training left the finite numbers; the network keeps its last finite parameters.

    Attributes
    ----------
    epoch : int
        The epoch, counted from 1, in which it happened.
    """

    def __init__(self, message: str, epoch: int) -> None:
        super().__init__(message)
        self.epoch = epoch

    def __reduce__(self) -> tuple[type[DivergenceError], tuple[str, int]]:
        return type(self), (str(self), self.epoch)
