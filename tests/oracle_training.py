"""What a step of training does beside products, activations and losses: naive, float64, from docs/math.md.

As tests/oracle.py, whose parts it takes, it is written from the equations and never from the kernels.
"""

from typing import NamedTuple

import numpy as np
import oracle


class Layer(NamedTuple):
    """A layer's parameters, None for those that it has not, and how it computes."""

    weights: np.ndarray
    activation: str
    biases: np.ndarray | None = None
    normalization: str | None = None
    gain: np.ndarray | None = None
    shift: np.ndarray | None = None
    running_mean: np.ndarray | None = None
    running_variance: np.ndarray | None = None
    trainable: bool = True


ARRAYS = ("weights", "biases", "gain", "shift", "running_mean", "running_variance")


def layers_of(network):
    """Copies of a network's layers, in float64."""

    def copy(array):
        return None if array is None else array.astype(np.float64)

    return [
        Layer(
            activation=layer.activation,
            normalization=layer.normalization,
            trainable=layer.trainable,
            **{name: copy(getattr(layer, name)) for name in ARRAYS},
        )
        for layer in network.layers
    ]


def assert_close(network, layers, tolerance):
    """Check that a network's parameters are those of layers here."""
    for ours, theirs in zip(network.layers, layers, strict=True):
        for name in ARRAYS:
            expected = getattr(theirs, name)
            if expected is None:
                assert getattr(ours, name) is None
            else:
                np.testing.assert_allclose(getattr(ours, name), expected, 0, tolerance, err_msg=name)


# --- what is drawn: eq. 115 to 119 ---------------------------------------------------------------


