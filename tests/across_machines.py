"""Model files that one machine writes and another reads: ``python tests/across_machines.py write DIRECTORY`` there,
``check DIRECTORY`` here.

The files are the trainings of test_golden.py: after five epochs, with what the network predicts, and resumed for three
more. Another machine must read each, write the same bytes again, predict the same bits, and come to the same file where
it resumes the training; the last two with kernels that round a multiply-add as often (ADR 10), and a directory has the
files of both kinds where the machine that wrote them has both kinds of kernels.
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))  # for the tests, with `python -P` too

from test_golden import TRAININGS, data, fuses, trained

from scratchnn import load
from scratchnn.core import kernels


def resume(network, name):
    network.train(*data(network), epochs=3, n_threads=1, **TRAININGS[name][1])


def save(network, path):
    network.history.seconds = 0.25  # measured otherwise
    network.save(path)


def write(directory):
    """Write all files, in a folder for each kind of kernel that this machine has."""
    for isa in dict.fromkeys((kernels.available()[0], "portable")):
        kernels.use(isa)
        folder = directory / ("fused" if fuses() else "unfused")
        folder.mkdir(parents=True, exist_ok=True)
        for name in TRAININGS:
            network = trained(name)
            save(network, folder / f"{name}.snn")
            np.save(folder / f"{name}.npy", network.predict(data(network)[0]))
            resume(network, name)
            save(network, folder / f"{name}.resumed.snn")


def check(directory):
    """Check all files, with all kernels; return how many were read, and how many trainings resumed."""
    n_read = n_resumed = 0
    written_again = directory / "written_again.snn"
    for path in sorted(directory.glob("*/*.snn")):
        load(path).save(written_again)
        assert written_again.read_bytes() == path.read_bytes(), f"{path} is written otherwise"
        n_read += 1
    for isa in kernels.available():
        kernels.use(isa)
        folder = directory / ("fused" if fuses() else "unfused")
        for name in TRAININGS if folder.exists() else ():
            network = load(folder / f"{name}.snn")
            expected = np.load(folder / f"{name}.npy")
            predicted = network.predict(data(network)[0])
            assert predicted.astype(expected.dtype).tobytes() == expected.tobytes(), f"{name} with {isa}: predictions"
            resume(network, name)
            save(network, written_again)
            resumed = folder / f"{name}.resumed.snn"
            assert written_again.read_bytes() == resumed.read_bytes(), f"{name} with {isa}: the training resumed"
            n_resumed += 1
    written_again.unlink(missing_ok=True)
    return n_read, n_resumed


def main(task, directory):
    if task == "write":
        return write(Path(directory))
    n_read, n_resumed = check(Path(directory))
    assert n_read, "no files to read"
    assert n_resumed, "no files of the kinds of kernels that this machine has"
    print(f"{n_read} model files read and written again, {n_resumed} trainings resumed: the same bits")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
