"""The preparation of columns: what it learns, what it refuses, and that a hostile file cannot pass."""

import copy
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchnn.cells import ColumnError, MissingCellError, as_column
from scratchnn.columns import ClassTarget, ColumnPreparation, NumericColumn, UnseenCategoryWarning


def text(*cells):
    return np.array(cells, dtype=object)


TABLE = {
    "size": np.array([1.0, 2.0, 3.0, 6.0]),
    "colour": text("red", "blue", "red", "green"),
    "kind": text("b", "a", "b", "b"),
}


def learnt(**changes):
    return ColumnPreparation.learn({**TABLE, **changes}, "kind", "classification")


# ---- what is learnt and applied ----


def test_inputs_are_standardised_numbers_and_one_hot_texts():
    x = learnt().inputs(TABLE, np.float32)
    z = (TABLE["size"] - 3) / np.std(TABLE["size"])
    one_hot = [[0, 0, 1], [1, 0, 0], [0, 0, 1], [0, 1, 0]]  # blue, green, red
    assert x.dtype == np.float32
    np.testing.assert_allclose(x, np.column_stack([z, one_hot]), rtol=1e-6)


def test_order_of_columns_and_extra_columns_do_not_matter():
    preparation = learnt()
    other = {"extra": np.zeros(4), **dict(reversed(TABLE.items()))}
    np.testing.assert_array_equal(preparation.inputs(other), preparation.inputs(TABLE))
    assert preparation.extra(other) == ["extra"]


def test_class_targets_are_places_and_predictions_are_labels():
    preparation = learnt()
    assert preparation.task == "classification"
    assert (preparation.n_inputs, preparation.n_outputs) == (4, 2)
    assert preparation.targets(TABLE).tolist() == [1, 0, 1, 1]
    assert preparation.targets({"kind": text("a", "never", None)}).tolist() == [0, -1, -1]
    assert preparation.predictions(np.array([[0.9, 0.1], [0.2, 0.8]])).tolist() == ["a", "b"]
    assert preparation.target.commonest == 1
    assert preparation.text_columns == {"colour", "kind"}


def test_labels_of_whole_floats_are_integers():
    target = ClassTarget.learn("y", np.array([3.0, 1.0, 3.0]))
    assert (target.classes, target.counts) == ((1, 3), (1, 2))
    assert isinstance(target.classes[0], int)
    assert ClassTarget.learn("y", np.array([0.5, 1.0])).classes == (0.5, 1.0)
    huge = ClassTarget.learn("y", np.array([1e300, 1.0])).classes
    assert all(isinstance(label, float) for label in huge)  # no integer of 300 digits


def test_numeric_classes_are_not_read_as_text():
    preparation = learnt(kind=np.array([0, 1, 0, 1]))
    assert preparation.text_columns == {"colour"}


def test_regression_target_is_standardised_and_restored():
    preparation = ColumnPreparation.learn(TABLE, "size", "regression")
    z = preparation.targets(TABLE)
    assert preparation.task == "regression"
    assert preparation.n_outputs == 1
    np.testing.assert_allclose([z.mean(), z.std()], [0, 1], atol=1e-15)
    np.testing.assert_allclose(preparation.predictions(z[:, None]), TABLE["size"])


@pytest.mark.parametrize("constant", [0.0, 0.1, -7.0, 1e300, 5e-324])
def test_constant_column_becomes_zeros(constant):
    x = learnt(size=np.full(4, constant)).inputs({**TABLE, "size": np.full(4, constant)})
    assert (x[:, 0] == 0).all()


@pytest.mark.parametrize(
    "values",
    [[1e308, -1e308, 1.7e308, 0], [1e-320, 3e-320, 0, 2e-320], [1e15 + 1, 1e15 + 2, 1e15, 1e15]],
    ids=["huge", "subnormal", "far from zero"],
)
def test_extreme_numbers_stay_finite(values):
    column = np.array(values)
    z = NumericColumn.learn("x", column).standardise(column)
    assert np.isfinite(z).all()
    if column.max() > 1:
        np.testing.assert_allclose([z.mean(), z.std()], [0, 1], atol=1e-6)


def test_number_beyond_float32_is_refused():
    preparation = learnt()
    with pytest.raises(ColumnError, match=r"'size': 1e\+300 is beyond the range of float32"):
        preparation.inputs({**TABLE, "size": np.array([1.0, 1e300, 2.0, 3.0])}, np.float32)


def test_booleans_and_numpy_strings_are_columns():
    assert as_column("x", [True, False]).dtype == np.int64
    assert as_column("x", np.array(["a", "b"])).tolist() == ["a", "b"]


