"""Read a table of named columns from a CSV file, or say in one line why it cannot be read."""

from __future__ import annotations

import csv
import gzip
import io
import math
import re
import sys
import unicodedata
import warnings
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from ..cells import is_number, parse_number, shown

if TYPE_CHECKING:
    from collections.abc import Collection

    import pandas as pd

__all__ = ["TableError", "normal_name", "read_table"]

Array = npt.NDArray[Any]

SEPARATORS = ",;\t"
FIRST_LINE = re.compile(r"\S[^\r\n]*")
QUOTED = re.compile(r'"[^"]*"')
HALF_OF_A_CHARACTER = re.compile("[\ud800-\udfff]")  # UTF-7 can have one alone
# Beyond what pandas takes for a missing cell (empty, NA, NaN, null, None …): UCI's mark.
MISSING = ("?",)
SIGNATURES = {
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"PAR1": "a Parquet file",
    b"\x89SNN": "a scratchnn model",
    b"%PDF": "a PDF document",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"\x28\xb5\x2f\xfd": "a zstd archive",
}


class TableError(ValueError):
    """A file is not a table of named columns; the message names the file and the reason."""


def read_table(source: str, *, text_columns: Collection[str] = (), encoding: str | None = None) -> dict[str, Array]:
    """Read CSV with a header line.

    Comma, semicolon or tab separates, whichever parts the header into most names. A file
    compressed by gzip is unpacked. Line ends, a byte order mark and blanks around cells do not matter.

    Parameters
    ----------
    source : str
        A path, or "-" for standard input.
    text_columns : collection of str
        Columns to read as text, whatever they hold; the others are numbers if every cell is one.
    encoding : str, optional
        UTF-8 by default, UTF-16 where a byte order mark says so.

    Returns
    -------
    dict of name to (m,) array
        int64, uint64 or float64 with NaN for missing cells, or objects: str with None for missing.

    Raises
    ------
    TableError
        Naming the source: no table, no rows, a name twice, ragged lines, bytes that are not text.
    OSError
        The file cannot be read.
    """
    name = "standard input" if source == "-" else repr(source)
    try:
        return _parse(_decode(_read_bytes(source), encoding), frozenset(text_columns))
    except TableError as error:
        raise TableError(f"{name} {error}") from None


def normal_name(name: str) -> str:
    """Return a column's name without blanks around it, in Unicode's composed form (NFC).

    A name typed in a shell and the same one in a file may be composed differently.
    """
    return unicodedata.normalize("NFC", name.strip())


def _read_bytes(source: str) -> bytes:
    if source == "-":
        data = sys.stdin.buffer.read()
    else:
        with open(source, "rb") as file:
            data = file.read()
    if data.startswith(b"\x1f\x8b"):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error):
            raise TableError("is a damaged or truncated gzip file") from None
    return data


def _decode(data: bytes, encoding: str | None) -> str:
    for signature, what in SIGNATURES.items():
        if data.startswith(signature):
            raise TableError(f"is {what}, not a CSV table")
    if encoding is None:
        utf16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))
        encoding = "utf-16" if utf16 else "utf-8"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise TableError(
            f"is not {encoding.upper()} text: byte 0x{error.object[error.start]:02x} in line {line}; "
            "name its encoding, as in --encoding latin-1"
        ) from None
    except UnicodeError as error:
        raise TableError(f"is not {encoding.upper()} text: {error}") from None
    if half := HALF_OF_A_CHARACTER.search(text):
        line = text.count("\n", 0, half.start()) + 1
        raise TableError(f"is not {encoding.upper()} text: half of a character, {half[0]!a}, in line {line}")
    if "\0" in text:
        raise TableError("is not a text table: it holds zero bytes")
    return text.removeprefix("\ufeff")


def _parse(text: str, text_columns: frozenset[str]) -> dict[str, Array]:
    if not text.strip():
        raise TableError("is empty: expected a header line and rows")
    text = text.rstrip("\r\n")
    separator = _separator(text)
    rows = io.StringIO(text, newline="")
    names = _header(rows, separator)
    start = rows.tell()
    frame = _read_rows(text, start, separator, names, text_columns)
    if not len(frame):
        unclosed = any("\n" in name for name in names)
        raise TableError("has a header and no rows" + (": a quotation mark is not closed" if unclosed else ""))
    if len(names) > 1 and frame[names[-1]].isna().any():
        # pandas fills up a line that is too short; whether one is, only a second look tells.
        _check_lines(text, separator, len(names))
    if objects := {name for name in names if _holds_objects(frame[name])}:
        # "true" came as True and a very long number as an integer: read them as they stand.
        frame = _read_rows(text, start, separator, names, text_columns | objects)
    columns = {name: _column(frame[name], as_text=name in text_columns) for name in names}
    for i, name in enumerate(names):
        # A separator at the end of every line makes a column without name and content.
        if name == _nameless(i) and frame[name].isna().all():
            del columns[name]
    if not columns:
        raise TableError("is empty: no column has a name or a value")
    return columns


