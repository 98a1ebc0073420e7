"""Reading tables: the ways in which people's files differ, and the sentence for each that is none."""

import gzip
import io

import numpy as np
import pytest

from scratchnn.cli.table import TableError, _exact_numbers, normal_name, read_table


@pytest.fixture
def read(tmp_path):
    """Write text or bytes to a file and read it as a table, as lists."""

    def read_content(content, **options):
        path = tmp_path / "table.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return {name: column.tolist() for name, column in read_table(str(path), **options).items()}

    return read_content


def test_numbers_and_text(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("n,x,t\n1,0.1,a\n2,,\n-3,1e3,NA\n")
    columns = read_table(str(path))
    assert [column.dtype.kind for column in columns.values()] == ["i", "f", "O"]
    np.testing.assert_array_equal(columns["n"], [1, 2, -3])
    np.testing.assert_array_equal(columns["x"], [0.1, np.nan, 1000])
    assert columns["t"].tolist() == ["a", None, None]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a,b\r\n1,2\r\n", {"a": [1], "b": [2]}),
        ("a,b\r1,2\r", {"a": [1], "b": [2]}),
        ("\ufeffa,b\n1,2", {"a": [1], "b": [2]}),
        ("\n\na,b\n\n1,2\n\n3,4\n\n", {"a": [1, 3], "b": [2, 4]}),
        (" a , b\n x , 1 \n", {"a": ["x"], "b": [1]}),
        ("a;b\n1;2", {"a": [1], "b": [2]}),
        ("a\tb\n1\t2", {"a": [1], "b": [2]}),
        ('"a;b;c",d\n1,2', {"a;b;c": [1], "d": [2]}),
        ('"a, b",c\n"x, ""y""\nz",1', {"a, b": ['x, "y"\nz'], "c": [1]}),
        (",b\n0,2", {"Unnamed: 0": [0], "b": [2]}),
        ("a,b,\n1,2,\n3,4,", {"a": [1, 3], "b": [2, 4]}),
        ("Größe,年齢\n1,2", {"Größe": [1], "年齢": [2]}),
        ("a\n1\n3", {"a": [1, 3]}),
    ],
    ids=[
        "Windows line ends",
        "old Mac line ends",
        "byte order mark",
        "blank lines",
        "blanks around cells",
        "semicolons",
        "tabs",
        "semicolons in a quoted name",
        "quoted cells",
        "no name",
        "separator at line ends",
        "Unicode names",
        "one column",
    ],
)
def test_forms_of_csv(read, content, expected):
    assert read(content) == expected


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["True", "false"], ["True", "false"]),  # not as Python's True
        (["true", ""], ["true", None]),
        (["123456789012345678901234567890", "1"], [123456789012345678901234567890.0, 1.0]),
        (["18446744073709551615", "-1"], [18446744073709551615.0, -1.0]),
        (["1e400", "inf"], [np.inf, np.inf]),
        (["1_000", "2"], ["1_000", "2"]),
        (["0x10", "1"], ["0x10", "1"]),
        (["007", "8"], [7, 8]),
        (["?", "x"], [None, "x"]),
        (['"  "', "x"], [None, "x"]),
        (["0.1", "0.30000000000000004"], [0.1, 0.30000000000000004]),
    ],
)
def test_kinds_of_cells(read, cells, expected):
    assert read("k,a\n" + "".join(f"0,{cell}\n" for cell in cells))["a"] == expected


def test_a_blank_line_of_one_column_is_a_missing_cell(read):
    assert read("a\nx\n\ny\n\n") == {"a": ["x", None, "y"]}


def test_text_columns_are_read_as_they_stand(read):
    columns = read("a,b,c\n01,true,3", text_columns={"a", "b", "elsewhere"})
    assert columns == {"a": ["01"], "b": ["true"], "c": [3]}


def test_compressed(read):
    assert read(gzip.compress(b"a,b\n1,2")) == {"a": [1], "b": [2]}


def test_encodings(read):
    assert read("Größe\n1".encode("utf-16")) == {"Größe": [1]}
    assert read("Größe\n1".encode("latin-1"), encoding="latin-1") == {"Größe": [1]}


