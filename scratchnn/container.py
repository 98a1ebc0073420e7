"""The model file as a container: a JSON header and named arrays, and nothing that can run.

    magic | version | header length | header | 0… | array | 0… | array | 0… | CRC-32

This module knows the bytes, and `serialization` what they mean. `docs/model_file.md` describes
both, so that a reader can be written in any language. A file may come from anywhere, so every
number in it is checked, in Python integers, before memory is reserved for what it announces.
"""

from __future__ import annotations

import math
import os
import re
import stat
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from io import FileIO
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from . import strict_json
from .atomic import replace_file
from .errors import ModelFileError
from .strict_json import brief, check_keys

__all__ = ["ArraySpec", "Path", "naming", "open_regular", "read", "write"]

Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]

# As in PNG: a byte above 127 stops readers of text, CR LF and LF show a transfer that changed
# line ends, and Control-Z ends the output of `type` on Windows.
MAGIC = b"\x89SNN\r\n\x1a\n"
VERSION = 2  # the newest
PREAMBLE = struct.Struct("<8sII")  # magic, version, header length
CHECKSUM = struct.Struct("<I")
ALIGNMENT = 64  # bytes: one AVX-512 register, one cache line

MAX_HEADER = 1 << 20  # bytes
MAX_ARRAYS = 10_000  # 1000 layers of weights and biases, each with two moments, come to 6000
MAX_DIMENSIONS = 8
MAX_NAME = 100  # characters
ARRAY_NAME = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*")
ITEM_SIZE = {"<f4": 4, "<f8": 8}  # the dtypes of a file, in NumPy's notation


class ArraySpec(NamedTuple):
    """What the header says of one array; `offset` counts from the start of the data."""

    dtype: str
    shape: tuple[int, ...]
    offset: int

    @property
    def n_bytes(self) -> int:
        return math.prod(self.shape) * ITEM_SIZE[self.dtype]


Model = dict[str, Any]
Array = npt.NDArray[Any]


def write(path: Path, model: Mapping[str, Any], arrays: Mapping[str, Array], version: int = 1) -> None:
    """Write `model` and `arrays` to `path`, atomically.

    Parameters
    ----------
    path : path-like
        The file, replaced if it exists (`atomic.replace_file` says how).
    model : dict
        JSON values only: finite numbers, 64-bit integers, strings, booleans, None, lists, dicts.
    arrays : dict of name to ndarray
        float32 or float64, of any byte order and strides, not empty.
    version : int
        Of the format: the lowest that can hold the model.

    Raises
    ------
    ValueError
        A value or an array that the format cannot hold; nothing was written.
    OSError
        The file cannot be written; an old one is as it was.
    """
    stored = {name: _as_stored(name, array) for name, array in arrays.items()}
    specs: dict[str, ArraySpec] = {}
    end = 0
    for name, array in stored.items():
        specs[name] = ArraySpec(array.dtype.str, array.shape, end)
        end = _aligned(end + array.nbytes)
    header = _encode_header(model, specs)
    replace_file(path, _with_checksum(_pieces(version, header, stored.values())))


