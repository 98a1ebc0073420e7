"""Write model_v2.snn, the golden file of format version 2, and print what test_serialization.py expects.

The file was written once, before version 0.2.0, and stays as it is: every later version must read it.
"""

from pathlib import Path

import numpy as np

from scratchnn import NeuralNetwork

SAMPLES = np.array([[0.0, 0.5, -1.0], [1.0, -0.25, 2.0]])
X = np.linspace(-1, 1, 36).reshape(12, 3)
SETTINGS = {
    "batch_size": 5,
    "shuffle": True,
    "optimizer": "nadam",
    "learning_rate": 0.125,
    "schedule": "warm_up(1, cosine(4, final=0.25))",
    "validation_fraction": 0.25,
    "scorer": "accuracy",
}


def make():
    network = NeuralNetwork(
        [3, 4, 2],
        activation="tanh",
        loss="cross_entropy(0.0625)",
        normalization="layer",
        dropout=0.25,
        input_noise=0.125,
        seed=7,
    )
    network.train(X, np.arange(12) % 2, epochs=3, max_steps=5, **SETTINGS)
    network.metadata = {"classes": ["no", "yes — ☃"]}
    network.history.seconds = 0.25  # measured otherwise
    return network


if __name__ == "__main__":
    network = make()
    network.save(Path(__file__).with_name("model_v2.snn"))
    print(network.predict(SAMPLES).tolist())
    print(network.history)
    network.train(X, np.arange(12) % 2, epochs=1, **SETTINGS)
    print(network.history.loss)
