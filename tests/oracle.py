"""The library again: naive, float64, one equation of docs/math.md after the other.

Written from the equations, never from the kernels, so that both can be wrong only independently.
Every function takes NumPy arrays of any float dtype; np.longdouble in gives np.longdouble out.

>>> layers = [(np.array([[0.0], [1.0]]), np.array([4.0]), "sigmoid")]
>>> predict(layers, np.array([[2.0, 3.0]]))
array([[0.99908895]])
"""

import inspect
import math
from fractions import Fraction
from functools import partial
from statistics import NormalDist

import numpy as np

# --- products: eq. 3 and 35 to 37, index by index ---------------------------------------------


def affine(x, weights, biases=None):
    """z = x W + b (eq. 3)."""
    z = np.einsum("ik,kj->ij", x, weights)
    return z if biases is None else z + biases


def matvec(weights, x, biases=None):
    """z = b + x W for one sample (eq. 2)."""
    return affine(x[None, :], weights, biases)[0]


def grad_weights(x, dz):
    """dW = x' dz (eq. 35)."""
    return np.einsum("ik,ij->kj", x, dz)


def grad_biases(dz):
    """db = column sums of dz (eq. 36)."""
    return np.einsum("ij->j", dz)


def grad_inputs(dz, weights):
    """dx = dz W' (eq. 37)."""
    return np.einsum("ij,kj->ik", dz, weights)


def fma(a, b, c):
    """fl(a b + c) with one rounding, for three scalars of one dtype (float32 or float64).

    Exact rationals are rounded to float64 once. On the way to float32 that would be a second
    rounding, so the first one is to odd (Boldo and Melquiond 2008), which keeps the tie visible.
    """
    dtype = np.result_type(a, b, c)
    exact = Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c))
    nearest = np.float64(float(exact))
    if dtype == np.float32 and Fraction(float(nearest)) != exact and not nearest.view("i8") & 1:
        nearest = np.nextafter(nearest, np.inf if exact > Fraction(float(nearest)) else -np.inf)
    return dtype.type(nearest)


def affine_chain(x, weights, biases=None):
    """z = x W + b, every bit of it: one chain of fused multiply-adds each, ascending (eq. 39)."""
    z = np.empty((x.shape[0], weights.shape[1]), x.dtype)
    for i, j in np.ndindex(z.shape):
        z[i, j] = 0 if biases is None else biases[j]
        for k in range(x.shape[1]):
            z[i, j] = fma(x[i, k], weights[k, j], z[i, j])
    return z


# --- activations: name -> (value, slope), eq. 5 to 21 -----------------------------------------

SELU_LAMBDA = np.longdouble("1.0507009873554804934193349852946")
SELU_ALPHA = np.longdouble("1.6732632423543772848170429916717")


def limits(low, high):
    """Decorate a formula with its limits at -inf and +inf, where computing it gives NaN."""

    def decorate(formula):
        def value(z):
            inside = formula(np.where(np.isinf(z), 0, z))
            return np.where(z == -np.inf, low, np.where(z == np.inf, high, inside))

        return value

    return decorate


def indicator(condition, z):
    """[condition] as 0 or 1 in the dtype of z."""
    return condition.astype(z.dtype)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def sigmoid_slope(z):
    return sigmoid(z) * sigmoid(-z)  # 1 - sigmoid(z) = sigmoid(-z) loses no digits


def tanh_slope(z):
    return 1 - np.tanh(z) ** 2


def relu(z):
    return np.maximum(0, z)


def relu_slope(z):
    return indicator(z > 0, z)


def leaky_relu(z, alpha=0.01):
    return np.where(z > 0, z, alpha * z)


def leaky_relu_slope(z, alpha=0.01):
    return indicator(z > 0, z) + alpha * indicator(z <= 0, z)


def elu(z, alpha=1.0):
    return np.where(z > 0, z, alpha * np.expm1(np.minimum(0, z)))


def elu_slope(z, alpha=1.0):
    return indicator(z > 0, z) + alpha * np.exp(np.minimum(0, z)) * indicator(z <= 0, z)


def selu(z):
    return z.dtype.type(SELU_LAMBDA) * elu(z, z.dtype.type(SELU_ALPHA))


