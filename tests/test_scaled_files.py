"""Model files of networks that scale or have bounds: format version 2, and only a sound one is loaded."""

import copy

import networks
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_files import build, take_apart, version_of
from test_serialization import HOSTILE_VALUES, both, drop, model, places, rename, set_in

from scratchnn import ModelFileError, NeuralNetwork

X = np.random.default_rng(0).normal(5, 2, (30, 3))
Y = np.column_stack([X.sum(axis=1), X[:, 0] - X[:, 1]])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.snn"


def content_of(tmp_path_factory, **arguments):
    network = NeuralNetwork([3, 5, 2], activation="tanh", seed=3, **arguments)
    network.train(X, Y, epochs=1, optimizer="momentum", learning_rate=0.001)
    path = tmp_path_factory.mktemp("small") / "model.snn"
    network.save(path)
    return path.read_bytes()


@pytest.fixture(scope="module")
def scaled(tmp_path_factory):
    return content_of(tmp_path_factory, scale_inputs="standard", scale_targets=(1, 2), dtype="float32")


@pytest.fixture(scope="module")
def bounded(tmp_path_factory):
    return content_of(tmp_path_factory, bounds=(-10, 30))


def load(path, content, change):
    header, data = take_apart(content)
    change(header)
    path.write_bytes(build(header, data, version=version_of(content)))
    return NeuralNetwork.load(path)


def refused(path, content, change, message):
    with pytest.raises(ModelFileError, match=message) as caught:
        load(path, content, change)
    assert str(caught.value).startswith(f"cannot load {str(path)!r}: ")
    assert len(str(caught.value)) < 500 + len(str(path))


def test_a_file_has_the_lowest_version_that_holds_it(path):
    for arguments, version in (
        ({}, 1),
        ({"scale_inputs": "standard"}, 2),
        ({"scale_targets": (0, 1)}, 2),
        ({"bounds": (0, None)}, 2),
    ):
        NeuralNetwork([3, 2], seed=1, **arguments).save(path)
        content = path.read_bytes()
        assert version_of(content) == version
        assert ("bounds" in take_apart(content)[0]["model"]) == (version == 2)


def test_what_is_written(scaled, bounded):
    header, data = take_apart(scaled)
    assert {key: header["model"][key] for key in ("scale_inputs", "scale_targets", "bounds")} == {
        "scale_inputs": "standard",
        "scale_targets": "given",
        "bounds": None,
    }
    found = {}
    for name, spec in header["arrays"].items():
        if name.startswith(("inputs", "targets")):
            assert spec["dtype"] == "<f8"
            found[name] = np.frombuffer(data, "<f8", spec["shape"][0], spec["offset"])
    np.testing.assert_allclose(found["inputs.shift"], X.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(found["inputs.scale"], 1 / X.std(axis=0), rtol=1e-13)
    np.testing.assert_array_equal(found["targets.shift"], [1, 1])
    np.testing.assert_array_equal(found["targets.scale"], [2, 2])
    header, _ = take_apart(bounded)
    assert header["model"]["bounds"] == [-10, 30]
    assert not [name for name in header["arrays"] if "shift" in name]


def test_every_bit_returns(path, scaled, bounded):
    for content in (scaled, bounded):
        network = load(path, content, lambda header: None)
        network.save(path)
        assert path.read_bytes() == content
        again = NeuralNetwork.load(path)
        assert networks.bits(again) == networks.bits(network)


def test_a_gaussian_has_a_scaling_for_each_target(path):
    network = NeuralNetwork([3, 6], loss="gaussian", scale_targets="minmax", seed=1)
    network.train(X, X, epochs=1)
    network.save(path)
    assert take_apart(path.read_bytes())[0]["arrays"]["targets.scale"]["shape"] == [3]
    assert NeuralNetwork.load(path).predict(X).tobytes() == network.predict(X).tobytes()


def without(*names):
    """Drop arrays, and close the gaps that they leave in the offsets."""

    def change(header):
        arrays = {name: spec for name, spec in header["arrays"].items() if name not in names}
        end = 0
        for spec in sorted(arrays.values(), key=lambda spec: spec["offset"]):
            spec["offset"] = end
            size = int(spec["dtype"][2]) * int(np.prod(spec["shape"]))
            end += -(-size // 64) * 64
        header["arrays"] = arrays

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop("model", "bounds"), "the model has no key 'bounds'"),
        (drop("model", "scale_inputs"), "the model has no key 'scale_inputs'"),
        (model("scale_inputs", "standart"), "must be null, 'standard', 'minmax' or 'given', not 'standart'"),
        (model("scale_inputs", ["standard"]), "must be null, 'standard'"),
        (model("scale_targets", True), "must be null, 'standard'"),
        (model("scale_inputs", "bounds"), "must be null, 'standard'"),
        (model("scale_inputs", None), r"'inputs.sc?\w+' is no part of this network"),
        (model("scale_targets", None), r"'targets.sc?\w+' is no part of this network"),
        (set_in("arrays", "inputs.shift", "dtype", "<f4"), "inputs.shift|offset|size"),
        (
            set_in("arrays", "inputs.shift", "shape", [1, 3]),
            r"'inputs.shift' has .* \[1, 3\], the network needs <f8 and",
        ),
        (
            set_in("arrays", "targets.scale", "shape", [1]),
            r"'targets.scale' has .* \[1\], the network needs <f8 and \[2\]",
        ),
        (rename("inputs.shift", "inputs.offset"), "'inputs.offset' is no part of this network"),
        (model("bounds", [0, 1]), "scale_targets and bounds are both given"),
        (
            both(model("loss", "poisson"), model("activations", ["tanh", "exp"])),
            "scale_targets is given, but to the loss 'poisson'",
        ),
    ],
)
def test_scalings_that_are_not_sound(path, scaled, change, message):
    refused(path, scaled, change, message)


