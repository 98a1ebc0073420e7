"""What the TensorBoard callback writes, read back by TensorBoard itself where it is installed."""

import struct
import subprocess
import sys

import networks
import numpy as np
import pytest

from scratchnn import NeuralNetwork
from scratchnn.callbacks import TensorBoard

pytest.importorskip("tensorboardX")

RNG = np.random.default_rng(0)
X = RNG.standard_normal((20, 3))
Y = RNG.standard_normal((20, 2))
SETTINGS = {"batch_size": 6, "learning_rate": 0.01}


def network(**arguments):
    return NeuralNetwork([3, 7, 2], **{"activation": "tanh", "seed": 1} | arguments)


def events_of(folder):
    """All events of a folder, by TensorFlow's record format: length, its checksum, data, theirs."""
    from tensorboardX.proto.event_pb2 import Event

    for path in sorted(folder.iterdir()):
        content = path.read_bytes()
        assert "tfevents" in path.name
        while content:
            (size,) = struct.unpack_from("<Q", content)
            yield Event.FromString(content[12 : 12 + size])
            content = content[16 + size :]


def read(folder):
    """Scalars {tag: [(epoch, value)]}, histograms {tag: {epoch: histogram}}, and the graph or None."""
    scalars, histograms, graph = {}, {}, None
    for event in events_of(folder):
        if event.HasField("graph_def"):
            graph = event.graph_def
        for value in event.summary.value:
            if value.HasField("histo"):
                histograms.setdefault(value.tag, {})[event.step] = value.histo
            else:
                scalars.setdefault(value.tag, []).append((event.step, value.simple_value))
    return scalars, histograms, graph


def numbered(values, first=1):
    return [(i, pytest.approx(value, rel=1e-6)) for i, value in enumerate(values, first)]


def test_scalars(tmp_path):
    trained = network()
    history = trained.train(
        X, Y, epochs=5, schedule="exponential(0.5)", validation_data=(X, Y), scorer="r2",
        callback=TensorBoard(tmp_path), **SETTINGS,
    )  # fmt: skip
    scalars, histograms, _ = read(tmp_path)
    assert scalars == {
        "loss/training": numbered(history.loss),
        "loss/validation": numbered(history.validation_loss),
        "score/validation": numbered(history.validation_score),
        "learning_rate": numbered(history.learning_rate),
    }
    assert histograms == {}


def test_what_there_is_none_of_is_not_written(tmp_path):
    trained = network()
    trained.train(X, Y, epochs=2, validation_data=(X, Y), scorer="r2", **SETTINGS)
    trained.train(X, Y, epochs=2, callback=TensorBoard(tmp_path, graph=False), **SETTINGS)
    scalars, _, graph = read(tmp_path)
    assert set(scalars) == {"loss/training", "learning_rate"}
    assert scalars["loss/training"] == numbered(trained.history.loss[2:], 3)
    assert graph is None


def test_some_epochs(tmp_path):
    network().train(X, Y, epochs=7, callback=TensorBoard(tmp_path, every=3, histograms=2), **SETTINGS)
    scalars, histograms, _ = read(tmp_path)
    assert [epoch for epoch, _ in scalars["loss/training"]] == [3, 6]
    assert list(histograms["layers.0/weights"]) == [2, 4, 6]


@pytest.mark.parametrize("biases", [True, False])
def test_histograms(tmp_path, biases, dtype):
    trained = network(biases=biases, dtype=dtype)
    trained.train(X, Y, epochs=3, callback=TensorBoard(tmp_path, histograms=3), **SETTINGS)
    _, histograms, _ = read(tmp_path)
    kinds = ("weights", "biases") if biases else ("weights",)
    assert set(histograms) == {f"layers.{i}/{kind}" for i in range(2) for kind in kinds}
    for i, layer in enumerate(trained.layers):
        for kind in kinds:
            values = getattr(layer, kind).astype(np.float64)
            histogram = histograms[f"layers.{i}/{kind}"][3]
            assert histogram.num == sum(histogram.bucket) == values.size
            assert (histogram.min, histogram.max) == (values.min(), values.max())
            assert histogram.sum == pytest.approx(values.sum())
            assert histogram.sum_squares == pytest.approx((values**2).sum())


