"""State dicts of PyTorch and safetensors files: layers out of them, and networks as them. PyTorch is not needed."""

import json
import re
import struct

import numpy as np
import pytest

from scratchnn import ModelFileError, NeuralNetwork

RNG = np.random.default_rng(0)
X = RNG.standard_normal((20, 3))


def normal(*shape, dtype=np.float64):
    return RNG.standard_normal(shape).astype(dtype)


def linear(x, weight, bias=None):
    """nn.Linear: x Wᵀ + b, W [out, in]."""
    return x @ weight.T + (0 if bias is None else bias)


def batch(x, weight, bias, mean, variance):
    """nn.BatchNorm1d in eval()."""
    return (x - mean) / np.sqrt(variance + 1e-5) * weight + bias


def layer(x, weight, bias):
    """nn.LayerNorm."""
    return (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5) * weight + bias


def safetensors(path, tensors, metadata=None, dtypes=None):
    """Write a file of the format by hand, names in the order of the alphabet, as its library does."""
    header, data = {} if metadata is None else {"__metadata__": metadata}, b""
    for name in sorted(tensors):
        array = np.asarray(tensors[name])
        kind = (dtypes or {}).get(name) or {"f4": "F32", "f8": "F64", "f2": "F16", "i8": "I64"}[array.dtype.str[1:]]
        header[name] = {
            "dtype": kind, "shape": list(array.shape), "data_offsets": [len(data), len(data) + array.nbytes]
        }  # fmt: skip
        data += array.tobytes()
    write(path, header, data)


