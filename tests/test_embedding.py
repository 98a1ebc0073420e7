"""Engines, from Cython and from C and C++: built against the installed package, away from the checkout."""

import gc
import importlib.util
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import networks
import numpy as np
import pytest

import scratchnn
from scratchnn import Engine, NeuralNetwork, Regularization, optimizers

pytest.importorskip("Cython", reason="Cython builds what is tested here")
pytest.importorskip("setuptools")

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples" / "embedding"
HERE = Path(__file__).parent / "embedding"

SETUP = """
from Cython.Build import cythonize
from setuptools import Extension, setup
import scratchnn
setup(ext_modules=cythonize([Extension("probe", ["probe.pyx"], include_dirs=[scratchnn.get_include()])]))
"""


def built(folder, name):
    """Build the extension in a folder, and import it."""
    # Cython looks for .pxd files along sys.path, where an editable installation is not.
    environment = {**os.environ, "PYTHONPATH": str(Path(scratchnn.__file__).parent.parent)}
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    if done.returncode and "command" in done.stderr and "not found" in done.stderr:
        pytest.skip("there is no compiler")
    assert not done.returncode, done.stderr[-3000:]
    (path,) = (p for p in folder.glob(f"{name}.*") if p.suffix in (".so", ".pyd"))
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def probe(tmp_path_factory):
    folder = tmp_path_factory.mktemp("probe")
    shutil.copy(HERE / "probe.pyx", folder)
    (folder / "setup.py").write_text(SETUP)
    return built(folder, "probe")


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    def example(kind, name):
        if not EXAMPLES.is_dir():
            pytest.skip("needs the repository's examples")
        folder = tmp_path_factory.mktemp(name)
        shutil.copytree(EXAMPLES / kind, folder, dirs_exist_ok=True)
        return built(folder, name)

    return example


CASES = {
    "plain": {},
    "tiny": {"layer_sizes": [3, 4, 2]},
    "labels": {"loss": "cross_entropy"},
    "counts": {"loss": "poisson"},
    "quantiles": {"loss": "quantile(0.1, 0.9)", "layer_sizes": [3, 17, 4]},
    "batch": {"normalization": "batch"},
    "layer": {"normalization": "layer", "biases": False},
    "noise": {"dropout": 0.25, "input_dropout": 0.1, "input_noise": 0.2},
    "scaled": {"scale_inputs": (0.5, 2.0), "scale_targets": (1.0, 0.25)},
    "bounds": {"bounds": (-9, 9)},
}
every_case = pytest.mark.parametrize("case", CASES)


def make(case, dtype=np.float64, **more):
    return NeuralNetwork(
        **{"layer_sizes": [3, 17, 2], "activation": "tanh", "seed": 1, "dtype": dtype, **CASES[case], **more}
    )


def samples(network, n=22):
    """x, and keyword arguments with targets or labels."""
    x, y = networks.data(network, n)
    return x, y, {"labels": y.astype(np.int64)} if y.ndim == 1 else {"y": y}


# ---- the same bits ----


@every_case
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_epochs_are_those_of_train(case, optimizer, dtype, probe):
    a, b = make(case, dtype), make(case, dtype)
    x, y, targets = samples(a)
    order = np.random.default_rng(2).permutation(len(x))
    settings = {"optimizer": optimizer, "batch_size": 5}
    a.train(x, y, epochs=3, **settings)
    a.train(x, y, epochs=1, shuffle=lambda epoch: order, **settings)
    with Engine(b, **settings) as engine:
        for _ in range(3):
            status, loss = probe.call(engine, "train_epoch", x, **targets)
            assert status == "ok"
        assert loss == a.history.loss[2]
        assert probe.call(engine, "train_epoch", x, order=order, **targets) == ("ok", a.history.loss[3])
        assert engine.steps == 20
    assert networks.bits(a) == networks.bits(b)
    a.train(x, y, epochs=2, **settings)
    b.train(x, y, epochs=2, **settings)
    assert networks.bits(a) == networks.bits(b), "train goes on where the engine has ended"
    with Engine(b, **settings) as engine:
        assert engine.steps == 30
        probe.call(engine, "train_epoch", x, **targets)
    a.train(x, y, epochs=1, **settings)
    assert networks.bits(a) == networks.bits(b), "and an engine where train has ended"


