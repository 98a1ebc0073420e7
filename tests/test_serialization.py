"""The model file's meaning: what is saved returns in every bit, and only a sound model is loaded."""

import copy
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_files import build, take_apart, version_of

import scratchnn
from scratchnn import ModelFileError, NeuralNetwork, losses, optimizers, schedules
from scratchnn.core import activations, updates

HERE = Path(__file__).parent
GOLDEN = HERE / "data" / "model_v1.snn"
GOLDEN_2 = HERE / "data" / "model_v2.snn"
DOCUMENT = HERE.parent / "docs" / "model_file.md"
OPTIMIZERS = updates.names()

X = np.random.default_rng(0).standard_normal((30, 3))
Y = np.column_stack([X.sum(axis=1), X[:, 0] - X[:, 1]])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.snn"


def bits(network):
    state, arrays = network.get_state()
    return repr(state), {name: (a.dtype, a.shape, a.tobytes()) for name, a in arrays.items()}


def through_a_file(network, path):
    network.save(path)
    return NeuralNetwork.load(path)


# ---- what is saved is loaded ----


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("biases", [True, False])
def test_every_optimizer(path, dtype, optimizer, biases):
    network = NeuralNetwork([3, 9, 1, 2], activation="tanh", biases=biases, dtype=dtype, seed=3)
    network.train(X, Y, epochs=3, batch_size=7, optimizer=optimizer, shuffle=True)
    found = through_a_file(network, path)
    assert bits(found) == bits(network)
    np.testing.assert_array_equal(found.predict(X), network.predict(X))
    assert found.optimizer == network.optimizer
    assert found.history == network.history


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_ten_epochs_and_ten_more_are_twenty(path, optimizer):
    def train(network, epochs):
        return network.train(X, Y, epochs=epochs, batch_size=7, optimizer=optimizer, shuffle=True)

    whole = NeuralNetwork([3, 5, 2], seed=3)
    train(whole, 20)
    half = NeuralNetwork([3, 5, 2], seed=3)
    train(half, 10)
    resumed = through_a_file(half, path)
    train(resumed, 10)
    assert resumed.history.loss == whole.history.loss
    assert bits(resumed)[1] == bits(whole)[1]


def test_a_file_saved_by_a_callback_goes_on_exactly(path):
    """A checkpoint in the middle of a training holds all of its state."""

    def save(network, epoch, history):
        if epoch == 4:
            network.save(path)

    settings = {"batch_size": 7, "optimizer": "adam", "shuffle": True}
    network = NeuralNetwork([3, 5, 2], seed=3)
    network.train(X, Y, epochs=9, callback=save, **settings)
    resumed = NeuralNetwork.load(path)
    assert resumed.history.epochs == 4
    assert resumed.history.samples == 4 * len(X)
    resumed.train(X, Y, epochs=5, **settings)
    assert resumed.history.loss == network.history.loss
    assert bits(resumed)[1] == bits(network)[1]


def test_a_network_that_was_never_trained(path):
    network = NeuralNetwork()
    assert bits(through_a_file(network, path)) == bits(network)


@pytest.mark.parametrize("name", [*activations.names(), "leaky_relu(0.12345678901234567)", "elu(1e-300)"])
def test_every_activation(path, name):
    network = NeuralNetwork([3, 4, 2], activation=[name, "identity"], seed=1)
    found = through_a_file(network, path)
    assert bits(found) == bits(network)
    np.testing.assert_array_equal(found.predict(X), network.predict(X))


def test_the_parameter_of_an_activation_keeps_every_digit(path):
    network = NeuralNetwork([3, 4, 2], activation="leaky_relu(0.12345678901234567)", seed=1)
    found = through_a_file(network, path)
    assert found.layers[0].neurons[0].activation.alpha == 0.12345678901234567


OTHER_LOSSES = (
    "huber(0.12345678901234567)",
    "cross_entropy(0.1)",
    "bce(0.12345678901234567)",
    "focal(0.0)",
    "quantile(0.12345678901234567, 0.5)",
    losses.Quantile(np.arange(1, 100) / 100 + 1e-9),
)


