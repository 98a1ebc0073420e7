"""The diagram: neurons, connections and their looks, names, and texts that do not overlap."""

import numpy as np
import pytest
from drawn_models import estimator
from matplotlib import pyplot
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from scratchnn import NeuralNetwork
from scratchnn.plots import network_diagram, style

pytestmark = pytest.mark.usefixtures("figures")


def network(*sizes, **options):
    return NeuralNetwork(
        list(sizes), seed=options.pop("seed", 1), bias_init=options.pop("bias_init", "normal"), **options
    )


def connections(ax):
    """{(start, end): (colour, width, opacity)} of the connections; dashes go with the colour."""
    negative, positive = (c for c in ax.collections if isinstance(c, LineCollection))
    assert all(dashes is not None for _, dashes in negative.get_linestyle())
    assert all(dashes is None for _, dashes in positive.get_linestyle())
    result = {}
    for collection in (negative, positive):
        if not len(collection.get_segments()):
            continue
        for segment, rgba, width in zip(
            collection.get_segments(), collection.get_colors(), collection.get_linewidths(), strict=True
        ):
            result[tuple(map(tuple, segment))] = (to_hex(rgba).upper(), width, rgba[3])
    return result


def texts(ax):
    return [text.get_text() for text in ax.texts]


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


# ---- neurons and connections ----


@pytest.mark.parametrize(("sizes", "n_lines"), [((2, 2, 1), 6), ((4, 8, 3), 56), ((1, 1), 1), ((3, 5, 4, 2), 43)])
def test_every_neuron_and_every_connection(sizes, n_lines):
    ax = network_diagram(network(*sizes))
    assert len(ax.patches) == sum(sizes)
    assert len(connections(ax)) == n_lines
    assert len({patch.center for patch in ax.patches}) == sum(sizes)


def test_lines_lead_from_neuron_to_neuron_and_show_sign_and_size():
    net = network(2, 3, 1)
    ax = network_diagram(net)
    centres = {name: patch.center for patch, name in zip(ax.patches, ["x1", "x2", "h1", "h2", "h3", "o1"], strict=True)}
    drawn = connections(ax)
    greatest = max(np.abs(layer.weights).max() for layer in net.layers)
    for before, after, weights in (
        (["x1", "x2"], ["h1", "h2", "h3"], net.layers[0].weights),
        (["h1", "h2", "h3"], ["o1"], net.layers[1].weights),
    ):
        for i, start in enumerate(before):
            for j, end in enumerate(after):
                colour, width, _ = drawn[centres[start], centres[end]]
                assert colour == (style.VERMILLION if weights[i, j] > 0 else style.BLUE)
                assert width == pytest.approx(max(0.6, 4 * abs(weights[i, j]) / greatest))


def test_neurons_show_their_biases():
    net = network(2, 3, 1, bias_init=[np.array([2.0, -1.0, 0.0]), np.array([-2.0])])
    *inputs, h1, h2, h3, o1 = network_diagram(net).patches
    assert all(patch.get_facecolor()[:3] == (1, 1, 1) for patch in (*inputs, h3))
    assert [to_hex(p.get_edgecolor()).upper() for p in (h1, h2, h3, o1)] == [
        style.VERMILLION, style.BLUE, style.GREY, style.BLUE
    ]  # fmt: skip
    assert np.allclose(h1.get_facecolor()[:3], 1 + 0.85 * (np.array(to_rgb(style.VERMILLION)) - 1))
    assert np.allclose(h2.get_facecolor()[:3], 1 + 0.425 * (np.array(to_rgb(style.BLUE)) - 1))
    assert h1.get_linestyle() in ("-", "solid")
    assert h2.get_linestyle() == o1.get_linestyle() not in ("-", "solid")


