"""Decision boundaries: regions, their strength, the line, points and names, from every kind of model and data."""

import warnings

import numpy as np
import pytest
from drawn_models import Nearest, Slope, Unfitted
from matplotlib import pyplot
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgb

from scratchnn import NeuralNetwork
from scratchnn.plots import decision_boundary, style

pytestmark = pytest.mark.usefixtures("figures")

X = np.array([[-3.0, 0.0], [-2.0, 1.0], [2.0, -1.0], [3.0, 1.0]])
Y = ["no", "no", "yes", "yes"]


def draw(model=None, data=X, labels=Y, **options):
    return decision_boundary(
        Slope() if model is None else model, data, labels, resolution=options.pop("n", 41), **options
    )


def regions(ax):
    (image,) = ax.get_images()
    return image.get_array()


def points(ax):
    """The points of each class that has any."""
    return [c.get_offsets().tolist() for c in ax.collections if isinstance(c, PathCollection)]


def names(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def saturation(rgb):
    return (rgb.max(axis=-1) - rgb.min(axis=-1)) / rgb.max(axis=-1)


# ---- regions and the line between them ----


def test_regions_have_the_colour_of_the_likelier_class():
    shown = regions(draw())
    blue, orange = (np.array(to_rgb(colour)) for colour in (style.BLUE, style.ORANGE))
    for rgb, own, other in ((shown[20, 0], blue, orange), (shown[20, -1], orange, blue)):
        assert np.linalg.norm(rgb - own) < np.linalg.norm(rgb - other)


def test_saturation_shows_how_sure_the_model_is():
    """P is 1 / (1 + exp(-x)): the colour's share of white rises linearly with 2 max(P, 1 - P) - 1."""
    ax = draw()
    left, right, _, _ = ax.get_images()[0].get_extent()
    xs = np.linspace(left, right, 83)[1::2]  # the middles of the 41 pixels
    certainty = np.abs(2 / (1 + np.exp(-xs)) - 1)
    share = 0.06 + 0.44 * certainty
    colours = np.where(xs[:, None] > 0, to_rgb(style.ORANGE), to_rgb(style.BLUE))
    off_the_tie = np.abs(xs) > 1e-9
    expected = 1 + share[:, None] * (colours - 1)
    assert np.allclose(regions(ax)[7][off_the_tie], expected[off_the_tie])
    assert saturation(regions(ax)[7])[[0, -1]].min() > 4 * saturation(regions(ax)[7])[19:22].max()


def test_the_line_is_where_both_classes_are_equally_likely():
    (contour,) = [c for c in draw().collections if not isinstance(c, PathCollection)]
    vertices = np.concatenate([path.vertices for path in contour.get_paths()])
    assert np.allclose(vertices[:, 0], 0, atol=1e-3)
    assert vertices[:, 1].min() < -1
    assert vertices[:, 1].max() > 1


def test_no_line_where_one_class_is_everywhere_the_likelier():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ax = draw(data=X + np.array([9, 0]), labels=["yes"] * 4)
    assert len(ax.collections) == 1  # the points


def test_many_classes():
    corners = np.array([[np.cos(a), np.sin(a)] for a in np.arange(10) * 2 * np.pi / 10]) * 5
    labels = [f"class {i}" for i in range(10)]
    ax = draw(Nearest(corners, labels), corners, labels, n=101)
    assert points(ax) == [[corner] for corner in corners.tolist()]
    assert names(ax) == labels
    found = {tuple(np.round(rgb, 6)) for rgb in regions(ax)[::10, ::10].reshape(-1, 3)}
    assert len(found) > 10
    markers = {c.get_paths()[0].vertices.tobytes() for c in ax.collections if isinstance(c, PathCollection)}
    assert len(markers) == 10


def test_the_data_are_within_the_limits_with_a_margin():
    ax = draw()
    assert ax.get_xlim() == pytest.approx((-3.48, 3.48))
    assert ax.get_ylim() == pytest.approx((-1.16, 1.16))
    ax = draw(data=np.ones((2, 2)), labels=["no", "yes"])
    assert ax.get_xlim() == (0.5, 1.5)


def test_without_labels_the_legend_shows_the_regions():
    ax = draw(labels=None)
    assert points(ax) == []
    assert names(ax) == ["no", "yes"]


# ---- features ----


def test_other_features_stay_at_their_median():
    model = Slope()
    data = np.column_stack([X, [1, 2, 3, 40], [5, 5, 5, 9]])
    ax = draw(model, data)
    rows = np.concatenate(model.seen)
    assert rows.shape == (41 * 41 + 0, 4)
    assert set(rows[:, 2]) == {2.5}
    assert set(rows[:, 3]) == {5.0}
    assert ax.get_xlabel() == "x1\n(the other 2 features at their median)"
    assert draw(data=data[:, :3]).get_xlabel() == "x1\n(the other feature at its median)"
    assert draw().get_xlabel() == "x1"


def test_features_by_number_and_the_axes_they_are_on():
    data = np.column_stack([[0, 0, 0, 0], X])
    ax = draw(data=data, features=(-1, 1))
    assert (ax.get_xlabel().split("\n")[0], ax.get_ylabel()) == ("x3", "x2")
    assert points(ax)[0] == [[0, -3], [1, -2]]
    ax = draw(data=data, features=(1, 2), feature_names=["a", "b", "$c$"])
    assert (ax.get_xlabel().split("\n")[0], ax.get_ylabel()) == ("b", r"\$c\$")


def test_large_data_are_asked_for_in_parts():
    model = Slope()
    ax = draw(model, np.column_stack([X, np.zeros((4, 3000))]))
    assert len(model.seen) == 2
    assert regions(ax).shape == (41, 41, 3)
    assert np.allclose(regions(ax), regions(draw()))


def test_frames():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"x": X[:, 0], "kind": ["a", "b", "b", "c"], "n": [1, 2, 3, 4], "y": X[:, 1]})
    model = Slope(feature_names_in_=np.array(frame.columns))
    ax = draw(model, frame, pandas.Series(Y, dtype="category"), features=("x", "y"))
    (rows,) = model.seen
    assert isinstance(rows, pandas.DataFrame)
    assert list(rows.columns) == list(frame.columns)
    assert set(rows["kind"]) == {"b"}
    assert set(rows["n"]) == {2.5}
    assert (ax.get_xlabel().split("\n")[0], ax.get_ylabel()) == ("x", "y")
    assert points(ax)[1] == X[2:].tolist()
    numbers = frame[["x", "y", "n"]].astype({"n": "Int64"})
    model = Slope()  # fitted on arrays, so that it gets arrays
    assert draw(model, numbers, features=(0, 1)).get_xlabel().startswith("x\n")
    assert isinstance(model.seen[0], np.ndarray)
    assert set(model.seen[0][:, 2]) == {2.5}
    with pytest.raises(ValueError, match="several columns of one name"):
        draw(Slope(), frame.set_axis(["x", "x", "n", "y"], axis=1))
    with pytest.raises(ValueError, match=r"X has no feature 'z'; .* or a name out of 'x', 'kind', 'n', 'y'"):
        draw(Slope(), frame, features=("x", "z"))
    with pytest.raises(TypeError, match=r"feature 'kind' has dtype .*; expected numbers"):
        draw(Slope(), frame, features=("x", "kind"))


