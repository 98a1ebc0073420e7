"""Weights as images: their shape, their common scale, and their grid."""

import numpy as np
import pytest
from drawn_models import estimator
from matplotlib import pyplot
from matplotlib.figure import Figure

from scratchnn import NeuralNetwork
from scratchnn.plots import first_layer_images

pytestmark = pytest.mark.usefixtures("figures")


def images(grid):
    return [ax.get_images()[0] for ax in grid.ravel() if ax.get_images()]


def test_each_neuron_is_an_image_of_its_weights():
    network = NeuralNetwork([64, 10, 3], seed=0)
    grid = first_layer_images(network)
    assert grid.shape == (2, 5)
    for j, image in enumerate(images(grid)):
        assert np.array_equal(image.get_array(), network.layers[0].weights[:, j].reshape(8, 8))
    assert [ax.get_title() for ax in grid.ravel()] == [f"h{j + 1}" for j in range(10)]
    assert first_layer_images(NeuralNetwork([4, 3], seed=0)).ravel()[2].get_title() == "o3"


def test_one_symmetric_scale():
    network = NeuralNetwork([4, 3, 1], seed=0)
    network.layers[0].weights[:] = 0.5
    network.layers[0].weights[1, 2] = -2
    grid = first_layer_images(network)
    assert {image.get_clim() for image in images(grid)} == {(-2.0, 2.0)}
    middle, low, high = (image_colour(images(grid)[0], value) for value in (0, -2, 2))
    assert min(middle) > 0.9
    assert low[2] > low[0]
    assert high[0] > high[2]
    network.layers[0].weights[:] = 0
    assert images(first_layer_images(network))[0].get_clim() == (-1.0, 1.0)


def image_colour(image, value):
    return image.cmap(image.norm(value))[:3]


@pytest.mark.parametrize(("shape", "drawn"), [((4, 7), (4, 7)), ((28, 1), (28, 1))])
def test_shapes(shape, drawn):
    assert images(first_layer_images(NeuralNetwork([28, 3, 1], seed=0), shape))[0].get_array().shape == drawn


@pytest.mark.parametrize(
    ("n", "shape"), [(1, (1, 1)), (2, (1, 2)), (10, (2, 5)), (30, (5, 6)), (36, (4, 9)), (37, (5, 8))]
)
def test_the_grid(n, shape):
    grid = first_layer_images(NeuralNetwork([9, n, 1], seed=0), max_neurons=40)
    assert grid.shape == shape
    assert len(images(grid)) == n
    assert [ax.axison for ax in grid.ravel()] == [True] * n + [False] * (grid.size - n)


def test_many_neurons_are_abbreviated_and_the_figure_says_so():
    network = NeuralNetwork([64, 100, 10], seed=0)
    network.layers[0].weights[0, 99] = 50  # not drawn, so it does not count
    grid = first_layer_images(network)
    assert len(images(grid)) == 36
    assert images(grid)[0].get_clim()[1] < 50
    figure = grid[0, 0].figure
    assert figure.get_suptitle() == "36 of 100 neurons"
    assert [ax.get_ylabel() for ax in figure.axes if ax not in grid.ravel()] == ["weight"]
    assert first_layer_images(NeuralNetwork([4, 36, 1]))[0, 0].figure.get_suptitle() == ""


def test_colour_map():
    grid = first_layer_images(NeuralNetwork([4, 3, 1], seed=0), cmap="gray")
    assert {image.cmap.name for image in images(grid)} == {"gray"}


def test_given_axes():
    axes = Figure().subplots(2, 3)
    network = NeuralNetwork([4, 5, 1], seed=0)
    assert (first_layer_images(network, axes=axes) == axes).all()
    assert len(images(axes)) == 5
    assert len(axes[0, 0].figure.axes) == 6  # no colour bar takes room
    row = list(Figure().subplots(1, 5))
    assert first_layer_images(network, axes=row).shape == (5,)
    assert not pyplot.get_fignums()


def test_estimators():
    model = estimator((9, 4, 2))
    assert np.array_equal(images(first_layer_images(model))[1].get_array(), model.coefs_[0][:, 1].reshape(3, 3))


@pytest.mark.parametrize("n_neurons", [1, 10, 36])
def test_nothing_stands_outside_the_figure(n_neurons):
    figure = first_layer_images(NeuralNetwork([64, 100, 10], seed=0), max_neurons=n_neurons)[0, 0].figure
    figure.draw_without_rendering()
    box = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    assert box.x0 >= -0.01
    assert box.y0 >= -0.01
    assert box.x1 <= width + 0.01
    assert box.y1 <= height + 0.01


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({}, ValueError, r"the model has 3 inputs, which is no square; give shape=\(height, width\)"),
        ({"shape": (2, 2)}, ValueError, r"shape is \(2, 2\), which has 4 pixels; the model has 3 inputs"),
        ({"shape": 3}, ValueError, r"shape is 3; expected \(height, width\)"),
        ({"shape": (1, 1, 3)}, ValueError, r"shape is \(1, 1, 3\); expected \(height, width\)"),
        ({"shape": (3, 1.0)}, TypeError, "width is 1.0; expected an integer >= 1"),
        ({"shape": (1, 3), "max_neurons": 0}, ValueError, "max_neurons is 0; expected an integer >= 1"),
        ({"shape": (1, 3), "axes": []}, ValueError, "axes has 0 axes; expected at least 2, one for each image"),
    ],
)
def test_mistakes(arguments, error, message):
    with pytest.raises(error, match=message):
        first_layer_images(NeuralNetwork([3, 2, 1]), **arguments)
    assert not pyplot.get_fignums()