def test_wide_layers_are_abbreviated():
    ax = network_diagram(network(64, 100, 10))
    assert len(ax.patches) == 21
    assert len(connections(ax)) == 98
    names = texts(ax)
    assert names.count("⋮") == 3
    for first, last in (("x1", "x64"), ("h1", "h100"), ("o1", "o10")):
        assert first in names
        assert last in names
        assert f"{first[0]}7" not in names
    assert len(network_diagram(network(64, 100, 10), max_neurons=12).patches) == 11 + 11 + 10
    assert "⋮" not in texts(network_diagram(network(8, 8, 8)))


def test_the_weights_of_an_abbreviated_layer_are_those_of_the_neurons_shown():
    net = network(1, 9, 1, weight_init=[np.arange(1.0, 10)[None], np.ones((9, 1))])
    ax = network_diagram(net, max_neurons=4)
    (x1, *hidden, _) = [patch.center for patch in ax.patches]
    widths = [connections(ax)[x1, h][1] for h in hidden]
    assert widths == pytest.approx([4 * w / 9 for w in (1, 2, 9)])


# ---- text ----


def test_layers_are_headed_by_their_size_and_activation():
    ax = network_diagram(network(4, 5, 6, 3, activation="tanh", loss="cross_entropy"))
    assert {"input\n4", "hidden 1\n5, tanh", "hidden 2\n6, tanh", "output\n3, softmax"} <= set(texts(ax))
    assert "hidden\n2, sigmoid" in texts(network_diagram(NeuralNetwork(seed=0)))
    assert {"hidden\n3, relu", "output\n2, softmax"} <= set(texts(network_diagram(estimator((4, 3, 2)))))


def test_neurons_have_the_names_that_the_network_gives_them():
    net = network(2, 2, 2, 1)
    names = [text for text in texts(network_diagram(net)) if text[0] in "xho" and len(text) == 2]
    assert names == ["x1", "x2", "h1", "h2", "h3", "h4", "o1"]
    assert net.h3.weights[0] == net.layers[1].weights[0, 0]


def test_weights_and_biases_are_written_where_there_are_few():
    net = network(2, 3, 1)
    written = texts(network_diagram(net))
    for layer in net.layers:
        for number in (*layer.weights.ravel(), *layer.biases):
            assert f"{number:+.2f}".replace("-", "−") in written
    assert texts(network_diagram(network(4, 8, 3)))[-1].startswith("output")
    many = network_diagram(network(4, 8, 3), numbers=True)
    assert sum(text[0] in "+−" for text in texts(many)) == 56 + 11
    assert not [text for text in texts(network_diagram(net, numbers=False)) if text[0] in "+−"]
    assert "0" in texts(network_diagram(NeuralNetwork([1, 1], seed=0)))
    assert "0" not in texts(network_diagram(NeuralNetwork([1, 1], seed=0, biases=False)))


def test_the_legend_says_what_the_thickest_and_strongest_stand_for():
    net = network(2, 2, 1, weight_init=[np.array([[0.5, -3.0], [1, 1]]), np.ones((2, 1))])
    net.layers[0].biases = [0.0, 0.25]
    net.layers[1].biases = [-0.125]
    ax = network_diagram(net)
    assert legend(ax) == ["weight +3.00", "weight −3.00", "bias +0.25", "bias −0.25"]
    assert ax.get_legend().legend_handles[0].get_linewidth() == max(width for _, width, _ in connections(ax).values())
    assert legend(network_diagram(network(2, 2, 1, biases=False)))[0].startswith("weight")
    assert len(legend(network_diagram(network(2, 2, 1, biases=False)))) == 2


@pytest.mark.parametrize(("value", "text"), [(123.0, "weight +1.2e+02"), (0.001, "weight +1.0e−03"), (0.0, "weight 0")])
def test_numbers_that_are_large_or_small(value, text):
    ax = network_diagram(network(1, 1, weight_init=[np.array([[value]])]))
    assert legend(ax)[0] == text
    ax.figure.draw_without_rendering()


