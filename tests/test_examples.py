"""Every program in examples/ runs, without a warning, and prints what it is there to show."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
PROGRAMS = sorted(path.name for path in EXAMPLES.glob("*.py"))

# What matters in each program's output, as regular expressions in this order.
SHOWS = {
    "neuron.py": [r"= 7\.0", r"sigmoid\(z\) = 0\.9990889488055994", r"relu 7\.000000"],
    "two_hidden_neurons.py": [
        r"untrained: 0\.6548287570224",
        r"loss before 0\.2552",
        r"loss after  0\.1746",
        r"h1: weights \[3\.794 3\.71 \], bias -0\.577",
        r"\[1 1\] -> 0\.603, expected 0",
    ],
    "article_loop.py": [r"h1 w  \+3\.79401175700\d+   \+3\.79401175700", r"difference below 1e-12: True"],
    "full_batch.py": [r"epoch  10000  loss 0\.004569", r"0\.0437", r"0\.9515", r"0\.9563", r"0\.0544"],
    "transfer.py": [
        r"0 to 7, after 1443 images: 0\.99",
        r"from nothing     0\.8[0-4]",
        r"with a new head  0\.8[7-9]",
        r"better with 10 of 10 seeds",
    ],
    "xor.py": [r"central differences agree", r"seed 19:  0\.\d+ 0\.99\d+ 0\.99\d+ 0\.00\d+", r"20 of 20"],
}


def test_every_example_is_checked():
    assert sorted(SHOWS) == PROGRAMS
    readme = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert sorted(set(re.findall(r"\]\((\w+\.py)\)", readme))) == PROGRAMS


@pytest.mark.parametrize("program", PROGRAMS)
def test_example(program, tmp_path):
    path = EXAMPLES / program
    assert f"python examples/{program}" in ast.get_docstring(ast.parse(path.read_bytes()))
    result = subprocess.run(
        [sys.executable, "-X", "utf8", "-W", "error", path],
        cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=60,
    )  # fmt: skip
    assert (result.returncode, result.stderr) == (0, "")
    assert re.search(".*".join(SHOWS[program]), result.stdout, re.DOTALL), result.stdout
    assert not any(tmp_path.iterdir())
