# ruff: noqa: E402 (threads are limited before NumPy is imported)
"""The estimators beside scikit-learn's own on its data sets: held-out scores and the time of `fit`.

Run it with ``python benchmarks/sklearn_data_sets.py``, about three minutes, ``--short`` for two seeds of the defaults.
It needs ``scratchnn[sklearn]``. Both get one thread, the same data, the same settings and the same seeds; a fit of one
follows the same fit of the other, so that a noisy neighbour meets both. The tables are written to
``build/bench/sklearn.md`` too: one of all figures, and one of the ratios, which docs/scikit-learn.md has. Times are of
whole fits, ratios medians over seeds.
"""

import argparse
import os
import statistics
import time
import warnings
from pathlib import Path

# One thread for the matrix products of NumPy, before it is imported.
os.environ.update({"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"})
for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):  # which take from OpenBLAS the kernels that it would choose
    os.environ.pop(name, None)

import numpy as np
from machine import cpu_model
from sklearn import datasets, neural_network
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

import scratchnn

SEEDS = range(5)


def california_like(n=5000):
    """Eight features and a target with bends and products, as of houses' prices."""
    rng = np.random.default_rng(0)
    X = rng.lognormal(0, 0.5, (n, 8))
    y = np.log(X[:, 0] * 3) + np.tanh(X[:, 1] - X[:, 2]) + 0.5 * X[:, 3] * (X[:, 4] > 1) - 0.2 * X[:, 5] ** 2
    return X, y + 0.3 * rng.standard_normal(n)


def digits_float32(**arguments):
    X, y = datasets.load_digits(**arguments)
    return X.astype(np.float32), y


CLASSES = {
    "digits": datasets.load_digits,
    "digits, float32": digits_float32,
    "breast cancer": datasets.load_breast_cancer,
    "wine": datasets.load_wine,
    "iris": datasets.load_iris,
}
NUMBERS = {"diabetes": datasets.load_diabetes, "like California": lambda return_X_y: california_like()}

SETTINGS = {
    "defaults": {},
    "early stopping": {"early_stopping": True},
    "tanh, 50-50": {"hidden_layer_sizes": (50, 50), "activation": "tanh"},
    "sgd, adaptive": {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.05},
    "alpha 1, batch 32": {"alpha": 1.0, "batch_size": 32},
    "lbfgs": {"solver": "lbfgs"},
}


def data_of(load, seed):
    X, y = load(return_X_y=True)
    if len(np.unique(y)) > 20:
        y = (y - y.mean()) / y.std()
    parts = train_test_split(X, y, random_state=seed)
    scaler = StandardScaler().fit(parts[0])
    return scaler.transform(parts[0]), scaler.transform(parts[1]), parts[2], parts[3]


def fit(cls, settings, seed, data):
    """Return (held-out score, seconds of the fit, epochs)."""
    X, X_test, y, y_test = data
    model = cls(random_state=seed, **settings)
    start = time.perf_counter()
    model.fit(X, y)
    return model.score(X_test, y_test), time.perf_counter() - start, model.n_iter_


def rows(names, settings, seeds):
    for sets, name in ((CLASSES, "MLPClassifier"), (NUMBERS, "MLPRegressor")):
        for data_set, load in sets.items():
            for setting in names:
                ours, theirs, ratios = [], [], []
                for seed in seeds:
                    data = data_of(load, seed)
                    theirs.append(fit(getattr(neural_network, name), settings[setting], seed, data))
                    ours.append(fit(getattr(scratchnn, name), {**settings[setting], "n_threads": 1}, seed, data))
                    ratios.append(theirs[-1][1] / ours[-1][1])
                yield data_set, setting, ours, theirs, statistics.median(ratios)


def table(lines):
    text = "| data | settings | score | scikit-learn's | milliseconds | scikit-learn's | ratio |\n"
    text += "|---|---|---|---|---|---|---|\n"
    for data_set, setting, ours, theirs, ratio in lines:
        cells = [data_set, setting]
        for column, form in ((0, "{:.3f} ± {:.3f}"), (1, "{:.1f}")):
            for results in (ours, theirs):
                values = [result[column] for result in results]
                spread = statistics.stdev(values) if len(values) > 1 else 0.0
                scale = 1e3 if column else 1
                cells.append(form.format(scale * statistics.mean(values), spread))
        text += "| " + " | ".join([*cells, f"{ratio:.1f}"]) + " |\n"
    return text


def ratios(lines):
    """Return a table with a row for each data set, a column for each setting, and what the scores differ by."""
    settings = list(dict.fromkeys(setting for _, setting, *_ in lines))
    cells = {(data_set, setting): ratio for data_set, setting, *_, ratio in lines}
    text = "| data | " + " | ".join(settings) + " |\n|---|" + " --: |" * len(settings) + "\n"
    for data_set in dict.fromkeys(data_set for data_set, _ in cells):
        text += f"| {data_set} | " + " | ".join(f"{cells[data_set, setting]:.1f}" for setting in settings) + " |\n"
    apart = {
        (data_set, setting): statistics.mean(result[0] for result in ours) - statistics.mean(r[0] for r in theirs)
        for data_set, setting, ours, theirs, _ in lines
    }
    worst = max(apart, key=lambda place: abs(apart[place]))
    return text + f"\nMean scores differ by at most {abs(apart[worst]):.4f}: {', '.join(worst)}.\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--short", action="store_true", help="two seeds, the defaults alone")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    names, seeds = (["defaults"], range(2)) if arguments.short else (list(SETTINGS), SEEDS)
    lines = list(rows(names, SETTINGS, seeds))
    text = table(lines) + "\n" + ratios(lines)
    import sklearn

    head = f"{cpu_model()}, one thread; scratchnn {scratchnn.__version__}, scikit-learn {sklearn.__version__}\n\n"
    print(head + text, end="")
    folder = Path("build/bench")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sklearn.md").write_text(head + text, encoding="utf-8")


if __name__ == "__main__":
    main()
