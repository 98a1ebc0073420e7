"""Numbers and text as C reads them: every number back to its last bit, no text out of its comment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["array", "commented", "real", "size", "suffix"]

Array = npt.NDArray[Any]

_DIGITS = {4: 9, 8: 17}  # that tell all numbers of so many bytes apart (Matula 1968)
_TYPES = {"float32": "float", "float64": "double", "int8": "int8_t"}
_LINE = 110


def real(dtype: np.dtype[Any]) -> str:
    """Return C's name of a dtype."""
    return _TYPES[dtype.name]


def suffix(dtype: np.dtype[Any]) -> str:
    """Return what ends literals of a dtype, and the names of libm's functions for it."""
    return "f" if dtype == np.float32 else ""


def number(value: Any, dtype: np.dtype[Any]) -> str:
    """Return a literal that reads back as the same number of the dtype, in decimal digits, as C++11 has them too."""
    if dtype.kind == "i":
        return str(int(value))
    text = f"{float(value):.{_DIGITS[dtype.itemsize]}g}"
    return text + (".0" if text.lstrip("-").isdigit() else "") + suffix(dtype)


def array(name: str, values: Array, shape: str | None = None) -> Iterator[str]:
    """Yield the lines of a constant array of the values' dtype, which are all finite."""
    dtype = values.dtype
    yield f"static const {real(dtype)} {name}[{values.size if shape is None else shape}] = {{"
    yield from _filled((number(value, dtype) for value in values.ravel().tolist()), "    ")
    yield "};"


def _filled(texts: Iterable[str], indent: str) -> Iterator[str]:
    line = indent
    for text in texts:
        if len(line) + len(text) + 2 > _LINE:
            yield line.rstrip()
            line = indent
        line += f"{text}, "
    yield line.rstrip(", ")


def commented(lines: Iterable[str]) -> Iterator[str]:
    """Yield lines as one comment, whatever they hold."""
    for i, line in enumerate(lines):
        # Neither the comment's end nor another's beginning, no trigraph, no line that goes on.
        safe = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)
        for mark in ("*/", "/*", "??"):
            while mark in safe:
                safe = safe.replace(mark, " ".join(mark))
        safe = f"{safe} ." if safe.endswith("\\") else safe
        yield f"{'/*' if i == 0 else ' *'} {safe}".rstrip()
    yield " */"


def size(n_bytes: int) -> str:
    """Return a number of bytes as a header states it."""
    return f"{n_bytes:,} bytes"