class Noise(NamedTuple):
    """What a network draws in the steps of its training; `dropout` has a rate for each hidden layer's outputs."""

    seed: int
    dropout: tuple = ()
    input_dropout: float = 0.0
    input_noise: float = 0.0

    def draws(self, step, stream):
        """Stream `stream` of the step (eq. 116), as a generator."""
        of_noise = oracle.Generator(self.seed, stream=2)
        of_step = oracle.Generator(of_noise.seed, stream=step + 1)
        return oracle.Generator(of_step.seed, stream=stream)

    def mask(self, step, stream, rate, m, n):
        """M of eq. 115 and 117."""
        q = round(rate * 2**16)
        draws = self.draws(step, stream)
        words = [[draws.next() for _ in range(n)] for _ in range(-(-m // 4))]
        mask = np.empty((m, n))
        for i, j in np.ndindex(m, n):
            mask[i, j] = words[i // 4][j] >> 16 * (i % 4) & 0xFFFF >= q
        return mask / (1 - q / 2**16)

    def normals(self, step, m, n):
        """G of eq. 119. Near 1 the logarithm of u is taken from 1 - u, which is exact."""
        draws = self.draws(step, 2)
        normals = np.empty((m + m % 2, n))
        for i in range(0, m, 2):
            for j in range(n):
                r = draws.next()
                high, low = r >> 33, r % 2**32
                u, rest = (high + 0.5) / 2**31, (2**31 - 1 - high + 0.5) / 2**31
                v = (low - 2**32 if low >= 2**31 else low) / 2**31
                radius = np.sqrt(-2 * (np.log(u) if u < 0.5 else np.log1p(-rest)))
                normals[i, j], normals[i + 1, j] = radius * np.cos(np.pi * v), radius * np.sin(np.pi * v)
        return normals[:m]

    def disturb(self, step, x):
        """Inputs with noise (eq. 118), before their mask."""
        return x + self.input_noise * self.normals(step, *x.shape) if self.input_noise else x

    def masks(self, step, m, sizes):
        """What inputs and outputs of every layer are multiplied by, None for 1."""
        streams = (1, *(3 + i for i in range(len(sizes) - 1)))
        rates = (self.input_dropout, *self.dropout, 0.0)
        return [
            self.mask(step, stream, rate, m, n) if rate else None
            for stream, rate, n in zip(streams, rates, sizes, strict=True)
        ]


# --- normalisation: eq. 120 to 126 -----------------------------------------------------------------

EPSILON = 1e-5


def moments(layer, z, share, training):
    """Mean and variance of eq. 120: of eq. 122, of eq. 124 with the samples' shares, or the running ones."""
    if layer.normalization == "layer":
        mean = z.mean(axis=1, keepdims=True)
        return mean, ((z - mean) ** 2).mean(axis=1, keepdims=True)
    if not (training and layer.trainable):
        return layer.running_mean, layer.running_variance
    mean = np.sum(share * z, axis=0)
    return mean, np.sum(share * (z - mean) ** 2, axis=0)


def grad_normalized(layer, du, normal, inverse, share, training):
    """dz of eq. 121 and 123 or 125."""
    d = layer.gain * du
    if layer.normalization == "layer":
        return inverse * (d - d.mean(axis=1, keepdims=True) - normal * (d * normal).mean(axis=1, keepdims=True))
    if not (training and layer.trainable):
        return inverse * d
    return inverse * (d - share * (np.sum(d, axis=0) + normal * np.sum(d * normal, axis=0)))


def predict(layers, x):
    """What a network says, which is normalised with the running mean and variance."""
    for layer in layers:
        u = oracle.affine(x, layer.weights, layer.biases)
        if layer.normalization:
            mean, variance = moments(layer, u, None, False)
            u = layer.gain * (u - mean) / np.sqrt(variance + EPSILON) + layer.shift
        x = oracle.outputs_of(layer.activation, u, 1)
    return x


# --- networks ------------------------------------------------------------------------------------


def masked(a, mask):
    return a if mask is None else a * mask


def gradients(layers, x, y, loss, masks=None, sample_weight=None, training=True, statistics=None):
    """The loss of a step and [{name: gradient}], the first layer's first.

    Means and variances of eq. 124 are appended to `statistics`, None for layers that have none.
    """
    masks = [None] * (1 + len(layers)) if masks is None else masks
    weight = np.ones(len(x)) if sample_weight is None else sample_weight
    share = (weight / np.sum(weight))[:, None]
    outputs, us, normals = [masked(x, masks[0])], [], []
    for layer, mask in zip(layers, masks[1:], strict=True):
        z = oracle.affine(outputs[-1], layer.weights, layer.biases)
        if layer.normalization:
            mean, variance = moments(layer, z, share, training)
            inverse = 1 / np.sqrt(variance + EPSILON)
            normals.append(((z - mean) * inverse, inverse))
            us.append(layer.gain * normals[-1][0] + layer.shift)
        else:
            normals.append(None)
            us.append(z)
        if statistics is not None:
            statistics.append((mean, variance) if layer.normalization == "batch" else None)
        outputs.append(masked(oracle.outputs_of(layer.activation, us[-1], 1), mask))
    element, scale, settings, link = oracle.network_loss(loss)
    u = us[-1] if link else outputs[-1]
    factor = scale(np.sum(weight), u.shape[1])
    value, da = oracle.total_loss(element, u, y, factor, sample_weight, **settings)
    found = []
    for i in reversed(range(len(layers))):
        layer = layers[i]
        slope = 1 if link and i == len(layers) - 1 else oracle.activation(layer.activation)[1](us[i])
        dz = du = masked(da, masks[i + 1]) * slope
        found.insert(0, {})
        if layer.normalization:
            found[0] |= {"gain": np.sum(du * normals[i][0], axis=0), "shift": np.sum(du, axis=0)}
            dz = grad_normalized(layer, du, *normals[i], share, training)
        found[0]["weights"] = oracle.grad_weights(outputs[i], dz)
        if layer.biases is not None:
            found[0]["biases"] = oracle.grad_biases(dz)
        da = oracle.grad_inputs(dz, layer.weights)
    return value, found


def train(
    layers, x, y, loss, optimizer, epochs, batch_size, noise=None, first_step=0, sample_weight=None, **settings
):  # fmt: skip
    """The layers after some epochs; `first_step` is how many steps have drawn noise before."""
    update = oracle.OPTIMIZERS[optimizer]
    states, t = {}, 0
    for _ in range(epochs):
        for start in range(0, len(x), batch_size):
            rows = slice(start, start + batch_size)
            m, sizes = len(x[rows]), [x.shape[1], *(layer.weights.shape[1] for layer in layers)]
            masks = None if noise is None else noise.masks(first_step + t, m, sizes)
            inputs = x[rows] if noise is None else noise.disturb(first_step + t, x[rows])
            weight, statistics = None if sample_weight is None else sample_weight[rows], []
            _, found = gradients(layers, inputs, y[rows], loss, masks, weight, statistics=statistics)
            t += 1
            for i, of_layer in enumerate(found):
                if not layers[i].trainable:
                    continue
                if statistics[i] is not None:  # eq. 126
                    mean = layers[i].running_mean + 0.1 * (statistics[i][0] - layers[i].running_mean)
                    variance = layers[i].running_variance + 0.1 * (statistics[i][1] - layers[i].running_variance)
                    layers[i] = layers[i]._replace(running_mean=mean, running_variance=variance)
                for name, g in of_layer.items():
                    w = getattr(layers[i], name)
                    state = states.get((i, name), (0 * w,) * len(oracle.STATES[optimizer]))
                    w, states[i, name] = update(w, g, state, t, **settings)
                    layers[i] = layers[i]._replace(**{name: w})
    return layers
