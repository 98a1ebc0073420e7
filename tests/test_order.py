"""The order of the samples from outside: `shuffle` as a function of the epoch's number."""

import layouts
import networks
import numpy as np
import oracle
import pytest
from test_bad_input import bits, refused

from scratchnn import NeuralNetwork

N = 20

KINDS = {
    "permutation": lambda rng: rng.permutation(N),
    "with repetitions": lambda rng: rng.integers(N, size=N),
    "one sample": lambda rng: np.full(N, 7),
    "ascending": lambda rng: np.arange(N),
}


def orders_of(kind, epochs=4):
    rng = np.random.default_rng(5)
    return [KINDS[kind](rng) for _ in range(epochs)]


def make(sizes, dtype):
    network = networks.make(sizes, "tanh", "huber", dtype)
    return network, *networks.data(network, N)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("sizes", "batch_size"), [((2, 3, 1), 1), ((5, 17, 2), 6), ((30, 40, 3), 20)])
@pytest.mark.parametrize("weighted", [False, True])
def test_epochs_take_the_samples_in_that_order(kind, sizes, batch_size, weighted, isa, dtype, threads_as_asked):
    network, x, y = make(sizes, dtype)
    orders, weights = orders_of(kind), np.arange(N) % 3 * 0.5 if weighted else None
    layers = oracle.train(
        networks.layers_of(network), x.astype(float), y.astype(float), "huber", "momentum", 4, batch_size, orders,
        sample_weight=weights, learning_rate=0.05,
    )  # fmt: skip
    settings = {"batch_size": batch_size, "optimizer": "momentum", "learning_rate": 0.05, "sample_weight": weights}
    results, asked = [], []

    def order(epoch):
        asked.append(epoch)
        return orders[epoch - 1]

    for n_threads in (1, 3):
        other = network.copy()
        other.train(x, y, epochs=4, shuffle=order, n_threads=n_threads, **settings)
        results.append((networks.bits(other), other.history.loss))
    assert asked == [1, 2, 3, 4, 1, 2, 3, 4]
    assert results[0] == results[1]
    for ours, theirs in zip(networks.arrays(other), [a for layer in layers for a in layer[:2]], strict=True):
        np.testing.assert_allclose(ours, theirs, 0, 2e-5 if dtype == np.float32 else 1e-12)


def test_an_epoch_in_an_order_is_one_over_the_rows_so_arranged(isa, dtype):
    network, x, y = make((5, 17, 2), dtype)
    order = orders_of("with repetitions")[0]
    arranged = network.copy()
    network.train(x, y, epochs=1, batch_size=6, shuffle=lambda epoch: order)
    arranged.train(x[order], y[order], epochs=1, batch_size=6)
    assert networks.bits(network) == networks.bits(arranged)
    assert network.history.loss == arranged.history.loss


def test_the_library_s_own_order_given_from_outside(dtype):
    """And no random number is drawn for it."""
    network, x, y = make((5, 17, 2), dtype)
    given = network.copy()
    network.train(x, y, epochs=3, batch_size=6, shuffle=True)
    draws = oracle.Generator(network.seed, stream=1)
    given.train(x, y, epochs=3, batch_size=6, shuffle=lambda epoch: draws.permutation(N))
    assert networks.bits(network) == networks.bits(given)
    assert given.get_state()[0]["random_counter"] == 0
    assert network.get_state()[0]["random_counter"] > 0


def test_epochs_are_counted_over_all_calls():
    network, x, y = make((5, 7, 2), np.float64)
    once, asked, orders = network.copy(), [], orders_of("permutation", 6)

    def order(epoch):
        asked.append(epoch)
        return orders[epoch - 1]

    once.train(x, y, epochs=6, batch_size=6, shuffle=order)
    network.train(x, y, epochs=2, batch_size=6, shuffle=order)
    network.train(x, y, epochs=4, batch_size=6, shuffle=order)
    assert asked == [1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6]
    assert networks.bits(network) == networks.bits(once)
    assert network.history.loss == once.history.loss


@pytest.mark.parametrize("arrange", [f for f in layouts.LAYOUTS if f is not layouts.window], ids=lambda f: f.__name__)
def test_orders_of_any_layout(arrange):
    network, x, y = make((5, 7, 2), np.float64)
    given = arrange(np.random.default_rng(5).integers(N, size=(1, N)))[0]
    results = []
    for order in (given, given.tolist(), given.astype(np.uint8), given.astype(">i4")):
        other = network.copy()
        other.train(x, y, epochs=1, batch_size=6, shuffle=lambda epoch, order=order: order)
        results.append(networks.bits(other))
    assert results[0] == results[1] == results[2] == results[3]


def test_what_was_returned_may_be_used_again():
    network, x, y = make((5, 7, 2), np.float64)
    other, buffer = network.copy(), np.empty(N, np.int64)

    def in_one_buffer(epoch):
        buffer[:] = orders[epoch - 1]
        return buffer

    orders = orders_of("permutation")
    network.train(x, y, epochs=4, shuffle=in_one_buffer, callback=lambda *_: buffer.fill(10**9))
    other.train(x, y, epochs=4, shuffle=lambda epoch: orders[epoch - 1])
    assert networks.bits(network) == networks.bits(other)


