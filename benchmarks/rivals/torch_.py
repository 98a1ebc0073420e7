"""PyTorch: as it ships, with gradients by hand, and with a whole step compiled; fused optimizers throughout."""

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

DISTRIBUTION = "torch"
MODULE = "torch"
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8

MODULES = {
    "identity": nn.Identity,
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "softmax": lambda: nn.Softmax(dim=1),
    "tanh": nn.Tanh,
}
FUNCTIONS = {
    "identity": lambda z: z,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "softmax": lambda z: torch.softmax(z, 1),
    "tanh": torch.tanh,
}
SLOPES = {
    "identity": lambda da, a: da,
    "relu": lambda da, a: da * (a > 0),
    "sigmoid": torch.ops.aten.sigmoid_backward,
    "tanh": torch.ops.aten.tanh_backward,
}


def version():
    return torch.__version__


def variants(workload, n_threads, short):
    if workload.kind == "predict":
        return {"eager": Prediction, "by hand": HandPrediction}
    chosen = {"eager": Eager, "by hand": ByHand}
    if not short:
        chosen["compiled"] = Compiled
    return chosen


def tensors(parameters, workload):
    """Return the parameters in the row's dtype, weights as (n_inputs, n_outputs)."""
    dtype = getattr(torch, workload.dtype)
    return [torch.tensor(part, dtype=dtype) for pair in parameters for part in pair]


class Training:
    """Batches and the state of the optimizer; `parameters` is set by the kind of training."""

    def __init__(self, workload, X, y, parameters, n_threads):
        torch.set_num_threads(n_threads)
        self.workload = workload
        self.start = tensors(parameters, workload)
        X, y = torch.from_numpy(X), torch.from_numpy(y)
        size = workload.batch_size
        self.batches = [(X[i : i + size], y[i : i + size]) for i in range(0, workload.n_samples, size)]
        self.build()
        self.reset()

    def optimize(self, parameters):
        rate = self.workload.learning_rate
        if self.workload.optimizer == "sgd":
            return torch.optim.SGD(parameters, lr=rate, fused=True)
        return torch.optim.Adam(parameters, lr=rate, betas=(BETA1, BETA2), eps=EPSILON, fused=True)

    def result(self):
        flat = [p.detach().numpy() for p in self.parameters]
        return list(zip(flat[::2], flat[1::2], strict=True))


class Eager(Training):
    """Modules, autograd and an optimizer, as in the tutorials of PyTorch."""

    def build(self):
        layers = []
        for (n, m), activation in zip(pairwise(self.workload.sizes), self.workload.activations, strict=True):
            layers += [nn.Linear(n, m, dtype=self.start[0].dtype), MODULES[activation]()]
        if self.workload.loss == "cross_entropy":  # the loss takes sums
            layers.pop()
        self.model = nn.Sequential(*[layer for layer in layers if not isinstance(layer, nn.Identity)])
        self.loss = {
            "cross_entropy": functional.cross_entropy,
            "mean_squared_error": functional.mse_loss,
            "half_sum_squared_error": lambda u, y: functional.mse_loss(u, y, reduction="sum") / 2,
        }[self.workload.loss]

    @property
    def parameters(self):
        return [p.T if p.ndim == 2 else p for p in self.model.parameters()]

    def reset(self):
        with torch.no_grad():
            for parameter, start in zip(self.parameters, self.start, strict=True):
                parameter.copy_(start)
        self.optimizer = self.optimize(self.model.parameters())

    def run(self, epochs):
        model, loss, optimizer = self.model, self.loss, self.optimizer
        for _ in range(epochs):
            for x, y in self.batches:
                optimizer.zero_grad()
                loss(model(x), y).backward()
                optimizer.step()


def gradients(workload, parameters, x, y):
    """Return the gradients of the parameters, by the equations of backpropagation."""
    a = [x]
    for weights, biases, activation in zip(parameters[::2], parameters[1::2], workload.activations, strict=True):
        a.append(FUNCTIONS[activation](torch.addmm(biases, a[-1], weights)))
    if workload.loss == "cross_entropy":
        d = (a[-1] - functional.one_hot(y, workload.sizes[-1])) * (1 / len(x))
    else:
        scale = 2 / a[-1].numel() if workload.loss == "mean_squared_error" else 1
        d = SLOPES[workload.output_activation]((a[-1] - y) * scale, a[-1])
    result = []
    for i in reversed(range(len(workload.activations))):
        result += [d.sum(0), a[i].T @ d]
        if i:
            d = SLOPES[workload.activation](d @ parameters[2 * i].T, a[i])
    return result[::-1]


