"""`scratchnn train`: from a table to a model, a report and a learning curve."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import click
import numpy as np
import numpy.typing as npt

from .. import strict_json
from ..columns import ColumnPreparation, kind_of
from ..container import MAX_HEADER
from ..network import NeuralNetwork
from ..plotting import save_learning_curve
from ..report import plain, r_squared
from . import options
from .console import check_output, program, say, warn
from .holdout import hold_out
from .model import architecture, metadata, score
from .progress import Progress, with_prefix
from .selection import decide_task, refuse_unusable, select_columns, take, without_missing
from .table import read_table

__all__ = ["train"]

Array = npt.NDArray[Any]
Columns = dict[str, Array]

LOSSES = {"classification": "cross_entropy", "regression": "mean_squared_error"}
OUTPUTS = {"classification": "softmax", "regression": "identity"}
SCORES = {"classification": "accuracy", "regression": "R²"}
HEADER_RESERVE = 1 << 16  # bytes of a model file's header for the network itself, at the most some 50,000
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells have it

EPILOG = """\
\b
Examples:
  scratchnn train iris.csv --target species
  scratchnn train houses.csv --target price --drop id --hidden 128,64 --patience 50
  cut -d, -f2- table.csv | scratchnn train - --target y --missing mean --output y.snn