def write(path, header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


MLP = {
    "net.0.weight": normal(5, 3), "net.0.bias": normal(5), "net.2.weight": normal(4, 5), "net.2.bias": normal(4),
    "net.10.weight": normal(2, 4), "net.10.bias": normal(2),
}  # fmt: skip


def mlp(x, g=np.tanh):
    a = g(linear(x, MLP["net.0.weight"], MLP["net.0.bias"]))
    a = g(linear(a, MLP["net.2.weight"], MLP["net.2.bias"]))
    return linear(a, MLP["net.10.weight"], MLP["net.10.bias"])


# ---- from a state dict ----


def test_linear_layers(path):
    """From a dict, and from a file, in which 10 comes after 2."""
    safetensors(path, MLP)
    for given in (MLP, path, str(path)):
        network = NeuralNetwork.from_torch_state_dict(given, activation="tanh", seed=3)
        assert (network.layer_sizes, network.dtype, network.seed) == ((3, 5, 4, 2), np.float64, 3)
        assert [layer.activation for layer in network.layers] == ["tanh", "tanh", "identity"]
        np.testing.assert_allclose(network.predict(X), mlp(X), rtol=1e-12)


def test_activations_and_losses():
    """The output is identity, or what the loss has: PyTorch's losses take logits."""
    network = NeuralNetwork.from_torch_state_dict(MLP, activation="sigmoid")
    assert network.layers[-1].activation == "identity"
    network = NeuralNetwork.from_torch_state_dict(MLP, activation="tanh", loss="cross_entropy")
    p = np.exp(mlp(X))
    np.testing.assert_allclose(network.predict(X), p / p.sum(axis=1, keepdims=True), rtol=1e-12)
    network = NeuralNetwork.from_torch_state_dict(MLP, activation="tanh", output_activation="tanh")
    np.testing.assert_allclose(network.predict(X), np.tanh(mlp(X)), rtol=1e-12)
    network = NeuralNetwork.from_torch_state_dict(MLP, activation=["relu", "silu", "exp"])
    assert [layer.activation for layer in network.layers] == ["relu", "silu", "exp"]
    with pytest.raises(ValueError, match=r"unknown activation 'than'\. Did you mean 'tanh'"):
        NeuralNetwork.from_torch_state_dict(MLP, activation="than")


def test_layers_without_biases():
    weights = {"a.weight": MLP["net.0.weight"], "b.weight": normal(1, 5)}
    network = NeuralNetwork.from_torch_state_dict(weights, activation="relu")
    assert all(layer.biases is None for layer in network.layers)
    network = NeuralNetwork.from_torch_state_dict(weights | {"b.bias": normal(1)}, activation="relu")
    assert network.layers[0].biases.tolist() == [0] * 5


@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize("affine", [True, False])
def test_batch_normalisation(biases, affine):
    vectors = {"weight": normal(5), "bias": normal(5), "running_mean": normal(5), "running_var": RNG.uniform(0.1, 2, 5)}
    tensors = {"fc1.weight": normal(5, 3)} | ({"fc1.bias": normal(5)} if biases else {})
    kept = vectors if affine else {name: vectors[name] for name in ("running_mean", "running_var")}
    tensors |= {f"bn1.{name}": array for name, array in kept.items()}
    tensors |= {"bn1.num_batches_tracked": np.array(7), "fc2.weight": normal(2, 5), "fc2.bias": normal(2)}
    network = NeuralNetwork.from_torch_state_dict(tensors, activation="relu")
    z = linear(X, tensors["fc1.weight"], tensors.get("fc1.bias"))
    gain, shift = (vectors["weight"], vectors["bias"]) if affine else (1, 0)
    a = np.maximum(batch(z, gain, shift, vectors["running_mean"], vectors["running_var"]), 0)
    np.testing.assert_allclose(network.predict(X), linear(a, tensors["fc2.weight"], tensors["fc2.bias"]), rtol=1e-9)


def test_layer_normalisation():
    tensors = {
        "0.weight": normal(5, 3), "0.bias": normal(5), "1.weight": normal(5), "1.bias": normal(5),
        "3.weight": normal(2, 5), "3.bias": normal(2),
    }  # fmt: skip
    network = NeuralNetwork.from_torch_state_dict(tensors, activation="tanh")
    a = np.tanh(layer(linear(X, tensors["0.weight"], tensors["0.bias"]), tensors["1.weight"], tensors["1.bias"]))
    np.testing.assert_allclose(network.predict(X), linear(a, tensors["3.weight"], tensors["3.bias"]), rtol=1e-9)


def test_half_precision_becomes_float32(path):
    """Every float16 and every bfloat16 is a float32."""
    weights = normal(2, 3).astype(np.float16)
    network = NeuralNetwork.from_torch_state_dict({"0.weight": weights}, activation="tanh")
    assert network.dtype == np.float32
    np.testing.assert_array_equal(network.layers[0].weights, weights.T)
    safetensors(path, {"0.weight": weights})
    network = NeuralNetwork.from_torch_state_dict(path, activation="tanh")
    np.testing.assert_array_equal(network.layers[0].weights, weights.T)
    exact = np.array([[1.0, -2.5, 3.0e38], [0.0, 1.0078125, -1e-30]], np.float32)
    upper = (exact.view(np.uint32) >> 16).astype(np.uint16)
    safetensors(path, {"0.weight": upper}, dtypes={"0.weight": "BF16"})
    network = NeuralNetwork.from_torch_state_dict(path, activation="tanh")
    assert network.dtype == np.float32
    np.testing.assert_allclose(network.layers[0].weights, exact.T, rtol=2**-7)
    assert network.layers[0].weights[:2, 0].tolist() == [1.0, -2.5]


class Tensor:
    """What this package needs to know of a tensor of PyTorch."""

    def __init__(self, array, dtype):
        self.array, self.dtype = array, dtype

    def detach(self):
        return self

    cpu = detach

    def float(self):
        return Tensor(self.array.astype(np.float32), "torch.float32")

    def numpy(self):
        if self.dtype == "torch.bfloat16":
            raise TypeError("Got unsupported ScalarType BFloat16")
        return self.array


def test_tensors_of_another_library():
    for dtype in ("torch.float32", "torch.bfloat16"):
        tensors = {"0.weight": Tensor(np.ones((2, 3), np.float32), dtype)}
        assert NeuralNetwork.from_torch_state_dict(tensors, activation="tanh").predict([1, 2, 3]).tolist() == [6, 6]


@pytest.mark.parametrize(
    ("tensors", "error", "message"),
    [
        ({}, ValueError, "no weight of two dimensions"),
        ({"a.weight": (5, 3), "b.weight": (2, 4)}, ValueError, "b.weight takes 4 inputs, but a.weight before it has 5"),
        ({"a.weight": (5, 3), "a.bias": (4,)}, ValueError, "a.bias has shape (4,); expected (5,)"),
        ({"a.weight": (5, 3, 3, 3)}, ValueError, "a.weight has shape (5, 3, 3, 3); expected those of Linear"),
        ({"a.weight": (0, 3)}, ValueError, "a.weight has shape (0, 3); expected (n_outputs, n_inputs), each >= 1"),
        ({"a.weight_ih": (5, 3)}, ValueError, "'a.weight_ih' is no parameter that a network has here"),
        ({"weight": (5, 3), "running_mean": (5,)}, ValueError, "'running_mean' stands beside a matrix weight"),
        (
            {"n.weight": (5,), "a.weight": (5, 3)},
            ValueError,
            "n.weight normalises no sums: no matrix of weights is before",
        ),
        (
            {"a.weight": (5, 3), "n.weight": (4,)},
            ValueError,
            "n.weight has shape (4,); expected (5,), as a.weight before",
        ),
        ({"a.weight": (5, 3), "n.weight": (5,)}, ValueError, "a.weight is the last layer, and normalised"),
        ({"a.weight": (5, 3), "n.bias": (5,)}, ValueError, "module 'n' has bias alone"),
        ({"a.weight": (5, 3), "n.weight": (5,), "n.running_var": (5,)}, ValueError, "has running_var, weight alone"),
        (
            {"a.weight": (5, 3), "n.weight": (5,), "n.bias": (5,), "m.weight": (5,), "m.bias": (5,)},
            ValueError,
            "m.bias normalises no sums",
        ),
    ],
)
def test_what_is_refused_by_name(tensors, error, message):
    arrays = {name: np.ones(shape) for name, shape in tensors.items()}
    with pytest.raises(error, match=re.escape(message)):
        NeuralNetwork.from_torch_state_dict(arrays, activation="tanh")


def test_dtypes_and_kinds_that_are_refused():
    def refused(given, message):
        with pytest.raises(TypeError, match=re.escape(message)):
            NeuralNetwork.from_torch_state_dict(given, activation="tanh")

    refused({"a.weight": np.ones((2, 3), int)}, "a.weight has dtype int64; expected float32, float64, float16")
    refused({"a.weight": np.ones((2, 3)), "a.bias": np.ones(2, np.float32)}, "expected one dtype")
    refused([1, 2], "state_dict is list; expected a mapping of names to tensors, or a path")
    refused({1: np.ones((2, 3))}, "state_dict has the key 1; expected strings")


# ---- to a file ----


@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
@pytest.mark.parametrize("biases", [True, False])
def test_there_and_back(normalization, biases, dtype, path):
    network = NeuralNetwork(
        [3, 7, 5, 2],
        activation="tanh",
        normalization=normalization,
        biases=biases,
        dtype=dtype,
        bias_init="normal",
        seed=1,
    )
    x = X.astype(dtype)
    if normalization:
        network.train(x, x[:, :2], epochs=2, batch_size=5)
    network.to_safetensors(path)
    again = NeuralNetwork.from_torch_state_dict(path, activation="tanh")
    np.testing.assert_array_equal(again.predict(x), network.predict(x))
    assert again.dtype == dtype


def header_of(path):
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    assert (8 + length) % 8 == 0
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def test_names_and_layout_are_those_of_sequential(path):
    """nn.Sequential(Linear, BatchNorm1d, ReLU, Linear, ReLU, Linear): 0, 1, 2, 3, 4, 5."""
    network = NeuralNetwork(
        [3, 4, 5, 2], activation="relu", normalization=["batch", None], loss="cross_entropy", dtype="float32", seed=1
    )
    network.to_safetensors(path, prefix="net.")
    header, data = header_of(path)
    assert header.pop("__metadata__") == {"format": "pt", "activations": "relu relu softmax", "loss": "cross_entropy"}
    assert {name: entry["shape"] for name, entry in header.items()} == {
        "net.0.weight": [4, 3],
        "net.1.weight": [4], "net.1.bias": [4], "net.1.running_mean": [4], "net.1.running_var": [4],
        "net.1.num_batches_tracked": [],
        "net.3.weight": [5, 4], "net.3.bias": [5],
        "net.5.weight": [2, 5], "net.5.bias": [2],
    }  # fmt: skip
    start, end = header["net.3.weight"]["data_offsets"]
    stored = np.frombuffer(data[start:end], "<f4").reshape(5, 4)
    np.testing.assert_array_equal(stored, network.layers[1].weights.T)


def test_torch_takes_the_file(path):
    torch = pytest.importorskip("torch")
    library = pytest.importorskip("safetensors.torch")
    nn = torch.nn
    network = NeuralNetwork([3, 4, 5, 2], activation="relu", normalization=["batch", "layer"], seed=1)
    network.train(X, X[:, :2], epochs=2, batch_size=5)
    network.to_safetensors(path)
    model = nn.Sequential(
        nn.Linear(3, 4, bias=False), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 5), nn.LayerNorm(5), nn.ReLU(),
        nn.Linear(5, 2),
    ).double()  # fmt: skip
    model.load_state_dict(library.load_file(path))
    model.eval()
    np.testing.assert_allclose(model(torch.tensor(X)).detach().numpy(), network.predict(X), rtol=1e-10)
    again = NeuralNetwork.from_torch_state_dict(model.state_dict(), activation="relu")
    np.testing.assert_array_equal(again.predict(X), network.predict(X))