def selu_slope(z):
    return z.dtype.type(SELU_LAMBDA) * elu_slope(z, z.dtype.type(SELU_ALPHA))


def softplus(z):
    return np.logaddexp(0, z)


@limits(0, np.inf)
def silu(z):
    return z * sigmoid(z)


@limits(0, 1)
def silu_slope(z):
    return sigmoid(z) * (1 + z * sigmoid(-z))


def normal_density(z):
    """phi(z) of eq. 21."""
    return np.exp(-z * z / 2) / np.sqrt(2 * z.dtype.type(np.pi))


def normal_distribution(z):
    """Phi(z) of eq. 21. math.erfc knows float64 only: a Taylor step adds what rounding z lost."""
    exact = -z.astype(np.longdouble) / np.sqrt(np.longdouble(2))
    rounded = exact.astype(np.float64).astype(np.longdouble)
    erfc = np.vectorize(math.erfc, otypes=[np.longdouble])(rounded)
    slope = -2 / np.sqrt(np.longdouble(np.pi)) * np.exp(-(rounded**2))
    return ((erfc + (exact - rounded) * slope) / 2).astype(z.dtype)


@limits(0, np.inf)
def gelu(z):
    return z * normal_distribution(z)


@limits(0, 1)
def gelu_slope(z):
    return normal_distribution(z) + z * normal_density(z)


@limits(-1, 1)
def softsign(z):
    return z / (1 + np.abs(z))


def softsign_slope(z):
    return 1 / (1 + np.abs(z)) ** 2


def hard_sigmoid(z):
    return np.clip(z / 6 + 0.5, 0, 1)


def hard_sigmoid_slope(z):
    return indicator((z > -3) & (z < 3), z) / 6


def hard_tanh(z):
    return np.clip(z, -1, 1)


def hard_tanh_slope(z):
    return indicator((z > -1) & (z < 1), z)


@limits(0, np.inf)
def hard_silu(z):
    return z * hard_sigmoid(z)


@limits(0, 1)
def hard_silu_slope(z):
    return (z / 3 + 0.5) * indicator((z > -3) & (z < 3), z) + indicator(z >= 3, z)


def relu6(z):
    return np.clip(z, 0, 6)


def relu6_slope(z):
    return indicator((z > 0) & (z < 6), z)


ACTIVATIONS = {
    "identity": (lambda z: z, np.ones_like),
    "sigmoid": (sigmoid, sigmoid_slope),
    "tanh": (np.tanh, tanh_slope),
    "relu": (relu, relu_slope),
    "leaky_relu": (leaky_relu, leaky_relu_slope),
    "elu": (elu, elu_slope),
    "selu": (selu, selu_slope),
    "softplus": (softplus, sigmoid),
    "silu": (silu, silu_slope),
    "gelu": (gelu, gelu_slope),
    "softsign": (softsign, softsign_slope),
    "exp": (np.exp, np.exp),
    "hard_sigmoid": (hard_sigmoid, hard_sigmoid_slope),
    "hard_tanh": (hard_tanh, hard_tanh_slope),
    "hard_silu": (hard_silu, hard_silu_slope),
    "relu6": (relu6, relu6_slope),
}

KINKS = {  # where the slope jumps: either side's is right, unless docs/math.md names one
    "relu": (0.0,),
    "leaky_relu": (0.0,),
    "elu": (0.0,),
    "selu": (0.0,),
    "hard_sigmoid": (-3.0, 3.0),
    "hard_tanh": (-1.0, 1.0),
    "hard_silu": (-3.0, 3.0),
    "relu6": (0.0, 6.0),
}


def activation(spelling):
    """Value and slope of "tanh" or "leaky_relu(0.2)"."""
    name, _, alpha = spelling.rstrip(")").partition("(")
    value, slope = ACTIVATIONS[name]
    if not alpha:
        return value, slope
    return partial(value, alpha=float(alpha)), partial(slope, alpha=float(alpha))


