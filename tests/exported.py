"""What `network.to_c` writes, compiled and run: shared by the tests of exports."""

import ctypes
import functools
import shutil
import subprocess

import numpy as np
import pytest

STRICT = ["-Wall", "-Wextra", "-Wconversion", "-Werror", "-pedantic", "-Wshadow", "-Wdouble-promotion"]
C99 = ["-std=c99", "-Wstrict-prototypes", "-Wmissing-prototypes", *STRICT]
COMPILERS = {
    "gcc": ["gcc", *C99],
    "clang": ["clang", *C99],
    "clang-19": ["clang-19", *C99],
    "g++": ["g++", "-x", "c++", "-std=c++11", *STRICT],
    "clang++": ["clang++", "-x", "c++", "-std=c++11", *STRICT],
}
REAL = {"float32": ctypes.c_float, "float64": ctypes.c_double, "int8": ctypes.c_float}


@functools.cache
def need(*tools):
    for tool in tools:
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")


def build(directory, code, *options, compiler=("gcc", *C99), name="network", program="program"):
    """Compile code, which must raise no warning; return the path of what was made."""
    need(compiler[0])
    source, made = directory / f"{name}.c", directory / program
    source.write_text(code, encoding="utf-8")
    result = subprocess.run([*compiler, *options, source, "-o", made, "-lm"], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return made


def run_selftest(directory, code, *options, compiler=("gcc", *C99), name="network"):
    """Compile and run a file's self-test; return its exit code and what it prints."""
    made = build(directory, code, f"-D{name.upper()}_TEST", *options, compiler=compiler, name=name)
    result = subprocess.run([made], capture_output=True, text=True, timeout=60)
    return result.returncode, result.stdout


def as_function(directory, code, n_outputs, weights="float32", name="network"):
    """Compile a file and return it as a function of rows (n_rows, n_inputs)."""
    made = build(directory, code, "-O2", "-shared", "-fPIC", name=name, program=f"{name}_{weights}.so")
    predict = getattr(ctypes.CDLL(str(made)), f"{name}_predict")
    real = REAL[weights]
    pointer = ctypes.POINTER(real)
    predict.argtypes, predict.restype = [pointer, pointer], None

    def compute(rows):
        rows = np.ascontiguousarray(rows, real)
        outputs = np.empty((len(rows), n_outputs), real)
        for x, y in zip(rows, outputs, strict=True):
            predict(x.ctypes.data_as(pointer), y.ctypes.data_as(pointer))
        return outputs

    return compute
