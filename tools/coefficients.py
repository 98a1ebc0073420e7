"""Write csrc/coefficients.h: the polynomials of csrc/vecmath.inc.c, fitted here.

Run `python tools/coefficients.py > csrc/coefficients.h` (needs mpmath). Each polynomial interpolates
its function at Chebyshev nodes in 60-digit arithmetic, which is within a small factor of the best
approximation of its degree; the degree is the least whose relative error is below a quarter of the
dtype's rounding unit, and the error reached is written beside it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from mpmath import cos, erfc, exp, expm1, inf, log1p, lu_solve, matrix, mp, mpf, pi, polyval, sin, sqrt

mp.dps = 60
ROUNDING_UNIT = {"FLOAT": mpf(2) ** -24, "DOUBLE": mpf(2) ** -53}


@dataclass(frozen=True)
class Fit:
    """One function on an interval, and the weight of its error in what is computed from it."""

    name: str
    comment: str
    function: Callable[[mpf], mpf]
    low: mpf
    high: mpf
    weight: Callable[[mpf], mpf]


def expm1_tail(r: mpf) -> mpf:
    """(e^r - 1 - r) / r², by its series near zero, where the quotient cancels."""
    if abs(r) < mpf("1e-15"):
        return mpf(1) / 2 + r / 6
    return (expm1(r) - r) / r**2


def atanh_tail(s2: mpf) -> mpf:
    """(2 atanh(s) - 2 s) / s³ as a function of s²."""
    if s2 < mpf("1e-25"):
        return mpf(2) / 3 + 2 * s2 / 5
    s = sqrt(s2)
    return (log1p(s) - log1p(-s) - 2 * s) / s**3


ERFC_CENTRE = mpf(3.75)


def erfc_scaled(y: mpf) -> mpf:
    """exp(t²) erfc(t) as a function of y = (t - c) / (t + c), which maps [0, inf) to [-1, 1)."""
    if y == 1:
        return mpf(0)
    t = ERFC_CENTRE * (1 + y) / (1 - y)
    if t > 1000:  # asymptotic series: exp(t²) is beyond any use here
        return sum((-1) ** k * mp.fac2(2 * k - 1) / (2 * t * t) ** k for k in range(8)) / (t * sqrt(pi))
    return exp(t * t) * erfc(t)


def sinpi(f2: mpf) -> mpf:
    """sin(pi f) / f as a function of f²."""
    f = sqrt(f2)
    return sin(pi * f) / f if f > mpf("1e-20") else pi


def cospi(f2: mpf) -> mpf:
    """(cos(pi f) - 1) / f² as a function of f²."""
    return -2 * sin(pi * sqrt(f2) / 2) ** 2 / f2 if f2 > mpf("1e-40") else -(pi**2) / 2


HALF_LN2 = mp.log(2) / 2 * mpf("1.0001")
FITS = [
    Fit(
        "EXPM1",
        "e^r = 1 + r + r^2 P(r) for |r| <= ln(2)/2",
        expm1_tail,
        -HALF_LN2,
        HALF_LN2,
        lambda r: abs(r) if r else mpf("1e-9"),
    ),
    Fit(
        "ATANH",
        "log((1 + s) / (1 - s)) = 2 s + s^3 P(s^2) for 0 <= s <= 1/3",
        atanh_tail,
        mpf(0),
        mpf(1) / 9,
        lambda s2: s2 / 2 if s2 else mpf("1e-9"),
    ),
    Fit(
        "ERFC",
        "erfc(t) = exp(-t^2) P((t - 3.75) / (t + 3.75)) for t >= 0",
        erfc_scaled,
        mpf(-1),
        mpf(1),
        lambda y: 1 / erfc_scaled(min(y, mpf("0.8"))),
    ),
    Fit(
        "SINPI",
        "sin(pi f) = f P(f^2) for |f| <= 1/4",
        sinpi,
        mpf(0),
        mpf(1) / 16,
        lambda f2: 1 / sinpi(f2),
    ),
    Fit(
        "COSPI",
        "cos(pi f) = 1 + f^2 P(f^2) for |f| <= 1/4",
        cospi,
        mpf(0),
        mpf(1) / 16,
        lambda f2: f2 / (1 + f2 * cospi(f2)),
    ),
]


def interpolate(fit: Fit, degree: int) -> list[mpf]:
    """Coefficients, the highest power first, of the interpolant at Chebyshev nodes."""
    n = degree + 1
    nodes = [(fit.low + fit.high) / 2 + (fit.high - fit.low) / 2 * cos(pi * (2 * k + 1) / (2 * n)) for k in range(n)]
    vandermonde = matrix([[x ** (degree - j) for j in range(n)] for x in nodes])
    return list(lu_solve(vandermonde, matrix([fit.function(x) for x in nodes])))


def error(fit: Fit, coefficients: list[mpf]) -> mpf:
    """The largest weighted error on a grid twenty times finer than the nodes."""
    n = 20 * len(coefficients)
    grid = [fit.low + (fit.high - fit.low) * k / n for k in range(n + 1)]
    return max(abs(polyval(coefficients, x) - fit.function(x)) * fit.weight(x) for x in grid)


def fitted(fit: Fit, unit: mpf) -> tuple[list[mpf], mpf]:
    """The shortest polynomial whose error is below a quarter of the rounding unit."""
    for degree in range(2, 40):
        coefficients = interpolate(fit, degree)
        reached = error(fit, coefficients)
        if reached < unit / 4:
            return coefficients, reached
    raise RuntimeError(f"{fit.name}: no polynomial of degree below 40 reaches {mp.nstr(unit / 4, 3)}")


def main() -> None:
    print("/* Written by tools/coefficients.py; the highest power first. */")
    print("#ifndef SNN_COEFFICIENTS_H\n#define SNN_COEFFICIENTS_H")
    for fit in FITS:
        print(f"\n/* {fit.comment} */")
        for dtype, unit in ROUNDING_UNIT.items():
            coefficients, reached = fitted(fit, unit)
            suffix = "f" if dtype == "FLOAT" else ""
            digits = 9 if dtype == "FLOAT" else 17
            print(f"/* degree {len(coefficients) - 1}, relative error 2^{float(mp.log(reached, 2)):.1f} */")
            print(f"#define SNN_{fit.name}_{dtype} \\")
            numbers = [mp.nstr(c, digits, min_fixed=inf, max_fixed=inf) + suffix for c in coefficients]
            lines = [", ".join(numbers[i : i + 4]) for i in range(0, len(numbers), 4)]
            print(", \\\n".join(f"    {line}" for line in lines))
    print("\n#endif")


if __name__ == "__main__":
    main()
