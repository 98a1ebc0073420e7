"""Networks as C: what the files compute is what Python computes, for every compiler that is there.

Compilers and emulators that are not installed are skipped by name.
"""

import re
import subprocess
import sys
from pathlib import Path

import exported
import networks
import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchnn import NeuralNetwork
from scratchnn.core import activations, losses
from scratchnn.core.layers.normalization import EPSILON
from scratchnn.export.functions import ACTIVATIONS, LINKS
from scratchnn.export.literals import commented
from scratchnn.losses import get as get_loss

ROOT = Path(__file__).parent.parent
DIGITS = ROOT / "examples" / "data" / "digits.csv"
WEIGHTS = ("float32", "float64", "int8")
KIND = {"float32": np.float32, "float64": np.float64, "int8": np.float32}
SPELLINGS = (*activations.names(), "leaky_relu(0.0)", "leaky_relu(0.3)", "elu(0.4)")
BOUNDS = [(-2.5, 7.0), (3.0, None), (None, 3.0)]

WITH_GNU_TOOLS = pytest.mark.skipif(sys.platform != "linux", reason="reads what GNU's tools write")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a Unix compiler")


def disturbed(network, seed=3):
    """The network with gains, shifts, biases and running statistics that are not those that it begins with."""
    rng = np.random.default_rng(seed)
    for layer in network.layers:
        n = layer.n_outputs
        if layer.biases is not None:
            layer.biases = rng.normal(size=n)
        if layer.gain is not None:
            layer.gain, layer.shift = rng.uniform(0.5, 1.5, n), rng.uniform(-0.5, 0.5, n)
        if layer.running_mean is not None:
            layer.running_mean, layer.running_variance = rng.uniform(-0.5, 0.5, n), rng.uniform(0.5, 1.5, n)
    return network


def rows_for(network, n=9, seed=0, spread=1.0):
    return spread * np.random.default_rng(seed).normal(size=(n, network.n_inputs))


def error_of(directory, network, weights, rows, **names):
    """How far C is from Python for rows, each output relative to the largest of it."""
    code = network.to_c(weights=weights, test_rows=rows, **names)
    rows = rows.astype(KIND[weights])
    expected = np.asarray(network.predict(rows), np.float64)
    found = exported.as_function(directory, code, network.n_outputs, weights, **names)(rows)
    return (np.abs(found - expected) / np.abs(expected).max(axis=0)).max()


# ---- every network ----


def test_every_activation_and_every_link_is_there_in_c():
    assert set(ACTIVATIONS) == set(activations.names())
    assert set(LINKS) == set(losses.links())


@pytest.mark.parametrize("weights", ["float32", "float64"])
def test_activations_at_all_sizes_of_arguments(weights, tmp_path):
    """z itself, from the denormals to the largest numbers; every function to a few units in the last place."""
    real = KIND[weights]
    eps, tiny = np.finfo(real).eps, np.finfo(real).tiny
    sizes = np.concatenate([np.geomspace(tiny, 1e-3, 40), np.linspace(1e-3, 12, 500), np.geomspace(12, 1e30, 200)])
    z = np.concatenate([-sizes, [0], sizes]).astype(real)
    for i, name in enumerate(SPELLINGS):
        network = NeuralNetwork([1, 1], activation=[name], dtype=real, seed=1)
        network.layers[0].weights = [[1]]
        code = network.to_c(f"n{i}", weights=weights)
        found = exported.as_function(tmp_path, code, 1, weights, f"n{i}")
        ours, theirs = found(z[:, None])[:, 0], activations.get(name)(z)
        finite = np.isfinite(theirs)
        np.testing.assert_array_equal(ours[~finite], theirs[~finite], err_msg=name)
        ours, theirs, x = (a[finite].astype(np.float64) for a in (ours, theirs, z))
        # gelu's own argument is rounded, which its tail feels
        allowed = 8 * eps * np.abs(theirs) * (1 + (x**2 if name == "gelu" else 0)) + 4 * tiny
        assert (np.abs(ours - theirs) <= allowed).all(), name
        assert np.isnan(found(np.array([[np.nan]]))).all(), name


