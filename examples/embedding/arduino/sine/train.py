"""Train a network on the sine and write it as sine_network.h, which the sketch beside it includes.

python examples/embedding/arduino/sine/train.py            # prints the file
python examples/embedding/arduino/sine/train.py > examples/embedding/arduino/sine/sine_network.h
"""

import math

import numpy as np

from scratchnn import NeuralNetwork

# Rounded, so that every computer's sine gives the same data.
x = np.array([round(i * math.tau / 400, 6) for i in range(401)])
y = np.array([round(math.sin(angle), 6) for angle in x])

network = NeuralNetwork([1, 16, 16, 1], activation="tanh", scale_inputs=(math.pi, 1 / math.pi), dtype="float32", seed=1)
network.train(
    x[:, None], y, epochs=500, batch_size=20, shuffle=True, optimizer="adam", learning_rate=0.01, schedule="cosine(500)"
)
error = np.abs(network.predict(x[:, None])[:, 0] - y).max()
assert error < 0.01, f"the network is off by {error:.3g}"
print(network.to_c("sine", weights="int8", test_rows=x[::25, None]), end="")
