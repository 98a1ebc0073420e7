"""Networks from ONNX files as other exporters make them, and files that are none or are hostile."""

import re

import numpy as np
import pytest

from scratchnn import ModelFileError, NeuralNetwork

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from onnx.reference import ReferenceEvaluator  # noqa: E402

FLOAT, DOUBLE = TensorProto.FLOAT, TensorProto.DOUBLE
RNG = np.random.default_rng(0)


def node(operator, inputs, output, **attributes):
    return helper.make_node(operator, inputs.split(), output.split(), name=f"/{output}/{operator}", **attributes)


def graph(nodes, opset=17, n_inputs=3, dims=None, outputs=None, dtype=np.float32, ml=False, **constants):
    """A model of nodes from x to y; constants are its initializers."""
    real = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    outputs = outputs or [helper.make_tensor_value_info("y", real, None)]
    initializers = [
        numpy_helper.from_array(np.asarray(value, None if np.asarray(value).dtype.kind in "iub" else dtype), name)
        for name, value in constants.items()
    ]
    x = helper.make_tensor_value_info("x", real, dims or ["batch", n_inputs])
    opsets = [helper.make_opsetid("", opset)] + [helper.make_opsetid("ai.onnx.ml", 1)] * ml
    return helper.make_model(
        helper.make_graph(nodes, "main_graph", [x], outputs, initializer=initializers),
        opset_imports=opsets,
        ir_version=8,
    )


def load(model, tmp_path, **arguments):
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return NeuralNetwork.from_onnx(path, **arguments)


def computed(model, x, output=-1):
    """What onnx's own evaluator, plain NumPy, computes."""
    return ReferenceEvaluator(model).run(None, {"x": x})[output]


def assert_read(model, tmp_path, activations, **arguments):
    """A network of these activations that predicts what the graph computes."""
    network = load(model, tmp_path, **arguments)
    assert [layer.activation for layer in network.layers] == activations
    x = np.random.default_rng(1).standard_normal((20, network.n_inputs)).astype(network.dtype)
    expected = np.asarray(computed(model, x), network.dtype)
    eps = 200 * np.finfo(network.dtype).eps
    np.testing.assert_allclose(network.predict(x), expected, rtol=eps, atol=eps)
    return network


def normal(*shape):
    return RNG.standard_normal(shape)


# ---- exporters ----


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_torch(dtype, tmp_path):
    """torch.onnx.export of nn.Sequential(Linear, ReLU, Dropout, Linear, Softmax): weights [out, in], transB."""
    model = graph(
        [
            node("Gemm", "x 0.weight 0.bias", "h", alpha=1.0, beta=1.0, transB=1),
            node("Relu", "h", "a"),
            node("Dropout", "a", "d"),
            node("Gemm", "d 3.weight 3.bias", "z", alpha=1.0, beta=1.0, transB=1),
            node("Softmax", "z", "y", axis=1),
        ],
        dtype=dtype,
        **{"0.weight": normal(5, 3), "0.bias": normal(5), "3.weight": normal(4, 5), "3.bias": normal(4)},
    )
    network = assert_read(model, tmp_path, ["relu", "softmax"])
    assert network.dtype == dtype
    assert network.loss == "cross_entropy"


def test_torch_logits_and_the_loss_that_takes_them(tmp_path):
    model = graph([node("Gemm", "x w b", "y", transB=1)], w=normal(2, 3), b=normal(2))
    assert load(model, tmp_path).loss == "mean_squared_error"
    logits = load(model, tmp_path).predict([1, 2, 3])
    for loss, link in (
        ("cross_entropy", lambda z: np.exp(z) / np.exp(z).sum()),
        ("bce", lambda z: 1 / (1 + np.exp(-z))),
        ("poisson", np.exp),
    ):
        network = load(model, tmp_path, loss=loss)
        np.testing.assert_allclose(network.predict([1, 2, 3]), link(logits), rtol=1e-5)


def test_torch_batch_normalisation_between_sums_and_activation(tmp_path):
    """The linear layer has a bias, which goes into the running mean; an epsilon of their own goes into the gain."""
    for epsilon in (1e-5, 1e-3, 0.3):
        model = graph(
            [
                node("Gemm", "x w b", "h", transB=1),
                node("BatchNormalization", "h g s m v", "n", epsilon=epsilon, momentum=0.9),
                node("Tanh", "n", "a"),
                node("Gemm", "a w2 b2", "y", transB=1),
            ],
            w=normal(5, 3), b=normal(5), g=normal(5), s=normal(5), m=normal(5), v=RNG.uniform(0.1, 2, 5),
            w2=normal(1, 5), b2=normal(1),
        )  # fmt: skip
        network = assert_read(model, tmp_path, ["tanh", "identity"])
        assert network.layers[0].normalization == "batch"