@pytest.mark.parametrize("spelling", oracle.SPELLINGS)
def test_every_loss_in_float64(spelling, tmp_path):
    network = networks.make([3, 7, 4], "tanh", spelling, np.float64)
    assert error_of(tmp_path, network, "float64", rows_for(network)) < 1e-14


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("spelling", ["mean_squared_error", "cross_entropy", "quantile(0.1, 0.4, 0.9)", "gaussian"])
def test_every_loss_in_float32(spelling, dtype, tmp_path):
    network = networks.make([3, 7, 4], "tanh", spelling, dtype)
    assert error_of(tmp_path, network, "float32", rows_for(network)) < 2e-6


@pytest.mark.parametrize("kind", ["batch", "layer", ("batch", "layer", None)])
@pytest.mark.parametrize("biases", [True, False])
def test_normalisation(kind, biases, tmp_path):
    network = disturbed(NeuralNetwork([4, 9, 8, 7, 2], activation="gelu", normalization=kind, biases=biases, seed=1))
    assert error_of(tmp_path, network, "float64", rows_for(network)) < 1e-13
    assert error_of(tmp_path, network, "float32", rows_for(network), name="single") < 1e-5


def test_batch_normalisation_is_in_weights_and_biases(tmp_path):
    """Those of eq. 127, found in C as the outputs for unit vectors."""
    network = disturbed(
        NeuralNetwork([4, 5, 5], activation=["identity"] * 2, normalization="batch", biases=False, seed=1)
    )
    network.layers[1].weights = np.eye(5)
    found = exported.as_function(tmp_path, network.to_c(weights="float64"), 5, "float64")
    layer = network.layers[0]
    weights, biases = oracle.folded(
        layer.weights, layer.gain, layer.shift, layer.running_mean, layer.running_variance, EPSILON
    )
    np.testing.assert_allclose(found(np.zeros((1, 4)))[0], biases, rtol=1e-15)
    np.testing.assert_allclose(found(np.eye(4)) - biases, weights, rtol=0, atol=1e-15)


@pytest.mark.parametrize("bounds", BOUNDS, ids=str)
@pytest.mark.parametrize("weights", ["float32", "float64"])
def test_bounds_are_kept_after_rounding(bounds, weights, tmp_path):
    """Where the output activation rounds to its limits too, by whatever dtype the network has in Python."""
    network = NeuralNetwork([1, 1], bounds=bounds, seed=1)
    network.layers[0].weights = [[1]]
    x = np.array([[-1e4], [-100], [-20], [-3], [0], [3], [20], [100], [1e4]])
    outputs = exported.as_function(tmp_path, network.to_c(weights=weights), 1, weights)(x)
    low, high = (end if end is not None else sign * np.inf for end, sign in zip(bounds, (-1, 1), strict=True))
    assert (outputs > KIND[weights](low)).all()
    assert (outputs < KIND[weights](high)).all()
    np.testing.assert_allclose(outputs, network.predict(x), rtol=0, atol=1e-5 if weights == "float32" else 1e-13)
    np.testing.assert_allclose(outputs[2:6], network.predict(x[2:6]), rtol=1e-6)


def test_scaling_is_in_double(tmp_path):
    """A shift takes most of an input's digits away."""
    network = NeuralNetwork([2, 3, 2], scale_inputs=([16_000_000, 3], [0.5, 2]), scale_targets=([5, -1e6], 3), seed=1)
    x = np.array([[16_000_001.0, 3.5], [15_999_998.0, 2.5], [16_000_000.0, 3.0]])
    assert error_of(tmp_path, network, "float32", x) < 1e-6


def test_a_loss_in_python_is_no_obstacle(tmp_path):
    def fourth_power(y_true, y_pred):
        error = y_pred - y_true
        return (error**4).sum(axis=1), 4 * error**3

    network = NeuralNetwork([3, 4, 2], loss=fourth_power, seed=1)
    assert error_of(tmp_path, network, "float64", rows_for(network)) < 1e-14
    assert "loss        custom(fourth_power)" in network.to_c()


