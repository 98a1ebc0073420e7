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


ARRAYS = ("weights", "biases", "gain", "shift")


def layers_of(network):
    """Copies of a network's layers, in float64."""

    def copy(array):
        return None if array is None else array.astype(np.float64)

    return [
        Layer(
            activation=layer.activation,
            normalization=layer.normalization,
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


# --- what is drawn: eq. 78 to 82 ---------------------------------------------------------------


class Noise(NamedTuple):
    """What a network draws in the steps of its training; `dropout` has a rate for each hidden layer's outputs."""

    seed: int
    dropout: tuple = ()
    input_dropout: float = 0.0
    input_noise: float = 0.0

    def draws(self, step, stream):
        """Stream `stream` of the step (eq. 79), as a generator."""
        of_noise = oracle.Generator(self.seed, stream=2)
        of_step = oracle.Generator(of_noise.seed, stream=step + 1)
        return oracle.Generator(of_step.seed, stream=stream)

    def mask(self, step, stream, rate, m, n):
        """M of eq. 78 and 80."""
        q = round(rate * 2**16)
        draws = self.draws(step, stream)
        words = [[draws.next() for _ in range(n)] for _ in range(-(-m // 4))]
        mask = np.empty((m, n))
        for i, j in np.ndindex(m, n):
            mask[i, j] = words[i // 4][j] >> 16 * (i % 4) & 0xFFFF >= q
        return mask / (1 - q / 2**16)

    def normals(self, step, m, n):
        """G of eq. 82. Near 1 the logarithm of u is taken from 1 - u, which is exact."""
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
        """Inputs with noise (eq. 81), before their mask."""
        return x + self.input_noise * self.normals(step, *x.shape) if self.input_noise else x

    def masks(self, step, m, sizes):
        """What inputs and outputs of every layer are multiplied by, None for 1."""
        streams = (1, *(3 + i for i in range(len(sizes) - 1)))
        rates = (self.input_dropout, *self.dropout, 0.0)
        return [
            self.mask(step, stream, rate, m, n) if rate else None
            for stream, rate, n in zip(streams, rates, sizes, strict=True)
        ]


# --- normalisation: eq. 83 to 86 -----------------------------------------------------------------

EPSILON = 1e-5


def normalized(layer, z):
    """The normalised sums of eq. 83 and what each sum was multiplied by, from eq. 85."""
    mean = z.mean(axis=1, keepdims=True)
    variance = ((z - mean) ** 2).mean(axis=1, keepdims=True)
    inverse = 1 / np.sqrt(variance + EPSILON)
    return (z - mean) * inverse, inverse


def grad_normalized(layer, du, normal, inverse):
    """dz of eq. 84 and 86."""
    d = layer.gain * du
    return inverse * (d - d.mean(axis=1, keepdims=True) - normal * (d * normal).mean(axis=1, keepdims=True))


# --- networks ------------------------------------------------------------------------------------


def masked(a, mask):
    return a if mask is None else a * mask


def gradients(layers, x, y, loss, masks=None):
    """The loss of a step and [{name: gradient}], the first layer's first."""
    masks = [None] * (1 + len(layers)) if masks is None else masks
    outputs, us, normals = [masked(x, masks[0])], [], []
    for layer, mask in zip(layers, masks[1:], strict=True):
        z = oracle.affine(outputs[-1], layer.weights, layer.biases)
        normals.append(normalized(layer, z) if layer.normalization else None)
        us.append(layer.gain * normals[-1][0] + layer.shift if layer.normalization else z)
        outputs.append(masked(oracle.outputs_of(layer.activation, us[-1], 1), mask))
    element, scale, settings, link = oracle.network_loss(loss)
    u = us[-1] if link else outputs[-1]
    value, da = oracle.total_loss(element, u, y, scale(*u.shape), **settings)
    found = []
    for i in reversed(range(len(layers))):
        layer = layers[i]
        slope = 1 if link and i == len(layers) - 1 else oracle.activation(layer.activation)[1](us[i])
        dz = du = masked(da, masks[i + 1]) * slope
        found.insert(0, {})
        if layer.normalization:
            found[0] |= {"gain": np.sum(du * normals[i][0], axis=0), "shift": np.sum(du, axis=0)}
            dz = grad_normalized(layer, du, *normals[i])
        found[0]["weights"] = oracle.grad_weights(outputs[i], dz)
        if layer.biases is not None:
            found[0]["biases"] = oracle.grad_biases(dz)
        da = oracle.grad_inputs(dz, layer.weights)
    return value, found


def train(layers, x, y, loss, optimizer, epochs, batch_size, noise=None, first_step=0, **settings):
    """The layers after some epochs; `first_step` is how many steps have drawn noise before."""
    update = oracle.OPTIMIZERS[optimizer]
    states, t = {}, 0
    for _ in range(epochs):
        for start in range(0, len(x), batch_size):
            rows = slice(start, start + batch_size)
            m, sizes = len(x[rows]), [x.shape[1], *(layer.weights.shape[1] for layer in layers)]
            masks = None if noise is None else noise.masks(first_step + t, m, sizes)
            inputs = x[rows] if noise is None else noise.disturb(first_step + t, x[rows])
            _, found = gradients(layers, inputs, y[rows], loss, masks)
            t += 1
            for i, of_layer in enumerate(found):
                for name, g in of_layer.items():
                    w = getattr(layers[i], name)
                    state = states.get((i, name), (0 * w,) * len(oracle.STATES[optimizer]))
                    w, states[i, name] = update(w, g, state, t, **settings)
                    layers[i] = layers[i]._replace(**{name: w})
    return layers