def read(
    path: Path, check: Callable[[Model, dict[str, ArraySpec], int], None] | None = None
) -> tuple[Model, dict[str, Array]]:
    """Read the model and the arrays that `write` put into `path`.

    Parameters
    ----------
    path : path-like
        A regular file.
    check : callable, optional
        Called with the model, the description of its arrays and the format's version before
        memory is reserved for them; raises ModelFileError to refuse them.

    Returns
    -------
    model : dict
    arrays : dict of name to ndarray
        C-contiguous, in the byte order of this machine, writable.

    Raises
    ------
    ModelFileError
        The file is not a model, is damaged, or is of a newer format.
    OSError
        The file cannot be opened or read.
    """
    with naming(path), open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        reader = _Reader(file)
        version, header_length = _check_preamble(reader.up_to(PREAMBLE.size), size)
        model, specs = _decode_header(reader.exactly(header_length))
        _check_layout(specs, PREAMBLE.size + header_length, size)
        if check is not None:
            check(model, specs, version)
        reader.padding(PREAMBLE.size + header_length)
        arrays = {name: _read_array(reader, spec) for name, spec in specs.items()}
        reader.end()
        return model, arrays


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Turn every ValueError raised within into a ModelFileError that names the file."""
    try:
        yield
    except ValueError as error:
        cause = None if isinstance(error, ModelFileError) else error
        raise ModelFileError(f"cannot load {os.fsdecode(path)!r}: {error}") from cause


# ---- the header ----


def _encode_header(model: Mapping[str, Any], specs: dict[str, ArraySpec]) -> bytes:
    if len(specs) > MAX_ARRAYS:
        raise ValueError(f"a model file holds at most {MAX_ARRAYS} arrays, not {len(specs)}")
    header = strict_json.encode({"model": model, "arrays": {name: spec._asdict() for name, spec in specs.items()}})
    if len(header) > MAX_HEADER:
        raise ValueError(
            f"the model file's header would take {len(header)} bytes, more than {MAX_HEADER}; "
            f"is there too much in metadata?"
        )
    return header


def _decode_header(header: bytes) -> tuple[Model, dict[str, ArraySpec]]:
    """Return the model and its arrays in the order of their offsets."""
    try:
        document = strict_json.decode(header)
    except ValueError as error:
        raise ModelFileError(f"its header is not sound JSON: {error}") from error
    check_keys(document, {"model", "arrays"}, "the header")
    model, entries = document["model"], document["arrays"]
    if not isinstance(model, dict) or not isinstance(entries, dict):
        raise ModelFileError("'model' and 'arrays' in the header must be objects")
    if len(entries) > MAX_ARRAYS:
        raise ModelFileError(f"its header names {len(entries)} arrays, more than {MAX_ARRAYS}")
    specs = {name: _decode_spec(name, entry) for name, entry in entries.items()}
    return model, dict(sorted(specs.items(), key=lambda item: item[1].offset))


def _decode_spec(name: str, entry: Any) -> ArraySpec:
    _check_name(name)
    check_keys(entry, set(ArraySpec._fields), f"array {name!r}")
    dtype, shape, offset = entry["dtype"], entry["shape"], entry["offset"]
    if not isinstance(dtype, str) or dtype not in ITEM_SIZE:
        raise ModelFileError(f"array {name!r} has dtype {brief(dtype)}, not one of {', '.join(ITEM_SIZE)}")
    if not isinstance(shape, list) or len(shape) > MAX_DIMENSIONS:
        raise ModelFileError(f"array {name!r} has shape {brief(shape)}, not a list of at most {MAX_DIMENSIONS}")
    if not all(type(size) is int and size > 0 for size in shape):
        raise ModelFileError(f"array {name!r} has shape {brief(shape)}; sizes are positive integers")
    if type(offset) is not int or offset < 0:
        raise ModelFileError(f"array {name!r} has offset {brief(offset)}, not an integer of at least 0")
    return ArraySpec(dtype, tuple(shape), offset)


def _check_name(name: str) -> None:
    if len(name) > MAX_NAME or not ARRAY_NAME.fullmatch(name):
        raise ValueError(
            f"{brief(name)} is no name for an array: words of a-z, 0-9 and _ joined by dots, at "
            f"most {MAX_NAME} characters"
        )


# ---- the preamble ----

_FOREIGN = {
    b"\x89PNG": "a PNG image",
    b"\x89HDF": "an HDF5 file",
    b"\x89SNN": "a model file spoilt by a transfer as text",
    b"PK": "a zip archive (as .npz, .keras and .pt files are)",
    b"\x80": "a Python pickle",
    b"\x93NUMPY": "a NumPy array",
    b"\x1f\x8b": "a gzip file",
}


def _check_preamble(preamble: bytes, size: int) -> tuple[int, int]:
    """Return version and length of the header, once the preamble and the file's size allow it."""
    if not preamble:
        raise ModelFileError("the file is empty")
    if not preamble.startswith(MAGIC[: len(preamble)]):
        raise ModelFileError(f"not a scratchnn model file but {_kind_of(preamble)}")
    if len(preamble) < PREAMBLE.size:
        raise ModelFileError(f"the file is cut short, after {len(preamble)} bytes")
    _, version, length = PREAMBLE.unpack(preamble)
    if version > VERSION:
        raise ModelFileError(
            f"format version {version} is newer than {VERSION}, the newest that this scratchnn "
            f"reads; upgrade with: python -m pip install --upgrade scratchnn"
        )
    if version < 1:
        raise ModelFileError(f"there is no format version {version}")
    if length > MAX_HEADER:
        raise ModelFileError(f"the header takes {length} bytes, at most {MAX_HEADER} are allowed")
    if PREAMBLE.size + length > size:
        raise ModelFileError(f"the file is cut short, within its header: it has {size} bytes")
    return int(version), int(length)