def test_dropout_and_noise_are_of_training_alone():
    arguments = {"activation": "relu", "seed": 1}
    noisy = NeuralNetwork([3, 8, 2], dropout=0.5, input_dropout=0.2, input_noise=0.1, **arguments)
    assert noisy.to_c() == NeuralNetwork([3, 8, 2], **arguments).to_c()


def test_rows_of_any_kind_and_no_layer_but_the_outputs(tmp_path):
    network = NeuralNetwork([1, 1], seed=1)
    for rows in ([0.5, 1, 2], [[1], [2]], np.array([[1], [200]], np.uint8), np.array([[True]])):
        code, out = exported.run_selftest(tmp_path, network.to_c(test_rows=rows))
        assert code == 0, out


@st.composite
def any_network(draw):
    """A network of any kind that can be built, with parameters that a training could have left."""
    spelling = draw(st.sampled_from(oracle.SPELLINGS))
    sizes = networks.sizes_for(spelling, draw(st.lists(st.integers(1, 9), min_size=2, max_size=5)))
    names = draw(st.lists(st.sampled_from(SPELLINGS), min_size=len(sizes) - 2, max_size=len(sizes) - 2))
    for i in range(1, len(names)):
        if names[i - 1] == "exp" or names[i].startswith("exp"):
            names[i] = "tanh"  # exp of what grows is no network of use
    loss = get_loss(spelling)
    last = loss.link or draw(st.sampled_from([name for name in SPELLINGS if name != "exp"]))
    arguments = {
        "loss": spelling,
        "biases": draw(st.booleans()),
        "dtype": draw(st.sampled_from(["float32", "float64"])),
        "scale_inputs": draw(st.sampled_from([None, (0.5, 2.0)])),
        "normalization": [draw(st.sampled_from(["batch", "layer", None])) for _ in sizes[1:-1]],
    }
    if loss.scales_targets:
        arguments["scale_targets"] = draw(st.sampled_from([None, None, (-3.0, 0.01), (-3.0, 50.0)]))
        if arguments["scale_targets"] is None and not loss.link and loss.symmetric and draw(st.booleans()):
            arguments["bounds"] = draw(st.sampled_from(BOUNDS))
            last = "softplus" if None in arguments["bounds"] else "sigmoid"
    network = NeuralNetwork(sizes, activation=[*names, last], seed=draw(st.integers(0, 99)), **arguments)
    return disturbed(network, draw(st.integers(0, 99)))


@settings(max_examples=60)
@given(
    network=any_network(),
    weights=st.sampled_from(WEIGHTS),
    seed=st.integers(0, 99),
    compiler=st.sampled_from(["gcc", "g++"]),
)
def test_any_network_passes_its_own_test(network, weights, seed, compiler, tmp_path):
    """By the tolerance of docs/math.md, eq. 132; in float64 a wrong formula or number is no matter of rounding."""
    rows = rows_for(network, 6, seed)
    for kind in {weights, "float64"}:
        code = network.to_c(weights=kind, test_rows=rows)
        result, out = exported.run_selftest(tmp_path, code, compiler=tuple(exported.COMPILERS[compiler]))
        assert result == 0, (network, out)
        assert out.startswith("network: 6 rows, largest difference")


# ---- int8 ----


