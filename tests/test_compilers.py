"""The C kernels alone: no warnings, and the same bits from every compiler and instruction set that fuses
multiply and add. Compilers and emulators that are not there are skipped by name."""

import functools
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CSRC = ROOT / "csrc"
FLAGS = [
    *("-O3", "-DNDEBUG", "-std=c11", "-Wall", "-Wextra", "-Werror"),
    *("-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off"),
]

# (compiler, how what it made is run)
TARGETS = {
    "the interpreter's": ((sysconfig.get_config_var("CC") or "cc").split(), []),
    "clang": (["clang"], []),
    "clang-19": (["clang-19"], []),
    "64-bit Arm": (["aarch64-linux-gnu-gcc", "-static"], ["qemu-aarch64-static"]),
    "Windows": (["x86_64-w64-mingw32-gcc"], ["/usr/lib/wine/wine64"]),
}

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not CSRC.is_dir(), reason="needs the C sources and a Unix compiler"
)


@functools.cache
def bits(target, directory):
    """Return {(instruction set, dtype): hashes} as the kernels built for a target print them."""
    compiler, runner = TARGETS[target]
    for tool in (compiler[0], *runner):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    sources = sorted(path for path in CSRC.rglob("*.c") if not path.name.endswith(".inc.c"))
    program = directory / f"{target.replace(' ', '_')}.exe"
    command = [*compiler, *FLAGS, f"-I{CSRC}", *sources, ROOT / "tests/c/kernel_bits.c", "-o", program, "-lm"]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    quiet = os.environ | {"WINEDEBUG": "-all"}
    result = subprocess.run([*runner, program], capture_output=True, text=True, timeout=300, check=True, env=quiet)
    rows = [line.split() for line in result.stdout.splitlines()]
    return {(isa, dtype): hashes for isa, dtype, *hashes in rows}


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("compilers")


@pytest.mark.parametrize("target", TARGETS)
def test_no_warning_and_the_same_bits(target, directory):
    expected = bits("the interpreter's", directory)
    found = bits(target, directory)
    assert found["random", "any"] == expected["random", "any"]
    for dtype in ("float32", "float64"):
        fused = [hashes for (isa, t), hashes in (expected | found).items() if t == dtype and isa != "portable"]
        assert all(hashes == fused[0] for hashes in fused)
    if target != "64-bit Arm":  # whose baseline fuses multiply and add, which x86-64's does not
        assert found == expected
