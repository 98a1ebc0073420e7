"""The oracle against what is known without it: differences, published values, the tutorials."""

from functools import partial

import numpy as np
import oracle
import pytest


def test_rounds_a_fused_multiply_add_once():
    assert oracle.fma(np.float64(0.1), np.float64(10), np.float64(-1)) == 2.0**-54

    # 1 + 2^-24 is a tie in float32. A crumb that float64 would round away decides it.
    one, above, below = np.float32(1), np.float32(1 + 2**-23), np.float32(1 - 2**-24)
    assert oracle.fma(np.float32(2**-24), one, one) == one
    assert oracle.fma(np.float32(2**-24), above, one) == above
    assert oracle.fma(np.float32(2**-24), below, above) == above


def test_one_neuron_is_the_tutorial():
    layer = (np.array([[0.0], [1.0]]), np.array([4.0]), "sigmoid")
    output = oracle.predict([layer], np.array([[2.0, 3.0]]))[0, 0]
    assert output == pytest.approx(0.9990889488055994, rel=1e-15)


@pytest.mark.parametrize("hidden", ["identity", "tanh", "gelu", "elu(0.5)"])
@pytest.mark.parametrize("loss", oracle.SPELLINGS)
def test_backpropagation_gives_the_derivatives(loss, hidden, rng):
    element, _, settings, link = oracle.network_loss(loss)
    n = 2 * oracle.outputs_per_target(element, **settings)
    layers = [
        (rng.standard_normal((3, 5)), rng.standard_normal(5), hidden),
        (rng.standard_normal((5, 4)) / 2, None, hidden),
        (rng.standard_normal((4, n)) / 2, rng.standard_normal(n), link or hidden),
    ]
    x, y = rng.standard_normal((7, 3)), rng.uniform(size=(7, 2))
    _, gradients = oracle.backpropagate(layers, x, y, loss)

    def loss_with(index, part, value):
        changed = [list(layer) for layer in layers]
        changed[index][part] = value
        return oracle.backpropagate(changed, x, y, loss)[0]

    for index, layer in enumerate(layers):
        for part in range(2):
            if layer[part] is not None:
                measured = oracle.central_difference(partial(loss_with, index, part), layer[part])
                assert gradients[index][part] == pytest.approx(measured, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("name", oracle.ACTIVATIONS)
def test_slopes_are_the_derivatives_of_values(name):
    value, slope = oracle.ACTIVATIONS[name]
    z, h = np.linspace(-8.03, 8.01, 401), 1e-5
    z = z[[all(abs(t - kink) > 2 * h for kink in oracle.KINKS.get(name, ())) for t in z]]
    assert slope(z) == pytest.approx((value(z + h) - value(z - h)) / (2 * h), rel=1e-7, abs=1e-7)


@pytest.mark.parametrize("loss", oracle.SPELLINGS)
def test_gradients_are_the_derivatives_of_losses(loss, rng):
    name, _, settings, _ = oracle.network_loss(loss)
    u = 2 * rng.standard_normal((3, 4 * oracle.outputs_per_target(name, **settings)))
    y, weight = rng.uniform(size=(3, 4)), rng.uniform(size=3)
    value, gradient = oracle.total_loss(name, u, y, 0.3, weight, **settings)
    measured = oracle.central_difference(lambda v: oracle.total_loss(name, v, y, 0.3, weight, **settings)[0], u)
    assert gradient == pytest.approx(measured, rel=1e-7, abs=1e-8)
    by_hand = sum(0.3 * w * np.sum(oracle.LOSSES[name][0](u, y, **settings)[i]) for i, w in enumerate(weight))
    assert value == pytest.approx(by_hand, rel=1e-14)


def test_losses_by_hand():
    """Each from its words, for numbers that can be followed."""
    z = np.array([[0.0, 1.0, -1.0]])
    p = np.exp(z) / np.exp(z).sum()
    one = np.array([[0.0, 1.0, 0.0]])
    assert oracle.focal(z, one).sum() == pytest.approx(-((1 - p[0, 1]) ** 2) * np.log(p[0, 1]))
    assert oracle.focal(z, one, gamma=0.0).sum() == pytest.approx(-np.log(p[0, 1]))
    mixed = 0.7 * one + 0.1
    assert oracle.cross_entropy(z, one, 0.3).sum() == pytest.approx(-(mixed * np.log(p)).sum())
    s = 1 / (1 + np.exp(-1.5))
    logit, target = np.array([[1.5]]), np.array([[1.0]])
    assert oracle.binary_cross_entropy(logit, target, 0.2) == pytest.approx(-0.9 * np.log(s) - 0.1 * np.log(1 - s))
    assert oracle.binary_focal(logit, target) == pytest.approx(-((1 - s) ** 2) * np.log(s))
    assert oracle.binary_focal(logit, 1 - target) == pytest.approx(-(s**2) * np.log(1 - s))

    q = oracle.quantiles(z, 3)
    assert q[0] == pytest.approx([0, np.log(1 + np.e), np.log(1 + np.e) + np.log(1 + 1 / np.e)])
    of_5, of_1 = (oracle.quantile(np.array([[2.0]]), np.array([[y]]), (0.9,)) for y in (5.0, 1.0))
    assert (of_5[0, 0], of_1[0, 0]) == pytest.approx((0.9 * 3, 0.1 * 1))

    mean, deviation = 3.0, 0.5
    density = np.exp(-(((2.5 - mean) / deviation) ** 2) / 2) / (deviation * np.sqrt(2 * np.pi))
    u = np.array([[mean, 2 * np.log(deviation)]])
    assert oracle.gaussian(u, np.array([[2.5]])) == pytest.approx(-np.log(density))
    assert oracle.gaussian_outputs(u)[0] == pytest.approx([mean, deviation])


def test_the_best_constant_of_the_pinball_loss_is_the_quantile(rng):
    y = rng.standard_normal((101, 1))
    for level in (0.1, 0.5, 0.85):
        losses = [oracle.quantile(np.full((101, 1), q), y, (level,)).sum() for q in y[:, 0]]
        best = y[np.argmin(losses), 0]
        assert np.mean(y < best) <= level <= np.mean(y <= best)


@pytest.mark.parametrize(("name", "first"), [("sgd", 0.1), ("adagrad", 0.01), ("adam", 1e-3)])
def test_known_first_steps(name, first):
    """At g = 1 SGD moves by its rate; the adaptive ones do so for any gradient."""
    g = 1.0 if name == "sgd" else 123.0
    state = tuple(np.zeros(1) for _ in oracle.STATES[name])
    w, _ = oracle.OPTIMIZERS[name](np.ones(1), np.full(1, g), state, 1)
    assert w[0] == pytest.approx(1 - first, rel=1e-9)


def test_training_is_the_first_tutorial(rng):
    """One sample at a time, mean of squares (eq. 32), as the article writes it out."""
    x, y = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0.0, 1, 1, 0])
    w, b = rng.standard_normal((3, 2)), rng.standard_normal(3)  # h1, h2, o1
    layers = [(w[:2].T.copy(), b[:2].copy(), "sigmoid"), (w[2:].T.copy(), b[2:].copy(), "sigmoid")]
    for _ in range(50):
        for sample, target in zip(x, y, strict=True):
            h = [oracle.sigmoid(w[i] @ sample + b[i]) for i in range(2)]
            o = oracle.sigmoid(w[2] @ h + b[2])
            d_loss, slope_o = -2 * (target - o), o * (1 - o)
            d_h = [w[2, i] * slope_o * h[i] * (1 - h[i]) for i in range(2)]
            for i in range(2):
                w[i] -= 0.1 * d_loss * d_h[i] * sample
                b[i] -= 0.1 * d_loss * d_h[i]
                w[2, i] -= 0.1 * d_loss * h[i] * slope_o
            b[2] -= 0.1 * d_loss * slope_o
    (w1, b1, _), (w2, b2, _) = oracle.train(
        layers, x, y[:, None], "mean_squared_error", "sgd", 50, batch_size=1, learning_rate=0.1
    )
    for ours, theirs in ((w1, w[:2].T), (b1, b[:2]), (w2, w[2:].T), (b2, b[2:])):
        assert ours == pytest.approx(theirs, rel=1e-13)