def test_int8_weights_are_the_nearest_steps(tmp_path):
    """Of eq. 128, and sums within eq. 129."""
    rng = np.random.default_rng(1)
    weights = rng.normal(size=(11, 6)) * np.geomspace(1e-4, 1e4, 6)
    weights[:, 2] = 0
    weights[:, 3] = np.arange(11) / 2 - 2.5
    weights[:, 4] = 1e-46 * weights[:, 4]  # whose scale is 0 in float32
    network = NeuralNetwork([11, 6], activation=["identity"], seed=1)
    network.layers[0].weights = weights
    rows = rows_for(network, 20)
    code = network.to_c(weights="int8", test_rows=rows)
    steps, scales = oracle.quantized(weights)
    listed = re.search(r"weights_0\[66\] = \{(.*?)\}", code, re.DOTALL)[1]
    assert [int(step) for step in listed.split(",")] == steps.T.ravel().tolist()
    listed = re.search(r"scales_0\[6\] = \{(.*?)\}", code, re.DOTALL)[1]
    assert [np.float32(scale.strip().rstrip("f")) for scale in listed.split(",")] == list(scales)
    rows = rows.astype(np.float32)
    found = exported.as_function(tmp_path, code, 6, "int8")(rows)
    bound = scales / 2 * np.abs(rows).sum(axis=1, keepdims=True)
    rounding = 20 * np.finfo(np.float32).eps * np.abs(rows) @ np.abs(weights)
    assert (np.abs(found - network.predict(rows)) <= bound + rounding + 1e-40).all()


def test_the_error_of_int8_is_measured_and_stated(tmp_path):
    network = disturbed(NeuralNetwork([6, 20, 3], activation="tanh", dtype="float32", seed=1))
    rows = rows_for(network, 40).astype(np.float32)
    code = network.to_c(weights="int8", test_rows=rows)
    error = np.abs(exported.as_function(tmp_path, code, 3, "int8")(rows) - network.predict(rows))
    stated = re.search(
        r"on the 40 rows of the\s+\*?\s*self-test, largest\s+\*?\s*([\d.e-]+),\s+\*?\s*mean\s+\*?\s*([\d.e-]+)", code
    )
    assert float(stated[1]) == pytest.approx(error.max(), rel=1e-2)
    assert float(stated[2]) == pytest.approx(error.mean(), rel=1e-2)
    assert 1e-4 < error.max() < 0.2
    assert len(code) < len(network.to_c(test_rows=rows))


# ---- the file ----


def test_numbers_are_read_back_to_the_last_bit(tmp_path):
    """Of every exponent, as what a network of biases alone gives."""
    for weights, real in (("float32", np.float32), ("float64", np.float64)):
        info = np.finfo(real)
        rng = np.random.default_rng(2)
        exponents = np.arange(info.minexp - info.nmant, info.maxexp)
        values = (rng.uniform(1, 2, len(exponents)) * 2.0 ** exponents.astype(np.longdouble)).astype(real)
        values = np.concatenate([values, [info.max, -info.max, info.tiny, info.smallest_subnormal, 0, -1, 100, 1e22]])
        values = values.astype(real)
        network = NeuralNetwork([1, len(values)], activation=["identity"], dtype=real, seed=1)
        network.layers[0].weights = np.zeros((1, len(values)))
        network.layers[0].biases = values
        found = exported.as_function(tmp_path, network.to_c(weights=weights), len(values), weights)(np.zeros((1, 1)))
        assert found[0].tobytes() == values.tobytes()


def test_the_self_test_finds_what_is_wrong(tmp_path):
    network = NeuralNetwork([3, 4, 2], activation="tanh", dtype="float32", seed=1)
    code = network.to_c(test_rows=rows_for(network))
    assert exported.run_selftest(tmp_path, code)[0] == 0
    for right, wrong in (
        ("tanhf(z)", "sinf(z)"),
        ("sum += x[i] * weights[i]", "sum += x[i] * weights[i] * 1.001f"),
        ("float sum = biases ? biases[j] : 0.0f", "float sum = 0.0f * (biases ? biases[j] : 0.0f) + 1.0f"),
        ("tanhf(z)", "sqrtf(-1.0f - z * z)"),
    ):
        assert right in code
        result, out = exported.run_selftest(tmp_path, code.replace(right, wrong))
        assert result == 1
        assert re.search(r"\nFAILED: row \d, output [01]: (-?nan|[\d.e+]+) of its tolerance, [\d.e-]+\n", out), out