def test_columns_of_objects_are_numbers_where_they_can_be():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {"x": list(X[:, 0]), "n": [1, None, 2, 3], "y": list(X[:, 1]), "o": [(1,), (1,), (2,), (3,)]}
    )
    frame = frame.astype(object)
    model = Slope(feature_names_in_=np.array(frame.columns))
    draw(model, frame, features=("x", "y"))
    (rows,) = model.seen
    assert set(rows["n"]) == {2.0}
    assert set(rows["o"]) == {(1,)}
    with pytest.raises(ValueError, match="feature 'n' is nan in row 1; expected finite numbers"):
        draw(model, frame, features=("x", "n"))
    with pytest.raises(TypeError, match="feature 'o' has dtype object; expected numbers"):
        draw(model, frame, features=("x", "o"))


def test_sparse_matrices():
    sparse = pytest.importorskip("scipy.sparse")
    assert points(draw(data=sparse.csr_array(X))) == points(draw())


# ---- labels ----


@pytest.mark.parametrize(
    "labels",
    [[0, 0, 1, 1], [[0], [0], [1], [1]], [0.0, 0.0, 1.0, 1.0], [False, False, True, True], np.eye(2)[[0, 0, 1, 1]]],
)
def test_labels_of_networks(labels):
    network = NeuralNetwork([2, 3, 1], seed=0)
    ax = draw(network, X, labels)
    assert points(ax) == [X[:2].tolist(), X[2:].tolist()]
    assert names(ax) == ["0", "1"]
    assert names(draw(network, X, labels, class_names=["no", "yes"])) == ["no", "yes"]


