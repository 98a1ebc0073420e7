"""scratchnn through its public interface. SCRATCHNN_ISA chooses the instruction set of the process."""

import scratchnn
from scratchnn import NeuralNetwork

DISTRIBUTION = "scratchnn"
MODULE = "scratchnn"


def version():
    return scratchnn.__version__


def variants(workload, n_threads, short):
    return {"": Training if workload.kind == "train" else Prediction}


class Session:
    def __init__(self, workload, X, y, parameters, n_threads):
        self.workload, self.X, self.y, self.start, self.n_threads = workload, X, y, parameters, n_threads
        self.reset()

    def reset(self):
        workload = self.workload
        self.network = NeuralNetwork(
            workload.sizes,
            activation=workload.activation,
            output_activation=workload.output_activation,
            loss=workload.loss,
            dtype=workload.dtype,
            seed=0,
        )
        for layer, (weights, biases) in zip(self.network.layers, self.start, strict=True):
            layer.weights[...], layer.biases[...] = weights, biases


class Training(Session):
    def run(self, epochs):
        self.network.train(
            self.X,
            self.y,
            epochs=epochs,
            batch_size=self.workload.batch_size,
            optimizer=self.workload.optimizer,
            learning_rate=self.workload.learning_rate,
            n_threads=self.n_threads,
        )

    def result(self):
        return [(layer.weights, layer.biases) for layer in self.network.layers]


class Prediction(Session):
    def run(self, calls):
        predict, x = self.network.predict, self.X if len(self.X) > 1 else self.X[0]
        for _ in range(calls):
            self.output = predict(x)

    def result(self):
        return self.output