@pytest.mark.parametrize("compiler", exported.COMPILERS)
@pytest.mark.parametrize("weights", WEIGHTS)
def test_compilers(compiler, weights, tmp_path):
    """One network with all that a file can have, without a warning, at two levels of optimisation."""
    sizes = [4, *range(3, 3 + len(SPELLINGS)), 4]
    kinds = [("batch", "layer", None)[i % 3] for i in range(len(SPELLINGS))]
    for loss in ("cross_entropy", "gaussian", "quantile(0.2, 0.8)"):
        names = [*(name if name != "exp" else "tanh" for name in SPELLINGS), get_loss(loss).link]
        network = disturbed(
            NeuralNetwork(sizes, activation=names, loss=loss, normalization=kinds, scale_inputs=(1, 2), seed=1)
        )
        code = network.to_c(weights=weights, test_rows=rows_for(network))
        for option in ("-O0", "-O3") if loss == "cross_entropy" else ("-O1",):
            result, out = exported.run_selftest(tmp_path, code, option, compiler=tuple(exported.COMPILERS[compiler]))
            assert result == 0, out


@pytest.mark.parametrize("weights", WEIGHTS)
def test_nothing_undefined(weights, tmp_path):
    """By the compiler's own checks, for numbers that are none too."""
    network = disturbed(NeuralNetwork([4, 5, 6, 3], normalization=["batch", "layer"], loss="cross_entropy", seed=1))
    code = network.to_c(weights=weights, test_rows=rows_for(network))
    checks = ("-g", "-fsanitize=address,undefined,float-cast-overflow", "-fno-sanitize-recover=all")
    exported.need("gcc")
    (tmp_path / "empty.c").write_text("int main(void) { return 0; }\n")
    probe = subprocess.run(["gcc", *checks, tmp_path / "empty.c", "-o", tmp_path / "empty"], capture_output=True)
    if probe.returncode != 0:
        pytest.skip("the sanitizers' libraries are not installed")
    result, out = exported.run_selftest(tmp_path, code, *checks)
    assert result == 0, out
    real = "double" if weights == "float64" else "float"
    main = f"""
    int main(void) {{
        const {real} x[4] = {{({real})NAN, ({real})INFINITY, -({real})INFINITY, 1e30f}};
        {real} y[3];
        network_predict(x, y);
        return y[0] == y[0];
    }}"""
    made = exported.build(tmp_path, code + main, *checks, compiler=("gcc", "-std=c99"))
    assert subprocess.run([made]).returncode == 0


@WITH_GNU_TOOLS
def test_nothing_but_constants_and_one_function(tmp_path):
    """No memory that could be written, no symbol of another name, no library but libm."""
    exported.need("nm")
    network = disturbed(NeuralNetwork([4, 5, 6, 3], normalization=["batch", "layer"], loss="cross_entropy", seed=1))
    made = exported.build(tmp_path, network.to_c("digits"), "-O1", "-c", name="digits", program="digits.o")
    lines = subprocess.run(["nm", made], capture_output=True, text=True, check=True).stdout.splitlines()
    symbols = {(line.split()[-2], line.split()[-1]) for line in lines}
    assert {name for kind, name in symbols if kind == "T"} == {"digits_predict"}
    assert {name for kind, name in symbols if kind == "U"} <= {"expf", "sqrtf", "_GLOBAL_OFFSET_TABLE_"}
    assert {kind for kind, _ in symbols} <= {"T", "U", "r", "t"}
    assert all(name.startswith("digits_") for kind, name in symbols if kind in "rtT" and not name.startswith("."))


def test_all_that_a_file_defines_begins_with_its_name(tmp_path):
    network = disturbed(NeuralNetwork([4, 5, 3], normalization=["layer"], loss="cross_entropy", seed=1))
    code = network.to_c("digits", test_rows=rows_for(network))
    macros = set(re.findall(r"^#define (\w+)", code, re.MULTILINE))
    assert macros == {"DIGITS_INPUTS", "DIGITS_OUTPUTS", "DIGITS_DEFINED"}
    code = re.sub(r"/\*.*?\*/", "", code, flags=re.DOTALL)
    found = re.findall(r"^(?:static )?(?:const )?(?:void|float|double|int8_t|int) \*?(\w+)[\[(]", code, re.MULTILINE)
    assert len(found) >= 10
    assert {name for name in found if not name.startswith("digits_")} == {"main"}