def test_names_as_labels_of_a_network():
    ax = draw(NeuralNetwork([2, 3, 3], loss="cross_entropy", seed=0), X, ["a", "c", "c", "a"], class_names="abc")
    assert points(ax) == [[X[0].tolist(), X[3].tolist()], [X[1].tolist(), X[2].tolist()]]
    assert names(ax) == ["a", "b", "c"]


def test_float32_and_numbers_as_classes():
    network = NeuralNetwork([2, 3, 1], seed=0, dtype="float32")
    assert len(points(draw(network, X.astype(np.float32), [0, 1, 0, 1]))) == 2
    assert names(draw(Slope([3, 7]), X, np.array([3, 7, 7, 3], dtype=np.uint8))) == ["3", "7"]


# ---- mistakes ----


class Wrong(Slope):
    def predict_proba(self, X):
        return np.zeros((len(X), 3))


class NoProbabilities:
    classes_, n_features_in_ = np.array([0, 1]), 2

    def fit(self, X, y):
        raise AssertionError


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"model": Unfitted()}, ValueError, "this Unfitted has not been fitted"),
        ({"model": NoProbabilities()}, TypeError, "a NoProbabilities; expected .* classes_ and predict_proba"),
        (
            {"model": Wrong()},
            ValueError,
            r"answers 1681 rows with shape \(1681, 3\); .* probabilities of its 2 classes",
        ),
        ({"data": X[:, 0]}, ValueError, r"X has shape \(4,\); expected \(n_samples, n_features\)"),
        ({"data": X[:, :1]}, ValueError, r"X has shape \(4, 1\); a decision boundary needs two features"),
        ({"data": X[:0], "labels": []}, ValueError, r"X has shape \(0, 2\); expected at least one row"),
        ({"data": X.astype(str)}, TypeError, "X has dtype <U.*; expected numbers"),
        ({"data": X * np.nan}, ValueError, "feature 0 is nan in row 0; expected finite numbers"),
        ({"labels": Y[:3]}, ValueError, "X has 4 rows, y 3; expected one label for each row"),
        ({"labels": ["no", "maybe"] * 2}, ValueError, r"y\[1\] is 'maybe', which is none of the classes 'no', 'yes'"),
        ({"labels": [0.5, 1, 1, 1]}, ValueError, r"y\[0\] is 0.5; expected class labels; np.argmax"),
        ({"labels": [[1, 2, 3]] * 4}, ValueError, r"y has shape \(4, 3\); expected a class label for each row"),
        ({"features": (0, 2)}, ValueError, "X has no feature 2; expected a number from 0 to 1"),
        ({"features": (0, True)}, ValueError, "X has no feature True"),
        ({"features": (0, 0)}, ValueError, r"features is \(0, 0\); expected two different ones"),
        ({"features": 3}, ValueError, r"features is 3; expected a pair, such as \(0, 1\)"),
        ({"features": (0, 1, 2)}, ValueError, "expected a pair"),
        ({"class_names": ["a"]}, ValueError, "class_names has 1 names; expected 2, one for each class"),
        ({"feature_names": ["a"]}, ValueError, "feature_names has 1 names; expected 2, one for each input"),
        ({"n": 1}, ValueError, "resolution is 1; expected an integer >= 2"),
    ],
)
def test_mistakes(changes, error, message):
    with pytest.raises(error, match=message):
        draw(**changes)
    assert not pyplot.get_fignums()