def softmax(z):
    """Each row of (m, n) to probabilities (eq. 23)."""
    e = np.exp(z - np.max(z, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True)


# --- losses: name -> (value, gradient), eq. 24 to 31 and 78 to 85 ------------------------------
# The value has a column for each output or for each target, whose sum is meant; the gradient one for each output.


def squared_error(u, y):
    return (u - y) ** 2


def squared_error_gradient(u, y):
    return 2 * (u - y)


def absolute_error(u, y):
    return np.abs(u - y)


def absolute_error_gradient(u, y):
    return np.sign(u - y)


def huber(u, y, delta=1.0):
    r = np.abs(u - y)
    return np.where(r <= delta, r**2 / 2, delta * (r - delta / 2))


def huber_gradient(u, y, delta=1.0):
    return np.clip(u - y, -delta, delta)


def smoothed(y, label_smoothing, n_classes):
    """Eq. 78."""
    return (1 - label_smoothing) * y + label_smoothing / n_classes


def binary_cross_entropy(u, y, label_smoothing=0.0):
    return softplus(u) - smoothed(y, label_smoothing, 2) * u


def binary_cross_entropy_gradient(u, y, label_smoothing=0.0):
    return sigmoid(u) - smoothed(y, label_smoothing, 2)


def logsumexp(u):
    c = np.max(u, axis=-1, keepdims=True)
    return c + np.log(np.sum(np.exp(u - c), axis=-1, keepdims=True))


def cross_entropy(u, y, label_smoothing=0.0):
    return smoothed(y, label_smoothing, u.shape[-1]) * (logsumexp(u) - u)


def cross_entropy_gradient(u, y, label_smoothing=0.0):
    y = smoothed(y, label_smoothing, u.shape[-1])
    return softmax(u) * np.sum(y, axis=-1, keepdims=True) - y


def poisson(u, y):
    return np.exp(u) - y * u


def poisson_gradient(u, y):
    return np.exp(u) - y


def poisson_deviance(u, y):
    return np.exp(u) - y * u + y * np.log(np.where(y > 0, y, 1)) - y


def focal_term(log_p, log_q, gamma):
    """-q^gamma log p and its derivative for p, times p (eq. 79); log p / q is -1 where q is 0."""
    p, q, power = np.exp(log_p), np.exp(log_q), np.exp(gamma * log_q)
    ratio = np.where(q > 0, log_p / np.where(q > 0, q, 1), -1)
    return -power * log_p, power * (gamma * p * ratio - 1)


def binary_focal(u, y, gamma=2.0):
    """Eq. 79 for the two classes whose probabilities are sigmoid(u) and sigmoid(-u)."""
    log_p, log_q = -softplus(-u), -softplus(u)
    return y * focal_term(log_p, log_q, gamma)[0] + (1 - y) * focal_term(log_q, log_p, gamma)[0]


def binary_focal_gradient(u, y, gamma=2.0):
    """The chain rule with dp/du = p q."""
    log_p, log_q = -softplus(-u), -softplus(u)
    of_y, of_not_y = focal_term(log_p, log_q, gamma)[1], focal_term(log_q, log_p, gamma)[1]
    return y * of_y * np.exp(log_q) - (1 - y) * of_not_y * np.exp(log_p)


def log_p_and_q(u):
    """The logarithms of p = softmax(u) and of 1 - p, which is the sum of the other classes."""
    u = u - np.max(u, axis=-1, keepdims=True)
    log_q = np.empty_like(u)
    for j in range(u.shape[-1]):
        rest = np.delete(u, j, axis=-1)
        log_q[..., j] = logsumexp(rest)[..., 0] if rest.shape[-1] else -1e300  # whose product with 0 is 0
    log_q -= logsumexp(u)
    return np.where(log_q < -1, np.log1p(-np.exp(np.minimum(log_q, -1))), u - logsumexp(u)), log_q


def focal(u, y, gamma=2.0):
    return y * focal_term(*log_p_and_q(u), gamma)[0]


def focal_gradient(u, y, gamma=2.0):
    """Eq. 80, with 1 - p_k for [j = k] - p_k where j = k."""
    log_p, log_q = log_p_and_q(u)
    slope = y * focal_term(log_p, log_q, gamma)[1]
    gradient = np.empty_like(u)
    for k in range(u.shape[-1]):
        jacobian = np.repeat(-np.exp(log_p[:, k : k + 1]), u.shape[-1], axis=1)
        jacobian[:, k] = np.exp(log_q[:, k])
        gradient[:, k] = np.sum(slope * jacobian, axis=1)
    return gradient


def quantiles(u, n_levels):
    """Eq. 82."""
    z = u.reshape(len(u), -1, n_levels)
    steps = np.concatenate([z[:, :, :1], softplus(z[:, :, 1:])], axis=2)
    return np.cumsum(steps, axis=2).reshape(u.shape)


def quantile(u, y, levels=(0.5,)):
    """Eq. 81."""
    t = np.tile(np.array(levels, u.dtype), y.shape[1])
    e = np.repeat(y, len(levels), axis=1) - quantiles(u, len(levels))
    return np.where(e >= 0, t * e, (t - 1) * e)


def quantile_gradient(u, y, levels=(0.5,)):
    """Eq. 81 and 83."""
    n = len(levels)
    t = np.tile(np.array(levels, u.dtype), y.shape[1])
    e = np.repeat(y, n, axis=1) - quantiles(u, n)
    dq = (np.where(e < 0, 1 - t, 0) - np.where(e > 0, t, 0)).reshape(len(u), -1, n)
    dz = np.empty_like(dq)
    for k in range(n):
        slope = 1 if k == 0 else sigmoid(u.reshape(dq.shape)[:, :, k])
        dz[:, :, k] = slope * np.sum(dq[:, :, k:], axis=2)
    return dz.reshape(u.shape)


def gaussian_logits(u):
    """The mean, and the logarithm of the variance within its limits."""
    return u[:, ::2], np.clip(u[:, 1::2], -40, 40)


def gaussian_outputs(u):
    """Eq. 85."""
    mean, s = gaussian_logits(u)
    return np.stack([mean, np.exp(s / 2)], axis=2).reshape(u.shape)


def gaussian(u, y):
    """Eq. 84."""
    mean, s = gaussian_logits(u)
    return (s + (y - mean) ** 2 * np.exp(-s) + np.log(2 * u.dtype.type(np.pi))) / 2


def gaussian_gradient(u, y):
    mean, s = gaussian_logits(u)
    ds = (1 - (y - mean) ** 2 * np.exp(-s)) / 2 * (np.abs(u[:, 1::2]) <= 40)
    return np.stack([(mean - y) * np.exp(-s), ds], axis=2).reshape(u.shape)


LOSSES = {
    "squared_error": (squared_error, squared_error_gradient),
    "absolute_error": (absolute_error, absolute_error_gradient),
    "huber": (huber, huber_gradient),
    "binary_cross_entropy": (binary_cross_entropy, binary_cross_entropy_gradient),
    "cross_entropy": (cross_entropy, cross_entropy_gradient),
    "poisson": (poisson, poisson_gradient),
    "poisson_deviance": (poisson_deviance, poisson_gradient),
    "binary_focal": (binary_focal, binary_focal_gradient),
    "focal": (focal, focal_gradient),
    "quantile": (quantile, quantile_gradient),
    "gaussian": (gaussian, gaussian_gradient),
}

PARAMETERS = {
    "huber": "delta",
    "binary_cross_entropy": "label_smoothing",
    "cross_entropy": "label_smoothing",
    "binary_focal": "gamma",
    "focal": "gamma",
    "quantile": "levels",
}

NETWORK_LOSSES = {  # a network's name -> (element loss, s of eq. 31)
    "mean_squared_error": ("squared_error", lambda m, n: 1 / (m * n)),
    "half_squared_error": ("squared_error", lambda m, n: 1 / (2 * m)),
    "half_sum_squared_error": ("squared_error", lambda m, n: 1 / 2),
    "binary_cross_entropy": ("binary_cross_entropy", lambda m, n: 1 / (m * n)),
    "mean_absolute_error": ("absolute_error", lambda m, n: 1 / (m * n)),
    "huber": ("huber", lambda m, n: 1 / (m * n)),
    "summed_binary_cross_entropy": ("binary_cross_entropy", lambda m, n: 1 / m),
    "cross_entropy": ("cross_entropy", lambda m, n: 1 / m),
    "poisson": ("poisson", lambda m, n: 1 / (m * n)),
    "poisson_deviance": ("poisson_deviance", lambda m, n: 1 / m),
    "binary_focal": ("binary_focal", lambda m, n: 1 / (m * n)),
    "focal": ("focal", lambda m, n: 1 / m),
    "quantile": ("quantile", lambda m, n: 1 / (m * n)),
    "gaussian": ("gaussian", lambda m, n: 2 / (m * n)),
}

# Every loss, and those that compute something else with other parameters than the usual.
SPELLINGS = (
    *NETWORK_LOSSES,
    "huber(0.3)",
    "binary_cross_entropy(0.2)",
    "cross_entropy(0.1)",
    "binary_focal(0.5)",
    "focal(0.5)",
    "quantile(0.1, 0.4, 0.9)",
)

LINKS = {  # what a network ends in whose loss takes logits
    "binary_cross_entropy": "sigmoid",
    "cross_entropy": "softmax",
    "poisson": "exp",
    "poisson_deviance": "exp",
    "binary_focal": "sigmoid",
    "focal": "softmax",
    "quantile": "quantiles",  # of several levels
    "gaussian": "gaussian",
}


def network_loss(spelling):
    """The element loss, s of eq. 31, parameters and link of "mean_squared_error" or "quantile(0.1, 0.9)"."""
    name, _, numbers = spelling.rstrip(")").partition("(")
    element, scale = NETWORK_LOSSES[name]
    settings = {}
    if numbers:
        values = tuple(map(float, numbers.split(",")))
        settings[PARAMETERS[element]] = values if element == "quantile" else values[0]
    single = element == "quantile" and outputs_per_target(element, **settings) == 1
    link = "" if single else LINKS.get(element, "")
    return element, scale, settings, link


def outputs_per_target(element, levels=(0.5,), **others):
    return {"quantile": len(levels), "gaussian": 2}.get(element, 1)


def total_loss(name, u, y, scale=1.0, sample_weight=None, **settings):
    """The loss and its gradient for u (eq. 24)."""
    value, gradient = LOSSES[name]
    weight = np.ones((len(u), 1)) if sample_weight is None else sample_weight[:, None]
    loss = scale * np.sum(weight * value(u, y, **settings))
    return loss, scale * weight * gradient(u, y, **settings)


# --- optimizers: name -> step(w, g, state, t, **settings) -> (w, state), eq. 40 to 49 and 112 -


def sgd(w, g, state, t, learning_rate=0.1):
    return w - learning_rate * g, ()


def momentum(w, g, state, t, learning_rate=0.01, momentum=0.9):
    (v,) = state
    v = momentum * v - learning_rate * g
    return w + v, (v,)


def nesterov(w, g, state, t, learning_rate=0.01, momentum=0.9):
    (v,) = state
    v = momentum * v - learning_rate * g
    return w + momentum * v - learning_rate * g, (v,)


def rmsprop(w, g, state, t, learning_rate=1e-3, decay=0.9, epsilon=1e-8):
    (v,) = state
    v = decay * v + (1 - decay) * g**2
    return w - learning_rate * g / (np.sqrt(v) + epsilon), (v,)


def adagrad(w, g, state, t, learning_rate=0.01, epsilon=1e-8):
    (v,) = state
    v = v + g**2
    return w - learning_rate * g / (np.sqrt(v) + epsilon), (v,)


def adam_moments(g, state, beta1, beta2):
    """Eq. 45."""
    m, v = state
    return beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2


def adam(w, g, state, t, learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8):
    m, v = adam_moments(g, state, beta1, beta2)
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return w - learning_rate * m_hat / (np.sqrt(v_hat) + epsilon), (m, v)


def adamhat(w, g, state, t, learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8):
    m, v = adam_moments(g, state, beta1, beta2)
    rate = learning_rate * np.sqrt(1 - beta2**t) / (1 - beta1**t)
    return w - rate * m / (np.sqrt(v) + epsilon), (m, v)


def adamw(w, g, state, t, learning_rate=1e-3, weight_decay=0.01, **settings):
    w = w - learning_rate * weight_decay * w
    return adam(w, g, state, t, learning_rate, **settings)


def nadam(w, g, state, t, learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8):
    m, v = adam_moments(g, state, beta1, beta2)
    m_bar = beta1 * m / (1 - beta1 ** (t + 1)) + (1 - beta1) * g / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return w - learning_rate * m_bar / (np.sqrt(v_hat) + epsilon), (m, v)


OPTIMIZERS = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": nesterov,
    "rmsprop": rmsprop,
    "adagrad": adagrad,
    "adam": adam,
    "adamhat": adamhat,
    "adamw": adamw,
    "nadam": nadam,
}