def test_two_networks_in_one_source_file_and_declarations_in_another(tmp_path):
    for name, seed in (("one", 1), ("two", 2)):
        (tmp_path / f"{name}.c").write_text(NeuralNetwork([2, 3, 1], seed=seed).to_c(name))
    (tmp_path / "both.c").write_text('#include "one.c"\n#include "two.c"\n#include "one.c"\n')
    main = """\
    #define ONE_DECLARATIONS
    #define TWO_DECLARATIONS
    #include "one.c"
    #include "two.c"
    #include <stdio.h>
    int main(void) {
        const float x[ONE_INPUTS] = {0.25f, 0.5f};
        float y[ONE_OUTPUTS];
        one_predict(x, y);
        printf("%.9g ", (double)y[0]);
        two_predict(x, y);
        printf("%.9g", (double)y[0]);
        return 0;
    }"""
    expected = [NeuralNetwork([2, 3, 1], seed=seed).predict([0.25, 0.5]) for seed in (1, 2)]
    for compiler in ("gcc", "g++"):
        made = exported.build(tmp_path, main, tmp_path / "both.c", compiler=tuple(exported.COMPILERS[compiler]))
        out = subprocess.run([made], capture_output=True, text=True, check=True).stdout
        np.testing.assert_allclose([float(y) for y in out.split()], expected, rtol=1e-6)


@WITH_GNU_TOOLS
def test_the_stack_is_what_the_header_says(tmp_path):
    network = NeuralNetwork([50, 300, 20, 100, 2], activation="relu", scale_inputs=(0, 1), seed=1)
    code = network.to_c()
    stated = int(re.search(r"stack ([\d,]+) bytes", code)[1].replace(",", ""))
    assert stated == 4 * (300 + 50)  # layers 0 and 2 in one buffer, the scaled inputs and layer 1 in the other
    for option, least in (("-O0", stated), ("-O2", 0)):  # optimised, buffers may share their place
        exported.build(tmp_path, code, option, "-c", "-fstack-usage", program="network.o")
        used = re.search(r"network_predict\t(\d+)\tstatic", next(tmp_path.glob("*.su")).read_text())
        assert least <= int(used[1]) <= stated + 256


def test_the_header_says_what_it_is(tmp_path):
    network = NeuralNetwork([2, 3, 4], loss="quantile(0.1, 0.9)", activation="relu", scale_inputs="standard", seed=1)
    code = network.to_c()
    assert "2 -> 3 relu -> 4 quantiles, 25 parameters, float64 in Python" in code
    assert "never trained" in code
    assert "the standard scaling of inputs has not been measured, so inputs are not scaled" in code
    assert "of each target, one after another, the quantiles 0.1, 0.9" in code
    assert "weights     float32, rounded from float64" in code
    assert "There is no self-test" in code
    network.train([[0, 1], [1, 3]], [[1, 2], [2, 3]], epochs=1)
    code = network.to_c(test_rows=[[0, 1]])
    assert "never trained" not in code
    assert "network_input_shift" in code
    assert "It runs 1 row," in code


def test_the_program_in_the_document(tmp_path):
    """docs/export.md's main, with a network of the name that it has there."""
    page = (ROOT / "docs" / "export.md").read_text(encoding="utf-8")
    network = NeuralNetwork([2, 4, 1], activation="tanh", loss="binary_cross_entropy", seed=0)
    (tmp_path / "xor.c").write_text(network.to_c("xor"), encoding="utf-8")
    for compiler in ("gcc", "g++"):
        main = re.search(r"^```c\n(.*?)^```", page, re.DOTALL | re.MULTILINE)[1]
        made = exported.build(tmp_path, main, compiler=tuple(exported.COMPILERS[compiler]), name="main")
        out = subprocess.run([made], capture_output=True, text=True, check=True).stdout
        assert float(out) == pytest.approx(network.predict([1, 0]), rel=1e-5)


