"""Write model_v2.snn, the golden file of format version 2, and print what test_serialization.py expects.

The file was written once, and stays as it is: every later version must read it.
"""

from pathlib import Path

import numpy as np

from scratchnn import NeuralNetwork

SAMPLES = np.array([[0.0, 0.5, -1.0], [1.0, -0.25, 2.0]])


def make():
    x = np.linspace(-1, 1, 36).reshape(12, 3)
    network = NeuralNetwork([3, 4, 5, 2], activation="tanh", loss="cross_entropy", seed=8)
    for layer in network.layers[:2]:
        layer.trainable = False
    network.train(x, np.arange(12) % 2, epochs=5, batch_size=5, shuffle=True, optimizer="adamhat", learning_rate=0.125)
    network.history.seconds = 0.25  # measured otherwise
    return network


if __name__ == "__main__":
    network = make()
    network.save(Path(__file__).with_name("model_v2.snn"))
    print(network.predict(SAMPLES).tolist())
    print(network.history)
