"""Networks as ONNX models: what ONNX Runtime computes of them, and networks that are read back."""

import networks
import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchnn import ModelFileError, NeuralNetwork, losses
from scratchnn.core import activations

onnx = pytest.importorskip("onnx")

LINKED = ["cross_entropy", "focal", "binary_cross_entropy", "poisson", "gaussian", "quantile(0.1, 0.5, 0.9)"]
OPSET = 13

# In units of the last place of the outputs' size. ONNX Runtime's float32 kernels have errors of their own, and layers
# pass on what the layers before them have rounded.
MOST_EPS = 60


def outputs_of(path, x):
    """What the model computes in ONNX Runtime; skipped where that is not installed."""
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (given,), (made,) = session.get_inputs(), session.get_outputs()
    assert (given.name, made.name) == ("input", "output")
    assert isinstance(given.shape[0], str)  # free
    assert given.shape[1:] == [x.shape[1]]
    assert given.type == made.type == f"tensor({'float' if x.dtype == np.float32 else 'double'})"
    return session.run(None, {"input": x})[0]


def assert_close(found, expected, most_eps=MOST_EPS):
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    eps = np.finfo(expected.dtype).eps
    np.testing.assert_allclose(found, expected, rtol=most_eps * eps, atol=most_eps * eps * np.abs(expected).max())


def same(path, network, x):
    """The network read back, which is the one that was written, bit for bit."""
    again = NeuralNetwork.from_onnx(path)
    assert repr(again) == repr(network)
    np.testing.assert_array_equal(again.predict(x), network.predict(x))
    return again


def compare(network, x, path, most_eps=MOST_EPS):
    network.to_onnx(path)
    same(path, network, x)
    assert_close(outputs_of(path, x), network.predict(x), most_eps)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "network.onnx"


# ---- ONNX Runtime ----


@pytest.mark.parametrize("name", activations.names())
def test_every_activation_in_onnx_runtime(name, dtype, path):
    """A network of nothing but the activation, on a grid: compared with the network and with the oracle."""
    function, alphas = activations.get(name), [None]
    if function.has_alpha:
        alphas += [0.0, 0.3, 1.7]
    z = np.linspace(-12, 12, 4001, dtype=dtype)[:, None]
    z = np.concatenate([z, np.array([[-60], [-5e-3], [-1e-12], [1e-12], [50]], dtype)])
    for alpha in alphas:
        spelt = name if alpha is None else f"{name}({alpha})"
        network = NeuralNetwork(
            [1, 1], activation=[spelt], loss="mse", weight_init=[[[1.0]]], bias_init=[[0.0]], dtype=dtype, seed=1
        )
        compare(network, z, path, 4)
        value, _ = oracle.ACTIVATIONS[name]
        arguments = () if not function.has_alpha else (function.alpha if alpha is None else alpha,)
        expected = value(z.astype(np.float64), *arguments)
        found = outputs_of(path, z).astype(np.float64)
        eps = np.finfo(dtype).eps
        np.testing.assert_allclose(
            found, expected, rtol=16 * eps, atol=4 * eps * max(1.0, 13.0 if name.endswith("lu") else 1)
        )


@pytest.mark.parametrize("loss", [*LINKED, *networks.losses.Loss.registry])
def test_every_loss_and_its_link_in_onnx_runtime(loss, dtype, path):
    network = networks.make([5, 17, 6], "tanh", loss, dtype)
    compare(network, networks.data(network, 40)[0], path)
    assert NeuralNetwork.from_onnx(path).loss == network.loss


@pytest.mark.parametrize("normalization", ["batch", "layer", ["layer", None]])
@pytest.mark.parametrize("biases", [True, False])
def test_normalisation_and_layers_without_biases(normalization, biases, dtype, path):
    network = NeuralNetwork(
        [4, 9, 5, 2], activation="tanh", normalization=normalization, biases=biases, dtype=dtype, seed=1
    )
    x, y = networks.data(network, 64)
    network.train(x, y, epochs=2, batch_size=16, learning_rate=0.5)  # so that no gain is 1 and no mean 0
    compare(network, x, path)
    again = NeuralNetwork.from_onnx(path)
    for ours, theirs in zip(again.layers, network.layers, strict=True):
        assert (ours.biases is None) == (theirs.biases is None)
        for name in ("weights", "biases", "gain", "shift", "running_mean", "running_variance"):
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))


@pytest.mark.parametrize("rule", ["standard", "minmax"])
def test_scaling_of_inputs_and_targets_in_float64(rule, dtype, path):
    """A shift of a million takes six digits of a float32 away, unless it is taken in float64."""
    network = NeuralNetwork([3, 8, 2], activation="tanh", scale_inputs=rule, scale_targets=rule, dtype=dtype, seed=1)
    rng = np.random.default_rng(0)
    x = (1e6 + rng.standard_normal((50, 3)) * [1, 10, 100]).astype(dtype)
    network.train(x, 1e3 + x[:, :2] - 1e6, epochs=2)
    network.to_onnx(path)
    assert_close(outputs_of(path, x), network.predict(x))
    again = NeuralNetwork.from_onnx(path)
    np.testing.assert_array_equal(again.predict(x), network.predict(x))
    for name in ("input_scaling", "target_scaling"):
        np.testing.assert_array_equal(getattr(again, name), getattr(network, name))


