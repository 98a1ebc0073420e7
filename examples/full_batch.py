"""The second article's network: 2-3-1, all samples in every step, 10,000 epochs.

Its gradient, ``error * sigmoid_derivative(output)`` summed over the samples, is that of *half the sum* of
the squared errors, which is the loss ``half_sum_squared_error``. Weights start from N(0, 1), biases at 0.

Run it with ``python examples/full_batch.py``.
"""

import numpy as np

from scratchnn import NeuralNetwork

# Define the architecture of the neural network
network = NeuralNetwork([2, 3, 1], weight_init="normal", loss="half_sum_squared_error", seed=0)

# Define the dataset
X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
y = np.array([[0], [1], [1], [0]])

# Train the neural network
history = network.train(X, y, learning_rate=0.1, epochs=10_000, batch_size="full")
for epoch in (1, 10, 100, 1000, 10_000):
    print(f"epoch {epoch:6}  loss {history.loss[epoch - 1]:.6f}")

# Test the trained network
print("Final Output after Training:")
print(network.feedforward(X).round(4))
