"""Regularisation: steps against the oracle (docs/math.md, eq. 106 to 111), its gradients, its limits, its settings.

The shapes stand for the paths of a step: a network that would be tiny, one sample and few at a time, outputs narrower
than a vector, weights in groups of 96 rows, rows in two groups, products of many terms.
"""

import math
import pickle
from copy import copy, deepcopy
from functools import cache
from typing import NamedTuple

import networks
import numpy as np
import oracle
import pytest
from test_bad_input import refused
from test_updates import OTHER_SETTINGS

from scratchnn import DivergenceError, NeuralNetwork, Regularization, check_gradients, optimizers

EPOCHS = 4
INF = math.inf

SHAPES = (
    ((2, 3, 1), 1),
    ((3, 8, 7, 2), 5),
    ((9, 17, 2), 1),
    ((37, 30, 3), 3),
    ((100, 37, 16), 7),
    ((65, 30, 15), 77),
)
LARGE = (((96, 515, 1), 200), ((130, 260, 37), 400))

SETTINGS = {
    "l1": {"l1": 0.02},
    "l2": {"l2": 0.3},
    "both, biases too": {"l1": 0.01, "l2": 0.2, "biases": True},
    "per sample": {"l1": 0.5, "l2": 4.0, "per_sample": True},
    "of layers": {"l1": (0.0, 0.02, 0.01), "l2": (0.3, 0.0, 0.1)},
    "weight decay": {"weight_decay": 0.5},
    "weight decay of layers and biases": {"weight_decay": (0.5, 0.0, 2.0), "biases": True},
    "largest norms": {"max_norm": 0.5},
    "largest norms of layers": {"max_norm": (INF, 0.4, 0.6)},
    "elements": {"clip_value": 0.01},
    "norm": {"clip_norm": 0.02},
    "all": {
        "l1": 0.01, "l2": (0.1, 0.3, 0.2), "weight_decay": 0.3, "max_norm": 0.7, "clip_value": 0.1, "clip_norm": 0.3,
        "biases": True, "per_sample": True,
    },
}  # fmt: skip


