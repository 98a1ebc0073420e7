"""The safetensors format: a length, a JSON header, tensors.

    length of the header, 8 bytes, little-endian | header | data

The header maps each name to ``{"dtype", "shape", "data_offsets"}``, and ``__metadata__`` to texts. Tensors fill the
data without gaps, little-endian, in rows (https://github.com/huggingface/safetensors, "Format"). A file may come from
anywhere, so every number in it is checked before memory is reserved for what it announces.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import strict_json
from ..atomic import replace_file
from ..container import naming, open_regular
from ..errors import ModelFileError
from ..strict_json import brief

__all__ = ["read", "write"]

Array = npt.NDArray[Any]
Path = str | os.PathLike[str]

LENGTH = struct.Struct("<Q")
MOST_HEADER = 1 << 24  # bytes: a network has six tensors a layer, of some hundred bytes each
MOST_DIMENSIONS = 8
ALIGNMENT = 8  # of the data, by spaces after the header
WRITTEN = {"float32": "F32", "float64": "F64", "int64": "I64"}
READ = {"F32": "<f4", "F64": "<f8", "F16": "<f2", "BF16": "<u2", "I64": "<i8"}


def write(path: Path, tensors: Mapping[str, Array], metadata: Mapping[str, str]) -> None:
    """Write arrays of float32, float64 and int64 by their names, atomically.

    Raises
    ------
    ValueError
        If a name is no text that JSON holds; nothing was written.
    OSError
        If the file cannot be written.
    """
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    pieces, end = [], 0
    for name, array in tensors.items():
        piece = array.astype(array.dtype.newbyteorder("<"), order="C").tobytes()
        header[name] = {
            "dtype": WRITTEN[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [end, end + len(piece)],
        }
        pieces.append(piece)
        end += len(piece)
    text = strict_json.encode(header)
    text += b" " * (-len(text) % ALIGNMENT)
    replace_file(path, [LENGTH.pack(len(text)), text, *pieces])


def read(path: Path) -> dict[str, Array]:
    """Return the tensors of a file by their names, in the header's order.

    F32, F64 and I64 are read as they are; F16 and BF16 become float32, which holds all of their numbers.

    Raises
    ------
    ModelFileError
        If the file is none of this format, is damaged, or has tensors of another dtype.
    OSError
        If it cannot be opened or read.
    """
    with naming(path), open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        length = _header_length(_exactly(file, min(size, LENGTH.size)), size)
        header = _header(_exactly(file, length))
        spans = {name: _span(name, entry) for name, entry in header.items()}
        _check_layout(spans, size - LENGTH.size - length)
        data = memoryview(_exactly(file, size - LENGTH.size - length))
    return {name: _array(header[name], data[start:end]) for name, (start, end) in spans.items()}


def _exactly(file: Any, size: int) -> bytes:
    data = bytearray()
    while len(data) < size and (part := file.read(size - len(data))):
        data += part
    if len(data) < size:
        raise ModelFileError("the file is cut short")
    return bytes(data)


def _header_length(start: bytes, size: int) -> int:
    if start.startswith(b"PK"):
        raise ModelFileError(
            "the file is a zip archive, as torch.save writes them, with code in it; expected a safetensors file, or "
            "the state dict itself"
        )
    length = int(LENGTH.unpack(start)[0]) if len(start) == LENGTH.size else size
    if length > MOST_HEADER or LENGTH.size + length > size:
        raise ModelFileError(
            f"the file is no safetensors file, or cut short: it has {size} bytes and announces a header of {length}"
        )
    return length


def _header(text: bytes) -> dict[str, Any]:
    try:
        header = strict_json.decode(text)
    except ValueError as error:
        raise ModelFileError(f"its header is not sound JSON: {error}") from error
    if not isinstance(header, dict):
        raise ModelFileError(f"its header is {brief(header)}; expected an object")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise ModelFileError(f"its __metadata__ is {brief(metadata)}; expected texts")
    return header


def _span(name: str, entry: Any) -> tuple[int, int]:
    """Return where a tensor's data begin and end, once they are as long as its shape says."""
    place = f"tensor {brief(name)}"
    strict_json.check_keys(entry, {"dtype", "shape", "data_offsets"}, place)
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in READ:
        raise ModelFileError(f"{place} has dtype {brief(dtype)}; expected one of {', '.join(READ)}")
    for what, numbers in (("shape", shape), ("data_offsets", offsets)):
        if not isinstance(numbers, list) or not all(type(n) is int and n >= 0 for n in numbers):
            raise ModelFileError(f"{place} has {what} {brief(numbers)}; expected integers >= 0")
    if len(shape) > MOST_DIMENSIONS or len(offsets) != 2:
        raise ModelFileError(f"{place} has shape {brief(shape)} and data_offsets {brief(offsets)}")
    n_bytes = math.prod(shape) * np.dtype(READ[dtype]).itemsize
    if offsets[1] - offsets[0] != n_bytes:
        raise ModelFileError(
            f"{place} has shape {brief(shape)}, {n_bytes} bytes of {dtype}, and data_offsets {brief(offsets)}"
        )
    return offsets[0], offsets[1]


def _check_layout(spans: dict[str, tuple[int, int]], size: int) -> None:
    """Refuse tensors that overlap, leave gaps, or do not fill the data."""
    end = 0
    for name, span in sorted(spans.items(), key=lambda item: item[1]):
        if span[0] != end:
            raise ModelFileError(f"tensor {brief(name)} starts at {span[0]}; the data before it end at {end}")
        end = span[1]
    if end != size:
        raise ModelFileError(f"the file has {size} bytes of data, its header announces {end}")


def _array(entry: dict[str, Any], data: memoryview) -> Array:
    stored = np.frombuffer(data, READ[entry["dtype"]])
    if entry["dtype"] == "BF16":  # the upper half of a float32
        array: Array = (stored.astype(np.uint32) << 16).view(np.float32)
    else:
        array = stored.astype(np.float32 if entry["dtype"] == "F16" else stored.dtype.newbyteorder("="))
    return array.reshape(entry["shape"])
