"""Write a training for TensorBoard, through tensorboardX."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from ..validation import integer
from .base import Callback, Run

if TYPE_CHECKING:
    from ..history import History
    from ..network import NeuralNetwork

__all__ = ["TensorBoard"]


class TensorBoard(Callback):
    """Write losses, score and learning rate of every epoch, histograms and the network's graph, for TensorBoard.

    Needs tensorboardX: ``pip install scratchnn[tensorboard]``. ``tensorboard --logdir log_dir`` shows what is written:
    ``loss/training``, ``loss/validation``, ``score/validation`` and ``learning_rate``, as far as there are any, and a
    histogram of each layer's weights and biases. A training that goes on from a model file replaces what was written
    after it was saved.

    Parameters
    ----------
    log_dir : str or path-like
        The folder of this training. Made if it does not exist.
    every : int
        Write after the epochs whose number is a multiple of it.
    histograms : int
        Write histograms after the epochs whose number is a multiple of it; 0 for none.
    graph : bool
        Whether to write the graph of the network.

    Raises
    ------
    ImportError
        If tensorboardX is not installed.
    TypeError, ValueError
        If an argument does not fit.

    Examples
    --------
    >>> from scratchnn.callbacks import TensorBoard                        # doctest: +SKIP
    >>> network.train(X, y, callback=TensorBoard("runs/1", histograms=10))  # doctest: +SKIP
    """

    def __init__(
        self, log_dir: str | os.PathLike[str], *, every: int = 1, histograms: int = 0, graph: bool = True
    ) -> None:
        self._log_dir = os.fspath(log_dir)
        self._every = integer("every", every, 1)
        self._histograms = integer("histograms", histograms, 0)
        self._graph = graph
        self._writer: Any = None
        _library()

    def on_train_begin(self, network: NeuralNetwork, run: Run) -> None:
        epochs = network.history.epochs
        self._writer = _library().SummaryWriter(
            self._log_dir,
            purge_step=epochs + 1 if epochs else None,
            # Two trainings within a second write two files, which TensorBoard reads in the order of their names.
            filename_suffix=f".{time.time_ns()}.{os.getpid()}",
        )
        if self._graph:
            self._writer.file_writer.add_onnx_graph(_graph_of(network))  # any GraphDef

    def on_epoch_end(self, network: NeuralNetwork, epoch: int, history: History) -> None:
        if epoch % self._every == 0:
            self._add("loss/training", history.loss, epoch)
            self._add("loss/validation", history.validation_loss, epoch)
            self._add("score/validation", history.validation_score, epoch)
            self._add("learning_rate", history.learning_rate, epoch)
        if self._histograms and epoch % self._histograms == 0:
            for i, layer in enumerate(network.layers):
                for name in ("weights", "biases", "gain", "shift"):
                    values = getattr(layer, name)
                    if values is not None:
                        self._writer.add_histogram(f"layers.{i}/{name}", values.astype(np.float64), epoch)

    def _add(self, tag: str, series: list[float], epoch: int) -> None:
        if len(series) == epoch:
            self._writer.add_scalar(tag, series[-1], epoch)

    def on_train_end(self, network: NeuralNetwork, history: History) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _library() -> Any:
    try:
        import tensorboardX
    except ImportError:
        raise ImportError("the TensorBoard callback needs tensorboardX: pip install 'scratchnn[tensorboard]'") from None
    return tensorboardX


def _graph_of(network: NeuralNetwork) -> Any:
    """Return the network as the GraphDef that TensorBoard draws: a group of nodes for each layer."""
    from tensorboardX.proto.attr_value_pb2 import AttrValue
    from tensorboardX.proto.graph_pb2 import GraphDef
    from tensorboardX.proto.node_def_pb2 import NodeDef
    from tensorboardX.proto.tensor_shape_pb2 import TensorShapeProto
    from tensorboardX.proto.versions_pb2 import VersionDef

    nodes = []

    def node(name: str, op: str, inputs: list[str], *shape: int) -> str:
        sizes = TensorShapeProto(dim=[TensorShapeProto.Dim(size=size) for size in shape])
        shapes = AttrValue(list=AttrValue.ListValue(shape=[sizes]))
        nodes.append(NodeDef(name=name, op=op, input=inputs, attr={"_output_shapes": shapes}))
        return name

    batch = -1  # of any size
    a = node("x", "Placeholder", [], batch, network.n_inputs)
    for i, layer in enumerate(network.layers):
        n_outputs = layer.weights.shape[1]
        weights = node(f"layers.{i}/weights", "VariableV2", [], *layer.weights.shape)
        a = node(f"layers.{i}/matmul", "MatMul", [a, weights], batch, n_outputs)
        if layer.biases is not None:
            biases = node(f"layers.{i}/biases", "VariableV2", [], n_outputs)
            a = node(f"layers.{i}/add", "BiasAdd", [a, biases], batch, n_outputs)
        if layer.normalization:
            vectors = [node(f"layers.{i}/{name}", "VariableV2", [], n_outputs) for name in ("gain", "shift")]
            a = node(f"layers.{i}/normalization", layer.normalization, [a, *vectors], batch, n_outputs)
        a = node(f"layers.{i}/activation", layer.activation, [a], batch, n_outputs)
    y = node("y", "Placeholder", [], batch, network.n_outputs)
    node("loss", network.loss, [a, y])
    return GraphDef(node=nodes, versions=VersionDef(producer=22))