# ---- missing cells ----


def test_missing_cells_are_refused_with_column_count_and_row():
    columns = {**TABLE, "size": np.array([1.0, np.nan, 2.0, np.nan])}
    with pytest.raises(MissingCellError, match="'size' has 2 missing cells, the first in row 2"):
        ColumnPreparation.learn(columns, "kind", "classification")
    with pytest.raises(MissingCellError, match="'colour' has 1 missing cell, the first in row 3"):
        learnt().inputs({**TABLE, "colour": text("red", "red", None, "red")})


def test_missing_cells_are_filled_in_when_asked():
    columns = {
        **TABLE,
        "size": np.array([1.0, np.nan, 5.0, 3.0]),
        "colour": text("red", None, "red", "blue"),
    }
    preparation = ColumnPreparation.learn(columns, "kind", "classification", fill_missing=True)
    assert preparation.features[0].mean == 3
    assert preparation.inputs(columns)[1].tolist() == [0, 0, 0]
    empty = {"size": np.full(2, np.nan), "colour": np.full(2, np.nan)}  # an empty column has no kind
    assert (preparation.inputs(empty) == 0).all()
    assert (preparation.inputs({**empty, "size": text(None, None)}) == 0).all()


def test_missing_target_is_refused_even_then():
    columns = {**TABLE, "kind": text("a", None, "b", "b")}
    with pytest.raises(MissingCellError, match="'kind' has 1 missing cell, the first in row 2"):
        ColumnPreparation.learn(columns, "kind", "classification", fill_missing=True)


def test_unseen_categories_are_zeros_and_counted():
    preparation = learnt()
    with pytest.warns(UnseenCategoryWarning, match=r"'colour' has 2 cells of a category .* 'mauve'") as caught:
        x = preparation.inputs({**TABLE, "colour": text("red", "mauve", "pink", "blue")})
    assert len(caught) == 1
    assert x[:, 1:].tolist() == [[0, 0, 1], [0, 0, 0], [0, 0, 0], [1, 0, 0]]


# ---- what is refused ----


def test_missing_columns_are_named_with_those_present():
    columns = {"Size": TABLE["size"], "kind": TABLE["kind"]}
    with pytest.raises(ColumnError) as error:
        learnt().inputs(columns)
    assert str(error.value) == (
        "2 of the 2 columns that the network was trained on are missing: 'size', 'colour'; "
        "the table has 'Size' (is 'Size' meant for 'size'?)"
    )
    with pytest.raises(ColumnError, match=r"is missing: 'size'; the table has 'colour'$"):
        learnt().inputs({"colour": TABLE["colour"]})


def test_many_names_are_shortened():
    columns = {f"c{i}": np.arange(3) for i in range(20)}
    with pytest.raises(ColumnError, match=r"'c0', .*'c7' and 12 more$"):
        ColumnPreparation.learn(columns, "y", "regression")


def test_wrong_kinds_are_named():
    with pytest.raises(ColumnError, match="'colour' held text in training, and holds numbers now"):
        learnt().inputs({**TABLE, "colour": np.arange(4)})
    with pytest.raises(ColumnError, match=r"'size' held numbers .* text now, such as 'big' in row 2"):
        learnt().inputs({**TABLE, "size": text(None, "big", "big", "big")})
    with pytest.raises(ColumnError, match=r"'size' held numbers .* such as '7' in row 2"):
        learnt().inputs({**TABLE, "size": text(None, "7", "8", "9")})
    with pytest.raises(ColumnError, match="'kind' held text"):
        learnt().targets({"kind": np.arange(2)})
    with pytest.raises(ColumnError, match="no column 'kind' among 'size'"):
        learnt().targets({"size": TABLE["size"]})
    with pytest.raises(ColumnError, match="'size' held numbers"):
        ColumnPreparation.learn(TABLE, "size", "regression").targets({"size": text("a")})