def test_training_is_the_second_tutorial(rng):
    """Full batch, half the sum (eq. 33)."""
    x, y = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0.0], [1], [1], [0]])
    w1, w2 = rng.standard_normal((2, 3)), rng.standard_normal((3, 1))
    b1, b2 = np.zeros(3), np.zeros(1)
    layers = [(w1, b1, "sigmoid"), (w2, b2, "sigmoid")]
    for _ in range(50):
        hidden = oracle.sigmoid(x @ w1 + b1)
        output = oracle.sigmoid(hidden @ w2 + b2)
        d_output = (y - output) * output * (1 - output)
        d_hidden = (d_output @ w2.T) * hidden * (1 - hidden)
        w2, b2 = w2 + hidden.T @ d_output * 0.1, b2 + d_output.sum(axis=0) * 0.1
        w1, b1 = w1 + x.T @ d_hidden * 0.1, b1 + d_hidden.sum(axis=0) * 0.1
    (v1, c1, _), (v2, c2, _) = oracle.train(layers, x, y, "half_sum_squared_error", "sgd", 50, learning_rate=0.1)
    for ours, theirs in ((v1, w1), (c1, b1), (v2, w2), (c2, b2)):
        assert ours == pytest.approx(theirs, rel=1e-12)


def test_splitmix64_gives_the_published_sequence():
    generator = oracle.Generator(1234567)
    assert [generator.next() for _ in range(5)] == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


def test_bounded_draws_are_exactly_even():
    """Eq. 62, on a 4-bit machine: every accepted result has equally many numbers behind it."""
    for n in range(1, 16):
        results = [r * n >> 4 for r in range(16) if r * n & 15 >= 16 % n]
        assert all(results.count(j) == results.count(0) for j in range(n))