@pytest.mark.parametrize("loss", [*losses.Loss.registry, *OTHER_LOSSES], ids=lambda loss: str(loss)[:40])
def test_every_loss(path, loss):
    network = NeuralNetwork([3, 4, 2 * losses.get(loss).outputs_per_target], loss=loss, seed=1)
    found = through_a_file(network, path)
    assert bits(found) == bits(network)
    assert (found.loss, found.n_targets) == (network.loss, 2)
    targets = np.full((30, 2), 0.5)
    assert found.evaluate(X, targets) == network.evaluate(X, targets)
    np.testing.assert_array_equal(found.predict(X), network.predict(X))


@pytest.mark.parametrize(
    ("loss", "version"),
    [
        ("huber(0.5)", 1),
        ("cross_entropy", 1),
        ("cross_entropy(0)", 1),
        ("cross_entropy(0.1)", 2),
        ("binary_cross_entropy(0.1)", 2),
        ("focal", 2),
        ("binary_focal", 2),
        ("quantile", 2),
        ("quantile(0.1, 0.9)", 2),
        ("gaussian", 2),
    ],
)
def test_losses_have_the_lowest_version_that_knows_them(path, loss, version):
    NeuralNetwork([3, 4, 2], loss=loss, seed=1).save(path)
    assert path.read_bytes()[8:12] == version.to_bytes(4, "little")


def test_values_at_the_limits(path):
    network = NeuralNetwork([3, 2], seed=2**64 - 1)
    network.layers[0].weights[0] = [np.nan, np.inf]
    network.history.loss = [np.inf, 1e-320]
    assert bits(through_a_file(network, path)) == bits(network)


def test_a_long_history(path):
    network = NeuralNetwork([1, 1], seed=1)
    network.history.loss = np.random.default_rng(0).random(200_000).tolist()
    assert through_a_file(network, path).history == network.history


def test_many_layers(path):
    network = NeuralNetwork([1] * 1001, activation="relu", seed=1)
    network.train([[1.0]], [[1.0]], epochs=1, optimizer="adam")
    assert bits(through_a_file(network, path)) == bits(network)


METADATA = [
    {},
    {"classes": ["ja", "né", "☃", "𝄞", ""], "": None, "0": [True, False, 0, -1, 2**64 - 1, 1e308, -0.0]},
    {"nested": {"as": [["deep", ["as", {"this": []}]]]}, "text": 'a"b\\c\n\x00'},
]


@pytest.mark.parametrize("metadata", METADATA)
def test_metadata(path, metadata):
    network = NeuralNetwork(seed=1)
    network.metadata = metadata
    assert through_a_file(network, path).metadata == metadata


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"a": {1, 2}}, r"model\.metadata\.a: set is not a JSON type"),
        ({"a": [0, np.int64(1)]}, r"model\.metadata\.a\[1\]: int64 is not a JSON type"),
        ({"a": float("nan")}, "not a finite number"),
        ({3: 1}, "the key 3 is not a string"),
        ({"a": "x" * 2_000_000}, "too much in metadata"),
        (["a"], r"'metadata' of the model must be an object, not \['a'\]"),
        (None, "must be an object, not None"),
    ],
)
def test_metadata_that_a_file_cannot_hold(path, metadata, message):
    network = NeuralNetwork(seed=1)
    network.save(path)
    before = path.read_bytes()
    network.metadata = metadata
    with pytest.raises(ValueError, match=message):
        network.save(path)
    assert path.read_bytes() == before


def test_more_layers_than_a_file_holds(path):
    with pytest.raises(ValueError, match="'layer_sizes' of the model must be a list of 2 to 1001"):
        NeuralNetwork([1] * 1002, activation="relu", seed=1).save(path)
    assert not path.exists()


def test_scratchnn_load(path):
    network = NeuralNetwork(seed=1)
    network.save(str(path))
    assert bits(scratchnn.load(str(path))) == bits(network)
    with pytest.raises(FileNotFoundError):
        scratchnn.load(path.with_name("none.snn"))


# ---- the golden files, which every version reads ----

GOLDEN_SAMPLES = [[0.0, 0.5, -1.0], [1.0, -0.25, 2.0]]
GOLDEN_OUTPUTS = [[0.4808497306340757, 0.5191502693659243], [0.390307483163839, 0.609692516836161]]