STATES = {  # optimizer -> the names of its states, all 0 before the first step
    "sgd": (),
    "momentum": ("velocity",),
    "nesterov": ("velocity",),
    "rmsprop": ("v",),
    "adagrad": ("v",),
    "adam": ("m", "v"),
    "adamhat": ("m", "v"),
    "adamw": ("m", "v"),
    "nadam": ("m", "v"),
}


# --- L-BFGS ----------------------------------------------------------------------------------


def two_loops(g, steps, changes):
    """The direction -H g after some pairs (s, y), the oldest first (eq. 70)."""
    q, alphas = -g, []
    for s, y in reversed(list(zip(steps, changes, strict=True))):
        alphas.append(s @ q / (s @ y))
        q = q - alphas[-1] * y
    if len(steps):
        q = q * (steps[-1] @ changes[-1]) / (changes[-1] @ changes[-1])
    for s, y, alpha in zip(steps, changes, reversed(alphas), strict=True):
        q = q + (alpha - y @ q / (s @ y)) * s
    return q


def inverse_hessian(n, steps, changes):
    """H after some pairs (s, y), the oldest first (eq. 68 and 69)."""
    h = np.eye(n)
    if len(steps):
        h *= (steps[-1] @ changes[-1]) / (changes[-1] @ changes[-1])
    for s, y in zip(steps, changes, strict=True):
        v = np.eye(n) - np.outer(y, s) / (s @ y)
        h = v.T @ h @ v + np.outer(s, s) / (s @ y)
    return h


