"""The self-test at the end of the C file: rows, what Python gave for them, and a main that compares."""

from __future__ import annotations

from collections.abc import Iterator
from string import Template

import numpy as np
import numpy.typing as npt

from .literals import array, real
from .plan import Plan

__all__ = ["selftest"]

_MAIN = r"""
int main(void)
{
    double worst = 0.0, largest = 0.0;
    size_t row, j, row_of_worst = 0, output_of_worst = 0;

    for (row = 0; row < $n_rows; row++) {
        $real outputs[${NAME}_OUTPUTS];
        ${name}_predict(${name}_test_rows + row * ${NAME}_INPUTS, outputs);
        for (j = 0; j < ${NAME}_OUTPUTS; j++) {
            double difference = fabs((double)outputs[j] - (double)${name}_test_outputs[row * ${NAME}_OUTPUTS + j]);
            double share = difference / ${name}_test_tolerance[j];
            if (largest == largest && !(difference <= largest)) /* NaN is the largest, and stays */
                largest = difference;
            if (worst == worst && !(share <= worst)) {
                worst = share;
                row_of_worst = row;
                output_of_worst = j;
            }
        }
    }
    printf("$name: %lu rows, largest difference %.3g\n", (unsigned long)$n_rows, largest);
    if (!(worst <= 1.0)) {
        printf("FAILED: row %lu, output %lu: %.3g of its tolerance, %.3g\n", (unsigned long)row_of_worst,
               (unsigned long)output_of_worst, worst, ${name}_test_tolerance[output_of_worst]);
        return 1;
    }
    printf("passed: at most %.3g of the tolerance\n", worst);
    return 0;
}"""


def selftest(
    name: str,
    plan: Plan,
    rows: npt.NDArray[np.floating],
    outputs: npt.NDArray[np.floating],
    tolerance: npt.NDArray[np.float64],
) -> Iterator[str]:
    """Yield the self-test: `rows` (n_rows, n_inputs) and `outputs` (n_rows, n_outputs) in the plan's dtype."""
    upper = name.upper()
    yield f"#ifdef {upper}_TEST"
    yield "#include <stdio.h>"
    yield ""
    yield from array(f"{name}_test_rows", rows, f"{len(rows)} * {upper}_INPUTS")
    yield from array(f"{name}_test_outputs", outputs, f"{len(rows)} * {upper}_OUTPUTS")
    yield from array(f"{name}_test_tolerance", tolerance, f"{upper}_OUTPUTS")
    yield ""
    words = {"name": name, "NAME": upper, "real": real(plan.real), "n_rows": str(len(rows))}
    yield Template(_MAIN.lstrip()).substitute(words)
    yield "#endif"
