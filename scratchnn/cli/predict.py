"""`scratchnn predict`: what a trained model says of the rows of a table."""

from __future__ import annotations

from typing import Any

import click
import numpy as np
import numpy.typing as npt

from ..cells import ColumnError, MissingCellError, count, listed, missing_cells
from ..columns import ClassTarget, ColumnPreparation
from . import options
from .console import check_output, is_stream, write_csv
from .model import load_model, preparation_of, score
from .table import read_table

__all__ = ["predict"]

Array = npt.NDArray[Any]

EPILOG = """\
\b
Examples:
  scratchnn predict iris.snn new.csv
  scratchnn predict iris.snn new.csv --probabilities --output answers.csv
  cat new.csv | scratchnn predict iris.snn - | sort | uniq -c

One line is written for each row of DATA.csv, in its order. Columns are found by name, wherever they
stand; others are ignored. If the column that the model predicts is there too, the answers are scored
against it, on standard error.
"""


@click.command(epilog=EPILOG)
@click.argument("model", metavar="MODEL")
@click.argument("data", metavar="DATA.csv")
@click.option(
    "-o",
    "--output",
    default="-",
    show_default=True,
    metavar="OUT.csv",
    help="Where to; '-' is standard output.",
)
@click.option("--probabilities", is_flag=True, help="Add a column with the probability of each class.")
@click.option("--encoding", metavar="NAME", callback=options.encoding, help="Of the table.  [default: utf-8]")
@click.option("-q", "--quiet", is_flag=True, help="Neither score nor name the columns ignored.")
def predict(*, model: str, data: str, output: str, probabilities: bool, encoding: str | None, quiet: bool) -> None:
    """Predict the target of each row of DATA.csv ('-' is standard input), as CSV."""
    if not is_stream(output):
        check_output(output, [model, data])
    network = load_model(model)
    preparation = preparation_of(network, model)
    target = preparation.target
    if probabilities and not isinstance(target, ClassTarget):
        raise click.UsageError(f"--probabilities: {model!r} predicts numbers, not classes")
    columns = read_table(data, text_columns=preparation.text_columns, encoding=encoding)
    try:
        outputs = network.predict(preparation.inputs(columns, network.dtype))
    except MissingCellError as error:
        raise ColumnError(
            f"{error}; a model trained with --missing mean fills such cells in, this one was not"
        ) from None

    header = [f"predicted_{target.name}"]
    answers = [preparation.predictions(outputs)]
    if isinstance(target, ClassTarget) and probabilities:
        header += [f"probability_{label}" for label in target.classes]
        answers += list(outputs.T)
    write_csv(output, header, zip(*(_texts(column, network.dtype) for column in answers), strict=True))
    if not quiet:
        if extra := preparation.extra(columns):
            click.echo(f"ignored columns that the model was not trained on: {listed(extra)}", err=True)
        if target.name in columns:
            click.echo(_scored(preparation, outputs, columns[target.name]), err=True)


def _texts(column: Array, dtype: np.dtype[Any]) -> list[str]:
    """Return labels as they are, numbers with the digits that the network's dtype has."""
    if column.dtype == object:
        return [str(label) for label in column]
    if dtype == np.float32:
        return [f"{number:.8g}" for number in column]
    return [repr(float(number)) for number in column]


def _scored(preparation: ColumnPreparation, outputs: Array, column: Array) -> str:
    """Return the score against the target's column, or why there is none."""
    name = preparation.target.name
    there = ~missing_cells(column)
    if not there.any():
        return f"not scored: column {name!r} is empty"
    try:
        y = preparation.targets({name: column[there]})
    except ColumnError as error:
        return f"not scored: {error}"
    lines = [f"scored on {count(there, 'row')} with column {name!r}:", ""]
    lines.append(str(score(preparation, outputs[there], column[there])))
    if isinstance(preparation.target, ClassTarget) and (y < 0).any():
        lines.append(f"{count(y < 0, 'row')} of a class that the training rows did not have: counted as wrong")
    return "\n".join(lines)
