"""All that shapes a network and its training, in random combinations: every promise at once."""

import networks
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchnn import NeuralNetwork, Regularization, check_gradients, losses

N_SAMPLES = 24

LOSSES = [
    "mean_squared_error",
    "half_squared_error",
    "huber(0.5)",
    "binary_cross_entropy",
    "summed_binary_cross_entropy(0.1)",
    "binary_focal(1.5)",
    "cross_entropy",
    "cross_entropy(0.1)",
    "focal(2.0)",
    "poisson",
    "poisson_deviance",
    "quantile(0.1, 0.5, 0.9)",
    "gaussian",
]
SMOOTH = ["tanh", "sigmoid", "gelu", "softplus", "identity", "silu", "elu(1.0)"]
OUTPUTS = ["identity", "tanh", "softplus"]
OPTIMIZERS = ["sgd", "momentum", "nesterov", "rmsprop", "adagrad", "adam", "adamhat", "adamw", "nadam"]
SCHEDULES = [None, "cosine(5)", "warm_up(1, step_decay(2))", "one_cycle(4)", "reduce_on_plateau(0.5, 1)"]
RULES = [None, "standard", "minmax", (0.5, 2.0)]

kinds = st.sampled_from([None, None, "batch", "layer"])
rates = st.sampled_from([0.0, 0.0, 0.25, 0.5])


def bounds_of(draw, loss):
    """Bounds that hold the targets, where the loss can have them."""
    if losses.get(loss).link:
        return None
    return draw(
        st.sampled_from([None, None, (-9, 9), (-9, None), *([(None, 9)] if losses.get(loss).symmetric else [])])
    )


def output_activation(draw, loss, bounds):
    if losses.get(loss).link:
        return losses.get(loss).link
    if bounds is not None:
        return "softplus" if None in bounds else "sigmoid"
    return draw(st.sampled_from(OUTPUTS))


@st.composite
def regularizations(draw, n_layers):
    """None, or some of what there is, one for all layers or one for each."""

    def strength(*values):
        number = st.sampled_from(values)
        return draw(st.one_of(number, st.lists(number, min_size=n_layers, max_size=n_layers)))

    if draw(st.booleans()):
        return None
    return Regularization(
        l1=strength(0.0, 0.01),
        l2=strength(0.0, 0.1),
        weight_decay=strength(0.0, 0.5),
        max_norm=strength(np.inf, 2.0),
        clip_value=draw(st.sampled_from([np.inf, 0.1])),
        clip_norm=draw(st.sampled_from([np.inf, 0.5])),
        biases=draw(st.booleans()),
        per_sample=draw(st.booleans()),
    )


@st.composite
def cases(draw):
    """(arguments of a network, its frozen layers, arguments of its training, whether samples have weights)."""
    n_hidden = draw(st.integers(1, 3))
    loss = draw(st.sampled_from(LOSSES))
    bounds = bounds_of(draw, loss)
    network = {
        "layer_sizes": networks.sizes_for(loss, [draw(st.sampled_from([1, 2, 3, 5, 9])) for _ in range(n_hidden + 2)]),
        "loss": loss,
        "activation": [
            *(draw(st.sampled_from(SMOOTH)) for _ in range(n_hidden)),
            output_activation(draw, loss, bounds),
        ],
        "biases": draw(st.booleans()),
        "normalization": [draw(kinds) for _ in range(n_hidden)],
        "dropout": [draw(rates) for _ in range(n_hidden)],
        "input_dropout": draw(rates),
        "input_noise": draw(st.sampled_from([0.0, 0.3])),
        "scale_inputs": draw(st.sampled_from(RULES)),
        "scale_targets": draw(st.sampled_from(RULES)) if bounds is None and losses.get(loss).scales_targets else None,
        "bounds": bounds,
        "seed": draw(st.integers(0, 2**64 - 1)),
    }
    frozen = draw(st.sets(st.integers(0, n_hidden), max_size=n_hidden))
    train = {
        "batch_size": draw(st.sampled_from([4, 5, 12, "full"])),
        "shuffle": draw(st.booleans()),
        "optimizer": draw(st.sampled_from(OPTIMIZERS)),
        "learning_rate": 1e-3,
        "schedule": draw(st.sampled_from(SCHEDULES)),
        "validation_fraction": draw(st.sampled_from([None, None, 0.25])),
        "regularization": draw(regularizations(n_hidden + 1)),
    }
    return network, frozen, train, draw(st.booleans())