@every_case
def test_a_step_and_its_gradient(case, dtype, probe):
    network = make(case, dtype)
    x, y, targets = samples(network, 8)
    expected = network.gradients(x, y, training=True)
    loss = network.evaluate(x, y, training=True)
    with Engine(network, optimizer="sgd", learning_rate=0.1, batch_size=8) as engine:
        status, found = probe.call(engine, "gradient", x, **targets)
        assert (status, found) == ("ok", pytest.approx(loss, rel=1e-6))
        for views, of_layer in zip(engine.gradients, expected, strict=True):
            names = ("weights", "biases", "gain", "shift")
            for name, gradient in zip(names, of_layer, strict=False):
                if gradient is not None:
                    np.testing.assert_array_equal(views[name], gradient)
        before = make(case, dtype)
        if not network._noise():
            assert probe.call(engine, "train_step", x, **targets) == ("ok", found)
            for layer, old, (dw, *_) in zip(network.layers, before.layers, expected, strict=True):
                np.testing.assert_allclose(layer.weights, old.weights - 0.1 * dw, rtol=1e-5, atol=1e-6)


@every_case
@pytest.mark.parametrize("n", [1, 7, 700])
def test_predictions(case, n, dtype, probe):
    network = make(case, dtype)
    x, _, _ = samples(network, n)
    wide = np.full((n, 5), np.nan, dtype)
    wide[:, :3] = x
    for given in (x, wide[:, :3]):
        outputs = np.full((n, network.n_outputs), np.nan, dtype)
        assert probe.predict(Engine(network), given, outputs) == "ok"
        np.testing.assert_array_equal(outputs, network.predict(x))


@every_case
def test_arrays_are_the_network_s(case, dtype, probe):
    network = make(case, dtype)
    with Engine(network, optimizer="sgd", batch_size=2) as engine:
        for i, layer in enumerate(network.layers):
            for name in ("weights", "biases", "gain", "shift"):
                view = getattr(layer, name)
                for of_gradient in (False, True):
                    status, address, rows, columns, row = probe.array(engine, i, name, of_gradient)
                    if view is None:
                        assert (status, address) == ("missing", 0)
                        continue
                    view = np.atleast_2d(engine.gradients[i][name] if of_gradient else view)
                    assert (status, address, (rows, columns)) == ("ok", view.ctypes.data, view.shape)
                    assert rows == 1 or row == view.strides[0]
        assert probe.array(engine, len(network.layers), "weights")[0] == "invalid"
        assert probe.array(engine, 0, "colour")[0] == "invalid"


def test_regularization_and_weights(probe):
    a, b = make("plain"), make("plain")
    x, y, _ = samples(a)
    weights = np.random.default_rng(1).uniform(0.1, 2, len(x))
    regularization = Regularization(l1=0.01, l2=0.1, weight_decay=0.1, max_norm=1.0, clip_norm=0.5, biases=True)
    settings = {"optimizer": "momentum", "batch_size": 4, "regularization": regularization}
    a.train(x, y, epochs=2, sample_weight=weights, **settings)
    with Engine(b, sample_weight=True, **settings) as engine:
        for _ in range(2):
            assert probe.call(engine, "train_epoch", x, y, weights=weights)[0] == "ok"
    assert networks.bits(a) == networks.bits(b)
    with Engine(b, optimizer="sgd") as engine:
        assert probe.call(engine, "train_epoch", x, y, weights=weights)[0] == "invalid"


def test_the_learning_rate(probe):
    a, b = make("plain"), make("plain")
    x, y, _ = samples(a)
    a.train(x, y, epochs=1, learning_rate=0.03125)
    with Engine(b, optimizer="sgd", learning_rate=0.5) as engine:
        assert probe.set_learning_rate(engine, 0.03125) == "ok"
        probe.call(engine, "train_epoch", x, y)
        for wrong in (-1.0, np.nan, np.inf):
            assert probe.set_learning_rate(engine, wrong) == "invalid"
    assert networks.bits(a) == networks.bits(b)
    assert probe.set_learning_rate(Engine(b), 1.0) == "missing"


# ---- what does not fit ----


def test_samples_that_do_not_fit_change_nothing(probe):
    network = make("labels")
    x, _, targets = samples(network, 8)
    labels = targets["labels"]
    y = np.eye(2)[labels]
    with Engine(network, optimizer="adam", batch_size=8) as engine:
        before = networks.bits(network)
        for name in ("train_step", "train_epoch", "gradient"):
            for arguments in (
                {"labels": labels, "itemsize": 4},
                {"labels": labels, "n": 0},
                {"labels": labels, "n_inputs": 2},
                {"labels": labels, "without_x": True},
                {"labels": np.array([*labels[:-1], 2])},
                {"labels": np.array([*labels[:-1], -1])},
                {"labels": labels, "y": y},
                {},
                {"y": y, "n_targets": 3},
                {"y": y, "weights": np.ones(8)},
            ):
                assert probe.call(engine, name, x, **arguments)[0] == "invalid", (name, arguments)
        many = np.tile(x, (2, 1))
        for name in ("train_step", "gradient"):
            assert probe.call(engine, name, many, y=np.tile(y, (2, 1)))[0] == "invalid"
        for order in ([0] * 7 + [8], [0] * 7 + [-1]):
            assert probe.call(engine, "train_epoch", x, y, order=np.array(order))[0] == "invalid"
        assert probe.without_pointers(engine) == {"invalid"}
        assert networks.bits(network) == before
        assert engine.steps == 0
        assert probe.call(engine, "train_step", x, y)[0] == "ok"
    numbers = make("plain")
    with Engine(numbers, optimizer="sgd", batch_size=8) as engine:
        assert probe.call(engine, "train_step", x, labels=labels)[0] == "invalid", "this loss has no labels"