def test_graph(tmp_path):
    from tensorboardX.proto.graph_pb2 import GraphDef

    network(loss="huber").train(X, Y, epochs=1, callback=TensorBoard(tmp_path))
    graph = GraphDef.FromString(read(tmp_path)[2])
    nodes = {node.name: (node.op, list(node.input)) for node in graph.node}
    assert nodes == {
        "x": ("Placeholder", []),
        "layers.0/weights": ("VariableV2", []),
        "layers.0/matmul": ("MatMul", ["x", "layers.0/weights"]),
        "layers.0/biases": ("VariableV2", []),
        "layers.0/add": ("BiasAdd", ["layers.0/matmul", "layers.0/biases"]),
        "layers.0/activation": ("tanh", ["layers.0/add"]),
        "layers.1/weights": ("VariableV2", []),
        "layers.1/matmul": ("MatMul", ["layers.0/activation", "layers.1/weights"]),
        "layers.1/biases": ("VariableV2", []),
        "layers.1/add": ("BiasAdd", ["layers.1/matmul", "layers.1/biases"]),
        "layers.1/activation": ("identity", ["layers.1/add"]),
        "y": ("Placeholder", []),
        "loss": ("huber(1.0)", ["layers.1/activation", "y"]),
    }
    shapes = {node.name: [dim.size for dim in node.attr["_output_shapes"].list.shape[0].dim] for node in graph.node}
    assert shapes["layers.0/weights"] == [3, 7]
    assert shapes["layers.0/activation"] == [-1, 7]
    assert shapes["loss"] == []


def test_a_training_that_goes_on_replaces_what_it_does_again(tmp_path):
    """In two files, even within the same second; TensorBoard leaves out the old steps after the START."""
    trained = network()
    trained.train(X, Y, epochs=3, **SETTINGS)
    saved = trained.copy()
    trained.train(X, Y, epochs=3, callback=TensorBoard(tmp_path), **SETTINGS)
    saved.train(X, Y, epochs=4, callback=TensorBoard(tmp_path), **SETTINGS)
    assert len(list(tmp_path.iterdir())) == 2
    starts = [event.step for event in events_of(tmp_path) if event.HasField("session_log")]
    assert starts == [4, 4]


def test_it_changes_nothing(tmp_path):
    watched, alone = network(), network()
    watched.train(X, Y, epochs=5, callback=TensorBoard(tmp_path, histograms=1), optimizer="adam", **SETTINGS)
    alone.train(X, Y, epochs=5, optimizer="adam", **SETTINGS)
    assert networks.bits(watched) == networks.bits(alone)


def test_an_error_closes_the_file(tmp_path):
    def fail(network, epoch, history):
        raise LookupError

    with pytest.raises(LookupError):
        network().train(X, Y, epochs=5, callback=[TensorBoard(tmp_path), fail], **SETTINGS)
    assert len(read(tmp_path)[0]["loss/training"]) == 1


def test_in_tensorboard(tmp_path):
    """Its own reader sees scalars, histograms and graph."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    trained = network()
    trained.train(X, Y, epochs=3, validation_data=(X, Y), callback=TensorBoard(tmp_path, histograms=1), **SETTINGS)
    saved = trained.copy()
    for each, epochs in ((trained, 3), (saved, 5)):
        each.train(X, Y, epochs=epochs, validation_data=(X, Y), callback=TensorBoard(tmp_path), **SETTINGS)
    events = accumulator.EventAccumulator(str(tmp_path), size_guidance={"histograms": 0}).Reload()
    losses = [(event.step, event.value) for event in events.Scalars("loss/validation")]
    assert losses == numbered(saved.history.validation_loss)
    assert [event.step for event in events.Histograms("layers.1/biases")] == [1, 2, 3]
    assert {node.name for node in events.Graph().node} >= {"x", "layers.0/matmul", "loss"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"every": 0}, "every is 0; expected an integer >= 1"),
        ({"histograms": -1}, "histograms is -1; expected an integer >= 0"),
        ({"histograms": True}, "histograms is True; expected an integer >= 0"),
        ({"log_dir": 3}, "expected str, bytes or os.PathLike object"),
    ],
)
def test_arguments(tmp_path, arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        TensorBoard(**{"log_dir": tmp_path / "runs"} | arguments)
    assert not (tmp_path / "runs").exists()


def test_without_the_library(tmp_path):
    code = """
import sys
sys.modules["tensorboardX"] = None
from scratchnn.callbacks import TensorBoard
try:
    TensorBoard("runs")
except ImportError as error:
    print(error)
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert result.stdout == "the TensorBoard callback needs tensorboardX: pip install 'scratchnn[tensorboard]'\n"
