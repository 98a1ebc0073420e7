"""The kernels alone: products as a share of the peak, activations in elements a cycle, for each instruction set.

``python benchmarks/kernels.py [--short] [--output build/bench]``: prints a table and writes kernels.csv. A product is
(m, k, n): m rows, k inputs, n outputs, that is m k n multiply-adds whichever of the three it is. Operands are in the
caches as far as they fit, and results go into memory that is there. What a call from Python takes, some 8 µs, is
measured with a single number and taken off.
"""

import argparse
import csv
import itertools
import statistics
import time
from functools import partial
from pathlib import Path

import machine
import numpy as np

from scratchnn.core import activations, kernels, linalg

# Square ones that fit into L1, L2 and L3; the rows of the benchmark; awkward ones.
SHAPES = (
    (32, 32, 32),
    (64, 64, 64),
    (128, 128, 128),
    (256, 256, 256),
    (512, 512, 512),
    (32, 16, 16),
    (200, 64, 100),
    (10, 784, 30),
    (32, 784, 128),
    (128, 784, 512),
    (1024, 256, 256),
    (7, 37, 10),
    (77, 101, 37),
)
SHORT_SHAPES = ((64, 64, 64), (128, 784, 512), (77, 101, 37))
DTYPES = ("float32", "float64")
N_ELEMENTS = 4096


def nanoseconds(call, duration):
    """Return the time of a call: the median of five measurements of about `duration` seconds each."""
    call()
    n, taken = 1, 0.0
    while taken < duration / 4:
        start = time.perf_counter()
        for _ in range(n):
            call()
        taken = time.perf_counter() - start
        last, n = n, 4 * n
    n = max(1, round(last * duration / taken))
    measurements = []
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(n):
            call()
        measurements.append((time.perf_counter() - start) / n)
    return 1e9 * statistics.median(measurements)


def products(m, k, n, dtype):
    """Yield (name, call) of the three products of a layer with k inputs and n outputs."""
    generator = np.random.default_rng(0)
    x, weights, dz = (generator.uniform(-1, 1, shape).astype(dtype) for shape in ((m, k), (k, n), (m, n)))
    biases = np.zeros(n, dtype)
    z, dw, dx = np.empty((m, n), dtype), np.empty((k, n), dtype), np.empty((m, k), dtype)
    yield "affine", lambda: linalg.affine(x, weights, biases, out=z)
    yield "grad_weights", lambda: linalg.grad_weights(x, dz, out=dw)
    yield "grad_inputs", lambda: linalg.grad_inputs(dz, weights, out=dx)


def measure_products(isa, shapes, duration, peak):
    """Yield a dict for each product, shape and dtype."""
    for dtype, (m, k, n) in itertools.product(DTYPES, shapes):
        for (name, call), (_, single) in zip(products(m, k, n, dtype), products(1, 1, 1, dtype), strict=True):
            taken = nanoseconds(call, duration) - nanoseconds(single, duration)
            rate, limit = 2 * m * k * n / taken, peak.get(f"{isa} {dtype}")
            share = None if limit is None else rate / limit
            yield {"isa": isa, "dtype": dtype, "kernel": name, "shape": f"{m}×{k}×{n}", "ns": taken} | {
                "gflops": rate,
                "share_of_peak": share,
            }


def measure_activations(isa, duration, clock):
    """Yield a dict for each activation and dtype, on numbers around 0 that fit into L1."""
    for dtype, name in itertools.product(DTYPES, activations.names()):
        z = np.random.default_rng(0).uniform(-4, 4, N_ELEMENTS).astype(dtype)
        out, function = np.empty_like(z), activations.get(name)
        taken = nanoseconds(partial(function, z, out=out), duration) - nanoseconds(
            partial(function, z[:1], out=out[:1]), duration
        )
        yield {"isa": isa, "dtype": dtype, "kernel": name, "shape": str(N_ELEMENTS), "ns": taken} | {
            "ns_an_element": taken / N_ELEMENTS,
            "elements_a_cycle": None if clock is None else N_ELEMENTS / (taken * clock),
        }


def line(result):
    """Return a measurement as a line of the table."""
    start = f"{result['isa']:9} {result['dtype']} {result['kernel']:13} {result['shape']:>13} {result['ns']:12,.0f} ns"
    if "gflops" in result:
        share = result["share_of_peak"]
        return f"{start} {result['gflops']:7.1f} GFLOP/s" + ("" if share is None else f" {100 * share:4.0f} %")
    rate = result["elements_a_cycle"]
    return f"{start} {result['ns_an_element']:7.3f} ns each " + ("" if rate is None else f" {rate:5.2f} a cycle")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="fewer shapes, shorter measurements")
    parser.add_argument("--output", type=Path, default=Path("build/bench"), help="the folder of kernels.csv")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    shapes, duration = (SHORT_SHAPES, 2e-3) if options.short else (SHAPES, 1e-2)
    columns = "isa dtype kernel shape ns gflops share_of_peak ns_an_element elements_a_cycle".split()  # noqa: SIM905
    peak = machine.Peak(options.output)
    if peak.problem is not None:
        print(peak.problem)
    default = kernels.isa()
    with open(options.output / "kernels.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        for isa in kernels.available():
            kernels.use(isa)
            peak.measure()
            limits = peak.medians()
            for result in itertools.chain(
                measure_products(isa, shapes, duration, limits),
                measure_activations(isa, duration, limits.get("clock")),
            ):
                writer.writerow(result)
                print(line(result), flush=True)
    kernels.use(default)


if __name__ == "__main__":
    main()
