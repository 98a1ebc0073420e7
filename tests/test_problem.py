"""From a table to a problem: the advice on columns, the held-out rows, the task."""

import numpy as np
import pytest

from scratchnn.cells import ColumnError
from scratchnn.cli.advice import doubtful_columns, unusable_columns
from scratchnn.cli.problem import pose, select_columns


def text(*cells):
    return np.array(cells, dtype=object)


def problem(table, target="y", told=None, **changes):
    options = {"task": "auto", "missing": "error", "validation_fraction": 0.25, "seed": 0, "dtype": "float64"}
    return pose(table, target, lambda *line: (told if told is not None else []).append(line), **options | changes)


# ---- advice ----


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (text(*(f"2024-01-{d:02}" for d in range(1, 9))), "holds dates, such as '2024-01-01'"),
        (text("3.4.24", "13.04.2024 10:00"), "holds dates"),
        (text("7,5", "1,25", None), "holds numbers with a comma, such as '1,25'"),
        (text(*(f"Person {i}" for i in range(10))), "holds 10 different texts in 10 rows, as names"),
        (text(*(f"id{i}" for i in range(60)), *["id0"] * 30), "holds 60 different texts in 90 rows"),
        (text(*(f"t{i % 1001}" for i in range(4000))), "holds 1001 different texts, more than 1000"),
        (text(*map(str, range(30)), "n/k"), "holds text in 1 cell of 31, such as 'n/k' in row 31"),
    ],
)
def test_columns_that_one_hot_inputs_do_not_serve(column, reason):
    assert unusable_columns({"c": column})["c"].startswith(reason)


@pytest.mark.parametrize(
    "column",
    [
        text("a", "b", "c"),
        text("2024-01-01", "never"),
        text("1", "2", "3+", "1"),
        text(*(f"t{i % 40}" for i in range(60))),
        np.arange(100),
    ],
)
def test_columns_that_serve(column):
    assert unusable_columns({"c": column}) == {}


def test_doubtful_columns_are_pointed_out():
    columns = {
        "Nr": np.arange(1, 13),
        "dependents": text("0", "1", "2", "3+"),
        "few": np.arange(9),
        "colour": text("red", "blue"),
    }
    counting, mixed = doubtful_columns(columns)
    assert counting.startswith("column 'Nr' counts the rows")
    assert "'dependents' is taken for text, since it holds text in 1 cell of 4, such as '3+' in row 4" in mixed


# ---- columns, rows, task ----

TABLE = {"a": np.arange(8.0) ** 2, "b": text(*"xyxyxyxy"), "y": np.array([0, 1] * 4)}


def test_unknown_columns_are_answered_with_the_nearest():
    with pytest.raises(ValueError, match=r"'t.csv' has no column 'B', but 'a', 'b', 'y'\.$"):
        select_columns(TABLE, "t.csv", "B", [])
    with pytest.raises(ValueError, match=r"no column 'prise', but .*\. Is it 'price'\?"):
        select_columns({**TABLE, "price": TABLE["a"]}, "t.csv", "y", ["prise"])
    with pytest.raises(ValueError, match="Its first line holds numbers alone: is the header missing"):
        select_columns({"1": TABLE["a"], "2.5": TABLE["a"]}, "t.csv", "y", [])


def test_columns_are_dropped():
    assert list(select_columns(TABLE, "t.csv", "y", ["a"])) == ["b", "y"]
    with pytest.raises(ValueError, match="--target and --drop both name 'y'"):
        select_columns(TABLE, "t.csv", "y", ["y"])
    with pytest.raises(ValueError, match="'y' is the only column"):
        select_columns(TABLE, "t.csv", "y", ["a", "b"])


def test_columns_without_a_finite_value_are_refused():
    with pytest.raises(ColumnError, match="'b c' is empty; leave it out with --drop 'b c'"):
        select_columns({**TABLE, "b c": np.full(8, np.nan)}, "t.csv", "y", [])
    with pytest.raises(ColumnError, match="'a' has 1 infinite number, the first in row 2"):
        select_columns({**TABLE, "a": np.array([0, np.inf] + [1] * 6)}, "t.csv", "y", [])