def _separator(text: str) -> str:
    first_line = next(FIRST_LINE.finditer(text))[0]
    unquoted = QUOTED.sub("", first_line)
    return max(SEPARATORS, key=unquoted.count)


def _nameless(i: int) -> str:
    return f"Unnamed: {i}"  # as pandas has it, which writes its index under an empty name


def _header(rows: io.StringIO, separator: str) -> list[str]:
    """Return the names in the first line that is not blank, leaving `rows` after it."""
    reader = csv.reader(rows, delimiter=separator, skipinitialspace=True)
    try:
        cells = next((record for record in reader if any(record)), None)
    except csv.Error as error:
        raise TableError(f"has a header that cannot be read as CSV: {error}; is a quotation mark not closed?") from None
    if cells is None:
        raise TableError("is empty: no cell has a name")
    names = [normal_name(cell) or _nameless(i) for i, cell in enumerate(cells)]
    if len(set(names)) < len(names):
        if all(is_number(name) for name in names):
            raise TableError("has no header: its first line holds numbers alone")
        second = next(i for i, name in enumerate(names) if name in names[:i])
        first = names.index(names[second])
        raise TableError(f"names columns {first + 1} and {second + 1} both {shown(names[second])}")
    return names


def _read_rows(text: str, start: int, separator: str, names: list[str], text_columns: Collection[str]) -> pd.DataFrame:
    import pandas as pd

    rows = io.StringIO(text, newline="")
    rows.seek(start)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                rows,
                sep=separator,
                header=None,
                names=names,
                index_col=False,  # or a first line with too many cells makes an index of its first
                dtype={name: str for name in names if name in text_columns},
                na_values=list(MISSING),
                skipinitialspace=True,
                skip_blank_lines=len(names) > 1,  # a blank line of one column is a missing cell
                low_memory=False,  # or a column's kind is decided piece by piece
                **_exact_numbers(pd.__version__),
            )
        return cast("pd.DataFrame", frame)
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        _check_lines(text, separator, len(names))
        raise TableError(f"cannot be read as CSV: {str(error).strip()}") from None


def _exact_numbers(version: str) -> dict[str, Any]:
    """Return the option for correctly rounded numbers, which pandas 3.1 deprecates: there all are."""
    since = tuple(int(part) for part in version.split(".")[:2])
    return {"float_precision": "round_trip"} if since < (3, 1) else {}


def _check_lines(text: str, separator: str, n_names: int) -> None:
    """Raise TableError for the first record that has more or fewer cells than there are names."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    end = 0  # the line on which the record before ended: quoted cells may hold line ends
    try:
        for record in reader:
            if any(record) and len(record) != n_names:
                cells = f"{len(record)} {'cell' if len(record) == 1 else 'cells'}"
                raise TableError(
                    f"is ragged: line {end + 1} has {cells}, the header has {n_names}"
                    + (", or a quotation mark is not closed" if reader.line_num > end + 1 else "")
                )
            end = reader.line_num
    except csv.Error as error:
        raise TableError(f"cannot be read as CSV after line {end}: {error}") from None


def _holds_objects(series: pd.Series) -> bool:
    if series.dtype.kind in "iuf":
        return False
    return any(not isinstance(cell, str) for cell in series.dropna())


def _column(series: pd.Series, *, as_text: bool) -> Array:
    if series.dtype.kind in "iuf":
        return series.to_numpy()
    present = series.notna()
    cells = [cell.strip() or None if there else None for cell, there in zip(series, present, strict=True)]
    if not as_text:
        # pandas gives up on integers beyond 64 bits and numbers beyond float64.
        with suppress(ValueError):
            return np.array([math.nan if cell is None else parse_number(cell) for cell in cells])
    column = np.empty(len(cells), dtype=object)
    column[:] = cells
    return column