@pytest.mark.parametrize("loss", ["gaussian", "quantile(0.2, 0.8)"])
def test_scaling_of_several_outputs_for_a_target(loss, dtype, path):
    network = NeuralNetwork(
        [3, 8, 4], activation="tanh", loss=loss, scale_targets=([100, 5], [0.1, 2]), dtype=dtype, seed=1
    )
    compare_scaled(network, path)


def compare_scaled(network, path):
    x = networks.data(network, 30)[0]
    network.to_onnx(path)
    again = NeuralNetwork.from_onnx(path)
    np.testing.assert_array_equal(again.predict(x), network.predict(x))
    assert again.loss == network.loss
    assert_close(outputs_of(path, x), network.predict(x))


@pytest.mark.parametrize("bounds", [(0, 1), (-3, 7.5), (None, 2), (0.1, None), (None, -1e-3)])
def test_bounds_and_the_limits_of_rounding(bounds, dtype, path):
    """Where sigmoid rounds to 0 or 1, predictions stay within the bounds, there as here."""
    network = NeuralNetwork([1, 1], activation="tanh", bounds=bounds, weight_init=[[[1.0]]], dtype=dtype, seed=1)
    x = np.array([-1e4, -500, -1, 0, 1, 500, 1e4], dtype)[:, None]
    network.to_onnx(path)
    found = outputs_of(path, x)
    assert_close(found, network.predict(x), 8)
    low, high = network.bounds
    assert (found.astype(np.float64) > low).all()
    assert (found.astype(np.float64) < high).all()
    assert NeuralNetwork.from_onnx(path).bounds == network.bounds
    np.testing.assert_array_equal(NeuralNetwork.from_onnx(path).predict(x), network.predict(x))


@st.composite
def drawn_networks(draw):
    """Any network that can be asked for."""
    n_hidden = draw(st.integers(0, 3))
    loss = draw(st.sampled_from([*LINKED, "mse", "huber(0.5)"]))
    sizes = networks.sizes_for(loss, [draw(st.integers(1, 19)) for _ in range(n_hidden + 2)])
    names = [draw(st.sampled_from([n for n in activations.names() if n != "exp"])) for _ in range(n_hidden)]
    link = losses.get(loss).link
    names.append(link or draw(st.sampled_from(["identity", "tanh", "elu(0.5)", "leaky_relu(0.2)"])))
    arguments = {
        "normalization": [draw(st.sampled_from([None, "batch", "layer"])) for _ in range(n_hidden)],
        "biases": draw(st.booleans()),
        "dtype": draw(st.sampled_from(["float32", "float64"])),
        "seed": draw(st.integers(0, 9)),
        "bias_init": "normal",
    }
    if draw(st.booleans()):
        arguments["scale_inputs"] = draw(st.floats(-9, 9)), draw(st.floats(0.1, 3))
    if draw(st.booleans()) and losses.get(loss).scales_targets:
        arguments["scale_targets"] = draw(st.floats(-9, 9)), draw(st.floats(0.1, 3))
    network = NeuralNetwork(sizes, activation=names, loss=loss, **arguments)
    rng = np.random.default_rng(arguments["seed"])
    for layer in network.layers:
        if layer.gain is not None:
            layer.gain, layer.shift = rng.standard_normal((2, layer.n_outputs))
        if layer.running_mean is not None:
            layer.running_mean, layer.running_variance = rng.uniform(0.5, 2, (2, layer.n_outputs))
    return network


@given(drawn_networks())
def test_any_network_in_onnx_runtime_and_back(tmp_path_factory, network):
    path = tmp_path_factory.getbasetemp() / "drawn.onnx"
    x = networks.data(network, 9)[0]
    network.to_onnx(path)
    again = NeuralNetwork.from_onnx(path)
    np.testing.assert_array_equal(again.predict(x), network.predict(x))
    assert (again.loss, again.seed) == (network.loss, network.seed)
    assert_close(outputs_of(path, x), network.predict(x), 2000)  # a hidden layer of one output may be divided by little


# ---- the file ----


def test_a_model_says_what_it_is(path):
    network = NeuralNetwork([2, 3, 2], loss="cross_entropy", seed=7)
    network.metadata = {"classes": ["no", "yes"]}
    network.to_onnx(path)
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", OPSET)]
    assert (model.ir_version, model.producer_name) == (7, "scratchnn")
    assert [node.op_type for node in model.graph.node] == ["Gemm", "Sigmoid", "Gemm", "Softmax", "Identity"]
    names = [tensor.name for tensor in model.graph.initializer]
    assert names == ["layers.0.weights", "layers.0.biases", "layers.1.weights", "layers.1.biases"]
    again = NeuralNetwork.from_onnx(path)
    assert (again.metadata, again.seed) == (network.metadata, 7)
    assert NeuralNetwork.from_onnx(path, seed=3).seed == 3


