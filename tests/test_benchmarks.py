"""The benchmark: its rows, two of its rivals, and its report; nothing here is timed."""

import dataclasses
import json
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import readme_table
import report
import rivals
import workloads
from workloads import WORKLOADS

FOLDER = Path(rivals.__file__).parent
TRAINED = [workload for workload in WORKLOADS if workload.kind == "train"]
PREDICTED = [workload for workload in WORKLOADS if workload.kind == "predict"]


def ids(workload):
    return workload.name


# ---- rows ----


def test_all_rows_are_there():
    assert list(workloads.BY_NAME) == [*(f"W{i}" for i in range(1, 11)), "SC", "I1a", "I1b", "I2"]


@pytest.mark.parametrize("workload", WORKLOADS, ids=ids)
def test_a_row_is_consistent(workload):
    assert workload.n_samples % workload.batch_size == 0, "all batches are full"
    assert (workload.output_activation == "softmax") == (workload.loss == "cross_entropy")
    X, y = workloads.data(workload)
    assert X.shape == (workload.n_samples, workload.sizes[0])
    assert X.dtype == workload.dtype
    if workload.loss == "cross_entropy":
        assert set(y) == set(range(workload.sizes[-1])) or len(y) == 1
    else:
        assert y.shape == (workload.n_samples, workload.sizes[-1])
        assert y.dtype == workload.dtype
    shapes = [(weights.shape, biases.shape) for weights, biases in workloads.start(workload)]
    assert shapes == [((n, m), (m,)) for n, m in pairwise(workload.sizes)]


def test_multiply_adds_are_those_of_the_products():
    by_name = workloads.BY_NAME
    assert by_name["W2"].multiply_adds == 4 * (2 * (2 * 3 + 3 * 1) + 3 * 1)
    assert by_name["I2"].multiply_adds == 10_000 * (784 * 512 + 512 * 512 + 512 * 10)


# ---- rivals ----


def test_every_rival_has_a_file_and_the_reverse():
    assert {f"{name}_" for name in rivals.NAMES} == {path.stem for path in FOLDER.glob("[!_]*.py")}
    assert set(rivals.NAMES) == set(rivals.TITLES)


