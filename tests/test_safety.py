"""What a caller may do to a network, its data and its classes without harm."""

import contextlib
import inspect
import os
import pickle

import numpy as np
import pytest

from scratchnn import DivergenceError, ModelFileError, NeuralNetwork, Neuron, load, losses, optimizers
from scratchnn.core import activations, linalg, updates

X = np.random.default_rng(0).standard_normal((20, 3))
Y = np.tanh(X[:, :2])


class Named(NeuralNetwork):
    """A subclass with an attribute and a constructor of its own."""

    def __init__(self, name):
        self.early = [name]
        super().__init__([3, 4, 2], seed=1)
        self.name = name


def bits(network):
    return {name: array.tobytes() for name, array in network.get_state()[1].items()}


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8])
def test_labels_may_change_while_they_are_trained_on(dtype):
    labels = np.zeros(20, dtype)

    def spoil(network, epoch, history):
        labels[:] = 120

    changed, same = (NeuralNetwork([3, 4, 2], loss="cross_entropy", seed=1) for _ in range(2))
    changed.train(X, labels, epochs=3, callback=spoil)
    same.train(X, np.zeros(20, dtype), epochs=3)
    assert bits(changed) == bits(same)


@pytest.mark.parametrize("name", ["layer_sizes", "layers", "dtype", "seed", "optimizer", "loss", "neurons", "n_inputs"])
def test_what_describes_the_memory_cannot_be_replaced(name):
    network = NeuralNetwork([3, 4, 2], seed=1)
    with pytest.raises(AttributeError):
        setattr(network, name, getattr(network, name))


def test_a_neuron_assigned_goes_into_the_network():
    network = NeuralNetwork(seed=1)
    network.h2 = Neuron([5, 6], 7)
    assert network.layers[0].weights[:, 1].tolist() == [5, 6]
    assert network.layers[0].biases[1] == network.h2.bias == 7
    with pytest.raises(TypeError, match="h2 is a neuron of the network; int was assigned"):
        network.h2 = 3
    with pytest.raises(ValueError, match=r"shape \(3,\); expected \(2,\)"):
        network.h1 = Neuron([1, 2, 3], 0)


@pytest.mark.parametrize("n_outputs", [1, 15, 16, 17])
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_one_call_diverges_where_single_epochs_do(n_outputs, optimizer):
    y = np.ones((20, n_outputs), np.float32)
    settings = {"epochs": 40, "batch_size": 5, "optimizer": optimizer, "learning_rate": 1e37}
    for seed in range(4):
        arguments = {"activation": "exp", "output_activation": "tanh", "dtype": "float32", "seed": seed}
        whole, single = (NeuralNetwork([3, 4, n_outputs], **arguments) for _ in range(2))
        for network, callback in ((whole, None), (single, lambda *arguments: None)):
            with contextlib.suppress(DivergenceError):
                network.train(X, y, callback=callback, **settings)
        assert whole.history.loss == single.history.loss
        assert bits(whole) == bits(single)


@pytest.mark.parametrize("duplicate", [NeuralNetwork.copy, lambda n: pickle.loads(pickle.dumps(n))])
def test_copies_keep_what_a_subclass_has(duplicate):
    network = Named("mine")
    network.extra = {"a": [1]}
    other = duplicate(network)
    assert type(other) is Named
    assert (other.name, other.early, other.extra) == ("mine", ["mine"], {"a": [1]})
    assert other.extra is not network.extra
    assert bits(other) == bits(network)


def test_a_subclass_loads_as_itself(tmp_path):
    network = Named("mine")
    network.save(tmp_path / "n.snn")
    assert type(Named.load(tmp_path / "n.snn")) is Named
    assert type(load(tmp_path / "n.snn")) is NeuralNetwork
    with pytest.raises(ModelFileError):
        Named.load(__file__)


