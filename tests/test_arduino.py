"""The sketch for microcontrollers: it compiles as C++ and does what it says; its network is what its program writes."""

import math
import re
import subprocess
import sys
from pathlib import Path

import exported
import pytest

from scratchnn.core import kernels

TESTS = Path(__file__).parent
SKETCH = TESTS.parent / "examples" / "embedding" / "arduino" / "sine"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a Unix compiler")


def without_version(text):
    return re.sub(r"scratchnn \d\S*\.", "", text, count=1)


def test_the_network_is_what_the_program_beside_it_writes():
    if kernels.isa() == "portable":
        pytest.skip("its bits are those of instruction sets with fused multiply-add")
    made = subprocess.run(
        [sys.executable, "-X", "utf8", "-W", "error", SKETCH / "train.py"], capture_output=True, text=True, check=True
    )
    kept = (SKETCH / "sine_network.h").read_text(encoding="utf-8")
    assert without_version(made.stdout) == without_version(kept), "write it anew: train.py says how"


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_the_sketch(compiler, tmp_path):
    """What the IDE makes of it, Arduino.h first, through one period."""
    main = """\
    #include <Arduino.h>
    #include "sine.ino"
    int main() {
        setup();
        for (int i = 0; i < 200; i++) loop();
        return 0;
    }"""
    folders = (f"-I{TESTS / 'c' / 'arduino'}", f"-I{SKETCH}")
    made = exported.build(tmp_path, main, *folders, compiler=tuple(exported.COMPILERS[compiler]), name="sketch")
    out = subprocess.run([made], capture_output=True, text=True, check=True).stdout
    assert out.startswith("baud 115200\npin 13 mode 1\n")
    values = [int(value) for value in re.findall(r"pin 13 value (\d+)", out)]
    heights = [float(height) for height in re.findall(r"^(-?[\d.]+) in microseconds: \d+$", out, re.MULTILINE)]
    assert len(values) == len(heights) == 200
    for i, (value, height) in enumerate(zip(values, heights, strict=True)):
        true = math.sin(math.tau * i / 200)
        assert abs(height - true) < 0.02
        assert abs(value - (127.5 + 127.5 * true)) < 3


def test_the_self_test_of_the_sketchs_network(tmp_path):
    code = (SKETCH / "sine_network.h").read_text(encoding="utf-8")
    result, out = exported.run_selftest(tmp_path, code, name="sine")
    assert result == 0, out
