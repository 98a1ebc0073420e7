"""What all plots have in common: axes, figures, text from data, models, files, and matplotlib itself."""

import importlib
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from drawn_models import Nearest, Unfitted, estimator
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from scratchnn import NeuralNetwork, plots
from scratchnn.plots import style
from scratchnn.plots.model import as_classifier, innermost, layers_of
from scratchnn.plots.saving import save_picture

pytestmark = pytest.mark.usefixtures("figures")

HISTORY = SimpleNamespace(loss=[3.0, 2.0, 1.0], validation_loss=[3.0, 2.0, 2.5])
POINTS = np.array([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
ON_ONE_AXES = {
    "learning_curve": lambda **ax: plots.learning_curve(HISTORY, **ax),
    "decision_boundary": lambda **ax: plots.decision_boundary(
        Nearest([[0, 0], [1, 1]], ["a", "b"]), POINTS, ["a", "b", "b"], resolution=9, **ax
    ),
    "confusion_matrix": lambda **ax: plots.confusion_matrix([0, 1, 1], [0, 1, 0], **ax),
    "network_diagram": lambda **ax: plots.network_diagram(NeuralNetwork(seed=0), **ax),
    "predicted_against_true": lambda **ax: plots.predicted_against_true([1, 2, 3], [1, 2, 4], **ax),
    "residuals": lambda **ax: plots.residuals([1, 2, 3], [1, 2, 4], **ax),
}
each = pytest.mark.parametrize("draw", ON_ONE_AXES.values(), ids=ON_ONE_AXES)


def test_all_are_tested():
    assert {*ON_ONE_AXES, "first_layer_images"} == set(plots.__all__)


# ---- axes ----


@each
def test_a_new_figure_is_pyplots_and_has_a_layout(draw):
    ax = draw()
    assert isinstance(ax, Axes)
    assert pyplot.get_fignums() == [ax.figure.number]
    assert ax.figure.get_layout_engine() is not None
    ax.figure.draw_without_rendering()


@each
def test_given_axes_are_drawn_on_and_returned(draw):
    ax = Figure(figsize=(8, 4)).subplots(1, 2)[1]
    assert draw(ax=ax) is ax
    assert ax.has_data() or ax.patches
    assert not pyplot.get_fignums()


@each
def test_nothing_stands_outside_the_figure(draw):
    """Texts, legends and axes of a new figure are within its borders, as it is saved."""
    figure = draw().figure
    figure.draw_without_rendering()
    box = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    assert box.x0 >= -0.01
    assert box.y0 >= -0.01
    assert box.x1 <= width + 0.01
    assert box.y1 <= height + 0.01


@each
@pytest.mark.parametrize("sheet", ["default", "dark_background"])
def test_every_style_has_its_ground(draw, sheet):
    with pyplot.style.context(sheet):
        ax = draw()
        assert np.allclose(style.background(ax), 0.0 if sheet == "dark_background" else 1.0)
        ax.figure.draw_without_rendering()


def test_titles():
    ax = plots.learning_curve(HISTORY, title="a title with more words than one line of its axes has room for " * 2)
    lines = ax.get_title(loc="left").split("\n")
    assert len(lines) > 1
    assert max(map(len, lines)) * 0.08 < 6.4
    plots.learning_curve(HISTORY, ax=ax, title="two\nlines")
    assert ax.get_title(loc="left") == "two\nlines"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("$x$ of 5 $", r"\$x\$ of 5 \$"),
        ("x" * 99, "x" * 29 + "…"),
        ("tab\there", "tab\N{REPLACEMENT CHARACTER}here"),
        (3, "3"),
    ],
)
def test_names_from_data_are_shown_literally(given, shown):
    assert style.label(given) == shown


def test_a_legend_is_outside_only_where_the_layout_makes_room():
    boxes = {}
    for layout in ("constrained", "none"):
        ax = Figure(figsize=(6, 4), layout=layout).add_subplot()
        plots.learning_curve(HISTORY, ax=ax)
        ax.figure.draw_without_rendering()
        box = ax.get_legend().get_window_extent()
        boxes[layout] = ax.bbox.contains(box.x0, box.y0) and ax.bbox.contains(box.x1, box.y1)
        assert box.y0 >= 0
        assert (box.y1 < ax.xaxis.label.get_window_extent().y0) == (layout == "constrained")
    assert boxes == {"constrained": False, "none": True}