def holes(n_columns=1):
    a = TABLE["a"].copy()
    a[[2, 5]] = np.nan
    return {**{f"h{i}": a for i in range(n_columns)}, **TABLE}


def test_missing_cells_are_told_with_their_columns():
    with pytest.raises(ColumnError) as error:
        problem({**holes(2), "b": text("x", None, *"xyxyxy")})
    assert str(error.value) == (
        "column 'h0' has 2 missing cells, the first in row 3, 'h1' has 2, 'b' has 1. --missing drop "
        "leaves out 3 rows of 8, --missing mean fills in, --drop leaves a column out"
    )
    with pytest.raises(ColumnError, match="'h5' has 2, and 3 more columns have some"):
        problem(holes(9))


def test_rows_with_missing_cells_are_dropped():
    told = []
    assert len(problem(holes(), told=told, missing="drop").training) == 4
    assert told[0] == (
        "table",
        "6 rows, columns: 2 of numbers and 1 of text, to predict 'y' (2 rows with missing cells left out)",
    )
    with pytest.raises(ColumnError, match="every row has a missing cell"):
        problem({**TABLE, "h": np.array([1] + [np.nan] * 7), "g": np.array([np.nan] + [1] * 7)}, missing="drop")


def test_missing_cells_are_filled_in_and_rows_without_target_left_out():
    posed = problem({**holes(), "y": np.array([0, 1, 0, 1, 0, np.nan, 0, 1])}, missing="mean", validation_fraction=0)
    assert posed.preparation.fill_missing
    assert len(posed.training) == 7
    assert posed.training.x[2, 0] == 0
    assert posed.held_out is None
    assert posed.score is None
    assert posed.validation_data is None


def test_unusable_columns_are_refused_with_the_way_out():
    names = text(*(f"Person {i}" for i in range(12)))
    table = {"full name": names, "n": names, "a": np.arange(12) ** 2, "y": np.arange(12) % 2}
    with pytest.raises(ColumnError, match=r"\. To leave them out: --drop 'full name' --drop n$"):
        problem(table)
    del table["n"]
    with pytest.raises(ColumnError, match=r"\. To leave it out: --drop 'full name'$"):
        problem(table)


@pytest.mark.parametrize(
    ("y", "asked", "task", "line"),
    [
        (text(*"abababab"), "auto", "classification", "classification: 'y' is text"),
        ([0, 1] * 4, "auto", "classification", "'y' holds only 2 whole numbers (or --task regression)"),
        ([0.0, 3.0] * 4, "auto", "classification", "only 2 whole numbers"),
        ([0.5, 1] * 4, "auto", "regression", "regression: 'y' holds 2 different numbers"),
        ([1, 2, 3, 4, 5, 5, 5, 5], "auto", "regression", "holds 5 different numbers"),
        ([0, 1] * 4, "regression", "regression", "regression, as asked"),
        ([0.5, 1] * 4, "classification", "classification", "classification, as asked"),
    ],
)
def test_the_task_is_told_with_its_reason(y, asked, task, line):
    told = []
    posed = problem({**TABLE, "y": np.array(y)}, told=told, task=asked)
    assert posed.task == task
    assert line in dict(told)["task"]
    assert posed.training.y.dtype == (np.int64 if task == "classification" else np.float64)
    how = "each class in proportion" if task == "classification" else "at random"
    assert dict(told)["rows"] == f"6 to learn from, 2 held out, {how} (seed 0)"


def test_a_constant_target_is_refused():
    with pytest.raises(ColumnError, match="'y' is 7 in every row: nothing to learn"):
        problem({**TABLE, "y": np.full(8, 7)})


def test_the_preparation_is_learnt_from_the_training_rows_alone():
    table = {"a": np.arange(40.0) ** 2, "y": np.arange(40.0)}
    posed = problem(table, validation_fraction=0.5)
    np.testing.assert_allclose(posed.training.x.mean(), 0, atol=1e-15)
    assert abs(posed.held_out.x.mean()) > 1e-3
    assert posed.preparation.target.mean == posed.training.target.mean()