def test_a_batch_of_one_is_refused_where_batches_normalise(probe):
    network = make("batch")
    x, y, _ = samples(network, 9)
    with Engine(network, optimizer="sgd", batch_size=4) as engine:
        assert probe.call(engine, "train_epoch", x, y)[0] == "invalid"
        assert probe.call(engine, "train_step", x[:1], y[:1])[0] == "invalid"
        assert probe.call(engine, "train_epoch", x[:8], y[:8])[0] == "ok"


def test_divergence_is_reported(probe):
    network = make("plain", activation="relu", output_activation="identity")
    x, y, _ = samples(network)
    with Engine(network, optimizer="sgd", learning_rate=1e200, batch_size=4) as engine:
        assert [probe.call(engine, "train_epoch", x, y)[0] for _ in range(3)][-1] == "not finite"


def test_an_engine_without_an_optimizer_predicts_alone(probe):
    engine = Engine(make("plain"))
    x, y, _ = samples(engine.network)
    for name in ("train_step", "train_epoch", "gradient"):
        assert probe.call(engine, name, x, y)[0] == "missing"
    assert probe.array(engine, 0, "weights", True)[0] == "missing"
    with pytest.raises(ValueError, match="no optimizer"):
        engine.gradients  # noqa: B018
    shape = probe.shape(engine)
    assert (shape["n_inputs"], shape["n_outputs"], shape["n_layers"], shape["itemsize"]) == (3, 2, 2, 8)


def test_engines_that_cannot_be():
    network = make("plain")
    for arguments, kind, message in (
        ({"optimizer": "lbfgs"}, ValueError, "lbfgs takes none"),
        ({"optimizer": "adm"}, ValueError, "Did you mean 'adam'"),
        ({"optimizer": "sgd", "batch_size": 0}, ValueError, "batch_size is 0"),
        ({"optimizer": "sgd", "regularization": 0.1}, TypeError, "regularization is float"),
    ):
        with pytest.raises(kind, match=message):
            Engine(network, **arguments)
    with pytest.raises(ValueError, match="Python function"):
        Engine(NeuralNetwork([2, 1], loss=lambda y, a: (np.sum((a - y) ** 2, axis=1), 2 * (a - y))), optimizer="sgd")
    with pytest.raises(ValueError, match=r"scale_inputs is 'standard', which is measured in a training"):
        Engine(NeuralNetwork([2, 1], scale_inputs="standard"), optimizer="sgd")
    with pytest.raises(ValueError, match="leave one alone"):
        Engine(make("batch"), optimizer="sgd")
    network.train(*samples(network)[:2], epochs=1)  # no refusal has kept it


def test_a_network_is_one_engine_s_until_it_is_closed():
    network = make("plain")
    x, y, _ = samples(network)
    engine = Engine(network, optimizer="adam")
    for refused in (lambda: network.train(x, y, epochs=1), lambda: Engine(network, optimizer="sgd")):
        with pytest.raises(RuntimeError, match="being trained already"):
            refused()
    Engine(network)  # which only predicts
    engine.close()
    engine.close()
    assert network.optimizer == optimizers.Adam()
    network.train(x, y, epochs=1)
    engine = Engine(network, optimizer="adam")
    del engine
    gc.collect()
    network.train(x, y, epochs=1)


def test_engines_of_one_network_predict_in_threads(probe):
    network = make("plain")
    x, _, _ = samples(network, 500)
    expected = network.predict(x)
    wrong = []

    def work():
        engine, outputs = Engine(network), np.empty_like(expected)
        for _ in range(50):
            probe.predict(engine, x, outputs)
            wrong.extend([1] * (not np.array_equal(outputs, expected)))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# ---- the examples ----