# --- scaling, eq. 87 to 93 ------------------------------------------------------------


def scaled(x, shift, scale):
    return (x - shift) * scale


def unscaled(a, shift, scale):
    return a / scale + shift


def standard(x):
    """Shift and scale of every column, in extended precision where there is one."""
    x = x.astype(np.longdouble)
    deviation = np.sqrt(np.mean((x - x.mean(axis=0)) ** 2, axis=0))
    return x.mean(axis=0), 1 / np.where(without_spread(x), 1, deviation)


def minmax(x):
    return x.min(axis=0), 1 / np.where(without_spread(x), 1, x.max(axis=0) - x.min(axis=0))


def without_spread(x):
    return x.max(axis=0) - x.min(axis=0) <= 8 * np.finfo(np.float64).eps * np.abs(x).max(axis=0)


def bounded(low, high):
    """The output activation, and shift and scale of the targets; None is no bound."""
    if low is None:
        return "softplus", high, -1.0
    if high is None:
        return "softplus", low, 1.0
    return "sigmoid", low, 1 / (high - low)


# --- regularisation: eq. 106 to 111, for layers (weights, biases or None, …) ---------------------


def of_layer(setting, index):
    """A number for all layers, or one for each."""
    return setting[index] if isinstance(setting, (list, tuple)) else setting