def test_the_golden_file():
    network = NeuralNetwork.load(GOLDEN)
    assert network.layer_sizes == (3, 4, 2)
    assert [layer.activation for layer in network.layers] == ["leaky_relu(0.2)", "softmax"]
    assert (network.loss, network.dtype, network.seed) == ("cross_entropy", np.float64, 7)
    assert network.optimizer == optimizers.Adam(learning_rate=0.125)
    assert network.metadata == {"classes": ["no", "yes — ☃"], "scale": 1.5}
    assert network.history.epochs == 5
    assert network.history.samples == 60
    np.testing.assert_allclose(network.predict(GOLDEN_SAMPLES), GOLDEN_OUTPUTS, rtol=1e-12)


@pytest.mark.parametrize("golden", [GOLDEN, GOLDEN_2], ids=["1", "2"])
def test_the_golden_files_are_written_again_alike(path, golden):
    NeuralNetwork.load(golden).save(path)
    assert path.read_bytes() == golden.read_bytes()


def test_the_golden_file_can_be_trained_on():
    network = NeuralNetwork.load(GOLDEN)
    network.train(np.ones((4, 3)), [0, 1, 0, 1], epochs=2, optimizer="adam", learning_rate=0.125)
    assert network.history.epochs == 7


def test_the_golden_file_of_version_2():
    """In the midst of an epoch and of a warm-up; it goes on as the network did that was saved, with the same draws."""
    network = NeuralNetwork.load(GOLDEN_2)
    assert [(layer.normalization, layer.dropout) for layer in network.layers] == [("layer", 0.25), (None, 0.0)]
    assert (network.input_dropout, network.input_noise) == (0.0, 0.125)
    assert network.loss == "cross_entropy(0.0625)"
    assert network.optimizer == optimizers.Nadam(learning_rate=0.125)
    assert network.schedule == schedules.get("warm_up(1, cosine(4, final=0.25))")
    history = network.history
    assert (history.epochs, history.samples, history.stopped) == (2, 18, "max_steps")
    assert history.validation_score == [1 / 3, 2 / 3]
    assert history.learning_rate[0] == 0.125
    np.testing.assert_allclose(
        network.predict(GOLDEN_SAMPLES),
        [[0.4226902582449709, 0.577309741755029], [0.4104000994808944, 0.5895999005191056]],
        rtol=1e-12,
    )
    network.train(
        np.linspace(-1, 1, 36).reshape(12, 3),
        np.arange(12) % 2,
        epochs=1,
        batch_size=5,
        shuffle=True,
        optimizer="nadam",
        learning_rate=0.125,
        schedule="warm_up(1, cosine(4, final=0.25))",
        validation_fraction=0.25,
        scorer="accuracy",
    )
    np.testing.assert_allclose(history.loss, [0.8780768178671572, 0.7275207364656205, 0.7108960004322878], rtol=1e-12)


def frozen(network, *indices):
    for i in indices:
        network.layers[i].trainable = False
    return network


@pytest.mark.parametrize("indices", [(), (0,), (1,), (0, 2), (0, 1, 2)])
def test_frozen_layers(path, indices):
    network = frozen(NeuralNetwork([3, 4, 5, 2], seed=1), *indices)
    found = through_a_file(network, path)
    assert [layer.trainable for layer in found.layers] == [i not in indices for i in range(3)]
    assert bits(found) == bits(network)


def test_the_layers_of_an_older_file_are_trainable(path):
    assert all(layer.trainable for layer in NeuralNetwork.load(GOLDEN).layers)
    network = frozen(NeuralNetwork([3, 4, 2], seed=1), 0)
    network.save(path)
    header, data = take_apart(path.read_bytes())
    for key in header["model"].keys() - {*take_apart(GOLDEN.read_bytes())[0]["model"], "frozen"}:
        del header["model"][key]
    path.write_bytes(build(header, data))
    with pytest.raises(ModelFileError, match="the model has an unknown key, 'frozen'"):
        NeuralNetwork.load(path)
    del header["model"]["frozen"]
    path.write_bytes(build(header, data))
    assert all(layer.trainable for layer in NeuralNetwork.load(path).layers)


