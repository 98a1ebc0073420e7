"""Inputs that fuzzing has kept: readers take them or refuse them, in words of their own (tests/fuzz/run.py)."""

import importlib
import warnings
from pathlib import Path

import pytest

FUZZ = Path(__file__).parent / "fuzz"
READERS = {"model_file": "numpy", "safetensors": "numpy", "table": "pandas", "onnx_file": "onnx"}  # and what each needs


def test_every_reader_has_inputs():
    assert READERS.keys() == {path.name for path in (FUZZ / "corpus").iterdir()}
    assert READERS.keys() == {path.stem for path in FUZZ.glob("*.py") if "def read(" in path.read_text("utf-8")}


@pytest.mark.parametrize("name", READERS)
def test_inputs_that_were_kept(name, tmp_path):
    pytest.importorskip(READERS[name])
    reader = importlib.import_module(f"fuzz.{name}")
    inputs = sorted((FUZZ / "corpus" / name).iterdir())
    assert inputs
    for path in inputs:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of numbers too large, which such files have
            try:
                reader.read(path.read_bytes(), tmp_path)
            except Exception as error:
                error.add_note(f"with {path}")
                raise
