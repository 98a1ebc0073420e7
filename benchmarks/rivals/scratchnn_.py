"""scratchnn through its public interface. SCRATCHNN_ISA chooses the instruction set of the process."""

import scratchnn
from scratchnn import NeuralNetwork

DISTRIBUTION = "scratchnn"
MODULE = "scratchnn"


def version():
    return scratchnn.__version__


def variants(workload, n_threads, short):
    if workload.kind == "predict":
        return {"": Prediction}
    if n_threads == 1:
        return {"": Training}
    return {"threads by default": DefaultTraining, f"n_threads={n_threads}": Training}


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


class DefaultTraining(Training):
    """With as many threads as it takes itself: more than one thread is a limit for the other libraries, too."""

    def __init__(self, workload, X, y, parameters, n_threads):
        super().__init__(workload, X, y, parameters, None)


class Prediction(Session):
    def run(self, calls):
        predict, x = self.network.predict, self.X if len(self.X) > 1 else self.X[0]
        for _ in range(calls):
            self.output = predict(x)

    def result(self):
        return self.output
