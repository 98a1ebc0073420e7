"""JAX: all epochs in one compiled program, a scan over the batches, on buffers that are given away."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

DISTRIBUTION = "jax"
MODULE = "jax"
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8

FUNCTIONS = {"identity": lambda z: z, "relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid, "tanh": jnp.tanh}


def version():
    return jax.__version__


def variants(workload, n_threads, short):
    if workload.kind == "predict":
        return {"jit": Prediction}
    if max(workload.sizes) > 16:
        return {"scan": Training}
    return {"scan": Training, "scan, unrolled": partial(Training, unroll=4)}


def sums(parameters, x, activation):
    """Return the sums z of the last layer."""
    for weights, biases in parameters[:-1]:
        x = FUNCTIONS[activation](x @ weights + biases)
    weights, biases = parameters[-1]
    return x @ weights + biases


class Training:
    def __init__(self, workload, X, y, parameters, n_threads, unroll=1):
        jax.config.update("jax_enable_x64", workload.dtype == "float64")
        self.workload, self.unroll = workload, unroll
        if workload.loss == "cross_entropy":
            y = np.eye(workload.sizes[-1], dtype=workload.dtype)[y]
        shape = (workload.steps_per_epoch, workload.batch_size, -1)
        self.data = jnp.asarray(X.reshape(shape)), jnp.asarray(y.reshape(shape))
        self.start = [(w.astype(workload.dtype), b.astype(workload.dtype)) for w, b in parameters]
        self.program = jax.jit(self.epochs, donate_argnums=0)
        self.reset()

    def reset(self):
        parameters = jax.tree.map(partial(jnp.array, copy=True), self.start)
        if self.workload.optimizer == "adam":
            zeros = [jax.tree.map(jnp.zeros_like, self.start) for _ in range(2)]
            self.carry = parameters, *zeros, jnp.zeros((), self.workload.dtype)
        else:
            self.carry = (parameters,)
        jax.block_until_ready(self.carry)

    def loss(self, parameters, x, y):
        z = sums(parameters, x, self.workload.activation)
        if self.workload.loss == "cross_entropy":
            return (jax.nn.logsumexp(z, axis=1) - (z * y).sum(axis=1)).mean()
        squares = (FUNCTIONS[self.workload.output_activation](z) - y) ** 2
        return squares.mean() if self.workload.loss == "mean_squared_error" else squares.sum() / 2

    def step(self, carry, batch):
        gradients = jax.grad(self.loss)(carry[0], *batch)
        rate = self.workload.learning_rate
        if self.workload.optimizer == "sgd":
            return (jax.tree.map(lambda p, g: p - rate * g, carry[0], gradients),), None
        parameters, m, v, t = carry
        t = t + 1
        m = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, m, gradients)
        v = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, v, gradients)
        first, second = rate / (1 - BETA1**t), 1 / jnp.sqrt(1 - BETA2**t)
        parameters = jax.tree.map(lambda p, m, v: p - first * m / (jnp.sqrt(v) * second + EPSILON), parameters, m, v)
        return (parameters, m, v, t), None

    def epochs(self, carry, n, data):
        def epoch(_, carry):
            return lax.scan(self.step, carry, data, unroll=self.unroll)[0]

        return lax.fori_loop(0, n, epoch, carry)

    def run(self, epochs):
        self.carry = jax.block_until_ready(self.program(self.carry, epochs, self.data))

    def result(self):
        return [(np.asarray(weights), np.asarray(biases)) for weights, biases in self.carry[0]]


class Prediction:
    def __init__(self, workload, X, y, parameters, n_threads):
        last = jax.nn.softmax if workload.output_activation == "softmax" else FUNCTIONS[workload.output_activation]
        jax.config.update("jax_enable_x64", workload.dtype == "float64")
        self.program = jax.jit(lambda parameters, x: last(sums(parameters, x, workload.activation)))
        self.parameters = [
            (jnp.asarray(w.astype(workload.dtype)), jnp.asarray(b.astype(workload.dtype))) for w, b in parameters
        ]
        self.x = jnp.asarray(X)

    def reset(self):
        pass

    def run(self, calls):
        program, parameters, x = self.program, self.parameters, self.x
        for _ in range(calls):
            self.output = program(parameters, x).block_until_ready()

    def result(self):
        return np.asarray(self.output)