def test_the_lowest_version_that_holds_a_network(path):
    """An older scratchnn reads what it can."""
    train = {"epochs": 2, "batch_size": 7}

    def forget(network):
        network.history.learning_rate = []

    for network, change, expected in (
        (NeuralNetwork([3, 2], activation="elu(0.5)", loss="huber(0.5)", seed=1), None, 1),
        (NeuralNetwork([3, 2], loss="half_squared_error", seed=1), None, 2),
        (NeuralNetwork([3, 2], loss="cross_entropy(0.1)", seed=1), None, 2),
        (frozen(NeuralNetwork([3, 2], seed=1), 0), None, 2),
        (NeuralNetwork([3, 4, 2], normalization=[None], dropout=[0], seed=1), None, 1),
        (NeuralNetwork([3, 4, 2], normalization="batch", seed=1), None, 2),
        (NeuralNetwork([3, 4, 2], normalization="layer", seed=1), None, 2),
        (NeuralNetwork([3, 4, 2], dropout=0.5, seed=1), None, 2),
        (NeuralNetwork([3, 2], input_dropout=0.5, seed=1), None, 2),
        (NeuralNetwork([3, 2], input_noise=0.5, seed=1), None, 2),
        (NeuralNetwork([3, 2], seed=1), {}, 2),
        (NeuralNetwork([3, 2], seed=1), {"then": forget}, 1),
        (NeuralNetwork([3, 2], seed=1), {"then": forget, "optimizer": "adam"}, 1),
        (NeuralNetwork([3, 2], seed=1), {"then": forget, "optimizer": "adamhat"}, 2),
        (NeuralNetwork([3, 2], seed=1), {"then": forget, "optimizer": "lbfgs", "batch_size": None}, 2),
        (NeuralNetwork([3, 2], seed=1), {"then": forget, "schedule": "constant"}, 2),
        (NeuralNetwork([3, 2], seed=1), {"then": forget, "max_steps": 6}, 2),
    ):
        if change is not None:
            then = change.pop("then", lambda network: None)
            network.train(X, Y, **train | change)
            then(network)
        network.save(path)
        assert version_of(path.read_bytes()) == expected
        assert bits(NeuralNetwork.load(path)) == bits(network)


# ---- the document ----


@pytest.fixture(scope="module")
def document():
    return DOCUMENT.read_text(encoding="utf-8")


@pytest.mark.parametrize("golden", [GOLDEN, GOLDEN_2], ids=["1", "2"])
def test_the_reader_in_the_document_reads_the_golden_files(document, golden):
    (code,) = re.findall(r"```python\n(.*?)```", document, re.DOTALL)
    namespace = {}
    exec(compile(code, "docs/model_file.md", "exec"), namespace)
    model, arrays = namespace["read_model"](golden)
    network = NeuralNetwork.load(golden)
    assert model["layer_sizes"] == [3, 4, 2]
    for i, layer in enumerate(network.layers):
        np.testing.assert_array_equal(arrays[f"layers.{i}.weights"], layer.weights)
        np.testing.assert_array_equal(arrays[f"layers.{i}.biases"], layer.biases)
    assert arrays["history.loss"].tolist() == network.history.loss


def test_the_document_names_all_functions(document):
    def row(name):
        return next(line for line in document.splitlines() if line.startswith(f"| `{name}"))

    for name in activations.names():
        assert f"`{name}`" in document or f"`{name}(" in document
    for name, loss in losses.Loss.registry.items():
        if name != loss.alias:
            assert (f"`{loss.link}`" if loss.link else "any") in row(name)
    for name, optimizer in optimizers.Optimizer.registry.items():
        cells = row(name).split("|")
        assert re.findall(r"`(\w+)`", cells[2]) == list(optimizer().hyperparameters())
        assert re.findall(r"`(\w+)`", cells[3]) == list(optimizer().states)
    ours = {n: kind for n, kind in schedules.Schedule.registry.items() if kind.__module__ == "scratchnn.schedules"}
    for name, schedule in ours.items():
        parameters = list(inspect.signature(schedule).parameters)
        assert re.findall(r"`(\w+)`", row(name).split("|")[2]) == parameters