def test_subclasses_of_losses_and_optimizers_stay_the_callers():
    class Weighted(losses.MeanSquaredError):
        factor = 10.0

    class Impatient(optimizers.Adam):
        pass

    plain, weighted = (NeuralNetwork([3, 2], loss=loss, seed=1) for loss in ("mse", Weighted()))
    assert weighted.evaluate(X, Y) == pytest.approx(10 * plain.evaluate(X, Y))
    assert Impatient().name == "adam"
    assert plain.train(X, Y, epochs=2, optimizer=Impatient()).epochs == 2
    with pytest.raises(ValueError, match="unknown optimizer 'impatient'"):
        optimizers.get("impatient")
    with pytest.raises(TypeError, match="the loss name 'huber' is taken by Huber"):
        type("Mine", (losses.Loss,), {"name": "huber", "kernel": "huber"})


def test_a_copy_in_float32_is_finite_or_refused():
    network = NeuralNetwork([1, 1], seed=1)
    network.layers[0].weights = [[1e300]]
    with pytest.raises(ValueError, match=r"layers\.0\.weights: values hold NaN or infinity in float32"):
        network.copy(dtype="float32")


MASKED = np.ma.masked_array([[1.0, 2.0, 3.0]], mask=[[False, True, False]])


@pytest.mark.parametrize(
    "use",
    [
        lambda network: network.predict(MASKED),
        lambda network: network.predict(MASKED[0]),
        lambda network: network.train(X[:3], MASKED[0]),
        lambda network: network.train(X[:3], np.ma.masked_array([0, 1, 0], mask=[0, 0, 1])),
        lambda network: setattr(network.layers[0], "weights", np.ma.masked_array(np.ones((3, 4)), mask=np.eye(3, 4))),
        lambda network: linalg.affine(MASKED, np.ones((3, 2))),
        lambda network: activations.tanh(MASKED),
        lambda network: Neuron(MASKED[0], 0),
        lambda network: network.h1.feedforward(MASKED[0]),
    ],
)
def test_masked_values_are_not_uncovered(use):
    network = NeuralNetwork([3, 4, 2], loss="cross_entropy", seed=1)
    before = bits(network)
    with pytest.raises(ValueError, match="masked"):
        use(network)
    assert bits(network) == before


def test_results_may_overlap_every_argument():
    z, buffer = np.linspace(-2, 2, 32), np.arange(1.0, 34.0)
    expected = activations.sigmoid.backward(buffer[:-1].copy(), z)
    assert np.array_equal(activations.sigmoid.backward(buffer[:-1], z, out=buffer[1:]), expected)


def test_values_beyond_a_dtype_are_named_as_given():
    network = NeuralNetwork([1, 1], dtype="float32", seed=1)
    with pytest.raises(ValueError, match=r"x\[0, 0\] is 1e\+300, beyond the largest float32"):
        network.predict(np.array([[1e300]], ">f8"))


def test_updates_have_the_ranges_and_defaults_of_the_optimizers():
    w = np.ones(3)
    with pytest.raises(ValueError, match=r"beta1 is 1\.0; expected a finite number >= 0 and < 1"):
        updates.adam(w, w, np.zeros(3), np.zeros(3), 1, beta1=1.0)
    assert np.isfinite(updates.adam(w, np.ones(3), np.zeros(3), np.zeros(3), np.int64(1))).all()
    for name in updates.names():
        cls = optimizers.Optimizer.registry[name]
        parameters = inspect.signature(getattr(updates, name)).parameters
        assert {key: parameters[key].default for key in cls().hyperparameters()} == cls().hyperparameters()
        assert tuple(cls().hyperparameters()) == updates.specifications()[name][1]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_in_the_midst_of_training_may_train():
    network, codes = NeuralNetwork([3, 2], seed=1), []

    def fork(network, epoch, history):
        child = os.fork()
        if child == 0:
            network.train(X, Y, epochs=1)
            os._exit(7)
        codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

    network.train(X, Y, epochs=1, callback=fork)
    assert codes == [7]


def test_the_history_of_a_copy_made_while_training_does_not_say_interrupted():
    copies = []
    NeuralNetwork([3, 2], seed=1).train(X, Y, epochs=2, callback=lambda n, e, h: copies.append(n.copy()))
    assert [copy.history.stopped for copy in copies] == ["", ""]
    assert [copy.history.epochs for copy in copies] == [1, 2]
