"""NumPy as an experienced hand writes it: every result into memory that is there, one vector for all parameters."""

import numpy as np

DISTRIBUTION = "numpy"
MODULE = "numpy"
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


def version():
    return np.__version__


def variants(workload, n_threads, short):
    if workload.kind == "train":
        return {"": Training}
    if workload.batch_size == 1:
        return {"": Prediction}
    return {"whole": Prediction, "blocks of 500 rows": BlockPrediction}


def sigmoid(z):
    np.negative(z, out=z)
    np.exp(z, out=z)
    np.add(z, 1, out=z)
    np.reciprocal(z, out=z)


def softmax(z):
    np.subtract(z, z.max(axis=1, keepdims=True), out=z)
    np.exp(z, out=z)
    np.divide(z, z.sum(axis=1, keepdims=True), out=z)


# Each overwrites z with a.
ACTIVATIONS = {
    "identity": lambda z: None,
    "relu": lambda z: np.maximum(z, 0, out=z),
    "sigmoid": sigmoid,
    "softmax": softmax,
    "tanh": lambda z: np.tanh(z, out=z),
}


def times_slope(activation, da, a, scratch):
    """Multiply da by the activation's slope, told from its value a."""
    if activation == "relu":
        np.multiply(da, np.greater(a, 0, out=scratch.view(bool)[:, : a.shape[1]]), out=da)
    elif activation == "tanh":
        np.multiply(a, a, out=scratch)
        np.subtract(1, scratch, out=scratch)
        np.multiply(da, scratch, out=da)
    elif activation == "sigmoid":
        np.subtract(1, a, out=scratch)
        np.multiply(scratch, a, out=scratch)
        np.multiply(da, scratch, out=da)


class Network:
    """Parameters in one vector, and the layers' outputs for `n_rows` rows."""

    def __init__(self, workload, parameters, n_rows):
        self.workload = workload
        self.start = np.concatenate([part.ravel() for pair in parameters for part in pair]).astype(workload.dtype)
        self.vector = self.start.copy()
        self.layers = self.views(self.vector)
        self.a = [np.empty((n_rows, n), workload.dtype) for n in workload.sizes[1:]]

    def views(self, vector):
        pairs, at = [], 0
        for n, m in zip(self.workload.sizes[:-1], self.workload.sizes[1:], strict=True):
            pairs.append((vector[at : at + n * m].reshape(n, m), vector[at + n * m : at + n * m + m]))
            at += n * m + m
        return pairs

    def forward(self, x, a):
        for (weights, biases), activation, z in zip(self.layers, self.workload.activations, a, strict=True):
            np.matmul(x, weights, out=z)
            np.add(z, biases, out=z)
            ACTIVATIONS[activation](z)
            x = z


class Training(Network):
    def __init__(self, workload, X, y, parameters, n_threads):
        super().__init__(workload, parameters, workload.batch_size)
        self.batches = [(X[i : i + workload.batch_size], y[i : i + workload.batch_size]) for i in self.starts()]
        self.gradient = np.empty_like(self.vector)
        self.gradients = self.views(self.gradient)
        self.d = [np.empty_like(a) for a in self.a]
        self.scratch = [np.empty_like(a) for a in self.a]
        self.ones = np.ones(workload.batch_size, workload.dtype)
        self.rows = np.arange(workload.batch_size)
        self.m, self.v, self.work = (np.zeros_like(self.vector) for _ in range(3))
        self.update = {"sgd": self.sgd, "adam": self.adam}[workload.optimizer]
        self.reset()

    def starts(self):
        return range(0, self.workload.n_samples, self.workload.batch_size)

    def reset(self):
        self.vector[...] = self.start
        self.m[...] = self.v[...] = 0
        self.steps = 0

    def loss_gradient(self, a, y, dz):
        workload = self.workload
        if workload.loss == "cross_entropy":
            np.multiply(a, 1 / len(a), out=dz)
            dz[self.rows, y] -= 1 / len(a)
            return
        np.subtract(a, y, out=dz)
        if workload.loss == "mean_squared_error":
            np.multiply(dz, 2 / a.size, out=dz)
        times_slope(workload.output_activation, dz, a, self.scratch[-1])

    def backward(self, x, y):
        a, d = self.a, self.d
        self.loss_gradient(a[-1], y, d[-1])
        for i in reversed(range(len(a))):
            below = a[i - 1] if i else x
            np.matmul(below.T, d[i], out=self.gradients[i][0])
            np.dot(self.ones, d[i], out=self.gradients[i][1])
            if i:
                np.matmul(d[i], self.layers[i][0].T, out=d[i - 1])
                times_slope(self.workload.activation, d[i - 1], below, self.scratch[i - 1])

    def sgd(self):
        np.multiply(self.gradient, self.workload.learning_rate, out=self.gradient)
        np.subtract(self.vector, self.gradient, out=self.vector)

    def adam(self):
        g, m, v, work = self.gradient, self.m, self.v, self.work
        self.steps += 1
        np.multiply(m, BETA1, out=m)
        np.multiply(g, 1 - BETA1, out=work)
        np.add(m, work, out=m)
        np.multiply(v, BETA2, out=v)
        np.multiply(g, g, out=g)
        np.multiply(g, 1 - BETA2, out=g)
        np.add(v, g, out=v)
        np.sqrt(v, out=work)
        np.multiply(work, (1 - BETA2**self.steps) ** -0.5, out=work)
        np.add(work, EPSILON, out=work)
        np.divide(m, work, out=work)
        np.multiply(work, self.workload.learning_rate / (1 - BETA1**self.steps), out=work)
        np.subtract(self.vector, work, out=self.vector)

    def run(self, epochs):
        for _ in range(epochs):
            for x, y in self.batches:
                self.forward(x, self.a)
                self.backward(x, y)
                self.update()

    def result(self):
        return self.layers


class Prediction(Network):
    def __init__(self, workload, X, y, parameters, n_threads, block=None):
        block = block or len(X)
        super().__init__(workload, parameters, block)
        self.output = np.empty((len(X), workload.sizes[-1]), workload.dtype)
        self.blocks = [(X[i : i + block], [*self.a[:-1], self.output[i : i + block]]) for i in range(0, len(X), block)]

    def reset(self):
        pass

    def run(self, calls):
        for _ in range(calls):
            for x, a in self.blocks:
                self.forward(x, a)

    def result(self):
        return self.output


class BlockPrediction(Prediction):
    """In blocks whose intermediate results stay in the cache."""

    def __init__(self, workload, X, y, parameters, n_threads):
        super().__init__(workload, X, y, parameters, n_threads, block=500)