# ---- what is no sound model is refused ----


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The content of a model file of about 2 kB, with all that a format knows."""
    network = frozen(NeuralNetwork([3, 5, 2], activation="tanh", dtype="float32", seed=3), 0)
    network.train(
        X,
        Y,
        epochs=3,
        batch_size=7,
        max_steps=12,
        optimizer="momentum",
        learning_rate=0.01,
        schedule="warm_up(1, cosine(4))",
        validation_data=(X, Y),
        scorer="r2",
    )
    path = tmp_path_factory.mktemp("small") / "model.snn"
    network.save(path)
    return path.read_bytes()


def test_every_truncation(path, small):
    assert 2000 < len(small) < 3000
    path.write_bytes(small)
    for size in reversed(range(len(small))):
        os.truncate(path, size)
        with pytest.raises(ModelFileError):
            NeuralNetwork.load(path)


def test_every_flipped_bit(path, small):
    content = bytearray(small)
    with open(path, "wb", buffering=0) as file:
        file.write(content)
        for i in range(8 * len(content)):
            content[i // 8] ^= 1 << i % 8
            file.seek(i // 8)
            file.write(content[i // 8 : i // 8 + 1])
            with pytest.raises(ModelFileError):
                NeuralNetwork.load(path)
            content[i // 8] ^= 1 << i % 8
            file.seek(i // 8)
            file.write(content[i // 8 : i // 8 + 1])
    NeuralNetwork.load(path)


@pytest.fixture
def changed(path, small):
    """Load the small model with `change` made to its header, the checksum being right."""

    def load(change):
        header, data = take_apart(small)
        change(header)
        path.write_bytes(build(header, data, version=version_of(small)))
        return NeuralNetwork.load(path)

    return load


def test_the_header_unchanged_is_loaded(changed):
    changed(lambda header: None)


def set_in(*keys):
    *way, last, value = keys

    def change(header):
        place = header
        for key in way:
            place = place[key]
        place[last] = value

    return change


def drop(*keys):
    *way, last = keys

    def change(header):
        place = header
        for key in way:
            place = place[key]
        del place[last]

    return change


def model(*keys):
    return set_in("model", *keys)


def both(*changes):
    def change(header):
        for part in changes:
            part(header)

    return change


def rename(old, new):
    def change(header):
        header["arrays"][new] = header["arrays"].pop(old)

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (model("code", "import os"), "the model has an unknown key, 'code'"),
        (drop("model", "steps"), "the model has no key 'steps'"),
        (
            model("layer_sizes", None),
            "a list of 2 to 1001 positive integers, not None",
        ),
        (model("layer_sizes", [3]), "must be a list of 2 to 1001"),
        (model("layer_sizes", [3, 0, 2]), r"not \[3, 0, 2\]"),
        (model("layer_sizes", [3, -5, 2]), "positive integers"),
        (model("layer_sizes", [3, 5.0, 2]), "positive integers"),
        (model("layer_sizes", [True, 5, 2]), "positive integers"),
        (model("layer_sizes", [2**63, 2**63, 2]), "positive integers"),
        (model("layer_sizes", [1] * 100_000), "positive integers"),
        (
            model("layer_sizes", [3, 5, 4]),
            r"'layers.1.weights' .* \[5, 2\], .* needs <f4 and \[5, 4\]",
        ),
        (model("layer_sizes", [2**40, 2**40, 2]), r"needs <f4 and \[1099511627776, 1099511627776\]"),
        (model("layer_sizes", [3, 5]), "2 activations|1 layers"),
        (model("activations", ["tanh"]), "2 layers and 1 activations"),
        (model("activations", ["tanhh", "identity"]), "unknown activation 'tanhh'.*'tanh'"),
        (model("activations", ["tanh", 3]), "'activations' of the model must be a list of names"),
        (model("activations", "tanh"), "must be a list of names"),
        (model("activations", ["softmax", "identity"]), "unknown activation 'softmax'"),
        (model("activations", ["tanh", "softmax"]), "unknown activation 'softmax'"),
        (model("activations", ["os.system", "identity"]), "unknown activation 'os.system'"),
        (model("activations", ["relu(" + " " * 500_000, "identity"]), "at most 40 characters"),
        (model("activations", ["leaky_relu(-1)", "identity"]), "expected a finite number"),
        (model("activations", ["leaky_relu(nan)", "identity"]), "expected a finite number"),
        (model("activations", ["leaky_relu(1e999)", "identity"]), "expected a finite number"),
        (model("activations", [" tanh", "identity"]), "'tanh' is misspelt, as ' tanh'"),
        (model("loss", "mean_squared_eror"), "unknown loss .*mean_squared_error"),
        (model("loss", "mse"), "'mean_squared_error' is misspelt, as 'mse'"),
        (model("loss", 3), "'loss' of the model must be a name"),
        (model("loss", "x" * 2501), "at most 2500 characters"),
        (model("loss", "x" * 2500), "unknown loss 'xxx"),
        (model("loss", "quantile(" + "0.1.1" * 400 + ")"), "levels"),
        (model("loss", "quantile(" + " " * 2490), "unknown loss"),
        (model("loss", "quantile(" + "0.5," * 620 + "0.6)"), "621 levels were given; expected 1 to 99"),
        (model("loss", "quantile(0.1,0.5)"), r"'quantile\(0.1, 0.5\)' is misspelt, as 'quantile\(0.1,0.5\)'"),
        (model("loss", "cross_entropy(0.0)"), r"'cross_entropy' is misspelt, as 'cross_entropy\(0.0\)'"),
        (model("loss", "quantile(0.5, 0.1)"), "expected each above the one before"),
        (model("loss", "quantile(0.1, 0.9)"), "'identity', the loss 'quantile.0.1, 0.9.' needs 'quantiles'"),
        (model("loss", "gaussian"), "needs 'gaussian'"),
        (
            both(model("loss", "quantile(0.1, 0.5, 0.9)"), model("activations", ["tanh", "quantiles"])),
            "has 2 outputs; .* expects 3 for each target",
        ),
        (
            model("loss", "cross_entropy"),
            "'identity', the loss 'cross_entropy' needs 'softmax'",
        ),
        (model("loss", "poisson"), "needs 'exp'"),
        (model("biases", 1), "'biases' of the model must be true or false, not 1"),
        (model("biases", False), "'layers.0.biases' is no part of this network"),
        (
            model("frozen", True),
            "'frozen' of the model must be a list of integers in ascending order, from 0, not True",
        ),
        (model("frozen", [1, 0]), r"in ascending order, from 0, not \[1, 0\]"),
        (model("frozen", [0, 0]), "in ascending order"),
        (model("frozen", [-1]), "in ascending order"),
        (model("frozen", [0.0]), "in ascending order"),
        (model("frozen", [True]), "in ascending order"),
        (model("frozen", ["0"]), "in ascending order"),
        (model("frozen", [[0]]), "in ascending order"),
        (model("frozen", [0, 2]), r"layer 2 is frozen; the model's layers are 0 \.\.\. 1"),
        (model("frozen", [2**53]), "layer 9007199254740992 is frozen"),
        (model("dtype", "float16"), "'dtype' of the model must be 'float32' or 'float64', not 'float16'"),
        (model("dtype", ["float32"]), "'dtype' of the model must be"),
        (model("dtype", "float64"), "has dtype <f4 .* needs <f8"),
        (model("seed", -1), "'seed' of the model must be an integer from 0"),
        (model("seed", 1.5), "'seed' of the model must be an integer"),
        (model("seed", None), "'seed' of the model must be an integer"),
        (model("steps", 2**63), "'steps' of the model must be an integer"),
        (model("steps", -1), "'steps' of the model must be an integer"),
        (model("random_counter", True), "'random_counter' of the model must be an integer"),
        (model("metadata", []), "'metadata' of the model must be an object"),
        (model("history", None), "'history' of the model must be an object"),
        (model("history", {}), "the history has no key"),
        (model("history", "loss", [1]), "the history has an unknown key, 'loss'"),
        (model("history", "seconds", -1), "'seconds' of the history must be a number of at least 0"),
        (model("history", "seconds", "1"), "'seconds' of the history must be"),
        (model("history", "samples", 1.0), "'samples' of the history must be an integer"),
        (model("history", "stopped", "__import__"), "'stopped' of the history must be one of"),
        (model("history", "stopped", []), "'stopped' of the history must be one of"),
        (model("optimizer", "adam"), "'optimizer' of the model must be null or an object"),
        (model("optimizer", {}), "unknown optimizer None"),
        (model("optimizer", "name", "momentumm"), "unknown optimizer 'momentumm'.*'momentum'"),
        (model("optimizer", "name", ["sgd"]), "unknown optimizer"),
        (model("optimizer", "name", "Momentum"), "unknown optimizer 'Momentum'"),
        (model("optimizer", "name", "sgd"), "the optimizer has an unknown key, 'momentum'"),
        (model("optimizer", "beta1", 0.9), "the optimizer has an unknown key, 'beta1'"),
        (drop("model", "optimizer", "momentum"), "the optimizer has no key 'momentum'"),
        (model("optimizer", "momentum", "0.9"), "'momentum' of the optimizer must be a number"),
        (model("optimizer", "momentum", True), "'momentum' of the optimizer must be a number"),
        (model("optimizer", "momentum", 1.5), "momentum is 1.5; expected"),
        (model("optimizer", "learning_rate", -1), "learning_rate is -1; expected"),
        (model("optimizer", "learning_rate", 0), "learning_rate is 0; expected"),
        (model("optimizer", None), "'layers.0.weights.velocity' is no part of this network"),
        (rename("layers.0.weights", "layers.7.weights"), "'layers.7.weights' is no part of this network"),
        (rename("history.loss", "history.val"), "'history.val' is no part of this network"),
        (rename("history.learning_rate", "history.learning_rates"), "'history.learning_rates' is no part of this"),
        (model("normalization", ["layer"]), "'layers.0.gain' is missing"),
        (model("normalization", ["batch"]), "'layers.0.biases' is no part of this network"),
        (model("normalization", ["layers"]), "unknown normalization 'layers'.*'layer'"),
        (model("normalization", [None, None]), "expected .* one for each of 1 hidden layer"),
        (model("normalization", "layer"), "'normalization' of the model must be null or a list of names"),
        (model("normalization", [1]), "'normalization' of the model must be null or a list of names"),
        (drop("model", "normalization"), "the model has no key 'normalization'"),
        (model("dropout", [0.5, 0.5]), "the model has 1 hidden layers and 2 rates of dropout"),
        (model("dropout", [1]), "'dropout' of the model must be null or a list of rates"),
        (model("dropout", ["0.5"]), "'dropout' of the model must be null or a list of rates"),
        (model("dropout", 0.5), "'dropout' of the model must be null or a list of rates"),
        (model("input_dropout", 1.0), "'input_dropout' of the model must be 0 or a rate"),
        (model("input_dropout", None), "'input_dropout' of the model must be 0 or a rate"),
        (model("input_noise", -0.1), "'input_noise' of the model must be a number of at least 0"),
        (model("input_noise", True), "'input_noise' of the model must be a number of at least 0"),
        (model("noise_counter", 2**60), "'noise_counter' of the model must be an integer from 0"),
        (model("schedule", "cosine(5)"), "'schedule' of the model must be null or an object"),
        (model("schedule", {}), "the schedule has no key"),
        (model("schedule", "from_step", -1), "'from_step' of the schedule must be an integer from 0"),
        (model("schedule", "from_step", 13), "the schedule began after step 13, and there were 12"),
        (model("schedule", "from_epoch", None), "'from_epoch' of the schedule must be an integer"),
        (model("schedule", "rule", "cosine(5)"), "'rule' of the schedule must be an object"),
        (model("schedule", "rule", {}), "unknown schedule None"),
        (model("schedule", "rule", "name", "warmup"), "unknown schedule 'warmup'. Did you mean 'warm_up'?"),
        (model("schedule", "rule", "name", ["warm_up"]), "unknown schedule"),
        (model("schedule", "rule", "epochs", 0), "epochs is 0; expected a finite number > 0"),
        (model("schedule", "rule", "epochs", "1"), "epochs is '1'; expected a finite number"),
        (model("schedule", "rule", "epoch", 1), "got an unexpected keyword argument 'epoch'"),
        (drop("model", "schedule", "rule", "then"), "leaves out what it has"),
        (model("schedule", "rule", "then", 3), "schedule is int; expected"),
        (model("schedule", "rule", "then", "constant"), "leaves out what it has"),
        (model("schedule", "rule", "then", {"name": "cosine"}), "missing a required argument: 'epochs'"),
        (model("unfinished_epoch", []), "'unfinished_epoch' of the model must be null or an object"),
        (model("unfinished_epoch", {}), "the unfinished epoch has no key"),
        (model("unfinished_epoch", "samples", 0), "has done 0 of 30 samples"),
        (model("unfinished_epoch", "samples", 30), "has done 30 of 30 samples"),
        (model("unfinished_epoch", "samples", 15), "has done 15 of 30 samples in batches of 7"),
        (model("unfinished_epoch", "batch_size", 0), "'batch_size' of the unfinished epoch must be an integer from 1"),
        (model("unfinished_epoch", "shuffle", 0), "'shuffle' of the unfinished epoch must be true or false"),
        (model("unfinished_epoch", "loss", "1"), "'loss' of the unfinished epoch must be a number"),
        (model("unfinished_epoch", "penalty", None), "'penalty' of the unfinished epoch must be a number"),
        (
            set_in("arrays", "history.loss", "shape", [3, 1]),
            r"'history.loss' has .* shape \[3, 1\], not <f8 and \[n\]",
        ),
        (
            set_in("arrays", "history.loss", {"dtype": "<f4", "shape": [6], "offset": 1024}),
            "starts at|not <f8",
        ),
    ],
)
def test_models_that_are_not_sound(changed, path, change, message):
    with pytest.raises(ModelFileError, match=message) as caught:
        changed(change)
    assert str(caught.value).startswith(f"cannot load {str(path)!r}: ")
    assert len(str(caught.value)) < 500 + len(str(path))


def test_a_missing_array(path, small):
    header, data = take_apart(small)
    header["arrays"] = {name: spec for name, spec in header["arrays"].items() if spec["offset"] == 0}
    path.write_bytes(build(header, data[:64], version=version_of(small)))
    with pytest.raises(ModelFileError, match=r"array 'layers.0.biases' is missing"):
        NeuralNetwork.load(path)


def test_shapes_are_compared_before_data_are_read(path):
    """A sparse file of a terabyte whose header fits its size, and no network."""
    shape = [2**37]
    header = {"model": {}, "arrays": {"a": {"dtype": "<f8", "shape": shape, "offset": 0}}}
    content = build(header)
    with open(path, "wb") as file:
        file.write(content[:-4])
        file.truncate(len(content) + 2**40)
    with pytest.raises(ModelFileError, match="the model has no key"):
        NeuralNetwork.load(path)


HOSTILE_VALUES = [
    None,
    True,
    -1,
    0,
    1,
    2**63,
    1.5,
    -0.0,
    1e308,
    "",
    "tanh",
    "../a",
    [],
    [[]],
    {},
    {"a": 1},
    [3, 5, 2],
]


def places(value, way=()):
    """The way to every value in a JSON document."""
    yield way
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*way, key))


@settings(max_examples=400)
@given(data=st.data())
def test_hostile_values_anywhere_in_the_header(path, small, data):
    header, content = take_apart(small)
    for _ in range(data.draw(st.integers(1, 2))):
        way = data.draw(st.sampled_from([way for way in places(header) if way]))
        set_in(*way, copy.deepcopy(data.draw(st.sampled_from(HOSTILE_VALUES))))(header)
    path.write_bytes(build(header, content, version=version_of(small)))
    try:
        network = NeuralNetwork.load(path)
    except ModelFileError:
        return
    assert network.predict(X).shape == (30, 2)
    assert bits(through_a_file(network, path)) == bits(network)


# ---- atomic ----

KILLED = """
import os, sys, time
import scratchnn

network = scratchnn.load(sys.argv[1])
network.metadata = {"age": "new"}
replace = os.replace
def stop(*args):
    print("now", flush=True)
    time.sleep(60)
os.replace = stop
network.save(sys.argv[1])
"""


@pytest.mark.skipif(os.name == "nt", reason="POSIX only")
def test_a_kill_in_mid_save_leaves_the_old_model(path, small):
    path.write_bytes(small)
    with subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline().strip() == b"now"
        process.kill()
    assert NeuralNetwork.load(path).metadata == {}
    assert path.read_bytes() == small