def test_arrays_that_are_missing(path, scaled):
    header, data = take_apart(scaled)
    names = sorted(header["arrays"], key=lambda name: header["arrays"][name]["offset"])
    for name in ("inputs.shift", "inputs.scale", "targets.shift", "targets.scale"):
        header, data = take_apart(scaled)
        spec = header["arrays"][name]
        after = names[names.index(name) + 1]
        end = header["arrays"][after]["offset"]
        without(name)(header)
        path.write_bytes(build(header, data[: spec["offset"]] + data[end:], version=2))
        with pytest.raises(ModelFileError, match=f"array '{name}' is missing"):
            NeuralNetwork.load(path)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("inputs.shift", np.nan, "the scaling of inputs: the shift of column 0 is nan; expected a finite number"),
        ("inputs.scale", 0.0, "the scaling of inputs: the scale of column 0 is 0; expected a finite number > 0"),
        ("targets.scale", -1.0, "the scaling of targets: the scale of column 0 is -1; expected"),
        ("targets.scale", np.inf, "the scale of column 0 is inf; expected"),
    ],
)
def test_numbers_that_scale_nothing(path, scaled, name, value, message):
    header, data = take_apart(scaled)
    offset = header["arrays"][name]["offset"]
    path.write_bytes(build(header, data[:offset] + np.float64(value).tobytes() + data[offset + 8 :], version=2))
    with pytest.raises(ModelFileError, match=message) as caught:
        NeuralNetwork.load(path)
    assert str(caught.value).startswith(f"cannot load {str(path)!r}: ")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (model("bounds", 5), "'bounds' of the model must be null or a list of two numbers"),
        (model("bounds", [0]), "must be null or a list of two numbers"),
        (model("bounds", [0, "1"]), "must be null or a list of two numbers"),
        (model("bounds", [True, 5]), "must be null or a list of two numbers"),
        (model("bounds", [5, 0]), "bounds are 5 and 0; expected a low below a high"),
        (model("bounds", [None, None]), "bounds are both infinite"),
        (model("bounds", [0, 5e-324]), "too close"),
        (model("bounds", [0, None]), "the last activation is 'sigmoid', the bounds need 'softplus'"),
        (model("activations", ["tanh", "identity"]), "the last activation is 'identity', the bounds need 'sigmoid'"),
        (model("loss", "binary_cross_entropy"), "bounds are given, but the loss 'binary_cross_entropy' has the output"),
        (model("scale_targets", "standard"), "scale_targets and bounds are both given"),
    ],
)
def test_bounds_that_are_not_sound(path, bounded, change, message):
    refused(path, bounded, change, message)


def test_an_old_version_has_neither(path, bounded):
    header, data = take_apart(bounded)
    path.write_bytes(build(header, data, version=1))
    with pytest.raises(ModelFileError, match=r"the model has an unknown key, '(bounds|scale_inputs|scale_targets)'"):
        NeuralNetwork.load(path)


@settings(max_examples=200)
@given(data=st.data())
def test_hostile_values_anywhere_in_the_header(path, scaled, bounded, data):
    header, content = take_apart(data.draw(st.sampled_from([scaled, bounded])))
    for _ in range(data.draw(st.integers(1, 2))):
        way = data.draw(st.sampled_from([way for way in places(header) if way]))
        set_in(*way, copy.deepcopy(data.draw(st.sampled_from([*HOSTILE_VALUES, "standard", "given", [0, None]]))))(
            header
        )
    path.write_bytes(build(header, content, version=2))
    try:
        network = NeuralNetwork.load(path)
    except ModelFileError:
        return
    assert network.predict(X).shape == (30, 2)
    network.save(path)
    assert networks.bits(NeuralNetwork.load(path)) == networks.bits(network)