Columns of numbers are standardised and columns of text become one input for each category. Both are
learnt from the training rows alone and kept in the model. The held-out rows stop the training and
choose the best epoch: for a last judgement keep a table aside and give it to "scratchnn predict".

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted by Ctrl-C (the model so far is written).
"""


@dataclass(frozen=True)
class Rows:
    """Rows as the network takes them, and their target as the table has it."""

    x: Array
    y: Array
    target: Array

    def __len__(self) -> int:
        return len(self.x)


@click.command(epilog=EPILOG)
@click.argument("data", metavar="DATA.csv")
@click.option(
    "--target", metavar="COLUMN", required=True, callback=options.column, help="The column to predict."
)
@click.option(
    "--task",
    type=click.Choice(["auto", "classification", "regression"]),
    default="auto",
    show_default=True,
    help="What the target is; text and few different whole numbers are classes.",
)
@click.option(
    "--drop",
    metavar="COLUMN",
    multiple=True,
    callback=options.columns,
    help="Leave a column out; may be given more than once.",
)
@click.option(
    "--missing",
    type=click.Choice(["error", "drop", "mean"]),
    default="error",
    show_default=True,
    help="Cells without a value: refuse them, leave out their rows, or fill in the column's mean "
    "(for text: none of the categories).",
)
@click.option("--encoding", metavar="NAME", callback=options.encoding, help="Of the table.  [default: utf-8]")
@click.option(
    "--hidden",
    metavar="SIZES",
    default="128",
    show_default=True,
    callback=options.hidden,
    help="Sizes of the hidden layers, as in 64,32, or 'none'.",
)
@click.option(
    "--activation",
    metavar="NAME",
    default="relu",
    show_default=True,
    callback=options.activation,
    help="Of the hidden layers: relu, tanh, sigmoid, gelu …",
)
@click.option(
    "--optimizer",
    metavar="NAME",
    default="adam",
    show_default=True,
    callback=options.optimizer,
    help="sgd, momentum, rmsprop, adam, adamw …",
)
@click.option(
    "--learning-rate",
    metavar="X",
    callback=options.learning_rate,
    help="Size of a step.  [default: the optimizer's own]",
)
@click.option(
    "--batch-size",
    metavar="N",
    default="32",
    show_default=True,
    callback=options.batch_size,
    help="Rows that make a step, or 'full' for all.",
)
@click.option(
    "--epochs",
    metavar="N",
    type=click.IntRange(min=1),
    default=200,
    show_default=True,
    help="Passes over the training rows, at the most.",
)
@click.option(
    "--patience",
    metavar="N",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    help="Stop after so many epochs without a lower held-out loss; 0 never stops.",
)
@click.option(
    "--validation-fraction",
    metavar="X",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.2,
    show_default=True,
    help="Share of the rows that is held out of training.",
)
@click.option(
    "--seed",
    metavar="N",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="The same seed gives the same model.",
)
@click.option(
    "--threads", metavar="N", type=click.IntRange(min=1), help="Of the CPU.  [default: as many as pay]"
)
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float64"]),
    default="float32",
    show_default=True,
    help="Precision of the network.",
)
@click.option("-o", "--output", metavar="MODEL.snn", help="The model.  [default: DATA.snn]")
@click.option(
    "--curve",
    metavar="PICTURE.png",
    callback=options.picture,
    help="The learning curve: .png, .svg or .pdf.  [default: MODEL-curve.png]",
)
@click.option("--no-curve", is_flag=True, help="Draw no learning curve.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but warnings and errors.")
@click.pass_context
def train(
    ctx: click.Context,
    *,
    data: str,
    target: str,
    task: str,
    drop: list[str],
    missing: str,
    encoding: str | None,
    hidden: tuple[int, ...],
    activation: str,
    optimizer: str,
    learning_rate: float | None,
    batch_size: int | str,
    epochs: int,
    patience: int,
    validation_fraction: float,
    seed: int,
    threads: int | None,
    dtype: str,
    output: str | None,
    curve: str | None,
    no_curve: bool,
    quiet: bool,
) -> None:
    """Train a network on a table, DATA.csv ('-' is standard input).

    Writes the model and a picture of the learning curve, and reports how well the network does on
    rows that were held out of training, beside the trivial guess.
    """
    tell = _tell_nobody if quiet else _tell
    output, curve = _outputs(data, output, None if no_curve else curve or "")

    table = select_columns(read_table(data, encoding=encoding), data, target, drop)
    n_rows = len(table[target])
    table = without_missing(table, target, missing)
    refuse_unusable({name: column for name, column in table.items() if name != target})
    tell("table", _table_in_words(table, target, n_rows))
    chosen, reason = decide_task(task, target, table[target])
    tell("task", reason)

    labels = table[target] if chosen == "classification" else None
    training_rows, held_out_rows = hold_out(len(table[target]), validation_fraction, seed, labels)
    learning = take(table, training_rows)
    preparation = ColumnPreparation.learn(learning, target, chosen, fill_missing=missing == "mean")
    training = _prepared(preparation, learning, dtype)
    held_out = _prepared(preparation, take(table, held_out_rows), dtype) if len(held_out_rows) else None
    tell("rows", _rows_in_words(training, held_out, chosen, seed))

    network = NeuralNetwork(
        [preparation.n_inputs, *hidden, preparation.n_outputs],
        activation=activation,
        output_activation=OUTPUTS[chosen],
        loss=LOSSES[chosen],
        dtype=dtype,
        seed=seed,
    )
    network.metadata.update(_fitting(metadata(preparation)))
    tell("network", architecture(network))
    tell(
        "training",
        f"{network.loss} by {optimizer}, batches of {batch_size}, at most {epochs} epochs",
    )

    score = None if held_out is None else _scorer(preparation, held_out)
    progress = Progress(epochs, len(training), score, SCORES[chosen])
    interrupted = False
    try:
        with nullcontext() if quiet else progress:
            network.train(
                training.x,
                training.y,
                epochs=epochs,
                learning_rate=learning_rate,
                batch_size=batch_size,
                shuffle=True,
                optimizer=optimizer,
                validation_data=None if held_out is None else (held_out.x, held_out.y),
                patience=None if held_out is None else patience or None,
                callback=None if quiet else progress,
                n_threads=threads,
            )
    except KeyboardInterrupt:
        interrupted = True

    network.save(output)
    if not quiet:
        _tell_result(network, training, held_out, preparation, patience)
    tell("model", f"{output} ({os.path.getsize(output):,} bytes)")
    if curve is not None and network.history.loss:
        title = f"{plain(os.path.basename(data))}: {plain(target)}"
        save_learning_curve(network.history, curve, title=title, loss_name=network.loss)
        tell("curve", f"{curve} ({os.path.getsize(curve):,} bytes)")
    if interrupted:
        warn(f"interrupted in epoch {network.history.epochs + 1}; {output} holds the model so far")
        ctx.exit(EXIT_INTERRUPTED)
    tell(
        "next",
        f"{program()} predict {shlex.quote(output)} {shlex.quote('NEW.csv' if data == '-' else data)}",
    )


def _fitting(columns: dict[str, Any]) -> dict[str, Any]:
    """Return the metadata, after checking that the header of a model file has room for it."""
    size = len(strict_json.encode(columns))
    room = MAX_HEADER - HEADER_RESERVE
    if size > room:
        raise ValueError(
            f"names, means and categories of the columns take {size:,} bytes, and a model file has room "
            f"for {room:,}: leave columns out with --drop"
        )
    return columns


def _tell(topic: str, text: str) -> None:
    say(f"{topic:<10}{text}")


def _tell_nobody(topic: str, text: str) -> None:
    pass


def _outputs(data: str, output: str | None, curve: str | None) -> tuple[str, str | None]:
    """Return the paths of the model and the picture ("" for the usual one), known to be writable."""
    if output is None:
        name = "model" if data == "-" else os.path.basename(data).removesuffix(".gz").removesuffix(".csv")
        output = f"{name}.snn"
    if curve == "":
        curve = f"{os.path.splitext(output)[0]}-curve.png"
    if output == "-":
        raise click.UsageError("a model is written to a file, not to standard output: --output MODEL.snn")
    if curve is not None and os.path.abspath(curve) == os.path.abspath(output):
        raise click.UsageError("--output and --curve name the same file")
    check_output(output, [data])
    if curve is not None:
        import_module("matplotlib")  # if it is not there, say so now
        check_output(curve, [data])
    return output, curve


def _table_in_words(table: Columns, target: str, n_rows: int) -> str:
    """Return for example "891 rows, 5 columns of numbers and 3 of text to predict 'survived'"."""
    n_text = sum(kind_of(column) == "text" for name, column in table.items() if name != target)
    n_numeric = len(table) - 1 - n_text
    kinds = [f"{n} of {what}" for n, what in ((n_numeric, "numbers"), (n_text, "text")) if n]
    left_out = n_rows - len(table[target])
    return f"{len(table[target])} rows, columns: {' and '.join(kinds)}, to predict {target!r}" + (
        f" ({left_out} rows with missing cells left out)" if left_out else ""
    )


def _rows_in_words(training: Rows, held_out: Rows | None, task: str, seed: int) -> str:
    if held_out is None:
        return f"{len(training)} to learn from, none held out"
    how = "each class in proportion" if task == "classification" else "at random"
    return f"{len(training)} to learn from, {len(held_out)} held out, {how} (seed {seed})"


def _prepared(preparation: ColumnPreparation, columns: Columns, dtype: str) -> Rows:
    y = preparation.targets(columns)
    return Rows(
        preparation.inputs(columns, dtype),
        y.astype(dtype) if preparation.task == "regression" else y,
        columns[preparation.target.name],
    )


def _scorer(preparation: ColumnPreparation, rows: Rows) -> Callable[[NeuralNetwork], float]:
    """Return the function from a network to its score on `rows`."""
    if preparation.task == "classification":
        return lambda network: float(np.mean(network.predict(rows.x).argmax(axis=1) == rows.y))
    return lambda network: r_squared(rows.y.astype(np.float64), network.predict(rows.x)[:, 0])


def _tell_result(
    network: NeuralNetwork,
    training: Rows,
    held_out: Rows | None,
    preparation: ColumnPreparation,
    patience: int,
) -> None:
    history = network.history
    rate = history.samples / history.seconds if history.seconds else 0.0
    why = f", no lower held-out loss for {patience} epochs" if history.stopped == "patience" else ""
    _tell("", f"{history.epochs} epochs in {history.seconds:.2f} s, {with_prefix(rate)} samples/s{why}")
    if history.best_epoch is not None:
        lowest = min(history.validation_loss)
        kept = ", whose weights are kept" if patience and history.stopped != "interrupted" else ""
        _tell("", f"lowest held-out loss {lowest:.4g} in epoch {history.best_epoch}{kept}")
    rows = training if held_out is None else held_out
    say()
    say(f"{'training rows, as none were held out' if held_out is None else 'held-out rows'}: {len(rows)}")
    say()
    say(str(score(preparation, network.predict(rows.x), rows.target)))
    say()