def on_parameters(function, layers, frozen=()):
    """[(of weights, of biases), ...] of function(layer's index, 0 or 1, parameters); None where it is not asked."""
    return [
        tuple(
            None if index in frozen or parameters is None else function(index, part, parameters)
            for part, parameters in enumerate(layer[:2])
        )
        for index, layer in enumerate(layers)
    ]


def penalty(layers, weight, frozen=(), l1=0.0, l2=0.0, biases=False, per_sample=False, **others):
    """The penalty of samples that weigh so much together, and its gradients (eq. 106, 107)."""
    divisor = weight if per_sample else 1

    def strengths(index, part):
        share = 1 / divisor if divisor > 0 and (part == 0 or biases) else 0
        return share * of_layer(l1, index), share * of_layer(l2, index)

    def value(index, part, w):
        first, second = strengths(index, part)
        return first * np.sum(np.abs(w)) + second / 2 * np.sum(w**2)

    def gradient(index, part, w):
        first, second = strengths(index, part)
        return first * np.sign(w) + second * w

    values = on_parameters(value, layers, frozen)
    return sum(v for pair in values for v in pair if v is not None), on_parameters(gradient, layers, frozen)


def clip(gradients, clip_value=math.inf, clip_norm=math.inf, **others):
    """The gradients that a step is made of (eq. 108, 109); None stays."""
    cut = [tuple(None if g is None else np.clip(g, -clip_value, clip_value) for g in pair) for pair in gradients]
    norm = np.sqrt(sum(np.sum(g**2) for pair in cut for g in pair if g is not None))
    factor = clip_norm / norm if norm > clip_norm else 1
    return [tuple(None if g is None else factor * g for g in pair) for pair in cut]