def test_the_format_s_own_library_reads_and_writes_the_same(path):
    library = pytest.importorskip("safetensors.numpy")
    network = NeuralNetwork([3, 4, 2], activation="relu", normalization="batch", dtype="float32", seed=1)
    network.to_safetensors(path)
    tensors = library.load_file(path)
    np.testing.assert_array_equal(tensors["0.weight"], network.layers[0].weights.T)
    library.save_file(tensors, path, metadata={"format": "pt"})
    again = NeuralNetwork.from_torch_state_dict(path, activation="relu")
    np.testing.assert_array_equal(again.predict(X), network.predict(X))


def test_what_layers_of_pytorch_do_not_compute_is_refused(path):
    for name, arguments in (
        ("scale_inputs", {"scale_inputs": (1.0, 2.0)}),
        ("scale_targets", {"scale_targets": (1.0, 2.0)}),
        ("bounds", {"bounds": (0, 1)}),
    ):
        with pytest.raises(ValueError, match=f"the network has {name}, which PyTorch's layers would not compute"):
            NeuralNetwork([2, 1], activation="tanh", seed=1, **arguments).to_safetensors(path)
    with pytest.raises(TypeError, match="prefix is 5; expected a string"):
        NeuralNetwork([2, 1], seed=1).to_safetensors(path, prefix=5)
    assert not path.exists()


