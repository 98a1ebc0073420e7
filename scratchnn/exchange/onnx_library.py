"""The package onnx, where it is asked for."""

from __future__ import annotations

from typing import Any

__all__ = ["library"]


def library() -> Any:
    """Return the package onnx; ImportError says how to install it."""
    try:
        import onnx
    except ImportError as error:
        raise ImportError('ONNX files need the package onnx: pip install "scratchnn[onnx]"', name="onnx") from error
    return onnx