class Case(NamedTuple):
    sizes: tuple
    batch_size: int
    name: str
    optimizer: str = "momentum"
    loss: str = "mean_squared_error"

    def __str__(self):
        return "-".join(map(str, self.sizes)) + f", {self.batch_size}, {self.name}, {self.optimizer}, {self.loss}"

    @property
    def settings(self):
        """The regularisation's, for as many layers as there are."""
        n = len(self.sizes) - 1
        return {key: value[:n] if isinstance(value, tuple) else value for key, value in SETTINGS[self.name].items()}

    @property
    def hyperparameters(self):
        return {**OTHER_SETTINGS[self.optimizer], "learning_rate": 0.05}

    def network(self, dtype):
        """The same numbers in both dtypes."""
        network = networks.make(self.sizes, "tanh", self.loss, np.float32)
        return network.copy(dtype)

    def data(self, dtype):
        network = self.network(np.float32)
        x, y = networks.data(network, 2 * self.batch_size + self.batch_size // 2)
        return x.astype(dtype), y if self.loss == "cross_entropy" else y.astype(dtype)

    def trained(self, dtype, n_threads=1, epochs=EPOCHS, **arguments):
        network = self.network(dtype)
        optimizer = type(optimizers.get(self.optimizer))(**self.hyperparameters)
        network.train(
            *self.data(dtype), epochs=epochs, batch_size=self.batch_size, optimizer=optimizer, n_threads=n_threads,
            **{"regularization": Regularization(**self.settings), **arguments},
        )  # fmt: skip
        return network


CASES = (
    *(Case(*shape, name) for name in SETTINGS for shape in SHAPES),
    *(Case(*shape, name) for name in ("of layers", "largest norms", "norm", "all") for shape in LARGE),
)
MIXED = tuple(  # every optimizer and loss
    Case(*SHAPES[i % 3 + 3], "all", optimizer, tuple(oracle.NETWORK_LOSSES)[i % 7])
    for i, optimizer in enumerate(oracle.OPTIMIZERS)
)


@cache
def reference(case, regularized=True):
    """The oracle's layers after all steps, and the losses of its epochs."""
    network, losses = case.network(np.float64), []
    x, y = case.data(np.float64)
    layers = oracle.train(
        networks.layers_of(network), x, networks.targets_of(network, y), case.loss, case.optimizer, EPOCHS,
        case.batch_size, regularization=case.settings if regularized else None, losses=losses, **case.hyperparameters,
    )  # fmt: skip
    return layers, losses


def parameters(layers):
    return [a for layer in layers for a in layer[:2] if a is not None]


def assert_close(network, layers, n_steps, dtype):
    """A weight is rounded some times a step, and its column's norm in as many additions as it has rows."""
    eps = np.finfo(dtype).eps
    for ours, theirs in zip(networks.arrays(network), parameters(layers), strict=True):
        tolerance = (8 * n_steps + len(theirs) ** 0.5) * eps * np.maximum(1, np.abs(theirs))
        assert np.all(np.abs(ours - theirs) <= tolerance)


@pytest.mark.pairs
@pytest.mark.parametrize("case", CASES + MIXED, ids=str)
def test_steps(case, isa, dtype):
    layers, losses = reference(case)
    network = case.trained(dtype)
    assert_close(network, layers, 3 * EPOCHS, dtype)
    assert network.history.loss == pytest.approx(losses, rel=1e-5 if dtype == np.float32 else 1e-13)


@pytest.mark.parametrize("case", CASES + MIXED, ids=str)
def test_each_setting_makes_a_difference(case):
    """Far above what the comparison with the oracle would miss."""
    pairs = zip(parameters(reference(case)[0]), parameters(reference(case, False)[0]), strict=True)
    assert max(np.max(np.abs(a - b)) for a, b in pairs) > 1e-3


@pytest.mark.pairs
@pytest.mark.parametrize("case", [*CASES[::3], *MIXED], ids=str)
def test_any_number_of_threads(case, isa, dtype, threads_as_asked):
    alone = case.trained(dtype)
    for n_threads in (2, 3, 7):
        shared = case.trained(dtype, n_threads)
        assert networks.bits(shared) == networks.bits(alone)
        assert shared.history.loss == alone.history.loss


@pytest.mark.parametrize("case", [*CASES[1::3], *MIXED], ids=str)
def test_instruction_sets_agree(case, dtype, same_bits_everywhere):
    def compute():
        network = case.trained(dtype)
        return *network.get_state()[1].values(), np.array(network.history.loss)

    same_bits_everywhere(compute)


@pytest.mark.parametrize("shape", SHAPES[2:4] + LARGE, ids=str)
def test_where_the_step_finds_the_gradient_changes_no_bit(shape, isa, dtype):
    """On the way to the optimizer, or in memory, where a limit that is never reached has it put."""
    case = Case(*shape, "all")
    settings = {**case.settings, "clip_norm": INF}
    direct, stored = (
        case.trained(dtype, regularization=Regularization(**{**settings, "clip_norm": norm})) for norm in (INF, 1e9)
    )
    assert networks.bits(direct) == networks.bits(stored)
    assert direct.history.loss == stored.history.loss


@pytest.mark.parametrize("shape", SHAPES + LARGE[:1], ids=str)
def test_settings_that_ask_for_nothing_change_no_bit(shape, isa, dtype, threads_as_asked):
    case = Case(*shape, "l1")
    plain = case.trained(dtype, 2, regularization=None)
    nothing = {"l1": 0, "l2": [0] * (len(case.sizes) - 1), "max_norm": INF, "biases": True, "per_sample": True}
    never_reached = {"max_norm": 1e9, "clip_value": 1e9, "clip_norm": 1e9}
    for settings in (nothing, never_reached, dict([never_reached.popitem()])):
        other = case.trained(dtype, 2, regularization=Regularization(**settings))
        assert networks.bits(other) == networks.bits(plain)
        assert other.history.loss == plain.history.loss


# ---- the loss and its gradient ----


@pytest.mark.pairs
@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", ["mean_squared_error", "half_sum_squared_error", "cross_entropy"])
def test_evaluate_and_gradients(name, weighted, loss, isa, dtype, rng):
    case = Case((5, 17, 4, 2), 8, name, loss=loss)
    network = case.network(dtype)
    x, y = case.data(dtype)
    weights = rng.uniform(size=len(x)).astype(dtype) if weighted else None
    arguments = {"sample_weight": weights, "regularization": Regularization(**case.settings)}
    value, gradients = oracle.backpropagate(
        networks.layers_of(network), x.astype(np.float64), networks.targets_of(network, y), loss,
        weights if weights is None else weights.astype(np.float64), **case.settings,
    )  # fmt: skip
    rel = 1e-5 if dtype == np.float32 else 1e-13
    assert network.evaluate(x, y, **arguments) == pytest.approx(value, rel=rel)
    for ours, theirs in zip(network.gradients(x, y, **arguments), gradients, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            assert a.dtype == dtype
            np.testing.assert_allclose(a, b, 0, 2 * rel * max(1, np.abs(b).max()))


@pytest.mark.pairs
@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("biases", [False, True])
def test_check_gradients(name, weighted, biases, isa, dtype, rng):
    case = Case((3, 9, 5, 2), 4, name)
    network = networks.make(case.sizes, "gelu", case.loss, dtype, biases=biases)
    x, y = networks.data(network, 6)
    weights = rng.uniform(size=6) if weighted else None
    arguments = {"sample_weight": weights, "regularization": Regularization(**case.settings)}
    check = check_gradients(network, x, y, **arguments)
    assert check, str(check)
    if case.settings.keys() & {"l1", "l2"}:
        assert network.evaluate(x, y, **arguments) > network.evaluate(x, y, sample_weight=weights) + 0.01


def test_a_weight_of_0_has_no_penalty_s_gradient(dtype):
    """At the corner of |w| the slope is 0, as differences say too."""
    network = NeuralNetwork([3, 4, 2], weight_init="zeros", bias_init="normal", dtype=dtype, seed=1)
    x, y = networks.data(network, 5)
    arguments = {"regularization": Regularization(l1=0.5)}
    for (ours, _), (plain, _) in zip(network.gradients(x, y, **arguments), network.gradients(x, y), strict=True):
        assert np.array_equal(ours, plain)
    assert check_gradients(network, x, y, **arguments)


def test_scikit_learn_s_penalty():
    """Its ``loss_`` is half the mean of squares, and ``alpha / 2 / n sum w²`` over weights without biases."""
    sklearn = pytest.importorskip("sklearn.neural_network")
    x, y = np.random.default_rng(0).standard_normal((20, 3)), np.arange(20) % 2 * 1.0
    settings = {"activation": "tanh", "alpha": 2.0, "max_iter": 1, "solver": "sgd", "learning_rate_init": 1e-300}
    theirs = sklearn.MLPRegressor(hidden_layer_sizes=(4,), random_state=1, **settings)
    with pytest.warns(match="reached"):
        theirs.fit(x, y)
    network = NeuralNetwork([3, 4, 1], activation="tanh", loss="half_sum_squared_error", seed=1)
    for layer, weights, biases in zip(network.layers, theirs.coefs_, theirs.intercepts_, strict=True):
        layer.weights, layer.biases = weights, biases
    regularization = Regularization(l2=2.0, per_sample=True)
    without = network.evaluate(x, y)
    penalty = network.evaluate(x, y, regularization=regularization) - without
    assert theirs.loss_ == pytest.approx(without / 20 + penalty, rel=1e-12)
    assert penalty > 0.1


# ---- decay and limits ----


@pytest.mark.parametrize("shape", SHAPES + LARGE, ids=str)
def test_weight_decay_is_adamw_s(shape, isa, dtype):
    """Bit for bit, where biases decay too."""
    case = Case(*shape, "all", "adam")
    decay = Regularization(weight_decay=0.3, biases=True)
    network = case.trained(dtype, regularization=decay)
    other = case.network(dtype)
    optimizer = optimizers.AdamW(**case.hyperparameters, weight_decay=0.3)
    other.train(*case.data(dtype), epochs=EPOCHS, batch_size=case.batch_size, optimizer=optimizer)
    assert [a.tobytes() for a in networks.arrays(network)] == [a.tobytes() for a in networks.arrays(other)]
    assert network.history.loss == other.history.loss


@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize("sizes", [(9, 70, 130, 2), (300, 5)])
def test_no_neuron_exceeds_the_largest_norm_after_any_step(sizes, n_threads, isa, dtype, threads_as_asked):
    network = networks.make(sizes, "relu", "mean_squared_error", dtype, weight_init="normal")
    x, y = networks.data(network, 5)
    reached = []

    def look(network, epoch, history):  # an epoch is a step
        norms = [np.sqrt(np.sum(layer.weights.astype(float) ** 2, axis=0)) for layer in network.layers]
        assert all(np.all(n <= most * (1 + 20 * np.finfo(dtype).eps)) for n, most in zip(norms, limits, strict=True))
        reached.append(sum(np.sum(n > 0.999 * most) for n, most in zip(norms, limits, strict=True)))

    limits = (0.7, 0.5, 1.5)[: len(sizes) - 1]
    network.train(
        x, y, epochs=30, batch_size="full", learning_rate=0.3, callback=look, n_threads=n_threads,
        regularization=Regularization(max_norm=limits),
    )  # fmt: skip
    assert min(reached) >= sizes[-1]


def test_a_norm_within_the_limit_stays_in_every_bit(dtype):
    network = networks.make((9, 33, 2), "tanh", "mean_squared_error", dtype)
    x, y = networks.data(network, 8)
    largest = float(np.sqrt(np.sum(network.layers[0].weights ** 2, axis=0)).max())
    before = network.layers[0].weights.copy()
    settings = {"learning_rate": 1e-30, "epochs": 1, "batch_size": "full"}
    network.train(x, y, regularization=Regularization(max_norm=1.001 * largest), **settings)
    assert np.array_equal(network.layers[0].weights, before)
    network.train(x, y, regularization=Regularization(max_norm=0.9 * largest), **settings)
    shrunk = np.any(network.layers[0].weights != before, axis=0)
    assert 0 < np.sum(shrunk) < 33


@pytest.mark.parametrize(("clip_value", "clip_norm"), [(0.01, INF), (INF, 0.05), (0.01, 0.05), (INF, 1e-20)])
def test_the_length_of_a_clipped_step(clip_value, clip_norm, isa, dtype):
    """With SGD and a rate of 1 a step is the gradient."""
    network = networks.make((9, 33, 2), "tanh", "half_sum_squared_error", dtype)
    x, y = networks.data(network, 40)
    gradients = oracle.backpropagate(networks.layers_of(network), x.astype(float), y.astype(float), network.loss)[1]
    expected = parameters(oracle.clip(gradients, clip_value, clip_norm))
    before = [a.astype(float) for a in networks.arrays(network)]
    regularization = Regularization(clip_value=clip_value, clip_norm=clip_norm)
    network.train(x, y, epochs=1, batch_size="full", learning_rate=1, regularization=regularization)
    steps = [a - b for a, b in zip(before, networks.arrays(network), strict=True)]
    eps = np.finfo(dtype).eps
    for step, g in zip(steps, expected, strict=True):
        np.testing.assert_allclose(step, g, 0, 4 * eps)
        assert np.all(np.abs(step) <= clip_value + 2 * eps)
    length = np.sqrt(sum(np.sum(g**2) for g in expected))
    assert length == pytest.approx(min(clip_norm, length))
    assert length > clip_norm / 2 or clip_norm == INF


@pytest.mark.parametrize("size", [1e10, 1e25, 1e37])
def test_an_exploded_gradient_of_float32_is_clipped(size, isa):
    """Its squares are beyond float32: taken for infinite, they would leave a step of 0."""
    network = NeuralNetwork([3, 2], activation="identity", loss="mae", dtype="float32", seed=1)
    x, y = np.array([[size, -size / 2, 0.0]]), np.full((1, 2), -size)
    (g, _), *_ = network.gradients(x, y)
    before = networks.arrays(network.copy())
    network.train(x, y, epochs=1, learning_rate=0.5, regularization=Regularization(clip_norm=3))
    steps = [b - a for a, b in zip(networks.arrays(network), before, strict=True)]
    assert np.sqrt(sum(np.sum(step.astype(float) ** 2) for step in steps)) == pytest.approx(1.5, rel=1e-6)
    assert np.array_equal(np.sign(steps[0]), np.sign(g))


HUGE = {np.float32: 1e25, np.float64: 1e200}
SQUARE_IS_FINITE = {np.float32: 1e15, np.float64: 1e150}


@pytest.mark.parametrize("x", [[[1.0]], [[1.0], [-1.0]]], ids=["infinite", "NaN"])
@pytest.mark.parametrize("settings", [{"clip_norm": 2}, {"clip_norm": 2, "l2": 1}, {"clip_value": 2}], ids=str)
def test_clipping_hides_no_divergence(settings, x, isa, dtype):
    """No step is made of a gradient whose norm is infinite or NaN; an infinite element by itself is as large as any."""
    network = NeuralNetwork([1, 1, 1], activation="identity", biases=False, dtype=dtype, seed=1)
    network.layers[0].weights, network.layers[1].weights = [[0.0]], [[HUGE[dtype]]]
    y = np.full((len(x), 1), -SQUARE_IS_FINITE[dtype])
    arguments = {"batch_size": "full", "regularization": Regularization(**settings), "learning_rate": 1e-9, "epochs": 1}
    assert np.isfinite(network.evaluate(x, y))
    if len(x) == 1 and "clip_value" in settings:
        network.train(x, y, **arguments)
        assert network.layers[0].weights[0, 0] == dtype(-1e-9) * 2
        return
    before = networks.bits(network)
    with pytest.raises(DivergenceError, match=r"epoch 1: (a parameter|the loss) is no longer finite"):
        network.train(x, y, **arguments)
    assert networks.bits(network) == before


def test_a_largest_norm_hides_no_divergence(isa, dtype):
    """A norm that is not finite would make weights of 0."""
    network = NeuralNetwork([2, 9], activation="identity", loss="mae", dtype=dtype, seed=1)
    before = networks.bits(network)
    with pytest.raises(DivergenceError, match="epoch 1: a parameter is no longer finite"):
        network.train(
            np.ones((1, 2)), np.full((1, 9), 9.0), epochs=2, learning_rate=HUGE[dtype],
            regularization=Regularization(max_norm=2),
        )  # fmt: skip
    assert networks.bits(network) == before


def test_a_penalty_that_overflows_has_diverged():
    network = NeuralNetwork([1, 1], activation="identity", loss="mae", biases=False, dtype="float32", seed=1)
    network.layers[0].weights = [[1e30]]
    with pytest.raises(DivergenceError, match="the loss is no longer finite"):
        network.train([[0.0]], [0.0], epochs=2, learning_rate=1e-9, regularization=Regularization(l2=1e-9))


# ---- training as a whole ----


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_ten_epochs_and_ten_more_are_twenty(optimizer, dtype, tmp_path):
    def train(network, epochs):
        network.train(
            x, y, epochs=epochs, batch_size=7, shuffle=True, optimizer=optimizer, sample_weight=weights,
            regularization=Regularization(**SETTINGS["all"]),
        )  # fmt: skip

    once = networks.make((5, 17, 4, 2), "tanh", "huber", dtype)
    x, y = networks.data(once, 20)
    weights = np.arange(20) % 3
    first = once.copy()
    train(once, 20)
    train(first, 10)
    first.save(tmp_path / "model.snn")
    for resumed in (NeuralNetwork.load(tmp_path / "model.snn"), pickle.loads(pickle.dumps(first)), first):
        train(resumed, 10)
        assert networks.bits(resumed) == networks.bits(once)
        assert resumed.history.loss == once.history.loss


def test_validation_has_no_penalty():
    network = networks.make((5, 7, 2), "tanh", "mean_squared_error", np.float64)
    x, y = networks.data(network, 20)
    regularization = Regularization(l2=0.5)
    history = network.train(x, y, epochs=2, validation_data=(x[:7], y[:7]), regularization=regularization)
    assert history.validation_loss[-1] == network.evaluate(x[:7], y[:7])


def test_a_large_penalty_makes_small_weights():
    network = networks.make((5, 7, 2), "tanh", "mean_squared_error", np.float64)
    x, y = networks.data(network, 20)
    free, held = network.copy(), network.copy()
    for other, strength in ((free, 0), (held, 1)):
        other.train(x, y, epochs=200, batch_size="full", regularization=Regularization(l2=strength))
    assert np.linalg.norm(held.layers[0].weights) < 0.01 * np.linalg.norm(free.layers[0].weights)


# ---- settings ----


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        *[({name: -0.1}, f"{name} is -0.1; expected a finite number >= 0") for name in ("l1", "l2", "weight_decay")],
        ({"l1": INF}, "l1 is inf; expected a finite number >= 0"),
        ({"l2": math.nan}, "l2 is nan; expected a finite number >= 0"),
        ({"l2": "0.1"}, "l2 is '0.1'; expected a finite number >= 0"),
        ({"l2": None}, "l2 is None; expected"),
        ({"l2": True}, "l2 is True; expected"),
        ({"l2": np.True_}, "l2 is np.True_; expected|l2 is True; expected"),
        ({"l2": 1j}, "l2 is 1j; expected"),
        ({"l2": 10**400}, "l2 is 1000.*; expected"),
        ({"l2": {"a": 1}}, r"l2 is \{'a': 1\}; expected"),
        ({"l2": [0.1, -1]}, r"l2\[1\] is -1; expected a finite number >= 0"),
        ({"l2": [[0.1], 1]}, r"l2\[0\] is \[0.1\]; expected"),
        ({"weight_decay": (0.1, "a")}, r"weight_decay\[1\] is 'a'; expected"),
        *[
            ({name: value}, f"{name} is {value!r}; expected a number > 0, infinity for no limit")
            for name in ("max_norm", "clip_value", "clip_norm")
            for value in (0, -1, math.nan, "1", None, False)
        ],
        ({"max_norm": [1, 0]}, r"max_norm\[1\] is 0; expected a number > 0"),
        ({"clip_norm": [1, 2]}, r"clip_norm is \[1, 2\]; expected a number > 0"),
        ({"biases": 1}, "biases is 1; expected True or False"),
        ({"per_sample": "no"}, "per_sample is 'no'; expected True or False"),
        ({"l3": 1}, "unexpected keyword argument 'l3'"),
    ],
)
def test_wrong_settings(settings, message):
    with pytest.raises((ValueError, TypeError), match=message):
        Regularization(**settings)