def test_comments_hold_whatever_stands_in_them(tmp_path):
    lines = ["a */ int x; /* b", "***///*/", "??/", "ends in \\", "\u202e\x1b[2J\n#error no", "*??/", "/??*"]
    code = "\n".join([*commented(lines), "int main(void) { return 0; }", ""])
    for compiler in ("gcc", "g++", "clang"):
        if compiler == "clang":
            exported.need("clang")
        exported.build(tmp_path, code, compiler=tuple(exported.COMPILERS[compiler]))
    assert code.count("*/") == 1
    assert "\x1b" not in code


def test_the_loss_is_named_whatever_its_function_is_called(tmp_path):
    def loss(y_true, y_pred):
        return ((y_true - y_pred) ** 2).sum(axis=1), y_pred - y_true

    loss.__name__ = "*/ #error */"
    exported.build(tmp_path, NeuralNetwork([2, 1], loss=loss, seed=1).to_c(), "-c")


# ---- digits ----


@pytest.fixture(scope="module")
def digits():
    """Inputs, and networks that know them."""
    table = np.loadtxt(DIGITS, delimiter=",", skiprows=1)
    X, y = table[:, :-1], table[:, -1].astype(int)
    trained = {}
    for dtype in ("float32", "float64"):
        network = NeuralNetwork(
            [64, 32, 10], activation="relu", loss="cross_entropy", normalization="batch", scale_inputs="standard",
            dtype=dtype, seed=1,
        )  # fmt: skip
        network.train(X, y, epochs=20, batch_size=32, optimizer="adam", learning_rate=0.01, shuffle=True)
        assert (network.predict(X).argmax(axis=1) == y).mean() > 0.97
        trained[dtype] = network
    return X, trained


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("weights", WEIGHTS)
def test_digits_on_every_row(digits, dtype, weights, tmp_path):
    X, network = digits[0], digits[1][dtype]
    code = network.to_c("digits", weights=weights, test_rows=X)
    found = exported.as_function(tmp_path, code, 10, weights, "digits")(X)
    expected = network.predict(X)
    same = found.argmax(axis=1) == expected.argmax(axis=1)
    error = np.abs(found - expected).max()
    assert len(X) == 1797
    if weights == "int8":
        assert same.mean() > 0.995
        assert error < 0.1
    else:
        assert same.all()
        assert error < (1e-12 if weights == dtype == "float64" else 5e-6)
    result, out = exported.run_selftest(tmp_path, code, "-O2", name="digits")
    assert result == 0
    assert out.startswith("digits: 1797 rows, largest difference ")


# ---- microcontrollers ----