# ---- colours ----


def test_colours_of_classes_differ():
    colours = style.class_colours(21)
    assert np.allclose(colours[0], to_rgb(style.BLUE))
    assert np.linalg.norm(colours[:, None] - colours, axis=-1)[~np.eye(21, dtype=bool)].min() > 0.07
    assert colours.min() >= 0
    assert colours.max() <= 1


@pytest.mark.parametrize("rgb", [(0, 0, 0), (1, 1, 1), (0.5, 0.5, 0.5), to_rgb(style.BLUE), to_rgb(style.VERMILLION)])
def test_text_on_a_colour_has_a_contrast_of_at_least_4_5(rgb):
    """By WCAG 2.1's definition."""

    def luminance(colour):
        r, g, b = ((c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4) for c in colour)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    low, high = sorted([luminance(rgb), luminance(to_rgb(style.readable_on(np.array(rgb))))])
    assert (high + 0.05) / (low + 0.05) >= 4.5


def test_mixing():
    white, red = np.ones(3), np.array([1.0, 0.0, 0.0])
    assert style.mix(red, 0.5, white).tolist() == [1.0, 0.5, 0.5]
    assert style.mix(np.array([red, white]), np.array([1.0, 0.0]), white).tolist() == [[1, 0, 0], [1, 1, 1]]


# ---- models ----


def test_layers_of_networks_and_estimators():
    network = NeuralNetwork([4, 3, 2], activation="tanh", loss="cross_entropy", seed=0)
    model = estimator((4, 3, 2), "tanh")
    for layers in (layers_of(network), layers_of(model)):
        assert [layer.weights.shape for layer in layers] == [(4, 3), (3, 2)]
        assert [layer.biases.shape for layer in layers] == [(3,), (2,)]
        assert [layer.activation for layer in layers] == ["tanh", "softmax"]
    model = estimator((4, 3, 3, 2), ["relu", "tanh"], "identity")
    assert [layer.activation for layer in layers_of(model)] == ["relu", "tanh", "identity"]


def test_the_model_within_searches_and_pipelines():
    model = estimator()
    pipeline = SimpleNamespace(steps=[("scale", object()), ("model", model)])
    search = SimpleNamespace(best_estimator_=pipeline)
    assert innermost(search) is innermost(pipeline) is innermost(model) is model
    assert len(layers_of(search)) == 2


@pytest.mark.parametrize("draw", [plots.network_diagram, plots.first_layer_images, lambda m: as_classifier(m)])
def test_models_that_cannot_be_drawn(draw):
    with pytest.raises(ValueError, match="this Unfitted has not been fitted; call its fit first"):
        draw(Unfitted())
    with pytest.raises(TypeError, match="the model is a dict; expected a NeuralNetwork, or a"):
        draw({})
    assert not pyplot.get_fignums()


def test_probabilities_of_networks():
    X = np.array([[0.0, 1.0], [2.0, -1.0], [0.5, 0.5]])
    one = NeuralNetwork([2, 3, 1], seed=0)
    classifier = as_classifier(one)
    assert classifier.labels == [0, 1]
    assert np.array_equal(classifier.probabilities(X), np.hstack([1 - one.predict(X), one.predict(X)]))
    softmax = NeuralNetwork([2, 3, 4], loss="cross_entropy", seed=0)
    assert as_classifier(softmax).labels == [0, 1, 2, 3]
    assert np.allclose(as_classifier(softmax).probabilities(X), softmax.predict(X))
    sigmoids = NeuralNetwork([2, 3, 4], seed=0)
    shares = as_classifier(sigmoids).probabilities(X)
    assert np.allclose(shares, sigmoids.predict(X) / sigmoids.predict(X).sum(axis=1, keepdims=True))
    silent = NeuralNetwork(
        [2, 2], output_activation="hard_sigmoid", weight_init="zeros", bias_init=[np.full(2, -9.0)], seed=0
    )
    assert as_classifier(silent).probabilities(X).tolist() == [[0.5, 0.5]] * 3