class ByHand(Training):
    """Without autograd and modules, which cost more than small products do."""

    def build(self):
        self.parameters = [start.clone() for start in self.start]

    def reset(self):
        for parameter, start in zip(self.parameters, self.start, strict=True):
            parameter.copy_(start)
        self.optimizer = self.optimize(self.parameters)

    @torch.no_grad()
    def run(self, epochs):
        workload, parameters, optimizer = self.workload, self.parameters, self.optimizer
        for _ in range(epochs):
            for x, y in self.batches:
                for parameter, gradient in zip(parameters, gradients(workload, parameters, x, y), strict=True):
                    parameter.grad = gradient
                optimizer.step()


class Compiled(Training):
    """The whole step, optimizer included, through torch.compile."""

    def build(self):
        torch._dynamo.reset()
        self.parameters = [start.clone() for start in self.start]
        self.m, self.v = ([torch.zeros_like(p) for p in self.parameters] for _ in range(2))
        self.step = torch.compile(self.adam if self.workload.optimizer == "adam" else self.sgd, dynamic=False)

    def reset(self):
        for group in self.m, self.v:
            for state in group:
                state.zero_()
        for parameter, start in zip(self.parameters, self.start, strict=True):
            parameter.copy_(start)
        self.steps = 0

    def sgd(self, first, second, x, y):
        for p, g in zip(self.parameters, gradients(self.workload, self.parameters, x, y), strict=True):
            p.sub_(self.workload.learning_rate * g)

    def adam(self, first, second, x, y):
        found = gradients(self.workload, self.parameters, x, y)
        for p, m, v, g in zip(self.parameters, self.m, self.v, found, strict=True):
            m.mul_(BETA1).add_(g, alpha=1 - BETA1)
            v.mul_(BETA2).addcmul_(g, g, value=1 - BETA2)
            p.sub_(first * m / (v.sqrt() * second + EPSILON))

    @torch.no_grad()
    def run(self, epochs):
        rate, dtype = self.workload.learning_rate, self.parameters[0].dtype
        for _ in range(epochs):
            for x, y in self.batches:
                self.steps += 1
                first = torch.tensor(rate / (1 - BETA1**self.steps), dtype=dtype)
                second = torch.tensor((1 - BETA2**self.steps) ** -0.5, dtype=dtype)
                self.step(first, second, x, y)


class Prediction:
    """Modules, without the record that gradients need."""

    def __init__(self, workload, X, y, parameters, n_threads):
        torch.set_num_threads(n_threads)
        self.x = torch.from_numpy(X)
        layers = []
        for (weights, biases), activation in zip(parameters, workload.activations, strict=True):
            linear = nn.Linear(*weights.shape, dtype=self.x.dtype)
            with torch.no_grad():
                linear.weight.copy_(torch.from_numpy(weights.T))
                linear.bias.copy_(torch.from_numpy(biases))
            layers += [linear] if activation == "identity" else [linear, MODULES[activation]()]
        self.predict = nn.Sequential(*layers).eval()

    def reset(self):
        pass

    @torch.inference_mode()
    def run(self, calls):
        predict, x = self.predict, self.x
        for _ in range(calls):
            self.output = predict(x)

    def result(self):
        return self.output.numpy()


class HandPrediction(Prediction):
    """Operations on tensors, without modules."""

    def __init__(self, workload, X, y, parameters, n_threads):
        torch.set_num_threads(n_threads)
        self.x = torch.from_numpy(X)
        flat = tensors(parameters, workload)
        functions = [FUNCTIONS[activation] for activation in workload.activations]
        self.layers = list(zip(flat[::2], flat[1::2], functions, strict=True))

    def predict(self, x):
        for weights, biases, function in self.layers:
            x = function(torch.addmm(biases, x, weights))
        return x
