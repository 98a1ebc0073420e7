"""The confusion matrix: counts, shares, names, and what can be read in the cells."""

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from scratchnn.plots import confusion_matrix, style

pytestmark = pytest.mark.usefixtures("figures")

TRUE = ["cat", "cat", "cat", "dog", "dog", "eel"]
PREDICTED = ["cat", "cat", "dog", "dog", "cat", "eel"]


def cells(ax):
    """{(row, column): text} of the cells that have one."""
    return {(round(text.get_position()[1]), round(text.get_position()[0])): text.get_text() for text in ax.texts}


def rows(ax):
    n = len(ax.get_images()[0].get_array())
    return [[cells(ax).get((i, j)) for j in range(n)] for i in range(n)]


def names(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


# ---- counts ----


def test_row_i_column_j_is_class_i_answered_with_class_j():
    ax = confusion_matrix(TRUE, PREDICTED)
    assert rows(ax) == [["2", "1", "0"], ["1", "1", "0"], ["0", "0", "1"]]
    assert names(ax.xaxis) == names(ax.yaxis) == ["cat", "dog", "eel"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted", "true")
    assert ax.get_title(loc="left") == "66.7 % of 6 right"


def test_counts_agree_with_a_loop(rng):
    true, predicted = rng.integers(0, 7, (2, 400))
    counts = np.zeros((7, 7), int)
    for i, j in zip(true, predicted, strict=True):
        counts[i, j] += 1
    assert rows(confusion_matrix(true, predicted)) == [[str(count) for count in row] for row in counts]


@pytest.mark.parametrize(
    ("normalize", "expected", "note"),
    [
        (
            "true",
            [["66.7 %", "33.3 %", "0 %"], ["50.0 %", "50.0 %", "0 %"], ["0 %", "0 %", "100 %"]],
            "each true class",
        ),
        ("pred", [["66.7 %", "50.0 %", "0 %"], ["33.3 %", "50.0 %", "0 %"], ["0 %", "0 %", "100 %"]], "each answer"),
        ("all", [["33.3 %", "16.7 %", "0 %"], ["16.7 %", "16.7 %", "0 %"], ["0 %", "0 %", "16.7 %"]], "all"),
    ],
)
def test_shares(normalize, expected, note):
    ax = confusion_matrix(TRUE, PREDICTED, normalize=normalize)
    assert rows(ax) == expected
    assert ax.get_xlabel() == f"predicted\n(percent of {note})"


def test_a_rare_mistake_is_neither_nothing_nor_all():
    ax = confusion_matrix([0] * 10_000 + [1], [0] * 9_999 + [1, 1], normalize="true")
    assert rows(ax) == [[">99.9 %", "<0.1 %"], ["0 %", "100 %"]]
    assert ax.get_title(loc="left") == ">99.9 % of 10,001 right"


# ---- classes ----


def test_labels_and_names():
    ax = confusion_matrix([2, 0], [2, 2], labels=[2, 1, 0], class_names=["two", "one", "$0$"], title="")
    assert rows(ax) == [["1", "0", "0"], ["0", "0", "0"], ["1", "0", "0"]]
    assert names(ax.yaxis) == ["two", "one", r"\$0\$"]
    assert ax.get_title(loc="left") == ""


@pytest.mark.parametrize(
    ("true", "predicted", "shown"),
    [
        ([True, False], [True, True], ["False", "True"]),
        ([[1], [2]], np.array([1.0, 2.0]), ["1", "2"]),
        (np.array(["b", "a"]), ["a", "a"], ["a", "b"]),
        ([10, 9], [9, 9], ["9", "10"]),
        ([5], [5], ["5"]),
    ],
)
def test_kinds_of_labels(true, predicted, shown):
    assert names(confusion_matrix(true, predicted).yaxis) == shown


def test_frames():
    pandas = pytest.importorskip("pandas")
    ax = confusion_matrix(pandas.Series(TRUE), pandas.Series(PREDICTED, dtype="category"))
    assert rows(ax)[0] == ["2", "1", "0"]


# ---- what is seen ----


def test_right_answers_are_blue_and_wrong_ones_orange():
    """The depth is the square root of a cell's share of its row."""
    shown = confusion_matrix([0] * 4 + [1] * 4, [0, 0, 0, 1, 1, 1, 1, 1]).get_images()[0].get_array()
    blue, orange = np.array(to_rgb(style.BLUE)), np.array(to_rgb(style.VERMILLION))
    assert np.allclose(shown[1], [(1, 1, 1), blue])
    assert np.allclose(shown[0], [1 + 0.75**0.5 * (blue - 1), 1 + 0.5 * (orange - 1)])


def test_every_number_can_be_read():
    ax = confusion_matrix(*np.random.default_rng(0).integers(0, 4, (2, 200)))
    colours = ax.get_images()[0].get_array()
    for (i, j), text in zip(cells(ax), ax.texts, strict=True):
        assert text.get_color() == style.readable_on(colours[i, j])
    nothing = confusion_matrix([0, 1], [0, 1]).texts[1]
    assert (nothing.get_text(), nothing.get_color()) == ("0", style.GREY)


@pytest.mark.parametrize("n", [2, 10, 20, 35])
@pytest.mark.parametrize("figsize", [None, (3, 3), (8, 6)])
def test_texts_stay_in_their_cells_and_names_apart(n, figsize):
    labels = [f"class {i}" for i in range(n)]
    ax = None if figsize is None else Figure(figsize=figsize, layout="constrained").add_subplot()
    ax = confusion_matrix(labels * 50, labels * 49 + labels[::-1], labels=labels, normalize="true", ax=ax)
    ax.figure.draw_without_rendering()
    cell = ax.bbox.width / n
    for text in ax.texts:
        assert text.get_window_extent().width < cell
    heights = sorted(label.get_window_extent().y0 for label in ax.get_yticklabels() if label.get_text())
    size = ax.get_yticklabels()[0].get_fontsize() / 72 * ax.figure.dpi
    assert np.diff(heights).min() >= 0.99 * size if len(heights) > 1 else True
    assert len(heights) >= n / 4


def test_long_names_are_slanted_and_short_ones_not():
    assert confusion_matrix([0, 1], [0, 1]).get_xticklabels()[0].get_rotation() == 0
    ax = confusion_matrix([0, 1], [0, 1], class_names=["a name that is long", "another that is"])
    assert ax.get_xticklabels()[0].get_rotation() == 45


def test_zeros_of_many_classes_are_left_out():
    assert len(confusion_matrix(range(15), range(15)).texts) == 225
    assert len(confusion_matrix(range(16), range(16)).texts) == 16


# ---- mistakes ----


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (([1], [1, 2]), {}, ValueError, "y_true has 1 labels, y_pred 2; expected as many, and at least one"),
        (([], []), {}, ValueError, "y_true has 0 labels"),
        ((5, 5), {}, ValueError, r"y_true has shape \(\); expected a class label for each row"),
        (([[1, 0]], [[0, 1]]), {}, ValueError, r"y_true has shape \(1, 2\)"),
        (([1, 2], [0.25, 1]), {}, ValueError, r"y_pred\[0\] is 0.25; .* np.argmax\(p, axis=1\) makes them"),
        (([1, None], [1, 1]), {}, ValueError, r"y_true\[1\] is None; expected a class label"),
        ((["a", float("nan")], ["a", "a"]), {}, ValueError, r"y_true\[1\] is nan; expected a class label"),
        (([1, "a"], [1, 1]), {}, TypeError, "the labels are int and str; expected labels of one kind"),
        ((np.array([1, 2]), ["1", "2"]), {}, TypeError, "the labels are int and str"),
        (([1, 2], [1, 2]), {"labels": [1]}, ValueError, r"y_true\[1\] is 2, which is none of the classes 1$"),
        (([1], [30]), {"labels": range(20)}, ValueError, r"y_pred\[0\] is 30, .* classes 0, 1, .*, 9, …$"),
        (([1], [1]), {"labels": [1, 1]}, ValueError, r"labels names a class twice: \[1, 1\]"),
        (([1, 2], [1, 2]), {"class_names": ["a"]}, ValueError, "class_names has 1 names; expected 2"),
        (([1], [1]), {"class_names": ["a", "b"]}, ValueError, "class_names has 2 names; expected 1"),
        (([1], [1]), {"normalize": "truth"}, ValueError, "unknown normalize 'truth'. Did you mean 'true'?"),
    ],
)
def test_mistakes(arguments, options, error, message):
    with pytest.raises(error, match=message):
        confusion_matrix(*arguments, **options)
    assert not pyplot.get_fignums()