@pytest.mark.parametrize("epsilon", [1e-5, 1e-3])
@pytest.mark.parametrize("square", ["Mul", "Pow"])
@pytest.mark.parametrize("opset", [13, 18])
def test_layer_normalisation_put_together(epsilon, square, opset, tmp_path):
    """As exporters wrote it before opset 17; an epsilon of their own goes into the weights."""
    axes = {"axes": [-1]} if opset == 13 else {}
    mean = "" if opset == 13 else " axes"
    model = graph(
        [
            node("Gemm", "x w b", "h", transB=1),
            node("ReduceMean", f"h{mean}", "m", **axes),
            node("Sub", "h m", "c"),
            node(square, "c c" if square == "Mul" else "c two", "c2"),
            node("ReduceMean", f"c2{mean}", "v", **axes),
            node("Add", "v e", "ve"),
            node("Sqrt", "ve", "sd"),
            node("Div", "c sd", "n"),
            node("Mul", "g n", "gn"),
            node("Add", "gn s", "u"),
            node("Relu", "u", "a"),
            node("Gemm", "a w2 b2", "y", transB=1),
        ],
        opset=opset, w=normal(5, 3), b=normal(5), g=normal(5), s=normal(5), e=epsilon, two=2.0,
        w2=normal(1, 5), b2=normal(1), axes=np.array([-1]),
    )  # fmt: skip
    network = assert_read(model, tmp_path, ["relu", "identity"])
    assert network.layers[0].normalization == "layer"


def test_layer_normalisation_of_opset_17(tmp_path):
    model = graph(
        [
            node("MatMul", "x w", "h"),
            node("LayerNormalization", "h g s", "n", axis=-1, epsilon=1e-5),
            node("Elu", "n", "a", alpha=0.5),
            node("MatMul", "a w2", "y"),
        ],
        w=normal(3, 5), g=normal(5), s=normal(5), w2=normal(5, 1),
    )  # fmt: skip
    assert_read(model, tmp_path, ["elu(0.5)", "identity"])


def test_tf2onnx(tmp_path):
    """MatMul and Add with constants as nodes, an Identity at the end."""
    w, b = normal(3, 5).astype(np.float32), normal(5).astype(np.float32)
    model = graph(
        [
            helper.make_node("Constant", [], ["w"], value=numpy_helper.from_array(w)),
            helper.make_node("Constant", [], ["b"], value=numpy_helper.from_array(b)),
            node("MatMul", "x w", "h"),
            node("Add", "b h", "z"),
            node("LeakyRelu", "z", "a", alpha=0.2),
            node("MatMul", "a w2", "h2"),
            node("Add", "h2 b2", "z2"),
            node("Sigmoid", "z2", "p"),
            node("Identity", "p", "y"),
        ],
        w2=normal(5, 1), b2=normal(1),
    )  # fmt: skip
    network = assert_read(model, tmp_path, ["leaky_relu(0.2)", "sigmoid"])
    assert network.loss == "binary_cross_entropy"


def test_images_that_are_flattened(tmp_path):
    model = graph(
        [node("Flatten", "x", "f", axis=1), node("Gemm", "f w b", "y", transB=1)],
        dims=["batch", 1, 2, 3], w=normal(4, 6), b=normal(4),
    )  # fmt: skip
    network = load(model, tmp_path)
    x = normal(7, 1, 2, 3).astype(np.float32)
    np.testing.assert_allclose(network.predict(x.reshape(7, 6)), computed(model, x), rtol=1e-5, atol=1e-6)


def test_an_opset_before_11_whose_clip_has_attributes(tmp_path):
    model = graph(
        [node("Gemm", "x w b", "h"), node("Clip", "h", "a", min=0.0, max=6.0), node("Gemm", "a w2 b2", "y")],
        opset=9, w=normal(3, 5) * 4, b=normal(5), w2=normal(5, 2), b2=normal(2),
    )  # fmt: skip
    assert_read(model, tmp_path, ["relu6", "identity"])