@pytest.mark.parametrize("activation", ["tanh", "identity", "relu"])
def test_outputs_that_are_no_probabilities(activation):
    network = NeuralNetwork([2, 3], output_activation=activation)
    with pytest.raises(ValueError, match=f"activation is {activation}, which .*; expected sigmoid or softmax"):
        as_classifier(network)


@pytest.mark.parametrize("library", ["sklearn.neural_network", "scratchnn"])
def test_estimators_in_pipelines(library):
    pipeline = pytest.importorskip("sklearn.pipeline")
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    X = pandas.DataFrame(rng.normal(size=(60, 3)), columns=["a", "b", "c"])
    y = np.where(X["a"] + X["c"] > 0, "up", "down")
    mlp = importlib.import_module(library).MLPClassifier(
        [5], early_stopping=True, max_iter=30, tol=0, n_iter_no_change=40, random_state=0
    )
    model = pipeline.make_pipeline(preprocessing.StandardScaler(), mlp)
    for draw in (plots.network_diagram, plots.first_layer_images):
        with pytest.raises(ValueError, match="this MLPClassifier has not been fitted"):
            draw(model)
    with pytest.raises(ValueError, match="this Pipeline has not been fitted"):
        plots.decision_boundary(model, X, y)
    with pytest.warns(Warning, match="Maximum iterations"):
        model.fit(X, y)
    ax = plots.learning_curve(model)
    assert ax.get_lines()[0].get_ydata().tolist() == list(mlp.loss_curve_)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert ("validation loss" in labels) == (library == "scratchnn")
    assert ax.get_lines()[-1].get_ydata()[0] == max(mlp.validation_scores_)
    ax = plots.decision_boundary(model, X, y, features=("a", "c"), resolution=20)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["down", "up"]
    ax = plots.network_diagram(model)
    assert len(ax.patches) == 3 + 5 + 1
    assert {"hidden\n5, relu", "output\n1, logistic", "up"} <= {text.get_text() for text in ax.texts}
    assert np.array_equal(
        plots.first_layer_images(model, (1, 3)).ravel()[1].get_images()[0].get_array(), mlp.coefs_[0][:, 1][None]
    )


# ---- files ----


@pytest.mark.parametrize(("suffix", "signature"), [("png", b"\x89PNG"), ("SVG", b"<?xml"), ("pdf", b"%PDF")])
def test_pictures(tmp_path, suffix, signature):
    path = tmp_path / f"curve.{suffix}"
    save_picture(path, lambda ax: plots.learning_curve(HISTORY, ax=ax, title="年齢 $x$ \\frac"))
    assert path.read_bytes().startswith(signature)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    assert not pyplot.get_fignums()


def test_other_suffixes_and_places_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"must end in .png, .svg or .pdf: '.*curve.jpg'"):
        save_picture(tmp_path / "curve.jpg", lambda ax: None)
    with pytest.raises(FileNotFoundError):
        save_picture(tmp_path / "nowhere" / "curve.png", lambda ax: None)


# ---- matplotlib ----

WITHOUT = """
import sys
sys.modules["matplotlib"] = None
from scratchnn import NeuralNetwork, plots
for draw in (
    lambda: plots.network_diagram(NeuralNetwork(seed=0)),
    lambda: plots.first_layer_images(NeuralNetwork([4, 2])),
    lambda: plots.confusion_matrix([1], [1]),
):
    try:
        draw()
    except ImportError as error:
        print(error, error.name)
"""


def run(code):
    result = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


def test_without_matplotlib_the_message_says_what_to_install():
    assert run(WITHOUT) == ['plots need matplotlib: pip install "scratchnn[plots]" matplotlib'] * 3


def test_a_broken_matplotlib_keeps_its_own_message(monkeypatch):
    class Broken:
        def find_spec(self, name, *_):
            if name == "matplotlib":
                raise ModuleNotFoundError("No module named 'kiwisolver'", name="kiwisolver")

    monkeypatch.delitem(sys.modules, "matplotlib")
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    with pytest.raises(ModuleNotFoundError, match="kiwisolver"):
        style.require_matplotlib()


def test_importing_the_plots_does_not_import_matplotlib():
    assert run("import sys; from scratchnn import plots; print('matplotlib' in sys.modules)") == ["False"]