def made(network, frozen, dtype="float64"):
    """The network: with biases and shifts that are not at the corner of an L1 penalty, and outputs of some units."""
    made = NeuralNetwork(**network, dtype=dtype)
    rng = np.random.default_rng(network["seed"])
    for layer in made.layers:
        layer.weights *= 0.5
        for vector in (layer.biases, layer.shift):
            if vector is not None:
                vector[:] = rng.uniform(0.1, 0.5, vector.shape)
    for i in frozen:
        made.layers[i].trainable = False
    return made


def data_of(network, weighted):
    """Data, some of whose inputs are zeros, and a keyword argument with their weights."""
    x, y = networks.data(network, N_SAMPLES)
    x[np.random.default_rng(2).random(x.shape) < 0.3] = 0
    if network.loss.startswith(("cross_entropy", "focal")):
        y = np.arange(N_SAMPLES) % network.n_outputs  # enough of each to hold some out
    weight = np.random.default_rng(1).uniform(0.1, 2, N_SAMPLES) if weighted else None
    return (x, y), {"sample_weight": weight}


@settings(max_examples=100)
@given(case=cases())
def test_gradients(case):
    """Each by differences, in the midst of a training, for what steps follow and for what is predicted."""
    network, frozen, train, weighted = case
    network = made(network, frozen)
    data, weights = data_of(network, weighted)
    network.train(*data, epochs=2, **weights, **train)
    weight = weights["sample_weight"]
    for training in (True, False):
        check = check_gradients(
            network,
            data[0][:9],
            data[1][:9],
            training=training,
            regularization=train["regularization"],
            sample_weight=None if weight is None else weight[:9],
        )
        assert check, str(check)


@settings(max_examples=100)
@given(case=cases())
def test_sensitivity(case):
    """The derivative of every output for every input, by differences."""
    network, frozen, train, weighted = case
    network = made(network, frozen)
    data, weights = data_of(network, weighted)
    network.train(*data, epochs=1, **weights, **train)
    x, step = networks.data(network, 4, seed=3)[0], 1e-6  # zeros may lie where normalisation bends
    found = network.jacobian(x)
    for j in range(network.n_inputs):
        move = step * (np.arange(network.n_inputs) == j)
        expected = (network.predict(x + move) - network.predict(x - move)) / (2 * step)
        np.testing.assert_allclose(found[:, :, j], expected, rtol=1e-4, atol=1e-7)


@settings(max_examples=100)
@given(case=cases())
def test_one_training_whatever_threads_calls_and_files(case, isa, dtype, threads_as_asked, tmp_path_factory):
    """The bits of four epochs: in three threads, of a sparse matrix; and stopped, saved, loaded, and gone on with."""
    network, frozen, train, weighted = case
    once, shared, cut = (made(network, frozen, dtype) for _ in range(3))
    (x, y), weights = data_of(once, weighted)
    train = {**weights, **train}
    once.train(x, y, epochs=4, **train)
    shared.train(sparse_of(x), y, epochs=4, n_threads=3, **train)
    assert networks.bits(shared) == networks.bits(once)
    cut.train(x, y, epochs=1, n_threads=2, **train)
    cut.train(x, y, epochs=9, max_steps=1, **train)
    path = tmp_path_factory.getbasetemp() / "network.snn"
    cut.save(path)
    cut = NeuralNetwork.load(path)
    cut.train(x, y, epochs=3 if train["batch_size"] != "full" else 2, **train)
    assert networks.bits(cut) == networks.bits(once)
    for series in ("loss", "validation_loss", "learning_rate"):
        assert getattr(cut.history, series) == getattr(shared.history, series) == getattr(once.history, series)
    assert cut.predict(x).tobytes() == once.predict(x).tobytes()


def sparse_of(x):
    """The matrix as SciPy's sparse one, where it is there."""
    try:
        from scipy import sparse
    except ImportError:
        return x
    return sparse.csr_matrix(x)


@settings(max_examples=40)
@given(case=cases())
def test_lbfgs_goes_down(case):
    network, frozen, _, weighted = case
    network = made({**network, "dropout": 0.0, "input_dropout": 0.0, "input_noise": 0.0}, frozen)
    data, weights = data_of(network, weighted)
    network.train(*data, epochs=30, optimizer="lbfgs", regularization=Regularization(l1=0.01, l2=0.1), **weights)
    assert np.all(np.diff(network.history.loss) <= 0)
    assert network.history.stopped