def test_transposed_weights_and_scaling_by_hand(tmp_path):
    """(x - mean) / deviation before, a * deviation + mean after."""
    model = graph(
        [
            node("Sub", "x mean", "c"),
            node("Div", "c deviation", "s"),
            node("Transpose", "w", "wt", perm=[1, 0]),
            node("MatMul", "s wt", "h"),
            node("Relu", "h", "a"),
            node("MatMul", "a w2", "z"),
            node("Mul", "z target_deviation", "u"),
            node("Add", "u target_mean", "y"),
        ],
        mean=normal(3), deviation=RNG.uniform(0.5, 2, 3), w=normal(5, 3), w2=normal(5, 2),
        target_deviation=RNG.uniform(0.5, 2, 2), target_mean=normal(2),
    )  # fmt: skip
    network = assert_read(model, tmp_path, ["relu", "identity"])
    assert network.input_scaling is not None
    assert network.target_scaling is not None


FORMS = {
    "gelu": [
        ("gelu", [node("Gelu", "h", "a")], 20, {}),
        (
            "gelu",
            [
                node("Div", "h r", "d"),
                node("Erf", "d", "e"),
                node("Add", "e one", "e1"),
                node("Mul", "h e1", "he"),
                node("Mul", "he half", "a"),
            ],
            13,
            {"r": 2**0.5, "one": 1.0, "half": 0.5},
        ),
    ],
    "others": [
        ("hard_silu", [node("HardSwish", "h", "a")], 14, {}),
        ("hard_sigmoid", [node("HardSigmoid", "h", "a", alpha=1 / 6, beta=0.5)], 14, {}),
        ("hard_tanh", [node("Clip", "h low high", "a")], 14, {"low": -1.0, "high": 1.0}),
        ("relu", [node("Max", "zero h", "a")], 14, {"zero": 0.0}),
        ("relu", [node("Clip", "h zero", "a")], 14, {"zero": 0.0}),
        ("relu6", [node("Relu", "h", "r"), node("Min", "r six", "a")], 14, {"six": 6.0}),
        ("selu", [node("Selu", "h", "a")], 14, {}),
        ("silu", [node("Sigmoid", "h", "s"), node("Mul", "s h", "a")], 14, {}),
        ("softplus", [node("Softplus", "h", "a")], 14, {}),
        ("softsign", [node("Softsign", "h", "a")], 14, {}),
        ("exp", [node("Exp", "h", "a")], 14, {}),
        ("elu(1.0)", [node("Elu", "h", "a")], 14, {}),
        ("leaky_relu(0.01)", [node("LeakyRelu", "h", "a")], 14, {}),
    ],
}


@pytest.mark.parametrize(("name", "nodes", "opset", "constants"), FORMS["gelu"] + FORMS["others"])
def test_activations_as_others_write_them(name, nodes, opset, constants, tmp_path):
    model = graph(
        [node("Gemm", "x w b", "h"), *nodes, node("Gemm", "a w2 b2", "y")],
        opset=opset, w=normal(3, 5), b=normal(5), w2=normal(5, 2), b2=normal(2), **constants,
    )  # fmt: skip
    assert_read(model, tmp_path, [name, "identity"])


@pytest.mark.filterwarnings("ignore")  # two epochs are too few to converge
def test_skl2onnx(tmp_path):
    """Pipelines too; of a classifier the probabilities are read, and not the label."""
    pytest.importorskip("skl2onnx")
    from skl2onnx import to_onnx
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 4)).astype(np.float32)
    quick = {"max_iter": 2, "random_state": 0}
    path = tmp_path / "model.onnx"
    for y, column in ((rng.integers(3, size=60), slice(None)), (rng.integers(2, size=60), slice(1, None))):
        for options in ({}, {"zipmap": False}):
            estimator = MLPClassifier((7, 5), activation="tanh", **quick).fit(X, y)
            path.write_bytes(to_onnx(estimator, X[:1], options=options).SerializeToString())
            network = NeuralNetwork.from_onnx(path)
            np.testing.assert_allclose(network.predict(X), estimator.predict_proba(X)[:, column], atol=1e-5)
    y = rng.standard_normal(60)
    estimator = make_pipeline(StandardScaler(), MLPRegressor(hidden_layer_sizes=(5,), activation="logistic", **quick))
    estimator.fit(X, y)
    path.write_bytes(to_onnx(estimator, X[:1]).SerializeToString())
    network = NeuralNetwork.from_onnx(path)
    np.testing.assert_allclose(network.predict(X).ravel(), estimator.predict(X), atol=1e-5)


