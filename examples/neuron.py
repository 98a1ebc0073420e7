"""The first article's neuron: it weighs its inputs, adds a bias, and bends the sum.

Run it with ``python examples/neuron.py``.
"""

import numpy as np

from scratchnn import Neuron

weights = np.array([0, 1])
bias = 4
n = Neuron(weights, bias)

inputs = np.array([2, 3])

print("z = 0 · 2 + 1 · 3 + 4 =", np.dot(n.weights, inputs) + n.bias)
print("sigmoid(z) =", n.feedforward(inputs))

print("\nThe same sum, bent otherwise:")
for activation in ("identity", "relu", "tanh", "softsign"):
    print(f"{activation:>10} {Neuron(weights, bias, activation).feedforward(inputs):.6f}")
