"""The first article's network: two inputs, two hidden neurons, one output, untrained and trained.

``NeuralNetwork()`` is that network, with its neurons as ``h1``, ``h2`` and ``o1``; ``train`` has the
article's defaults, 1000 epochs at learning rate 0.1, one sample at a time. That lowers the loss but is
not enough for XOR, in the article either: ``xor.py`` solves it.

Run it with ``python examples/two_hidden_neurons.py``.
"""

import numpy as np

from scratchnn import NeuralNetwork, mse_loss

network = NeuralNetwork(seed=1)
print("untrained:", network.feedforward(np.array([2, 3])))

data = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])  # Example input data
all_y_trues = np.array([0, 1, 1, 0])  # Example target output


def loss():
    return mse_loss(all_y_trues, network.feedforward(data)[:, 0])


print(f"loss before {loss():.4f}")
network.train(data, all_y_trues)
print(f"loss after  {loss():.4f}")

for name in ("h1", "h2", "o1"):
    neuron = getattr(network, name)
    print(f"{name}: weights {neuron.weights.round(3)}, bias {neuron.bias:.3f}")
for x, y_true in zip(data, all_y_trues, strict=True):
    print(f"{x} -> {network.feedforward(x):.3f}, expected {y_true}")
