"""`scratchnn export-c`: a trained model as one file of C."""

from __future__ import annotations

import os
import re

import click

from ..cells import ColumnError, MissingCellError, kind_of
from ..columns import Columns
from ..export import WEIGHTS, check_name, columns_to_c, is_name
from ..network import NeuralNetwork
from . import options
from .console import check_output, is_stream, say, write_bytes
from .model import load_model, preparation_of
from .table import read_table

__all__ = ["export_c"]

EPILOG = """\
\b
Examples:
  scratchnn export-c iris.snn --rows iris.csv --output iris.c
  cc -std=c99 -O2 -DIRIS_TEST iris.c -lm -o iris_test && ./iris_test
  head -n 50 iris.csv | scratchnn export-c iris.snn --rows - --weights int8 > iris.c

The file has NAME_predict(inputs, outputs), which computes what "scratchnn predict" does for a row.
Its first comment says what each input and output is. Columns of numbers are given as they stand in
the table, since their standardisation is a part of the file; a column of text is one input for each
category, 1 for the row's own and 0 for the others. A model saved from Python, without columns, takes
inputs as its network does; its table for --rows has their columns alone, in their order.
"""


@click.command("export-c", epilog=EPILOG)
@click.argument("model", metavar="MODEL")
@click.option(
    "-o",
    "--output",
    default="-",
    show_default=True,
    metavar="FILE",
    help="Where to; '-' is standard output.",
)
@click.option(
    "--name",
    metavar="NAME",
    callback=options.parsed_by(check_name),
    help="What all identifiers begin with.  [default: the model's, if C allows, else network]",
)
@click.option(
    "--weights",
    type=click.Choice(WEIGHTS),
    default="float32",
    show_default=True,
    help="What weights are kept as; with float64 all is computed in double. int8 needs --rows, on which its error is "
    "measured.",
)
@click.option(
    "--rows",
    metavar="DATA.csv",
    help="Rows for a self-test in the file; '-' is standard input.",
)
@click.option("--encoding", metavar="NAME", callback=options.encoding, help="Of the table.  [default: utf-8]")
def export_c(
    *, model: str, output: str, name: str | None, weights: str, rows: str | None, encoding: str | None
) -> None:
    """Write MODEL as one file of C99, which needs no Python and allocates nothing."""
    if weights == "int8" and rows is None:
        raise click.UsageError("--weights int8 needs --rows: its error is measured on them")
    if not is_stream(output):
        check_output(output, [model] if rows is None else [model, rows])
    network = load_model(model)
    name = _name_of(model) if name is None else name
    if "preparation" in network.metadata:
        preparation = preparation_of(network, model)
        columns = None
        if rows is not None:
            columns = read_table(rows, text_columns=preparation.text_columns, encoding=encoding)
        try:
            code = columns_to_c(network, preparation, name, weights, columns)
        except MissingCellError as error:
            raise ColumnError(
                f"{error}; a model trained with --missing mean fills such cells in, this one was not"
            ) from None
    else:
        table = None if rows is None else read_table(rows, encoding=encoding)
        code = network.to_c(name, weights=weights, test_rows=None if table is None else _matrix(network, model, table))
    write_bytes(output, [code.encode()])
    if output != "-":
        say(f"written   {output}: {len(code):,} characters, {name}_predict of {network.n_inputs} inputs")


def _name_of(model: str) -> str:
    """Return the file's name without folder and ending as an identifier; "network" where it makes none."""
    stem = re.sub(r"\W+|_+", "_", os.path.splitext(os.path.basename(model))[0], flags=re.ASCII).strip("_")
    return stem if is_name(stem) else "network"


def _matrix(network: NeuralNetwork, model: str, table: Columns) -> list[list[float]]:
    """Return a table's rows as a network without a preparation takes them."""
    texts = [name for name, column in table.items() if kind_of(column) == "text"]
    if len(table) != network.n_inputs or texts:
        raise ColumnError(
            f"{model!r} holds no preparation of columns, so --rows needs {network.n_inputs} columns of numbers; the "
            f"table has {len(table)}" + (f", and {texts[0]!r} is text" if texts else "")
        )
    return [list(row) for row in zip(*(column.tolist() for column in table.values()), strict=True)]