@pytest.mark.parametrize(
    ("content", "encoding", "message"),
    [
        (b"a,b\n1,+2AA-", "utf-7", r"is not UTF-7 text: half of a character, '\\ud800', in line 2"),
        (b"\xef\xbb\xbfa\nb\xff", "utf-8-sig", "is not UTF-8-SIG text: byte 0xff in line 2"),
        (b"a\n1", "undefined", "is not UNDEFINED text: .*undefined encoding"),
    ],
)
def test_bytes_that_an_encoding_does_not_have(tmp_path, content, encoding, message):
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(TableError, match=message):
        read_table(str(path), encoding=encoding)


def test_names_are_composed(read):
    assert read("Gro\u0308ße\n1") == {"Größe": [1]}
    assert normal_name(" Gro\u0308ße ") == "Größe"


def test_standard_input(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a,b\n1,2\n")))
    assert read_table("-")["b"].tolist() == [2]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty: expected a header line and rows"),
        (" \n\n", "is empty"),
        ('""', "is empty: no cell has a name"),
        (";;\t\n;;\n", "is empty: no column has a name or a value"),
        ("a,b\n", "has a header and no rows"),
        ("a,b", "has a header and no rows"),
        ("a,b,a\n1,2,3", "names columns 1 and 3 both 'a'"),
        ("1,2,1\n1,2,3", "has no header: its first line holds numbers alone"),
        ("a,b\n1,2,3\n4,5,6", "is ragged: line 2 has 3 cells, the header has 2"),
        ("a,b\n1,2\n4,5,6", "is ragged: line 3 has 3 cells, the header has 2"),
        ("a,b\n1,2\n\n3\n5,6", "is ragged: line 4 has 1 cell, the header has 2"),
        ('a,b\n"x\ny",2\n3', "is ragged: line 4 has 1 cell, the header has 2"),
        ('a,b\n1,2\n"3,4\n5,6', "is ragged: line 3 has 1 cell, .* or a quotation mark is not closed"),
        ('a,b\n1,"' + "x" * 200_000, "cannot be read as CSV after line 1: field larger"),
        ('"a,b\n1,2', "has a header and no rows: a quotation mark is not closed"),
        ('"a,b\n' + "1,2\n" * 50_000, "header that cannot be read as CSV: .*is a quotation mark not closed"),
        ("a,b\n1,x\0", "is not a text table: it holds zero bytes"),
        ("Größe\n1".encode("latin-1"), "is not UTF-8 text: byte 0xf6 in line 1; .* --encoding latin-1"),
        (b"\xff\xfea", "is not UTF-16 text"),
        (gzip.compress(b"a,b\n1,2")[:-4], "is a damaged or truncated gzip file"),
        (b"PK\x03\x04rest", "is a zip archive or an Excel workbook, not a CSV table"),
        (b"\x89SNN\r\n", "is a scratchnn model, not a CSV table"),
    ],
)
def test_what_is_no_table_is_said_in_a_line(read, content, message):
    with pytest.raises(TableError, match=rf"^'.*table\.csv' .*{message}") as error:
        read(content)
    assert "\n" not in str(error.value)


def test_missing_last_cells_are_no_ragged_lines(read):
    assert read("a,b\n1,\n2,x") == {"a": [1, 2], "b": [None, "x"]}


def test_a_complaint_of_pandas_alone_is_passed_on(read, monkeypatch):
    import pandas as pd

    def fail(*_, **__):
        raise pd.errors.ParserError("something else\n")

    monkeypatch.setattr(pd, "read_csv", fail)
    with pytest.raises(TableError, match=r"cannot be read as CSV: something else$"):
        read("a,b\n1,2")


def test_every_version_of_pandas_reads_numbers_exactly():
    assert _exact_numbers("2.2.3") == _exact_numbers("3.0.1") == {"float_precision": "round_trip"}
    assert _exact_numbers("3.1.0.dev0+1.gabc") == _exact_numbers("4.0.0") == {}