def test_float32_networks_have_onnx_own_operators(path):
    """Which runtimes have fast kernels for; of float64 some are put together."""
    own = {"leaky_relu": "LeakyRelu", "elu": "Elu", "selu": "Selu", "softplus": "Softplus", "softsign": "Softsign"}
    for name, operator in own.items():
        NeuralNetwork([1, 1], activation=[name], dtype="float32", seed=1).to_onnx(path)
        assert [node.op_type for node in onnx.load(path).graph.node] == ["Gemm", operator, "Identity"]


def test_a_function_as_loss_is_left_out(path):
    def square(y_true, y_pred):
        return ((y_pred - y_true) ** 2).sum(axis=1), 2 * (y_pred - y_true)

    NeuralNetwork([2, 1], activation="tanh", loss=square, seed=1).to_onnx(path)
    assert NeuralNetwork.from_onnx(path).loss == "mean_squared_error"


def test_nothing_is_written_where_something_is_wrong(path, monkeypatch):
    network = NeuralNetwork([2, 1], seed=1)
    network.metadata = {"a": {1, 2}}
    with pytest.raises(ValueError, match=r"metadata.a: set is not a JSON type"):
        network.to_onnx(path)
    network.metadata = {}
    monkeypatch.setattr("scratchnn.exchange.onnx_export.MOST_BYTES", 10)
    with pytest.raises(ValueError, match="parameters take 24 bytes; an ONNX file holds at most 10"):
        network.to_onnx(path)
    assert not path.exists()


def test_a_subclass_gets_itself(path):
    class Own(NeuralNetwork):
        pass

    NeuralNetwork([2, 1], seed=1).to_onnx(path)
    assert type(Own.from_onnx(path)) is Own


def test_training_goes_on_from_a_file(path):
    network = networks.make([3, 8, 2], "tanh", "mse", np.float64)
    x, y = networks.data(network, 20)
    network.to_onnx(path)
    again = NeuralNetwork.from_onnx(path)
    for trained in (network, again):
        trained.train(x, y, epochs=3, shuffle=True, optimizer="adam")
    np.testing.assert_array_equal(again.predict(x), network.predict(x))


# ---- what was changed after it was written ----


def changed(path, change):
    model = onnx.load(path)
    change(model)
    onnx.save(model, path)


def note(model, text):
    (entry,) = model.metadata_props
    entry.value = text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "Expecting property name"),
        ("[]", "the property 'scratchnn' must be an object"),
        ('{"loss":"mse"}', "has no key 'bounds'"),
        ('{"loss":5,"bounds":null,"seed":1,"metadata":{}}', "'loss' of the property 'scratchnn' is 5"),
        ('{"loss":"msf","bounds":null,"seed":1,"metadata":{}}', "unknown loss 'msf'"),
        ('{"loss":"mse","bounds":null,"seed":-1,"metadata":{}}', "'seed' of the property 'scratchnn' is -1"),
        ('{"loss":"mse","bounds":[1],"seed":1,"metadata":{}}', r"'bounds' of the property 'scratchnn' is \[1\]"),
        ('{"loss":"mse","bounds":[2,1],"seed":1,"metadata":{}}', "expected a low below a high"),
        ('{"loss":"mse","bounds":[0,2],"seed":1,"metadata":{}}', "does not keep its outputs within the bounds"),
        ('{"loss":"cross_entropy","bounds":null,"seed":1,"metadata":{}}', "the file ends in 'sigmoid', but the loss"),
        ("x" * (1 << 20) + "x", "longer than 1048576 characters"),
    ],
)
def test_a_property_that_does_not_fit(text, message, path):
    NeuralNetwork([2, 1], bounds=(0, 1), seed=1).to_onnx(path)
    changed(path, lambda model: note(model, text))
    with pytest.raises(ModelFileError, match=message):
        NeuralNetwork.from_onnx(path)


def test_limits_without_bounds_are_refused(path):
    NeuralNetwork([2, 1], bounds=(0, 1), seed=1).to_onnx(path)
    changed(path, lambda model: model.ClearField("metadata_props"))
    with pytest.raises(ModelFileError, match="outputs have limits"):
        NeuralNetwork.from_onnx(path)


def test_quantiles_need_their_levels(path):
    loss = "quantile(0.1, 0.9)"
    network = NeuralNetwork([2, 4], loss=loss, seed=1)
    network.to_onnx(path)
    changed(path, lambda model: model.ClearField("metadata_props"))
    with pytest.raises(ModelFileError, match="2 quantiles of unknown levels"):
        NeuralNetwork.from_onnx(path)
    assert NeuralNetwork.from_onnx(path, loss=loss).predict([1, 2]).tolist() == network.predict([1, 2]).tolist()
    with pytest.raises(ModelFileError, match="are not those of the loss"):
        NeuralNetwork.from_onnx(path, loss="quantile(0.1, 0.2, 0.5, 0.9)")
    with pytest.raises(ModelFileError, match=r"ends in 'quantiles', which the loss 'mean_squared_error' does not"):
        NeuralNetwork.from_onnx(path, loss="mse")
