"""The methods of a network that exchange it with other libraries, as a base class of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, cast

if TYPE_CHECKING:
    from ..losses import Loss
    from ..network import NeuralNetwork

__all__ = ["Exchange"]

Path = str | os.PathLike[str]


class Exchange:
    """What a :class:`scratchnn.NeuralNetwork` can be written as, and made of."""

    # ---- ONNX ----

    def to_onnx(self, path: Path) -> None:
        """Write what the network predicts as an ONNX model, of opset 13 and IR version 7 (docs/exchange.md).

        Its input ``input`` (n, n_inputs) and its output ``output`` (n, n_outputs) are of the network's dtype; n is
        free. Scaling, bounds and what a loss ends in, such as softmax, are part of it. What bears on training alone is
        not, but for the loss's name, the seed and the metadata, which :meth:`from_onnx` reads.

        Parameters
        ----------
        path : str or path-like
            The file is replaced as a whole or not at all.

        Raises
        ------
        ImportError
            If the package onnx is missing: ``pip install "scratchnn[onnx]"``.
        ValueError
            If the network is too large for one file, 2 GiB, or its metadata are not JSON.
        OSError
            If the file cannot be written.
        """
        from .onnx_export import save

        save(cast("NeuralNetwork", self), path)

    @classmethod
    def from_onnx(cls, path: Path, *, loss: str | Loss | None = None, seed: int | None = None) -> Self:
        """Return the network of dense layers in an ONNX file: one of :meth:`to_onnx`, or of another exporter.

        Every node between input and output must belong to a network as they are here: Gemm, or MatMul and Add, with
        constant weights; batch or layer normalisation; an activation; scaling before the first layer and after the last
        (docs/exchange.md). So its predictions are those of the file, up to rounding.

        Parameters
        ----------
        path : str or path-like
        loss : str or Loss, optional
            What the network is trained with further. By default what :meth:`to_onnx` has kept; else what belongs to
            the last activation: ``cross_entropy`` to softmax, ``binary_cross_entropy`` to sigmoid, ``poisson`` to exp,
            ``gaussian``, and ``mean_squared_error`` to all others. A file that ends in logits gets the activation that
            the loss has, such as softmax, and then predicts probabilities.
        seed : int, optional
            Of training, as for the constructor; by default what :meth:`to_onnx` has kept.

        Returns
        -------
        NeuralNetwork
            Of the dtype of the file's weights, with the metadata that :meth:`to_onnx` has kept.

        Raises
        ------
        ImportError
            If the package onnx is missing: ``pip install "scratchnn[onnx]"``.
        ModelFileError
            If the file is no ONNX model, is damaged, keeps data in other files, or is no such network; the message
            names the node and what was expected.
        TypeError, ValueError
            If `loss` or `seed` does not fit.
        OSError
            If the file cannot be read.
        """
        from .onnx_import import load

        return cast(Self, load(cast("type[NeuralNetwork]", cls), path, loss, seed))

    # ---- scikit-learn ----

    @classmethod
    def from_sklearn(cls, estimator: Any, *, seed: int | None = None) -> Self:
        """Return the network of a fitted multilayer perceptron, scikit-learn's or this package's.

        Weights, activations and loss are the estimator's, and ``metadata`` has its ``task`` and ``classes``. Of a
        binary classifier the one output is the probability of the second class.

        Parameters
        ----------
        estimator : MLPClassifier or MLPRegressor
            Of scikit-learn, or of scratchnn; the latter's network is copied with its optimizer and history.
        seed : int, optional
            Of training, as for the constructor.

        Returns
        -------
        NeuralNetwork

        Raises
        ------
        TypeError
            If `estimator` is another.
        ValueError
            If it is not fitted.
        """
        from .sklearn import load

        return cast(Self, load(cast("type[NeuralNetwork]", cls), estimator, seed))

    def to_sklearn(self) -> Any:
        """Return a fitted ``sklearn.neural_network.MLPClassifier`` or ``MLPRegressor`` that predicts the same.

        Networks with softmax or sigmoid outputs become classifiers, whose classes are those of
        ``metadata["classes"]``, else 0, 1, …; the others regressors. ``partial_fit`` and ``warm_start`` go on from
        these weights, with scikit-learn's settings. What bears on training alone, such as dropout and the optimizer's
        state, stays behind.

        Returns
        -------
        MLPClassifier or MLPRegressor

        Raises
        ------
        ImportError
            If scikit-learn is missing: ``pip install "scratchnn[sklearn]"``.
        ValueError
            Naming what scikit-learn cannot express: another activation, loss or output, different activations,
            normalisation, layers without biases, scaling, bounds.
        """
        from .sklearn import make

        return make(cast("NeuralNetwork", self))

    # ---- PyTorch ----

    @classmethod
    def from_torch_state_dict(
        cls,
        state_dict: Mapping[str, Any] | Path,
        *,
        activation: Any,
        output_activation: Any = None,
        loss: str | Loss = "mean_squared_error",
        seed: int | None = None,
    ) -> Self:
        """Return the network of the linear layers in a state dict of PyTorch, or in a safetensors file.

        Modules follow each other in the order of the dict, or, in a file, of their names, numbers in them by value.
        A weight of two dimensions is an ``nn.Linear`` [out, in]; after it may come an ``nn.BatchNorm1d``, which has
        running statistics, or an ``nn.LayerNorm``, which has none. A state dict says nothing of activations, and
        nothing of an epsilon other than PyTorch's default, 1e-5, which is the one here.

        Parameters
        ----------
        state_dict : mapping of str to tensors or arrays, or str or path-like
            A path is that of a safetensors file, for which PyTorch need not be installed. float32 and float64 are taken
            as they are; float16 and bfloat16 become float32.
        activation : str, Activation or sequence of them
            As for the constructor: one for all hidden layers, or one for every layer.
        output_activation : str or Activation, optional
            By default what the loss needs, else identity. So a model that gives logits for PyTorch's losses gives
            probabilities here.
        loss : str or Loss
        seed : int, optional
            Of training, as for the constructor.

        Returns
        -------
        NeuralNetwork

        Raises
        ------
        ModelFileError
            If the file is no safetensors file, or damaged.
        TypeError, ValueError
            If an entry is no part of such a network, shapes do not follow one another (the message names the entries),
            or another argument does not fit.
        OSError
            If the file cannot be read.
        """
        from .torch import load

        return cast(Self, load(cast("type[NeuralNetwork]", cls), state_dict, activation, output_activation, loss, seed))

    def to_safetensors(self, path: Path, *, prefix: str = "") -> None:
        """Write the parameters as a safetensors file, by the names and in the layout of PyTorch's ``nn.Sequential``.

        Modules are counted as in ``nn.Sequential(Linear, [normalisation,] activation, Linear, …)``: every layer but the
        last has a module for its activation, ``nn.Identity()`` for identity, and none for dropout. With ReLU, tensors
        are ``0.weight`` [out, in], ``0.bias``, ``2.weight`` and so on, which its ``load_state_dict`` takes.

        Parameters
        ----------
        path : str or path-like
            The file is replaced as a whole or not at all.
        prefix : str
            Before every name, such as ``"layers."`` for a module that has the ``nn.Sequential`` as its ``layers``.

        Raises
        ------
        TypeError
            If `prefix` is no string.
        ValueError
            If the network scales inputs or targets, or has bounds, which no layer of PyTorch would do; nothing was
            written.
        OSError
            If the file cannot be written.
        """
        from .torch import save

        save(cast("NeuralNetwork", self), path, prefix)
