"""`scratchnn train`: from a table to a model, a report and a learning curve."""

from __future__ import annotations

import os
import shlex
from importlib import import_module
from typing import Any

import click

from .. import strict_json
from ..callbacks import ProgressBar
from ..callbacks.progress import duration, with_prefix
from ..container import MAX_HEADER
from ..network import NeuralNetwork
from ..plots import learning_curve
from ..plots.saving import save_picture
from ..report import plain
from . import options
from .console import check_output, program, say, warn
from .model import architecture, metadata
from .problem import Tell, pose, select_columns
from .table import read_table

__all__ = ["train"]

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


@click.command(epilog=EPILOG)
@click.argument("data", metavar="DATA.csv")
@click.option("--target", metavar="COLUMN", required=True, callback=options.column, help="The column to predict.")
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
    help="sgd, momentum, rmsprop, adam, adamw, lbfgs …",
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
    callback=options.batch_size,
    help="Rows that make a step, or 'full' for all.  [default: 32; for lbfgs full]",
)
@click.option(
    "--epochs",
    metavar="N",
    type=click.IntRange(min=1),
    default=500,
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
@click.option("--threads", metavar="N", type=click.IntRange(min=1), help="At most.  [default: as many as pay]")
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
    batch_size: int | str | None,
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
    problem = pose(
        table,
        target,
        tell,
        task=task,
        missing=missing,
        validation_fraction=validation_fraction,
        seed=seed,
        dtype=dtype,
    )
    network = NeuralNetwork(
        [problem.preparation.n_inputs, *hidden, problem.preparation.n_outputs],
        activation=activation,
        output_activation=OUTPUTS[problem.task],
        loss=LOSSES[problem.task],
        dtype=dtype,
        seed=seed,
    )
    network.metadata.update(_fitting(metadata(problem.preparation)))
    tell("network", architecture(network))
    at_once = optimizer.lower() == "lbfgs"
    batch_size = batch_size or ("full" if at_once else 32)
    how = f"{network.loss} by {optimizer}, batches of {batch_size}, at most {epochs} epochs"
    tell("training", how)

    progress = None if quiet else ProgressBar(problem.score, SCORES[problem.task])
    interrupted = False
    try:
        network.train(
            problem.training.x,
            problem.training.y,
            epochs=epochs,
            learning_rate=learning_rate,
            batch_size=batch_size,
            shuffle=not at_once,
            optimizer=optimizer,
            validation_data=problem.validation_data,
            patience=(patience or None) if problem.held_out else None,
            callback=progress,
            n_threads=threads,
        )
    except KeyboardInterrupt:
        interrupted = True

    network.save(output)
    _tell_training(network, patience, tell)
    if not quiet:
        say(f"\n{problem.report(network)}\n")
    tell("model", f"{output} ({os.path.getsize(output):,} bytes)")
    if curve is not None and network.history.loss:
        title = f"{plain(os.path.basename(data))}: {plain(target)}"
        save_picture(curve, lambda ax: learning_curve(network, ax=ax, title=title))
        tell("curve", f"{curve} ({os.path.getsize(curve):,} bytes)")
    if interrupted:
        warn(f"interrupted in epoch {network.history.epochs + 1}; {output} holds the model so far")
        ctx.exit(EXIT_INTERRUPTED)
    new_table = "NEW.csv" if data == "-" else data
    tell("next", f"{program()} predict {shlex.quote(output)} {shlex.quote(new_table)}")


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


def _tell_training(network: NeuralNetwork, patience: int, tell: Tell) -> None:
    history = network.history
    rate = history.samples / history.seconds if history.seconds else 0.0
    epochs = "1 epoch" if patience == 1 else f"{patience} epochs"
    reasons = {
        "patience": f", no lower held-out loss for {epochs}",
        "converged": ", converged",
        "line_search": ", no step lowers the loss",
        "max_evaluations": ", the most evaluations",
    }
    why = reasons.get(history.stopped, "")
    tell("", f"{history.epochs} epochs in {duration(history.seconds)}, {with_prefix(rate)} samples/s{why}")
    if history.best_epoch is not None:
        lowest = f"lowest held-out loss {min(history.validation_loss):.4g} in epoch {history.best_epoch}"
        kept = ", whose weights are kept" if patience and history.stopped != "interrupted" else ""
        if history.best_epoch == history.epochs and history.stopped == "completed":
            kept = ", the last: more --epochs may help"
        tell("", f"{lowest}{kept}")
