"""Activations and links in C (docs/math.md, eq. 5 to 23, 82 and 85).

``$real`` is the type, ``$f`` what ends its literals and libm's names, ``$name`` what all identifiers begin with.
Comparisons are such that NaN stays NaN, and limits at infinity are those of docs/math.md.
"""

from __future__ import annotations

from ..core import activations

__all__ = ["ACTIVATIONS", "LINKS", "needed"]

# Values of one argument z, and of alpha where the activation has a parameter.
ACTIVATIONS = {
    "identity": "",
    "sigmoid": "return 1.0$f / (1.0$f + exp$f(-z));",
    "tanh": "return tanh$f(z);",
    "relu": "return z < 0.0$f ? 0.0$f : z;",
    "leaky_relu": "return z < 0.0$f ? alpha * z : z;",
    "elu": "return z < 0.0$f ? alpha * expm1$f(z) : z;",
    "selu": (
        "const $real alpha = 1.6732632423543772848$f, scale = 1.0507009873554804934$f;\n"
        "return z < 0.0$f ? scale * (alpha * expm1$f(z)) : scale * z;"
    ),
    "softplus": "return (z < 0.0$f ? 0.0$f : z) + log1p$f(exp$f(-fabs$f(z)));",
    "silu": "return z < -1000.0$f ? 0.0$f : z / (1.0$f + exp$f(-z));",
    "gelu": "return z < -40.0$f ? 0.0$f : 0.5$f * z * erfc$f(-0.70710678118654752440$f * z);",
    "softsign": "return z < -1e30$f ? -1.0$f : z > 1e30$f ? 1.0$f : z / (1.0$f + fabs$f(z));",
    "exp": "return exp$f(z);",
    "hard_sigmoid": "return z < -3.0$f ? 0.0$f : z > 3.0$f ? 1.0$f : (z + 3.0$f) / 6.0$f;",
    "hard_tanh": "return z < -1.0$f ? -1.0$f : z > 1.0$f ? 1.0$f : z;",
    "hard_silu": "return z < -3.0$f ? 0.0$f : z > 3.0$f ? z : z * ((z + 3.0$f) / 6.0$f);",
    "relu6": "return z < 0.0$f ? 0.0$f : z > 6.0$f ? 6.0$f : z;",
}

# What the outputs of a row become, in their place.
LINKS = {
    "softmax": """\
static void ${name}_softmax($real *a)
{
    $real largest = a[0], sum = 0.0$f;
    size_t j;

    for (j = 1; j < ${NAME}_OUTPUTS; j++)
        if (a[j] > largest)
            largest = a[j];
    for (j = 0; j < ${NAME}_OUTPUTS; j++) {
        a[j] = exp$f(a[j] - largest);
        sum += a[j];
    }
    for (j = 0; j < ${NAME}_OUTPUTS; j++)
        a[j] /= sum;
}""",
    "quantiles": """\
static void ${name}_quantiles($real *a)
{
    size_t j;

    for (j = 0; j < ${NAME}_OUTPUTS; j++)
        if (j % $columns != 0)
            a[j] = a[j - 1] + ${name}_softplus(a[j]);
}""",
    "gaussian": """\
static void ${name}_gaussian($real *a)
{
    size_t j;

    for (j = 1; j < ${NAME}_OUTPUTS; j += 2)
        a[j] = exp$f(0.5$f * (a[j] < -40.0$f ? -40.0$f : a[j] > 40.0$f ? 40.0$f : a[j]));
}""",
}


def needed(names: list[str]) -> list[str]:
    """Return the activations, without parameters, that layers with these activations and links call, each once."""
    found = dict.fromkeys(activations.get(name).name for name in names if name not in LINKS)
    if "quantiles" in names:
        found["softplus"] = None
    return [name for name in found if ACTIVATIONS[name]]
