"""Transfer learning: a network that knows the digits 0 to 7 learns to tell 8 from 9 by four images of each.

Its hidden layer has learnt what strokes look like. It is kept and frozen, and gets a new head (``with_head``): training
changes the head alone. The same network that starts from nothing learns as many images as well, and knows others worse.

Run it with ``python examples/transfer.py``.
"""

from pathlib import Path

import numpy as np

from scratchnn import NeuralNetwork

table = np.loadtxt(Path(__file__).parent / "data" / "digits.csv", delimiter=",", skiprows=1, dtype=np.float32)
pixels, digits = table[:, :-1] / 16, table[:, -1].astype(int)
EACH = 4  # images of each new digit


def accuracy(network, x, labels):
    return (network.predict(x).argmax(axis=1) == labels).mean()


old = digits < 8
teacher = NeuralNetwork([64, 128, 8], activation="relu", loss="cross_entropy", dtype="float32", seed=1)
teacher.train(pixels[old], digits[old], epochs=20, batch_size=32, shuffle=True, optimizer="adam")
print(f"0 to 7, after {old.sum()} images: {accuracy(teacher, pixels[old], digits[old]):.3f} right")

x, labels = pixels[~old], digits[~old] - 8
few = np.concatenate([np.flatnonzero(labels == label)[:EACH] for label in range(2)])
others = np.setdiff1d(np.arange(len(labels)), few)

scores = {"from nothing": [], "with a new head": []}
for seed in range(10):
    new = NeuralNetwork([64, 128, 2], activation="relu", loss="cross_entropy", dtype="float32", seed=seed)
    pupil = teacher.with_head(2, freeze=True, seed=seed)
    for name, network in zip(scores, (new, pupil), strict=True):
        network.train(x[few], labels[few], epochs=300, batch_size="full", optimizer="adam")
        assert accuracy(network, x[few], labels[few]) == 1, "it learns what it is shown"
        scores[name].append(accuracy(network, x[others], labels[others]))
    assert np.array_equal(pupil.layers[0].weights, teacher.layers[0].weights), "a frozen layer has moved"

print(f"8 and 9, after {len(few)} images, tried on {len(others)} others:")
for name, found in scores.items():
    print(f"  {name:16} {np.mean(found):.3f} right, of ten seeds {min(found):.3f} to {max(found):.3f}")
better = np.sum(np.array(scores["with a new head"]) > np.array(scores["from nothing"]))
print(f"the new head is better with {better} of 10 seeds")