def decayed(index, part, w, learning_rate, weight_decay=0.0, biases=False, **others):
    """Parameters before an update (eq. 110)."""
    return w - learning_rate * of_layer(weight_decay, index) * w if part == 0 or biases else w


def limited(index, part, w, max_norm=math.inf, **others):
    """Parameters after an update (eq. 111)."""
    most = of_layer(max_norm, index)
    if part == 1 or most == math.inf:
        return w
    norms = np.sqrt(np.sum(w**2, axis=0))
    return w * np.where(norms > most, most / np.where(norms > 0, norms, 1), 1)


# --- networks: a list of layers (weights, biases or None, activation), eq. 4 and 34 to 38 ------


def folded(weights, gain, shift, mean, variance, epsilon):
    """Weights and biases of a layer with batch normalisation in them (eq. 127)."""
    factor = gain / np.sqrt(variance + epsilon)
    return weights * factor, shift - mean * factor


def quantized(weights):
    """Steps and scales of int8 weights, neuron by neuron (eq. 128)."""
    steps, scales = np.zeros(weights.shape, int), np.zeros(weights.shape[1], np.float32)
    for i, j in np.ndindex(weights.shape):
        scales[j] = np.float32(max(abs(w) for w in weights[:, j]) / 127)
        if scales[j] > 0:
            steps[i, j] = min(max(round(Fraction(float(weights[i, j])) / Fraction(float(scales[j]))), -127), 127)
    return steps, scales


def outputs_of(name, z, n_levels):
    """The activation or link of z; n_levels is how many columns of z are one target's quantiles."""
    match name:
        case "softmax":
            return softmax(z)
        case "quantiles":
            return quantiles(z, n_levels)
        case "gaussian":
            return gaussian_outputs(z)
    return activation(name)[0](z)


def forward(layers, x, n_levels=1):
    """All sums z^1 ... z^L and all outputs a^0 ... a^L."""
    zs, outputs = [], [x]
    for weights, biases, name in layers:
        zs.append(affine(outputs[-1], weights, biases))
        outputs.append(outputs_of(name, zs[-1], n_levels))
    return zs, outputs


def predict(layers, x, n_levels=1):
    """f(x) = a^L."""
    return forward(layers, x, n_levels)[1][-1]


def backpropagate(layers, x, y, loss, sample_weight=None, frozen=(), **regularization):
    """The loss and [(dW, db), ...], first layer first; db is None where biases are, both where a layer is frozen."""
    element, scale, settings, link = network_loss(loss)
    zs, outputs = forward(layers, x, outputs_per_target(element, **settings))
    u = zs[-1] if link else outputs[-1]
    weight = len(x) if sample_weight is None else np.sum(sample_weight)
    factor = scale(weight, u.shape[1]) if weight > 0 else 0  # eq. 104
    value, dz = total_loss(element, u, y, factor, sample_weight, **settings)
    if not link:
        dz = dz * activation(layers[-1][2])[1](zs[-1])
    gradients = []
    for index in reversed(range(len(layers))):
        weights, biases, _ = layers[index]
        db = None if biases is None else grad_biases(dz)
        gradients.insert(0, (None, None) if index in frozen else (grad_weights(outputs[index], dz), db))
        if index > 0:
            dz = grad_inputs(dz, weights) * activation(layers[index - 1][2])[1](zs[index - 1])
    more, of_penalty = penalty(layers, weight, frozen, **regularization)
    pairs = zip(gradients, of_penalty, strict=True)
    gradients = [tuple(None if g is None else g + r for g, r in zip(*pair, strict=True)) for pair in pairs]
    return value + more, gradients


