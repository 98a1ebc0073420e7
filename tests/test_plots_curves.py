"""The learning curve: which series are drawn, by which scale, and which epoch is the best."""

from types import SimpleNamespace

import numpy as np
import pytest
from drawn_models import Unfitted, estimator
from matplotlib import pyplot
from matplotlib.figure import Figure

from scratchnn import History, NeuralNetwork
from scratchnn.plots import learning_curve

pytestmark = pytest.mark.usefixtures("figures")

NAN = float("nan")


def history(loss, validation_loss=(), **scores):
    return SimpleNamespace(loss=list(loss), validation_loss=list(validation_loss), scores=scores)


def draw(*args, title="", loss_name=None, **scores):
    return learning_curve(history(*args, **scores), ax=Figure().add_subplot(), title=title, loss_name=loss_name)


def curves(ax):
    """{label: points} of the lines that the legend names."""
    lines = {line.get_label(): line for line in ax.get_lines()}
    return {label: list(zip(*line.get_data(), strict=True)) for label, line in lines.items() if label[0] != "_"}


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


# ---- losses ----


def test_both_losses_and_the_best_epoch():
    ax = draw([4, 3, 2, 1], [4, 2, 3, 5], title="a: b", loss_name="cross_entropy")
    assert curves(ax) == {
        "training loss": [(1, 4), (2, 3), (3, 2), (4, 1)],
        "validation loss": [(1, 4), (2, 2), (3, 3), (4, 5)],
        "best: epoch 2, 2": [(2, 2)],
    }
    assert legend(ax) == list(curves(ax))
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title(loc="left")) == ("epoch", "cross entropy", "a: b")
    (rule,) = [line for line in ax.get_lines() if line.get_label() == "_best"]
    assert list(rule.get_xdata()) == [2, 2]


def test_lines_differ_in_colour_and_in_grey():
    ax = draw([2, 1], [3, 2], accuracy=[0.1, 0.2], validation_accuracy=[0.1, 0.3])
    lines = [line for line in ax.get_lines() if line.get_linewidth() == 2]
    assert len(lines) == 4
    assert len({line.get_color() for line in lines}) == 4
    assert len({str(line.get_linestyle()) + str(line._dash_pattern) for line in lines}) == 4


def test_training_loss_alone_has_no_best():
    assert curves(draw([2, 1])) == {"training loss": [(1, 2), (2, 1)]}


def test_entries_belong_to_epochs_from_the_first():
    """As History has them: earlier epochs without validation rows are NaN, later ones may be missing."""
    ax = draw([5, 4, 3, 2, 1], [NAN, NAN, 4, 3])
    assert curves(ax)["validation loss"] == [(3, 4), (4, 3)]
    assert "best: epoch 4, 3" in legend(ax)
    X, y = [[0], [1]], [0, 1]
    network = NeuralNetwork([1, 1], seed=0)
    network.train(X, y, epochs=2)
    network.train(X, y, epochs=3, validation_data=(X, y))
    network.train(X, y, epochs=1)
    ax = learning_curve(network)
    assert [x for x, _ in curves(ax)["validation loss"]] == [3, 4, 5]
    assert f"best: epoch {network.history.best_epoch}, " in legend(ax)[-1]


@pytest.mark.parametrize(
    ("values", "marker"),
    [([1, 2, 3], ""), ([NAN, 2, 3], ""), ([1], "o"), ([1, NAN, 3], "o"), ([NAN, 2, NAN], "o"), ([1, np.inf, 2], "o")],
)
def test_points_are_marked_where_a_line_skips_epochs_or_has_no_length(values, marker):
    ax = draw([4, 4, 4], values)
    assert curves(ax)["validation loss"] == [(i + 1, v) for i, v in enumerate(values) if np.isfinite(v)]
    assert ax.get_lines()[1].get_marker() == marker


def test_one_epoch_and_no_finite_validation_loss():
    ax = draw([1.0], [NAN])
    assert curves(ax) == {"training loss": [(1, 1)]}
    assert ax.get_xlim() == (0.5, 1.5)
    assert [tick for tick in ax.get_xticks() if 0.5 <= tick <= 1.5] == [1]


@pytest.mark.parametrize(
    ("loss", "scale"),
    [([2, 1.5, 1], "linear"), ([2, 1, 0.15], "log"), ([1e3, 1, 1e-6], "log"), ([1, 0], "linear"), ([1, -9], "linear")],
)
def test_a_loss_that_falls_far_has_a_logarithmic_axis(loss, scale):
    ax = draw(loss)
    assert ax.get_yscale() == scale
    low, high = ax.get_ylim()
    assert low < min(loss) < max(loss) < high


@pytest.mark.parametrize("n_epochs", [2, 7, 60, 12345])
def test_epochs_are_whole_numbers(n_epochs):
    ax = draw(np.linspace(1, 0.5, n_epochs))
    low, high = ax.get_xlim()
    assert (low, high) == (0.5, n_epochs + 0.5)
    ticks = [tick for tick in ax.get_xticks() if low <= tick <= high]
    assert len(ticks) >= 1
    assert all(tick == int(tick) for tick in ticks)


