"""Training put together from the package's operations for Python: one call for every product, slope and update.

Each operation has its own proof against the oracle. What the loop below Python does otherwise (in place,
in blocks, in groups of rows, on paths of its own for some shapes, in threads) may change no bit of this.
"""

import networks
import numpy as np

from scratchnn.core import activations, linalg, losses, updates


def forward(layers, x):
    """All sums z and all outputs, the inputs first; links stay with their losses, which take logits."""
    zs, outputs = [], [x]
    for weights, biases, activation in layers:
        zs.append(linalg.affine(outputs[-1], weights, biases))
        outputs.append(zs[-1] if activation in losses.links() else activations.get(activation)(zs[-1]))
    return zs, outputs


def gradients(layers, x, y, loss):
    """[(dW, db), ...] of a scratchnn.losses.Loss, first layer first; db is None where biases are."""
    zs, outputs = forward(layers, x)
    u = zs[-1] if loss.link else outputs[-1]
    scale = loss.factor / (len(u) if loss.mean_over_samples else 1) / (u.shape[1] if loss.mean_over_outputs else 1)
    dz = np.empty_like(u)
    parameters = {loss.parameter: getattr(loss, loss.parameter)} if loss.parameter else {}
    losses.evaluate(loss.kernel, u, y, scale=scale, gradient=dz, **parameters)
    result = []
    for i in reversed(range(len(layers))):
        weights, biases, activation = layers[i]
        if i < len(layers) - 1 or not loss.link:
            dz = activations.get(activation).backward(dz, zs[i])
        result.insert(0, (linalg.grad_weights(outputs[i], dz), None if biases is None else linalg.grad_biases(dz)))
        if i > 0:
            dz = linalg.grad_inputs(dz, weights)
    return result


def train(network, x, y, optimizer, epochs, batch_size, **settings):
    """All parameters after some epochs, as `networks.arrays` gives them; the network stays as it is."""
    layers = networks.layers_of(network, network.dtype)
    parameters = [a for layer in layers for a in layer[:2] if a is not None]
    n_states = len(updates.specifications()[optimizer][0])
    states = [[np.zeros_like(a) for _ in range(n_states)] for a in parameters]
    step, t = getattr(updates, optimizer), 0
    for _ in range(epochs):
        for first in range(0, len(x), batch_size):
            rows = slice(first, first + batch_size)
            t += 1
            found = [g for pair in gradients(layers, x[rows], y[rows], network._loss) for g in pair if g is not None]
            for a, g, state in zip(parameters, found, states, strict=True):
                step(a, g, *state, *((t,) if n_states == 2 else ()), **settings)
    return parameters