def test_cython_example(example):
    fastfit = example("cython", "fastfit")
    x, y, _ = samples(make("plain"))
    a, b = make("plain"), make("plain")
    a.train(x, y, epochs=20, optimizer="adam", batch_size=4)
    with Engine(b, optimizer="adam", batch_size=4) as engine:
        assert fastfit.fit(engine, x, y, 20) == a.history.loss[-1]
        np.testing.assert_array_equal(fastfit.predict(engine, x), a.predict(x))
        with pytest.raises(ValueError, match="does not fit"):
            fastfit.predict(engine, x.astype(np.float32))
        with pytest.raises(ValueError, match="status 1"):
            fastfit.fit(engine, x.astype(np.float32), y.astype(np.float32), 1)
        with pytest.raises(ValueError, match="status 1"):
            fastfit.fit(engine, x, y[:-1], 1)
        with pytest.raises(TypeError, match="Engine"):
            fastfit.fit(b, x, y, 1)
    with Engine(b, optimizer="sgd", batch_size=len(x)) as engine:
        losses = [fastfit.descend(engine, x, y, 1, 0.1) for _ in range(20)]
    assert np.all(np.diff(losses) < 0)


def test_c_example(example):
    logic = example("c", "logic")
    for table in ((0, 1, 1, 0), (0, 0, 0, 1)):
        network = NeuralNetwork([2, 4, 1], seed=1)
        with Engine(network, optimizer="adam", learning_rate=0.1, batch_size=4) as engine:
            assert tuple(round(output) for output in logic.learn(engine, table, 2000)) == table
    with pytest.raises(TypeError, match=r"expected a scratchnn\.Engine"):
        logic.learn(network, table, 1)
    alone = [sys.executable, "-c", "import logic"]  # which is the first to import scratchnn
    path = os.pathsep.join([str(Path(logic.__file__).parent), str(Path(scratchnn.__file__).parent.parent)])
    subprocess.run(alone, env={**os.environ, "PYTHONPATH": path}, check=True)


def test_a_table_of_another_version_is_refused(tmp_path):
    if not EXAMPLES.is_dir():
        pytest.skip("needs the repository's examples")
    shutil.copytree(EXAMPLES / "c", tmp_path, dirs_exist_ok=True)
    header = (Path(scratchnn.get_include()) / "scratchnn.h").read_text(encoding="utf-8")
    other = header.replace("#define SCRATCHNN_ABI 1", "#define SCRATCHNN_ABI 2")
    assert other != header
    (tmp_path / "scratchnn.h").write_text(other, encoding="utf-8")
    source = (tmp_path / "logic.c").read_text(encoding="utf-8")
    (tmp_path / "logic.c").write_text(source.replace("<scratchnn.h>", '"scratchnn.h"'), encoding="utf-8")
    with pytest.raises(ImportError, match=r"scratchnn's C interface is 1 with \d+ bytes; this was compiled for 2"):
        built(tmp_path, "logic")


def test_cpp_example(example):
    thousand = example("cpp", "thousand")
    x, y, _ = samples(make("plain"))
    made = [make("plain", seed=seed) for seed in range(1000)]
    engines = [Engine(network, optimizer="adam", batch_size=8) for network in made]
    losses = thousand.train(engines, x, y, len(x), 5, 4)
    for engine in engines:
        engine.close()
    for seed in (0, 17, 999):
        alone = make("plain", seed=seed)
        alone.train(x, y, epochs=5, optimizer="adam", batch_size=8)
        assert losses[seed] == alone.history.loss[-1]
        assert networks.bits(made[seed]) == networks.bits(alone)


@pytest.mark.skipif(sys.platform != "linux" or not EXAMPLES.is_dir(), reason="needs the repository and make")
def test_the_kernels_without_python(tmp_path):
    for tool in ("make", "cc", "ar"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    kernels, program = tmp_path / "kernels", tmp_path / "layer"
    subprocess.run(
        ["make", "kernels", f"KERNELS={kernels}", "KERNEL_FLAGS=-O1"], cwd=ROOT, check=True, capture_output=True
    )
    library = kernels / "libscratchnn_kernels.a"
    example = EXAMPLES / "kernels" / "layer.c"
    strict = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror"]
    subprocess.run(["cc", *strict, "-I", ROOT / "csrc", example, library, "-lm", "-o", program], check=True)
    done = subprocess.run([program], check=True, capture_output=True, text=True)
    x = np.array([[1, 2, 3, 4], [0, -1, 0.5, 2], [-2, 0, 1, -1]])
    w = np.array([[0.1, -0.2], [0.3, 0.4], [-0.5, 0.6], [0.7, -0.8]])
    a = np.tanh(x @ w + [0.5, -0.5])
    np.testing.assert_allclose(np.fromstring(done.stdout, sep=" ").reshape(-1, 2), np.vstack([a, x.T @ a]), rtol=1e-14)
    assert done.stderr.strip() in scratchnn.core.kernels.available()


def test_the_header_is_installed():
    assert (Path(scratchnn.get_include()) / "scratchnn.h").is_file()
    assert (Path(scratchnn.__file__).parent / "__init__.pxd").is_file()
