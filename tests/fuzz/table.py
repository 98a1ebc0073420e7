"""Tables: read_table, and the columns prepared for a network. The first byte of an input chooses the encoding."""

import numpy as np
from fuzz.guard import refusing

from scratchnn.cells import ColumnError
from scratchnn.cli.table import TableError, read_table
from scratchnn.columns import ColumnPreparation

ENCODINGS = {
    b"8": None,
    b"l": "latin-1",
    b"s": "utf-8-sig",
    b"w": "utf-16",
    b"3": "utf-32",
    b"7": "utf-7",
    b"c": "cp932",
}
HAS_HEADERS = False
WORDS = [
    *(",", ";", "\t", '"', '""', "\r\n", "\n", "\r", "\n\n", "\ufeff", " ", "?", "NA", "nan", "null", "None", "-"),
    *("inf", "-inf", "1e400", "1e-400", "True", "false", "0x10", "1_0", "1.", ".5", "+1", "1e", "٣", "²"),
    *("18446744073709551615", "18446744073709551616", "-9223372036854775809", "9" * 30, "Unnamed: 0", "a,b\n1,2\n"),
]


def read(data, directory):
    """Read an input as a table, and prepare its columns to predict the last."""
    path = directory / "table.csv"
    path.write_bytes(data[1:])
    with refusing(TableError):
        columns = read_table(str(path), encoding=ENCODINGS.get(data[:1]))
        _check(columns)
        with refusing(ColumnError):
            _prepare(columns)


def _check(columns):
    assert columns
    assert len({len(column) for column in columns.values()}) == 1
    for name, column in columns.items():
        assert isinstance(name, str)
        assert column.ndim == 1
        assert len(column) > 0
        if column.dtype == object:
            assert all(cell is None or (isinstance(cell, str) and cell == cell.strip() != "") for cell in column)
        else:
            assert column.dtype in (np.int64, np.uint64, np.float64)


def _prepare(columns):
    target = list(columns)[-1]
    rows = {name: column[: 1 + len(column) // 2] for name, column in columns.items()}
    for task in ("classification", "regression"):
        with refusing(ColumnError):
            preparation = ColumnPreparation.learn(rows, target, task, fill_missing=True)
            assert np.isfinite(preparation.inputs(rows)).all()
            preparation.targets(rows)
            kept = preparation.to_dict()
            assert ColumnPreparation.from_dict(kept).to_dict() == kept