def test_names_of_inputs_and_outputs():
    ax = network_diagram(network(2, 3, 2), feature_names=["width", "$height$"], class_names=["no", "yes"])
    beside = {text.get_text(): text for text in ax.texts if text.get_text() in ("width", r"\$height\$", "no", "yes")}
    assert len(beside) == 4
    x1, o2 = ax.patches[0].center, ax.patches[-1].center
    assert beside["width"].get_position()[1] == x1[1]
    assert beside["width"].get_position()[0] < x1[0] - 0.32
    assert beside["yes"].get_position()[1] == o2[1]
    assert beside["yes"].get_position()[0] > o2[0] + 0.32


def test_names_of_the_model_itself():
    model = estimator((2, 3, 2), feature_names_in_=np.array(["a b", "c d"]), classes_=np.array(["e f", "g h"]))
    assert {"a b", "c d", "e f", "g h"} <= set(texts(network_diagram(model)))
    binary = estimator((2, 3, 1), out_activation="logistic", classes_=np.array(["e f", "g h"]))
    assert "g h" in texts(network_diagram(binary))
    assert "e f" not in texts(network_diagram(binary))
    assert "yes" in texts(network_diagram(network(2, 1), class_names=["no", "yes"]))


LONG = [f"a name of a feature that is long {i}" for i in range(8)]


@pytest.mark.parametrize("figsize", [None, (8, 5), (4, 3), (3, 8)])
@pytest.mark.parametrize(
    ("sizes", "names"),
    [
        ((2, 2, 1), None),
        ((2, 3, 1), None),
        ((3, 4, 1), None),
        ((4, 8, 3), LONG[:4]),
        ((64, 100, 10), None),
        ((8, 9, 9, 9, 2), LONG),
    ],
)
def test_no_text_overlaps_another_or_leaves_the_axes(sizes, names, figsize):
    ax = None if figsize is None else Figure(figsize=figsize, layout="constrained").add_subplot()
    ax = network_diagram(network(*sizes), feature_names=names, ax=ax)
    ax.figure.draw_without_rendering()
    renderer = ax.figure._get_renderer()
    frame = ax.figure.bbox
    outlines = []
    for text in [*ax.texts, *ax.get_legend().get_texts()]:
        box = text.get_window_extent(renderer)
        assert frame.x0 - 1 <= box.x0
        assert box.x1 <= frame.x1 + 1
        assert frame.y0 - 1 <= box.y0
        assert box.y1 <= frame.y1 + 1
        outlines.append(outline(text, renderer))
    for i, one in enumerate(outlines):
        for other in outlines[:i]:
            assert not overlap(one, other)


def outline(text, renderer):
    """The corners of a text as it lies on the paper, (4, 2), a tenth smaller than its box of full letters."""
    angle = np.radians(text.get_rotation())
    box = text.get_window_extent(renderer)
    centre = np.array([(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2])
    text.set_rotation(0)
    flat = text.get_window_extent(renderer)
    text.set_rotation(float(np.degrees(angle)))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return centre + 0.45 * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [flat.width, flat.height] @ turn


def overlap(one, other):
    """Whether two rectangles overlap: no side of either separates them."""
    for corners in (one, other):
        for side in (corners[1] - corners[0], corners[2] - corners[1]):
            a, b = one @ side, other @ side
            if a.max() <= b.min() or b.max() <= a.min():
                return False
    return True


def test_the_check_of_overlaps_finds_them():
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=float)
    assert overlap(square, square + 0.5)
    assert not overlap(square, square + np.array([1.1, 0]))
    turned = (square - 0.5) @ np.array([[1, 1], [-1, 1]])
    assert not overlap(square, turned + 1.9)
    assert overlap(square, turned + np.array([0.5, 1.2]))


# ---- mistakes ----


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"feature_names": ["a"]}, "feature_names has 1 names; expected 2, one for each input"),
        ({"class_names": ["a"]}, "class_names has 1 names; expected 3, one for each output"),
        ({"class_names": list("abcd")}, "class_names has 4 names; expected 3, one for each output"),
        ({"max_neurons": 2}, "max_neurons is 2; expected an integer >= 3"),
    ],
)
def test_mistakes(options, message):
    with pytest.raises(ValueError, match=message):
        network_diagram(network(2, 2, 3), **options)
    assert not pyplot.get_fignums()