def train(
    layers, x, y, loss, optimizer, epochs, batch_size=None, orders=None,
    sample_weight=None, frozen=(), regularization=None, losses=None, **settings,
):  # fmt: skip
    """The layers after some epochs.

    batch_size None is the full batch; orders, one permutation an epoch, is the order of the rows. The loss of each
    epoch (eq. 105) is appended to `losses`.
    """
    step, regularization = partial(OPTIMIZERS[optimizer], **settings), regularization or {}
    rate = inspect.signature(step).parameters["learning_rate"].default
    n_states = len(STATES[optimizer])
    states = [[None if p is None else (0 * p,) * n_states for p in layer[:2]] for layer in layers]
    t = 0
    for epoch in range(epochs):
        order = np.arange(len(x)) if orders is None else orders[epoch]
        of_batches = []
        for start in range(0, len(x), batch_size or len(x)):
            rows = order[start : start + (batch_size or len(x))]
            weight = None if sample_weight is None else sample_weight[rows]
            value, gradients = backpropagate(layers, x[rows], y[rows], loss, weight, frozen, **regularization)
            of_batches.append((value, len(rows)))
            gradients = clip(gradients, **regularization)
            t += 1
            updated = []
            for index, (layer, state) in enumerate(zip(layers, states, strict=True)):
                new = list(layer)
                for k in range(2):  # weights, then biases
                    if layer[k] is not None and index not in frozen:
                        w = decayed(index, k, layer[k], rate, **regularization)
                        w, state[k] = step(w, gradients[index][k], state[k], t)
                        new[k] = limited(index, k, w, **regularization)
                updated.append(tuple(new))
            layers = updated
        if losses is not None:
            shares = (1 if loss == "half_sum_squared_error" else n / len(x) for _, n in of_batches)
            losses.append(sum(share * value for share, (value, _) in zip(shares, of_batches, strict=True)))
    return layers


def central_difference(function, w, h=1e-5):
    """The gradient of function(w) for every element of w, measured (eq. 56)."""
    slope = np.zeros_like(w)
    for i in np.ndindex(w.shape):
        up, down = w.copy(), w.copy()
        up[i] += h
        down[i] -= h
        slope[i] = (function(up) - function(down)) / (2 * h)
    return slope


# --- random numbers: eq. 58 to 64, on Python's integers ----------------------------------------

MASK = 2**64 - 1
GAMMA = 0x9E3779B97F4A7C15


def mix(z):
    """Eq. 59."""
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
    return z ^ (z >> 31)


class Generator:
    """SplitMix64 with its counter (eq. 58, 60)."""

    def __init__(self, seed, stream=0, counter=0):
        self.seed = mix(seed ^ mix(stream * GAMMA & MASK)) if stream else seed
        self.counter = counter

    def next(self):
        self.counter += 1
        return mix(self.seed + self.counter * GAMMA & MASK)

    def uniform(self, n):
        """Eq. 61."""
        return np.array([(self.next() >> 11) * 2.0**-53 for _ in range(n)])

    def normal(self, n):
        """Eq. 64. Python's NormalDist.inv_cdf is AS 241."""
        inverse = NormalDist().inv_cdf
        return np.array([inverse(((self.next() >> 12) + 0.5) * 2.0**-52) for _ in range(n)])

    def below(self, n):
        """Eq. 62."""
        while True:
            product = self.next() * n
            if product & MASK >= 2**64 % n:
                return product >> 64

    def permutation(self, n):
        """Eq. 63."""
        order = list(range(n))
        for i in range(n - 1, 0, -1):
            j = self.below(i + 1)
            order[i], order[j] = order[j], order[i]
        return np.array(order)