BOARDS = {
    "Cortex-M4": (
        ["-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard", "-Wl,--section-start=.vectors=0"],
        "mps2-an386",
        [ROOT / "tests" / "c" / "cortex_m.c"],
    ),
    "Arm926, without floating point": (["-mcpu=arm926ej-s"], "versatilepb", []),
}


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("weights", WEIGHTS)
def test_microcontrollers(board, weights, digits, tmp_path):
    """Debian's compiler for Arm without a system, and newlib's libm, in an emulator that prints for them."""
    exported.need("arm-none-eabi-gcc", "qemu-system-arm")
    options, machine, more = BOARDS[board]
    compiler = ("arm-none-eabi-gcc", "--specs=rdimon.specs", *exported.C99)
    everything = disturbed(
        NeuralNetwork(
            [4, *range(3, 3 + len(SPELLINGS)), 4], loss="cross_entropy", scale_inputs=(1, 2), seed=1,
            activation=[*(name if name != "exp" else "tanh" for name in SPELLINGS), "softmax"],
            normalization=[("batch", "layer", None)[i % 3] for i in range(len(SPELLINGS))],
        )
    )  # fmt: skip
    X, trained = digits
    for network, rows in ((trained["float32"], X[:200]), (everything, rows_for(everything))):
        code = network.to_c(weights=weights, test_rows=rows)
        made = exported.build(tmp_path, code, "-O2", "-DNETWORK_TEST", *options, *more, compiler=compiler)
        emulator = ["qemu-system-arm", "-M", machine, "-nographic", "-semihosting", "-monitor", "none", "-kernel", made]
        result = subprocess.run(emulator, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
        assert result.returncode == 0, result.stdout
        assert f"network: {len(rows)} rows, largest difference" in result.stdout
        assert "passed" in result.stdout


# ---- bad input ----


@pytest.mark.parametrize(
    "name",
    ["", "a-b", "1st", "größe", "a b", "a\n", "_a", "a__b", "a_", "a" * 41, "a*/", "network()", "a.b"],
)
def test_names_that_no_identifier_may_begin_with(name):
    with pytest.raises(ValueError, match="expected an identifier of C"):
        NeuralNetwork([2, 1], seed=1).to_c(name)


@pytest.mark.parametrize("name", ["a", "A", "int", "net2", "x_1", "a" * 40])
def test_names_that_are_right(name, tmp_path):
    network = NeuralNetwork([2, 1], seed=1)
    assert exported.run_selftest(tmp_path, network.to_c(name, test_rows=[[1, 2]]), name=name)[0] == 0


def test_wrong_arguments():
    network = NeuralNetwork([2, 3, 1], seed=1)
    with pytest.raises(TypeError, match="name is None; expected text"):
        network.to_c(None)
    with pytest.raises(ValueError, match=r"unknown weights 'int16'\. Did you mean 'int8'"):
        network.to_c(weights="int16")
    with pytest.raises(ValueError, match="weights='int8' needs test_rows"):
        network.to_c(weights="int8")
    with pytest.raises(ValueError, match=r"test_rows has shape \(1, 3\); the network has 2 inputs"):
        network.to_c(test_rows=[[1, 2, 3]])
    with pytest.raises(ValueError, match=r"test_rows has shape \(2,\)"):
        network.to_c(test_rows=[1, 2])
    with pytest.raises(ValueError, match="test_rows is empty"):
        network.to_c(test_rows=np.empty((0, 2)))
    with pytest.raises(ValueError, match=r"test_rows\[0, 1\] is nan; expected finite numbers"):
        network.to_c(test_rows=[[1, np.nan]])
    with pytest.raises(ValueError, match=r"test_rows\[0, 0\] is 1e\+300, beyond the largest float32"):
        network.to_c(test_rows=[[1e300, 1]])
    with pytest.raises(TypeError, match="test_rows has dtype"):
        network.to_c(test_rows=[["a", "b"]])


def test_parameters_that_are_no_numbers():
    network = NeuralNetwork([2, 3, 1], normalization="batch", seed=1)
    for name in ("weights", "gain", "shift", "running_mean", "running_variance"):
        for value in (np.nan, np.inf):
            broken = network.copy()
            getattr(broken.layers[0], name).flat[0] = value
            with pytest.raises(ValueError, match=rf"layers\[0\].{name}: values hold NaN or infinity"):
                broken.to_c()
    broken = network.copy()
    broken.layers[0].running_variance[1] = -1
    with pytest.raises(ValueError, match=r"running_variance: values reach down to -1; expected numbers >= 0"):
        broken.to_c()


def test_numbers_that_float32_has_no_room_for(tmp_path):
    network = NeuralNetwork([2, 1], activation=["identity"], seed=1)
    network.layers[0].weights = [[1e300], [1]]
    with pytest.raises(ValueError, match=r"layers\[0\].weights: values reach 1e\+300, beyond the largest float32"):
        network.to_c()
    assert exported.run_selftest(tmp_path, network.to_c(weights="float64", test_rows=[[1, 2]]))[0] == 0
    network.layers[0].weights = [[1e30], [1]]
    with pytest.raises(ValueError, match=r"test_rows\[1\]: the network's output 0 is inf in float32"):
        network.to_c(test_rows=[[1, 2], [1e20, 2]])
    bounded = NeuralNetwork([2, 1], bounds=(1, np.nextafter(np.nextafter(1, 2), 2)), seed=1)
    with pytest.raises(ValueError, match="float32 has no number between them"):
        bounded.to_c()