USES = {
    "train": lambda network, data, r: network.train(*data, epochs=1, regularization=r),
    "evaluate": lambda network, data, r: network.evaluate(*data, regularization=r),
    "gradients": lambda network, data, r: network.gradients(*data, regularization=r),
    "check_gradients": lambda network, data, r: check_gradients(network, *data, regularization=r),
}


@pytest.mark.parametrize("use", USES)
def test_settings_that_do_not_fit_the_network(use):
    network = networks.make((5, 7, 2), "tanh", "mean_squared_error", np.float64)
    data = networks.data(network, 20)
    for name in ("l1", "l2", "weight_decay", "max_norm"):
        for wrong in ([], [1.0], [1.0, 2.0, 3.0]):
            message = rf"{name} is {wrong}; expected a number, or one for each of 2 layers".replace("[", r"\[")
            with refused(network, message):
                USES[use](network, data, Regularization(**{name: wrong}))
    for wrong, given in (({"l2": 1}, "dict"), (0.1, "float"), (Regularization, "type")):
        with refused(network, f"regularization is {given}; expected a scratchnn.Regularization", TypeError):
            USES[use](network, data, wrong)


def test_settings_do_not_change_and_compare_by_value():
    regularization = Regularization(l2=[0.1, 0.2], clip_norm=1)
    with pytest.raises(AttributeError, match=r"does not change; make another with \.replace\(l2=3\)"):
        regularization.l2 = 3
    same = Regularization(clip_norm=1.0, l2=np.array([0.1, 0.2]))
    assert regularization == same != regularization.replace(clip_norm=2)
    assert len({regularization, same, Regularization()}) == 2
    assert regularization != {"l2": 0.1}
    for other in (copy(same), deepcopy(same), pickle.loads(pickle.dumps(same)), eval(repr(same))):
        assert other == same
    assert repr(Regularization()) == "Regularization()"