# ---- damaged and hostile files ----

ENTRY = {"dtype": "F32", "shape": [1, 2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"{", "its header is not sound JSON"),
        (b'{"a":1,"a":2}', "appears twice"),
        (b"[" * 1000, "nested deeper"),
        ([], "its header is []; expected an object"),
        ({"__metadata__": {"a": 1}}, "its __metadata__ is {'a': 1}; expected texts"),
        ({"a.weight": 5}, "tensor 'a.weight' must be an object"),
        ({"a.weight": ENTRY | {"more": 1}}, "tensor 'a.weight' has an unknown key, 'more'"),
        ({"a.weight": {"dtype": "F32"}}, "has no key 'data_offsets'"),
        ({"a.weight": ENTRY | {"dtype": "I8"}}, "has dtype 'I8'; expected one of F32, F64, F16, BF16, I64"),
        ({"a.weight": ENTRY | {"shape": [1 << 40, 1 << 40]}}, "bytes of F32, and data_offsets [0, 8]"),
        ({"a.weight": ENTRY | {"shape": [-1, -2]}}, "has shape [-1, -2]; expected integers >= 0"),
        ({"a.weight": ENTRY | {"shape": [1.0, 2]}}, "has shape [1.0, 2]; expected integers >= 0"),
        ({"a.weight": ENTRY | {"shape": [1] * 9}}, "has shape [1, 1, 1"),
        ({"a.weight": ENTRY | {"data_offsets": [0, 8, 9]}}, "data_offsets [0, 8, 9]"),
        ({"a.weight": ENTRY | {"data_offsets": [8, 16]}}, "tensor 'a.weight' starts at 8; the data before it end at 0"),
        ({"a": ENTRY, "b": ENTRY}, "tensor 'b' starts at 0; the data before it end at 8"),
        ({"a.weight": ENTRY | {"shape": [2, 2], "data_offsets": [0, 16]}}, "8 bytes of data, its header announces 16"),
        ({}, "8 bytes of data, its header announces 0"),
    ],
)
def test_headers_that_are_none(header, message, path):
    write(path, header, b"\0" * 8)
    with pytest.raises(ModelFileError, match=re.escape(message)) as error:
        NeuralNetwork.from_torch_state_dict(path, activation="tanh")
    assert str(path) in str(error.value)


def test_files_that_are_none(path, tmp_path):
    def refused(data, message):
        path.write_bytes(data)
        with pytest.raises(ModelFileError, match=re.escape(message)):
            NeuralNetwork.from_torch_state_dict(path, activation="tanh")

    refused(b"", "no safetensors file, or cut short")
    refused(b"\1\0", "no safetensors file, or cut short")
    refused(struct.pack("<Q", 1 << 62), "announces a header of 4611686018427387904")
    refused(struct.pack("<Q", 100) + b"{}", "no safetensors file, or cut short: it has 10 bytes")
    refused(b"PK\3\4 and what torch.save writes", "a zip archive, as torch.save writes them, with code in it")
    with pytest.raises(ModelFileError, match="not a regular file but a directory"):
        NeuralNetwork.from_torch_state_dict(tmp_path, activation="tanh")
    with pytest.raises(FileNotFoundError):
        NeuralNetwork.from_torch_state_dict(tmp_path / "none", activation="tanh")


def test_any_byte_of_a_header_may_be_wrong(path):
    NeuralNetwork([3, 2], activation="tanh", seed=1).to_safetensors(path)
    data = bytearray(path.read_bytes())
    n_header = 8 + struct.unpack("<Q", data[:8])[0]
    refusals = 0
    for place in range(n_header):
        damaged = data.copy()
        damaged[place] ^= int(RNG.integers(1, 256))
        path.write_bytes(damaged)
        try:
            NeuralNetwork.from_torch_state_dict(path, activation="tanh")
        except (ValueError, TypeError):
            refusals += 1
    assert refusals > n_header / 3
