"""Predicted numbers beside the true ones, and their residuals."""

import numpy as np
import pytest
from matplotlib import pyplot

from scratchnn.plots import predicted_against_true, residuals

pytestmark = pytest.mark.usefixtures("figures")

TRUE, PREDICTED = [1.0, 2.0, 3.0, 6.0], [1.5, 2.0, 2.0, 6.5]
both = pytest.mark.parametrize("draw", [predicted_against_true, residuals])


def points(ax):
    return ax.collections[0].get_offsets().tolist()


def test_predicted_against_true():
    ax = predicted_against_true(TRUE, PREDICTED, name="price in $")
    assert points(ax) == [[1, 1.5], [2, 2], [3, 2], [6, 6.5]]
    assert ax.get_xlim() == ax.get_ylim() == pytest.approx((0.725, 6.775))
    assert ax.get_aspect() == 1
    assert (ax.get_xlabel(), ax.get_ylabel()) == (r"true price in \$", r"predicted price in \$")
    (diagonal,) = ax.get_lines()
    ends = diagonal.get_transform().transform([(0, 0), (1, 1)])
    assert ends.shape == (2, 2)
    assert (diagonal.get_slope(), diagonal.get_xy1()) == (1, (0, 0))


def test_residuals():
    ax = residuals(TRUE, PREDICTED)
    assert points(ax) == [[1.5, -0.5], [2, 0], [2, 1], [6.5, -0.5]]
    assert ax.get_ylim() == pytest.approx((-1.08, 1.08))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted", "residual: true − predicted")
    (zero,) = ax.get_lines()
    assert list(zero.get_ydata()) == [0, 0]
    assert ax.get_legend() is None


def test_means_of_residuals_show_a_bias(rng):
    predicted = rng.uniform(0, 10, 600)
    true = predicted + 0.3 * (predicted - 5) ** 2 + rng.normal(size=600)
    ax = residuals(true, predicted)
    _, means = ax.get_lines()
    x, y = means.get_data()
    assert len(x) == 12
    order = np.argsort(predicted).reshape(12, 50)
    assert np.allclose(x, predicted[order].mean(axis=1))
    assert np.allclose(y, (true - predicted)[order].mean(axis=1))
    assert len(residuals(true[:35], predicted[:35]).get_lines()[1].get_xdata()) == 3
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["mean of a group of rows"]


@both
def test_the_title_has_the_figures(draw):
    assert draw(TRUE, PREDICTED).get_title(loc="left") == "R² 0.893, RMSE 0.6124, MAE 0.5"
    assert draw([2, 2], [1, 2]).get_title(loc="left") == "RMSE 0.7071, MAE 0.5"
    assert draw(TRUE, PREDICTED, title="mine").get_title(loc="left") == "mine"


@both
def test_columns_integers_and_one_row(draw):
    ax = draw(np.array([[1], [2]]), [1, 3])
    assert len(points(ax)) == 2
    ax = draw([1], [1])
    assert ax.get_xlim()[0] < 1 < ax.get_xlim()[1]
    assert ax.get_ylim()[0] < ax.get_ylim()[1]
    ax.figure.draw_without_rendering()


@both
def test_many_points_are_small_and_faint(draw, rng):
    few, many = (draw(*rng.normal(size=(2, n))).collections[0] for n in (100, 50_000))
    assert many.get_sizes()[0] < few.get_sizes()[0]
    assert many.get_alpha() < few.get_alpha()


@both
@pytest.mark.parametrize(
    ("true", "predicted", "error", "message"),
    [
        ([1, 2], [1], ValueError, "y_true has 2 rows, y_pred 1; expected as many, and at least one"),
        ([], [], ValueError, "y_true has 0 rows"),
        (["a"], ["b"], TypeError, "y_true has dtype <U1; expected numbers"),
        ([1.0], [np.inf], ValueError, r"y_pred\[0\] is inf; expected finite numbers"),
        ([[1, 2]], [[1, 2]], ValueError, r"y_true has shape \(1, 2\); expected one output"),
    ],
)
def test_mistakes(draw, true, predicted, error, message):
    with pytest.raises(error, match=message):
        draw(true, predicted)
    assert not pyplot.get_fignums()