# ---- what is no such network ----

W, W2 = normal(3, 5), normal(5, 2)
DENSE = node("MatMul", "x w", "h")


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([node("Conv", "x w", "y")], "node '/y/Conv' (Conv) is no part of a network of dense layers; expected Gemm"),
        ([DENSE, node("Relu", "h", "a"), node("Tanh", "a", "y")], "node '/y/Tanh' (Tanh) stands after node '/h/"),
        ([DENSE, node("Add", "h x", "y")], "node '/y/Add' (Add) is no part"),
        ([DENSE, node("Softmax", "h", "a", axis=1), node("MatMul", "a w2", "y")], "softmax stands after node"),
        ([DENSE, node("Softmax", "h", "y", axis=0)], "node '/y/Softmax' (Softmax) is no part"),
        ([DENSE, node("HardSigmoid", "h", "y")], "node '/y/HardSigmoid' (HardSigmoid) is no part"),
        ([DENSE, node("Gelu", "h", "y", approximate="tanh")], "node '/y/Gelu' (Gelu) is no part"),
        ([DENSE, node("LogSoftmax", "h", "y")], "node '/y/LogSoftmax' (LogSoftmax) is no part"),
        ([node("Gemm", "x w", "y", alpha=2.0)], "node '/y/Gemm' (Gemm) is no part"),
        ([node("Gemm", "x w", "y", transA=1)], "node '/y/Gemm' (Gemm) is no part"),
        ([node("MatMul", "w x", "y")], "node '/y/MatMul' (MatMul) is no part"),
        ([DENSE, node("Mul", "h five", "m"), node("MatMul", "m w2", "y")], "which node '/m/Mul' (Mul) has begun"),
        ([DENSE, node("Mul", "h two", "y")], "(Mul) has a constant of shape (2,); expected one number for each of 5"),
        ([DENSE, node("MatMul", "h w", "y")], "takes 3 inputs, but node '/h/MatMul' (MatMul) before it has 5"),
        ([DENSE, node("MatMul", "h w3", "y")], "takes 4 inputs, but node '/h/MatMul' (MatMul) before it has 5 outputs"),
        ([node("Relu", "x", "a"), node("MatMul", "a w", "y")], "node '/a/Relu' (Relu) stands before the first layer"),
        ([node("Mul", "x five", "a"), node("MatMul", "a w", "y")], "inputs are scaled by 5 numbers; the first layer"),
        ([node("Neg", "five", "y")], "node '/y/Neg' (Neg) is no part"),
        ([node("Identity", "five", "y")], "output does not come from its input: 'five' does not"),
        ([node("Identity", "x", "y")], "the graph has no layer"),
        ([node("MatMul", "x five", "y")], "has weights of shape (5,) and dtype float32; expected a matrix"),
        ([node("MatMul", "x whole", "y")], "has weights of shape (3, 5) and dtype int64; expected a matrix"),
        ([DENSE, node("Reshape", "h shape", "y")], "expected Reshape to (-1, outputs of the last layer) alone"),
        ([DENSE, node("Cast", "h", "y", to=TensorProto.INT64)], "expected a Cast to FLOAT or DOUBLE"),
        ([node("Dropout", "x half yes", "d"), node("MatMul", "d w", "y")], "(Dropout) drops values as in training"),
        ([DENSE, node("Max", "h five", "y")], "expected an activation, or one limit"),
        ([DENSE, node("MatMul", "h double", "y")], "has weights of float64, the layer before it of float32"),
        ([DENSE, node("Add", "h whole5", "y")], "(Add) has a constant of dtype int64"),
        (
            [DENSE, node("BatchNormalization", "h five five five five", "y")],
            "node '/h/MatMul' (MatMul) is the last layer, and normalised",
        ),
        (
            [DENSE, node("Relu", "h", "a"), node("BatchNormalization", "a five five five five", "n"),
             node("MatMul", "n w2", "y")],
            "expected a normalisation between the sums of a layer and its activation",
        ),
        (
            [DENSE, node("BatchNormalization", "h five five five minus", "n"), node("MatMul", "n w2", "y")],
            "has a variance of -1; expected numbers >= 0",
        ),
        (
            [DENSE, node("LayerNormalization", "h five five", "n", epsilon=0.0), node("MatMul", "n w2", "y")],
            "is normalised with an epsilon of 0; expected one > 0",
        ),
        ([DENSE, node("Add", "h nan", "y")], "values hold NaN or infinity"),
        ([DENSE, node("Flatten", "h", "y")], "expected Flatten as the first node"),
        ([DENSE, node("Elu", "h", "y", alpha=-1.0)], "the parameter of 'elu' is -1.0; expected a finite number >= 0"),
        ([DENSE, node("Foo", "h", "y")], "node '/y/Foo' (Foo) is no part"),
        ([helper.make_node("Relu", ["x"], ["y"], domain="own")], "node 'y' (own.Relu) is no part"),
        ([node("Identity", "x", "x"), node("MatMul", "x w", "y")], "is an input of the graph, and made by a node"),
        ([node("Identity", "a", "b"), node("Identity", "b", "a"), node("Identity", "a", "y")], "(Identity) is no part"),
        ([node("Relu", "a", "b"), node("Relu", "b", "a"), node("Identity", "a", "y")], "output does not come from"),
        ([DENSE, DENSE, node("Relu", "h", "y")], "two tensors 'h'"),
        ([helper.make_node("Constant", [], ["y"], value_string="a")], "no value that is numbers"),
    ],
)  # fmt: skip
def test_refused_by_name(nodes, message, tmp_path):
    model = graph(
        nodes, opset=20, w=W, w2=W2, w3=normal(4, 2), five=np.ones(5), two=np.ones(2), shape=np.array([1, -1]),
        half=0.5, yes=np.array(True), whole=np.ones((3, 5), int), whole5=np.ones(5, int), minus=-np.ones(5),
        nan=np.full(5, np.nan),
    )  # fmt: skip
    model.graph.initializer.append(numpy_helper.from_array(normal(5, 2), "double"))
    with pytest.raises(ModelFileError, match=re.escape(message)) as error:
        load(model, tmp_path)
    assert "cannot load" in str(error.value)