def _kind_of(start: bytes) -> str:
    for prefix, kind in _FOREIGN.items():
        if start.startswith(prefix):
            return kind
    if all(32 <= byte < 127 or byte in b"\t\r\n" for byte in start):
        return f"text, starting with {start.decode()!r}"
    return f"something else, starting with bytes {start[:8].hex(' ')}"


# ---- the arrays ----


def _as_stored(name: str, array: Array) -> Array:
    _check_name(name)
    dtype = array.dtype.newbyteorder("<")
    if dtype.str not in ITEM_SIZE or array.size == 0 or array.ndim > MAX_DIMENSIONS:
        raise ValueError(
            f"array {name!r} has dtype {array.dtype} and shape {array.shape}; a model file holds "
            f"float32 and float64 arrays that are not empty"
        )
    return np.asarray(array, dtype=dtype, order="C")


def _pieces(version: int, header: bytes, arrays: Iterable[Array]) -> Iterator[bytes | memoryview]:
    """Yield the file without its checksum; every array starts at a multiple of ALIGNMENT."""
    yield PREAMBLE.pack(MAGIC, version, len(header))
    yield header
    yield _padding(PREAMBLE.size + len(header))
    for array in arrays:
        yield _bytes_of(array)
        yield _padding(array.nbytes)


def _with_checksum(pieces: Iterable[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    checksum = 0
    for piece in pieces:
        checksum = zlib.crc32(piece, checksum)
        yield piece
    yield CHECKSUM.pack(checksum)


def _check_layout(specs: dict[str, ArraySpec], header_end: int, size: int) -> None:
    """Refuse arrays that do not follow one another, aligned, and fill the file exactly."""
    end = 0
    for name, spec in specs.items():
        if spec.offset != end:
            raise ModelFileError(f"array {name!r} starts at {spec.offset}; the data before it ends at {end}")
        end = _aligned(end + spec.n_bytes)
    announced = _aligned(header_end) + end + CHECKSUM.size
    if announced > size:
        raise ModelFileError(f"the file is cut short: it has {size} bytes, its header announces {announced}")
    if announced < size:
        raise ModelFileError(f"the file has {size} bytes, more than the {announced} its header announces")


def _read_array(reader: _Reader, spec: ArraySpec) -> Array:
    array = np.empty(spec.shape, dtype=spec.dtype)
    reader.fill(_bytes_of(array))
    reader.padding(array.nbytes)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _bytes_of(array: Array) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _aligned(offset: int) -> int:
    return -(-offset // ALIGNMENT) * ALIGNMENT


def _padding(end: int) -> bytes:
    return bytes(_aligned(end) - end)


# ---- files ----


_SPECIAL = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
}


def open_regular(path: Path) -> FileIO:
    """Return a file opened for reading; ModelFileError for what is no regular file, such as a pipe."""
    kind = stat.S_IFMT(os.stat(path).st_mode)
    if kind != stat.S_IFREG:
        raise ModelFileError(f"not a regular file but {_SPECIAL.get(kind, 'a device')}")
    # Unbuffered: no byte is read before what precedes it was checked. Non-blocking: a pipe put
    # in the file's place since must not hold us.
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    return FileIO(os.open(path, flags), "r")


class _Reader:
    """Read a file from front to back, keeping the CRC-32 of what was read.

    Nothing depends on the size that the system reported: a file may shrink or grow meanwhile.
    """

    def __init__(self, file: FileIO) -> None:
        self._file = file
        self._checksum = 0

    def up_to(self, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size and (part := self._file.read(size - len(parts))):
            parts += part
        self._checksum = zlib.crc32(parts, self._checksum)
        return bytes(parts)

    def exactly(self, size: int) -> bytes:
        found = self.up_to(size)
        if len(found) < size:
            raise ModelFileError("the file is cut short")
        return found

    def fill(self, buffer: memoryview) -> None:
        rest = buffer
        while rest:
            n_read = self._file.readinto(rest)
            if not n_read:
                raise ModelFileError("the file is cut short")
            rest = rest[n_read:]
        self._checksum = zlib.crc32(buffer, self._checksum)

    def padding(self, end: int) -> None:
        if any(self.exactly(len(_padding(end)))):
            raise ModelFileError("the file is damaged: the padding between arrays is not zero")

    def end(self) -> None:
        expected = self._checksum
        if CHECKSUM.unpack(self.exactly(CHECKSUM.size))[0] != expected:
            raise ModelFileError("the file is damaged: its checksum does not match its content")
        if self._file.read(1):
            raise ModelFileError("the file grew while it was read")