def test_every_pinned_library_is_pinned():
    lines = (FOLDER.parent / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert all(re.fullmatch(r"[\w-]+==[\d.]+", line) for line in lines)


def sessions(name, workload, data):
    """Yield the sessions of all of a rival's variants."""
    for make in rivals.load(name).variants(workload, 1, True).values():
        session = make(workload, *data, workloads.start(workload), 1)
        session.reset()
        yield session


@pytest.mark.parametrize("workload", TRAINED, ids=ids)
def test_training_agrees(workload):
    """scratchnn and NumPy end in the same loss, and start anew from the same weights."""
    n_steps = 1 if workload.name == "W9" else 3
    workload = dataclasses.replace(workload, n_samples=n_steps * workload.batch_size)
    data = workloads.data(workload)
    before = workloads.final_loss(workload, workloads.start(workload), *data)
    losses = []
    for name in ("scratchnn", "numpy"):
        for session in sessions(name, workload, data):
            for _ in range(2):
                session.reset()
                session.run(1)
                losses.append(workloads.final_loss(workload, session.result(), *data))
    assert losses == pytest.approx(losses[:1] * len(losses), rel=report.TOLERANCE[workload.dtype])
    assert losses[0] != before


@pytest.mark.parametrize("workload", PREDICTED, ids=ids)
def test_prediction_agrees(workload):
    if workload.batch_size > 1:
        workload = dataclasses.replace(workload, batch_size=1000, n_samples=1000)
    data = workloads.data(workload)
    expected = workloads.outputs(workload, workloads.start(workload), data[0])
    for name in ("scratchnn", "numpy"):
        for session in sessions(name, workload, data):
            session.run(2)
            error = np.abs(session.result() - expected).max()
            assert error < report.PREDICTION_TOLERANCE[workload.dtype]


# ---- report ----


def measurement(row, rival, threads, microseconds, loss=0.5, isa=None, **more):
    return {
        "row": row,
        "rival": rival,
        "threads": threads,
        "isa": isa,
        "variant": "",
        "variants": {"": microseconds},
        "failed_variants": {},
        "memory_bytes": 1_000_000,
        "final_loss": loss,
        "difference": None,
        "rounds": [microseconds],
        "steps": 10,
        "microseconds": microseconds,
        **more,
    }


@pytest.fixture
def raw():
    """Results of two rows: one is won by a rival; one library is not installed, one cannot do a row."""

    def row(name):
        return {
            "name": name,
            "description": f"network {name}",
            "kind": "train",
            "dtype": "float32",
            "batch_size": 10,
            "multiply_adds": 1_000_000,
        }

    def library(title, skipped=None):
        return {"title": title, "version": None if skipped else "1.2", "skipped": skipped}

    return {
        "date": "2026-01-31",
        "short": True,
        "rounds": 3,
        "machine": {"cpu": "A processor", "cpus": 2, "system": "Linux x86_64", "python": "3.11.7", "load_before": 0.1},
        "peak": {"clock": 4.0, "avx2 float32": 100.0, "portable float32": 20.0},
        "isa": "avx2",
        "isas": ["avx2", "portable"],
        "rivals": {
            "scratchnn": library("scratchnn"),
            "torch": library("PyTorch", "ImportError: no module named torch"),
            "jax": library("JAX"),
            "numpy": library("NumPy by hand"),
        },
        "workloads": [row("SC"), row("W5")],
        "measurements": [
            measurement("SC", "scratchnn", 1, 40.0),
            measurement("SC", "scratchnn", 2, 25.0),
            measurement("SC", "scratchnn", 1, 125.0, isa="portable"),
            measurement("SC", "jax", 1, 100.0, loss=0.5001),
            measurement("SC", "jax", 2, 60.0),
            {"row": "SC", "rival": "numpy", "threads": 1, "isa": None, "skipped": "it cannot do SC"},
            measurement("W5", "scratchnn", 1, 40.0),
            measurement("W5", "scratchnn", 2, 50.0),
            measurement("W5", "jax", 1, 30.0, loss=0.6),
            measurement("W5", "numpy", 1, 80.0),
        ],
    }


def test_ratios_are_to_the_best_rival(raw):
    results = report.Results(raw)
    sc, w5 = results.rows
    assert results.ratio(sc, 1) == 2.5
    assert results.ratio(sc, 2) == 2.4
    assert results.best_rival(w5, 1) == (30.0, "jax")
    assert results.ratio(w5, 2) == 0.6  # a rival that has no second thread counts with one


def test_shares_and_cycles(raw):
    results = report.Results(raw)
    sc, _ = results.rows
    assert results.share_of_peak(sc) == pytest.approx(2e6 / 40e-6 / 100e9)
    assert results.share_of_peak(sc, threads=2) == pytest.approx(2e6 / 25e-6 / 200e9)
    assert results.share_of_peak(sc, isa="portable") == pytest.approx(2e6 / 125e-6 / 20e9)
    assert results.cycles_per_sample(sc) == pytest.approx(40e-6 * 4e9 / 10)


def test_the_report_hides_nothing(raw):
    text = report.markdown(raw)
    assert "**W5 is won by JAX** on 1 thread: ratio 0.750." in text
    assert "**W5 is won by JAX** on 2 threads: ratio 0.600." in text
    assert "SC is won" not in text
    assert "PyTorch is skipped: ImportError: no module named torch." in text
    assert "NumPy by hand is skipped in SC: it cannot do SC." in text
    assert re.findall(r"\*\*MISMATCH\*\*: (.*)\.$", text, re.MULTILINE) == [
        "JAX, 1 thread did other work in W5 than scratchnn"
    ]
    assert "| W5 | 40.0 | 30.0 | 80.0 | JAX | **0.750** | 50 % |" in text


def test_a_loss_that_is_no_number_is_a_mismatch(raw):
    raw["measurements"][3]["final_loss"] = float("nan")
    assert [row["name"] for row, _ in report.Results(raw).mismatches()] == ["SC", "W5"]


def test_the_report_needs_no_peak_and_no_rival(raw):
    raw["peak"] = {}
    raw["measurements"] = [m for m in raw["measurements"] if m["rival"] == "scratchnn"]
    assert "| SC | 40.0 | – | – | – |" in report.markdown(raw)


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0, "0"), (0.0312, "0.031"), (2.345, "2.35"), (23.45, "23.4"), (234.5, "234"), (23456.7, "23,457")],
)
def test_numbers(value, text):
    assert report.number(value) == text


# ---- the table in README.md ----


def test_the_readme_table(raw):
    text = readme_table.render(raw)
    assert "| network SC | 40.0 | JAX | 2.50 | 25.0 | 2.40 |" in text
    assert "| network W5 | 40.0 | JAX | **0.750** | 50.0 | **0.600** |" in text
    assert "2026-01-31, A processor, 2 CPUs" in text
    assert "not installed there: PyTorch" in text
    assert "MISMATCH" in text


def test_the_table_is_put_between_its_markers(raw, tmp_path):
    readme, results = tmp_path / "README.md", tmp_path / "results.json"
    readme.write_text(f"# Title\n\n{readme_table.BEGIN}\nbygone\n{readme_table.END}\n\nEnd\n", encoding="utf-8")
    results.write_text(json.dumps(raw), encoding="utf-8")
    arguments = ["--results", str(results), "--readme", str(readme)]
    readme_table.main(arguments)
    once = readme.read_text(encoding="utf-8")
    readme_table.main(arguments)
    assert readme.read_text(encoding="utf-8") == once
    assert once.startswith(f"# Title\n\n{readme_table.BEGIN}\n| ")
    assert once.endswith(f"{readme_table.END}\n\nEnd\n")
    assert "bygone" not in once


@pytest.mark.parametrize("text", ["", readme_table.BEGIN, f"{readme_table.END} {readme_table.BEGIN}"])
def test_missing_markers_are_refused(text):
    with pytest.raises(ValueError, match="bench:begin"):
        readme_table.put(text, "table")
