"""The first article's own training loop, run on a scratchnn network and compared with the built-in one.

``h1``, ``h2`` and ``o1`` are views: what the loop writes to ``self.h1.weights[0]`` is written to the
network. Below, ``train`` is the article's, word for word; the products that it lost in printing, such as
``sum_h1 =, x) + …``, are ``np.dot``.

Run it with ``python examples/article_loop.py``.
"""
# ruff: noqa: B007, B905 -- the article's words are kept as they are

import time

import numpy as np

from scratchnn import NeuralNetwork, sigmoid


class ArticleNetwork(NeuralNetwork):
    """The 2-2-1 network, trained as the article trains it."""

    def train(self, data, all_y_trues):
        learn_rate = 0.1
        epochs = 1000  # number of times to loop through the entire dataset

        for epoch in range(epochs):
            for x, y_true in zip(data, all_y_trues):
                # --- do a feedforward (we'll need these values later)
                sum_h1 = np.dot(self.h1.weights, x) + self.h1.bias
                out_h1 = sigmoid(sum_h1)

                sum_h2 = np.dot(self.h2.weights, x) + self.h2.bias
                out_h2 = sigmoid(sum_h2)

                sum_o1 = np.dot(self.o1.weights, np.array([out_h1, out_h2])) + self.o1.bias
                out_o1 = sigmoid(sum_o1)
                y_pred = out_o1

                # --- calculate partial derivatives
                d_L_d_ypred = -2 * (y_true - y_pred)

                # Neuron o1
                d_ypred_d_w5 = out_h1 * sigmoid(sum_o1) * (1 - sigmoid(sum_o1))
                d_ypred_d_w6 = out_h2 * sigmoid(sum_o1) * (1 - sigmoid(sum_o1))
                d_ypred_d_b3 = sigmoid(sum_o1) * (1 - sigmoid(sum_o1))

                d_ypred_d_h1 = self.o1.weights[0] * sigmoid(sum_o1) * (1 - sigmoid(sum_o1))
                d_ypred_d_h2 = self.o1.weights[1] * sigmoid(sum_o1) * (1 - sigmoid(sum_o1))

                # Neuron h1
                d_h1_d_w1 = x[0] * sigmoid(sum_h1) * (1 - sigmoid(sum_h1))
                d_h1_d_w2 = x[1] * sigmoid(sum_h1) * (1 - sigmoid(sum_h1))
                d_h1_d_b1 = sigmoid(sum_h1) * (1 - sigmoid(sum_h1))

                # Neuron h2
                d_h2_d_w3 = x[0] * sigmoid(sum_h2) * (1 - sigmoid(sum_h2))
                d_h2_d_w4 = x[1] * sigmoid(sum_h2) * (1 - sigmoid(sum_h2))
                d_h2_d_b2 = sigmoid(sum_h2) * (1 - sigmoid(sum_h2))

                # --- Update weights and biases
                # Neuron h1
                self.h1.weights[0] -= learn_rate * d_L_d_ypred * d_ypred_d_h1 * d_h1_d_w1
                self.h1.weights[1] -= learn_rate * d_L_d_ypred * d_ypred_d_h1 * d_h1_d_w2
                self.h1.bias -= learn_rate * d_L_d_ypred * d_ypred_d_h1 * d_h1_d_b1

                # Neuron h2
                self.h2.weights[0] -= learn_rate * d_L_d_ypred * d_ypred_d_h2 * d_h2_d_w3
                self.h2.weights[1] -= learn_rate * d_L_d_ypred * d_ypred_d_h2 * d_h2_d_w4
                self.h2.bias -= learn_rate * d_L_d_ypred * d_ypred_d_h2 * d_h2_d_b2

                # Neuron o1
                self.o1.weights[0] -= learn_rate * d_L_d_ypred * d_ypred_d_w5
                self.o1.weights[1] -= learn_rate * d_L_d_ypred * d_ypred_d_w6
                self.o1.bias -= learn_rate * d_L_d_ypred * d_ypred_d_b3

            # End of epoch, potentially log progress here


if __name__ == "__main__":
    data = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])  # Example input data
    all_y_trues = np.array([0, 1, 1, 0])  # Example target output

    by_hand, built_in = ArticleNetwork(seed=1), NeuralNetwork(seed=1)
    seconds = []
    for network in (by_hand, built_in):
        start = time.perf_counter()
        network.train(data, all_y_trues)
        seconds.append(time.perf_counter() - start)

    print("        by hand              built in")
    differences = []
    for name in ("h1", "h2", "o1"):
        a, b = getattr(by_hand, name), getattr(built_in, name)
        for label, u, v in [("w", *w) for w in zip(a.weights, b.weights)] + [("b", a.bias, b.bias)]:
            print(f"{name} {label}  {u:+.15f}   {v:+.15f}")
            differences.append(abs(u - v))
    print(f"largest difference below 1e-12: {max(differences) < 1e-12}")
    print(f"the built-in training was {seconds[0] / seconds[1]:.0f} times as fast")