WRONG = {
    "too few": (np.arange(N - 1), r"has shape \(19,\); expected \(20,\), as many indices as samples"),
    "too many": (np.arange(N + 1), r"has shape \(21,\); expected \(20,\)"),
    "a column": (np.arange(N)[:, None], r"has shape \(20, 1\); expected \(20,\)"),
    "nothing": ([], r"has dtype float64; expected integers"),
    "a number": (3, r"has shape \(\); expected \(20,\)"),
    "too high": (np.where(np.arange(N) == 4, N, 0), r"\[4\] is 20; the samples are 0 \.\.\. 19"),
    "below 0": (np.where(np.arange(N) == 4, -1, 0), r"\[4\] is -1; the samples are 0 \.\.\. 19"),
    "beyond 64 bits with a sign": (np.full(N, 2**64 - 1, np.uint64), r"\[0\] is 18446744073709551615; the samples"),
    "floats": (np.arange(N) * 1.0, "has dtype float64; expected integers, an index of a sample each"),
    "a mask": (np.arange(N) > 3, "has dtype bool; expected integers"),
    "text": ([str(i) for i in range(N)], "has dtype <U2; expected integers"),
    "None": (None, "has dtype object; expected integers"),
    "a generator": ((i for i in range(N)), "has dtype object; expected integers"),
    "ragged": ([[1, 2], [3]], "no rectangular array|inhomogeneous"),
}


def trained_network():
    network, x, y = make((5, 7, 2), np.float64)
    network.train(x, y, epochs=2, batch_size=6, optimizer="adam")
    return network, x, y


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_order_changes_nothing(wrong):
    """The function is called for the first epoch before the optimizer is another one, say."""
    network, x, y = trained_network()
    order, message = WRONG[wrong]
    with refused(network, rf"shuffle\(3\)(.*)?{message}", (ValueError, TypeError)):
        network.train(x, y, epochs=2, shuffle=lambda epoch: order, optimizer="sgd")


def test_an_error_of_the_function_s_own_changes_nothing():
    network, x, y = trained_network()

    def fail(epoch):
        raise LookupError(f"no order for {epoch}")

    with refused(network, "no order for 3", LookupError):
        network.train(x, y, epochs=2, shuffle=fail, optimizer="sgd")


@pytest.mark.parametrize("wrong", [ValueError("mine"), np.arange(3)], ids=["raises", "wrong"])
def test_an_error_in_a_later_epoch_leaves_whole_epochs(wrong):
    network, x, y = make((5, 7, 2), np.float64)
    orders, whole = orders_of("permutation"), network.copy()

    def fail(epoch):
        if epoch < 4:
            return orders[epoch - 1]
        if isinstance(wrong, Exception):
            raise wrong
        return wrong

    with pytest.raises(ValueError, match=r"mine|shuffle\(4\) has shape \(3,\)"):
        network.train(x, y, epochs=9, optimizer="adam", shuffle=fail)
    whole.train(x, y, epochs=3, optimizer="adam", shuffle=lambda epoch: orders[epoch - 1])
    assert networks.bits(network) == networks.bits(whole)
    assert network.history.loss == whole.history.loss
    assert network.history.stopped == "interrupted"
    for other in (network, whole):
        other.train(x, y, epochs=1, optimizer="adam", shuffle=lambda epoch: orders[epoch - 1])
    assert networks.bits(network) == networks.bits(whole)


def test_no_epoch_asks_for_no_order():
    network, x, y = make((5, 7, 2), np.float64)
    before = networks.bits(network)
    network.train(x, y, epochs=0, shuffle=lambda epoch: pytest.fail("asked"))
    assert networks.bits(network) == before


def test_a_callable_that_is_false():
    class Orders(list):
        def __call__(self, epoch):
            return np.arange(N)[::-1]

    network, x, y = make((5, 7, 2), np.float64)
    other = network.copy()
    network.train(x, y, epochs=1, shuffle=Orders())
    other.train(x[::-1], y[::-1], epochs=1)
    assert networks.bits(network) == networks.bits(other)


@pytest.mark.parametrize("wrong", [np.arange(N), [1, 2], 1, 0, None, "yes"], ids=str)
def test_what_is_no_answer(wrong):
    network, x, y = trained_network()
    message = rf"shuffle is {type(wrong).__name__}; expected True, False or a callable\(epoch\)"
    with refused(network, message, TypeError):
        network.train(x, y, epochs=1, shuffle=wrong)


def test_the_network_cannot_be_trained_from_within():
    network, x, y = make((5, 7, 2), np.float64)

    def meddle(epoch):
        network.train(x, y, epochs=1)

    with pytest.raises(RuntimeError, match="being trained already"):
        network.train(x, y, epochs=1, shuffle=meddle)
    assert bits(network) == bits(NeuralNetwork.copy(network))