@pytest.mark.parametrize(
    ("changes", "task", "message"),
    [
        ({"kind": text("a", "a", "a", "a")}, "classification", "'kind' is 'a' in every training row"),
        ({"kind": np.full(4, 2.5)}, "regression", "'kind' is 2.5 in every training row"),
        ({}, "regression", "'kind' is text: regression needs numbers"),
        (
            {"size": np.array([1, 2, np.inf, -np.inf])},
            "classification",
            "2 infinite numbers, the first in row 3",
        ),
        ({"size": np.full(4, np.nan)}, "classification", "'size' has no value in the training rows"),
        ({"colour": text(None, None, None, None)}, "classification", "'colour' has no value"),
        ({"size": np.zeros((4, 1))}, "classification", r"one dimension, not the shape \(4, 1\)"),
        ({"size": np.zeros(4, complex)}, "classification", "neither numbers nor text .*complex128"),
        ({"colour": text("red", 1, "a", "b")}, "classification", "neither numbers nor text"),
        ({"size": np.zeros(3)}, "classification", "'size' has 3 rows, 'colour' has 4"),
        ({n: TABLE[n][:0] for n in TABLE}, "classification", "the table has no rows"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused(changes, task, message):
    with pytest.raises(ColumnError, match=message):
        ColumnPreparation.learn({**TABLE, **changes}, "kind", task, fill_missing=True)


def test_a_table_of_the_target_alone_is_refused():
    with pytest.raises(ColumnError, match="'kind' is the only column"):
        ColumnPreparation.learn({"kind": TABLE["kind"]}, "kind", "classification")


# ---- as JSON ----


def through_json(preparation):
    return ColumnPreparation.from_dict(json.loads(json.dumps(preparation.to_dict())))


def test_json_keeps_everything():
    for preparation in (
        learnt(),
        learnt(kind=np.array([0.5, 1, 1, 2])),
        ColumnPreparation.learn(TABLE, "size", "regression", fill_missing=True),
    ):
        assert through_json(preparation) == preparation


@given(
    numbers=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=20),
    words=st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=20, max_size=20),
)
def test_json_keeps_any_column(numbers, words):
    columns = {"x": np.array(numbers), "w": text(*words[: len(numbers)]), "y": np.arange(len(numbers))}
    preparation = ColumnPreparation.learn(columns, "y", "regression")
    assert through_json(preparation) == preparation
    x = preparation.inputs(columns)
    assert np.isfinite(x).all()
    assert (x[:, 1:].sum(axis=1) == 1).all()


def places(value, path=()):
    """Yield the path of every item of a JSON value."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


GOOD = learnt().to_dict()
FOREIGN = [
    None,
    True,
    0,
    -1,
    1.5,
    "",
    "numeric",
    [],
    ["a"],
    [["a"]],
    {},
    {"kind": ["numeric"]},
    10**400,
    "\x1b[2J",
]


@pytest.mark.parametrize("path", list(places(GOOD)), ids=str)
def test_anything_else_in_any_place_is_refused_or_means_itself(path):
    """A file may hold anything: either it is refused in a sentence, or it is a preparation that works."""
    for foreign in FOREIGN:
        data = copy.deepcopy(GOOD)
        if path:
            *parents, last = path
            place = data
            for key in parents:
                place = place[key]
            place[last] = foreign
        else:
            data = foreign
        try:
            preparation = ColumnPreparation.from_dict(data)
        except ValueError as error:
            message = str(error)
        else:
            message = "preparation"
            assert preparation.to_dict() == data
        assert message.startswith("preparation")
        assert message.isprintable()


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["features", 0, "scale"], 0.0, r"features\[0\].scale must be at least"),
        (["features", 0, "scale"], 5e-324, "scale must be at least"),
        (["features", 0, "mean"], float("nan"), "mean must be a finite number, not nan"),
        (["features", 0, "mean"], False, "must be a finite number"),
        (["features", 1, "categories"], ["b", "a"], "must be in ascending order, each once"),
        (["features", 1, "categories"], ["a", "a"], "must be in ascending order, each once"),
        (["features", 1, "categories"], ["a", 1], "must be in ascending order"),
        (["features", 1, "categories"], [1, 2], "must be text"),
        (["features", 1, "name"], "size", "names the column 'size' twice"),
        (["features"], [], "at least one column"),
        (["target", "classes"], ["a"], "a list of at least 2"),
        (["target", "classes"], [False, True], "must be a finite number"),
        (["target", "counts"], [1], "2 classes and 1 counts"),
        (["target", "counts"], [1, 0], "positive integers"),
        (["target", "kind"], "text", "one of numeric, classes"),
        (["target", "name"], 7, "target.name must be text, not 7"),
        (["fill_missing"], 1, "must be true or false"),
        (["more"], 1, "unknown key"),
    ],
)
def test_refusals_name_the_place(path, value, message):
    data = copy.deepcopy(GOOD)
    place = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(ValueError, match=message):
        ColumnPreparation.from_dict(data)


def test_long_names_and_cells_are_shortened_in_messages():
    long = "x" * 500
    column = np.array([long, long], object)
    for columns, target in (
        ({"a": column, long: column}, long),
        ({long: column}, long),
        ({long: column, "a": column}, "b"),
    ):
        with pytest.raises(ColumnError) as caught:
            ColumnPreparation.learn(columns, target, "classification")
        assert len(str(caught.value)) < 300
