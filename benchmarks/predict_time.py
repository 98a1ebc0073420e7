"""What `network.predict` costs for one row and for many; of a 1-1 network it is all overhead.

Run it with ``python benchmarks/predict_time.py``. Each figure is the least of several rounds, which other
programs disturb least.
"""

import timeit

import numpy as np

from scratchnn import NeuralNetwork

NETWORKS = ([1, 1], [8, 64, 64, 4], [784, 128, 10], [784, 512, 512, 10])
ROWS = (1, 8, 64, 1000)
SECONDS_A_ROUND, ROUNDS = 0.02, 15


def seconds(function):
    once = max(timeit.timeit(function, number=3) / 3, 1e-9)
    number = max(1, int(SECONDS_A_ROUND / once))
    return min(timeit.repeat(function, number=number, repeat=ROUNDS)) / number


def main():
    print("microseconds a call ".ljust(32), "one row", *(f"{f'({n}, …)':>10}" for n in ROWS))
    for dtype in ("float32", "float64"):
        for sizes in NETWORKS:
            network = NeuralNetwork(sizes, activation="relu", dtype=dtype, seed=1)
            x = np.random.default_rng(0).random((max(ROWS), sizes[0])).astype(dtype)
            row = 1e6 * seconds(lambda network=network, x=x[0]: network.predict(x))
            many = [1e6 * seconds(lambda network=network, x=x[:n]: network.predict(x)) for n in ROWS]
            print(f"{'-'.join(map(str, sizes))} {dtype}".ljust(32), f"{row:7.2f}", *(f"{t:10.2f}" for t in many))


if __name__ == "__main__":
    main()