def test_inputs_outputs_and_opsets(tmp_path):
    def refused(model, message):
        with pytest.raises(ModelFileError, match=re.escape(message)):
            load(model, tmp_path)

    dense = [node("MatMul", "x w", "y")]
    two = graph(dense, w=W)
    two.graph.input.append(helper.make_tensor_value_info("z", FLOAT, [1]))
    refused(two, "the graph has 2 inputs ('x', 'z'); expected one")
    outputs = [helper.make_tensor_value_info(name, FLOAT, None) for name in "yx"]
    refused(graph(dense, w=W, outputs=outputs), "2 outputs of real numbers ('y', 'x'); expected one")
    refused(
        graph(dense, w=W, dims=["n", 2, 3]), "the graph's input has 3 dimensions; expected (n, n_inputs), or Flatten"
    )
    refused(graph(dense, w=W, opset=8), "opset is 8; expected one from 9")
    refused(graph(dense, w=W, opset=99), "opset is 99; expected one from 9")


# ---- damaged and hostile files ----


def refused(data, message, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(data if isinstance(data, bytes) else data.SerializeToString())
    with pytest.raises(ModelFileError, match=re.escape(message)):
        NeuralNetwork.from_onnx(path)


def test_no_onnx_file(tmp_path):
    refused(b"", "no ONNX model", tmp_path)
    refused(b"\x00\x01\x02 nothing of the kind", "no ONNX model", tmp_path)
    refused(graph([], w=W).SerializeToString()[:-20], "no ONNX model, or is damaged", tmp_path)
    with pytest.raises(ModelFileError, match="not a regular file but a directory"):
        NeuralNetwork.from_onnx(tmp_path)
    with pytest.raises(FileNotFoundError):
        NeuralNetwork.from_onnx(tmp_path / "none.onnx")


def test_external_data_is_refused_and_no_other_file_opened(tmp_path):
    """The name of a file in a model is not followed, wherever it leads."""
    secret = tmp_path / "secret"
    secret.write_bytes(W.astype(np.float32).tobytes())
    model = graph([node("MatMul", "x w", "y")], w=W)
    (tensor,) = model.graph.initializer
    onnx.external_data_helper.set_external_data(tensor, location="secret")
    tensor.ClearField("raw_data")
    refused(model, "tensor 'w' has its data in another file, which is not opened", tmp_path)
    tensor.data_location = TensorProto.DEFAULT
    refused(model, "tensor 'w' has its data in another file", tmp_path)


@pytest.mark.parametrize("dims", [[1 << 40, 1 << 40], [1 << 62, 4], [-3, -5], [3, 6], [3], [0, 5], [1] * 9])
def test_sizes_are_compared_with_what_is_there_before_anything_is_made(dims, tmp_path, monkeypatch):
    model = graph([node("MatMul", "x w", "y")], w=W)
    (tensor,) = model.graph.initializer
    del tensor.dims[:]
    tensor.dims.extend(dims)
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    monkeypatch.setattr(np, "empty", None)
    monkeypatch.setattr(np, "zeros", None)
    with pytest.raises(ModelFileError, match=r"tensor 'w' has the dimensions|has weights of shape"):
        NeuralNetwork.from_onnx(path)
    values = [1.0, 2.0]
    tensor.ClearField("raw_data")
    tensor.float_data.extend(values)
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelFileError, match=r"tensor 'w' has the dimensions"):
        NeuralNetwork.from_onnx(path)