# ---- scores ----


def test_scores_have_a_scale_of_their_own():
    ax = draw([4, 3, 2], [4, 2, 3], validation_accuracy=[0.5, 0.7, 0.9])
    right = ax.figure.axes[1]
    assert right.get_ylabel() == "validation accuracy"
    assert right.get_ylim() == pytest.approx((0.48, 0.92))
    assert ax.get_ylim()[1] > 4
    (line,) = [line for line in ax.get_lines() if line.get_label() == "validation accuracy"]
    assert np.allclose(line.get_transform().transform((3, 0.9)), right.transData.transform((3, 0.9)))
    assert legend(ax) == ["training loss", "validation loss", "validation accuracy", "best: epoch 2, 2"]


def test_without_validation_loss_the_best_score_counts():
    ax = draw([3, 2, 1], accuracy=[1.0, 0.5, 0.5], validation_accuracy=[0.5, 0.75, 0.7])
    assert "best: epoch 2, 0.75" in legend(ax)
    (point,) = [line for line in ax.get_lines() if line.get_marker() == "o"]
    shown = point.get_transform().transform(point.get_xydata()[0])
    assert np.allclose(shown, ax.figure.axes[1].transData.transform((2, 0.75)))
    assert ax.figure.axes[1].get_ylabel() == "score"
    assert "best" not in " ".join(legend(draw([3, 2], accuracy=[0.1, 0.2])))


@pytest.mark.parametrize(
    ("scores", "limits"),
    [
        ([-300.0, 0.5, 0.9], (-1.095, 0.995)),  # R² of a bad start leaves the picture
        ([-3.0, -2.0, -1.0], (-3.1, -0.9)),  # as a negated error has it
        ([0.5, 0.5, 0.5], (0.45, 0.55)),
        ([NAN, 0.5, np.inf], (0.45, 0.55)),
    ],
)
def test_negative_and_constant_scores(scores, limits):
    ax = draw([3, 2, 1], validation_score=scores)
    assert ax.figure.axes[1].get_ylim() == pytest.approx(limits)
    ax.figure.draw_without_rendering()


def test_negative_numbers_have_a_minus_sign():
    assert "best: epoch 1, −3" in legend(draw([1, 1], [-3, -2]))


def test_scores_without_a_number_draw_nothing():
    assert len(draw([1, 2], validation_score=[NAN, NAN]).figure.axes) == 1


# ---- where they come from ----


def test_networks_and_histories():
    X, y = [[0], [1]], [0, 1]
    network = NeuralNetwork([1, 1], loss="binary_cross_entropy", seed=0)
    network.train(X, y, epochs=4)
    for source, name in ((network, "binary cross entropy"), (network.history, "loss")):
        ax = learning_curve(source)
        assert [loss for _, loss in curves(ax)["training loss"]] == network.history.loss
        assert ax.get_ylabel() == name


def test_estimators():
    model = estimator(loss_curve_=[3.0, 2.0, 1.0], validation_scores_=[0.1, 0.9, 0.8], loss="log_loss", best_loss_=None)
    ax = learning_curve(model)
    assert curves(ax) == {
        "training loss": [(1, 3), (2, 2), (3, 1)],
        "validation score": [(1, 0.1), (2, 0.9), (3, 0.8)],
        "best: epoch 2, 0.9": [(2, 0.9)],
    }
    assert ax.get_ylabel() == "log loss"
    model.validation_loss_curve_ = [4.0, 3.0, 2.0]
    assert list(curves(learning_curve(model))) == [
        "training loss", "validation loss", "validation score", "best: epoch 2, 0.9"
    ]  # fmt: skip
    model.validation_scores_ = [NAN] * 3
    assert "best: epoch 3, 2" in curves(learning_curve(model))
    model.validation_scores_ = model.validation_loss_curve_ = None  # as without early stopping
    assert list(curves(learning_curve(model))) == ["training loss"]


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        (History(), ValueError, "the history has no epoch to draw"),
        (NeuralNetwork(), ValueError, "the history has no epoch to draw"),
        (Unfitted(), ValueError, "this Unfitted has no loss_curve_: it has not been fitted, or its solver keeps none"),
        ([1, 2], TypeError, "history is a list; expected a History, a NeuralNetwork or a fitted estimator"),
        (SimpleNamespace(loss="mse"), TypeError, "history is a SimpleNamespace"),
        (history([[1, 2]]), ValueError, r"loss has shape \(1, 2\); expected one number for each epoch"),
        (history([1], score=[[1]]), ValueError, r"score has shape \(1, 1\)"),
    ],
)
def test_what_cannot_be_drawn(source, error, message):
    with pytest.raises(error, match=message):
        learning_curve(source)
    assert not pyplot.get_fignums()
