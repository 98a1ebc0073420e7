"""The check of model files across machines itself: it accepts the same bits, and nothing else."""

import shutil

import across_machines
import numpy as np
import pytest
from test_golden import TRAININGS, fuses

from scratchnn import load
from scratchnn.core import kernels


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    directory = tmp_path_factory.mktemp("written")
    previous = kernels.isa()
    try:
        across_machines.write(directory)
    finally:
        kernels.use(previous)
    return directory


@pytest.fixture
def files(written, tmp_path):
    """A copy of the files, and the instruction set as it was afterwards."""
    previous = kernels.isa()
    yield shutil.copytree(written, tmp_path / "files")
    kernels.use(previous)


def folder(files):
    return files / ("fused" if fuses() else "unfused")


def test_a_machine_reads_its_own(files):
    n_read, n_resumed = across_machines.check(files)
    assert n_read == 2 * len(TRAININGS) * len(list(files.iterdir()))
    assert n_resumed == len(TRAININGS) * len(kernels.available())


def test_a_prediction_with_another_bit_is_found(files):
    path = folder(files) / "wide.npy"
    predicted = np.load(path)
    predicted[0, 0] = np.nextafter(predicted[0, 0], 1)
    np.save(path, predicted)
    with pytest.raises(AssertionError, match=r"wide with .*: predictions"):
        across_machines.check(files)


def test_a_training_that_goes_on_otherwise_is_found(files):
    path = folder(files) / "dropout.resumed.snn"
    network = load(path)
    network.layers[0].weights[0, 0] = np.nextafter(network.layers[0].weights[0, 0], 1)
    network.save(path)
    with pytest.raises(AssertionError, match=r"dropout with .*: the training resumed"):
        across_machines.check(files)


@pytest.mark.parametrize("missing", ["files", "kinds"])
def test_nothing_to_compare_is_no_success(missing, tmp_path, files):
    if missing == "files":
        shutil.rmtree(files)
        files.mkdir()
    else:
        for kind in files.iterdir():
            kind.rename(files / f"of other kernels, {kind.name}")
    with pytest.raises(AssertionError, match="no files"):
        across_machines.main("check", files)