def test_other_kinds_of_tensors(tmp_path):
    model = graph([node("MatMul", "x w", "y")], w=W)
    (tensor,) = model.graph.initializer
    for kind, name in ((TensorProto.FLOAT16, "FLOAT16"), (TensorProto.STRING, "STRING"), (77, "77")):
        tensor.data_type = kind
        refused(model, f"tensor 'w' is of the type {name}; expected FLOAT, DOUBLE", tmp_path)
    sparse = graph([node("MatMul", "x w", "y")], w=W)
    sparse.graph.sparse_initializer.add()
    refused(sparse, "sparse initializers", tmp_path)
    typed = graph([node("MatMul", "x w", "y")])
    typed.graph.initializer.append(helper.make_tensor("w", FLOAT, W.shape, W.ravel()))  # in float_data
    np.testing.assert_array_equal(load(typed, tmp_path).layers[0].weights, W.astype(np.float32))


def test_weights_that_are_there_once_do_not_make_a_thousand_layers(tmp_path):
    n = 64
    nodes = [node("MatMul", f"{'x' if i == 0 else f'h{i}'} w", f"h{i + 1}") for i in range(1000)]
    nodes.append(node("Identity", "h1000", "y"))
    refused(graph(nodes, n_inputs=n, w=normal(n, n)), "has the weights of another layer", tmp_path)


def test_a_file_that_is_large_for_nothing_is_refused_in_time(tmp_path):
    """Ten thousand copies of a tensor, and as many layers of a single weight."""
    n = 10_000
    nodes = [node("Identity", f"{'x' if i == 0 else f'h{i}'}", f"h{i + 1}") for i in range(n)]
    refused(graph([*nodes, node("Conv", f"h{n} w", "y")], w=W), "(Conv) is no part", tmp_path)
    nodes = [node("MatMul", f"{'x' if i == 0 else f'h{i}'} w{i}", f"h{i + 1}") for i in range(1001)]
    weights = {f"w{i}": np.ones((1, 1)) for i in range(1001)}
    model = graph([*nodes, node("Identity", "h1001", "y")], n_inputs=1, **weights)
    refused(model, "is one layer more than 1000", tmp_path)


def test_too_many_nodes(tmp_path, monkeypatch):
    monkeypatch.setattr("scratchnn.exchange.onnx_graph.MOST_NODES", 2)
    refused(graph([node("Relu", "x", "a"), node("Relu", "a", "b"), node("Relu", "b", "y")]), "has 3 nodes", tmp_path)


def test_any_byte_may_be_wrong(tmp_path):
    """Every damage is refused with ModelFileError, or leaves a network."""
    network = NeuralNetwork([2, 3, 2], loss="cross_entropy", scale_inputs=(1.0, 2.0), seed=1)
    path = tmp_path / "model.onnx"
    network.to_onnx(path)
    data = bytearray(path.read_bytes())
    rng = np.random.default_rng(0)
    refusals = 0
    for place in range(len(data)):
        damaged = data.copy()
        damaged[place] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged)
        try:
            NeuralNetwork.from_onnx(path)
        except ModelFileError:
            refusals += 1
    assert refusals > len(data) / 4


def test_without_the_package(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "onnx", None)
    for call in (NeuralNetwork([2, 1]).to_onnx, NeuralNetwork.from_onnx):
        with pytest.raises(ImportError, match=r'pip install "scratchnn\[onnx\]"'):
            call(tmp_path / "model.onnx")
