"""The commands of `scratchnn`, without what surrounds them (see `main`)."""

from __future__ import annotations

import click

from .._version import __version__
from .export import export_c
from .info import tell
from .predict import predict
from .train import train

__all__ = ["commands"]

EPILOG = """\
\b
Examples:
  scratchnn train iris.csv --target species     train on a table, save iris.snn
  scratchnn predict iris.snn new.csv            answers for new rows, as CSV
  scratchnn info iris.snn                       what the model is and was trained on
  scratchnn export-c iris.snn --output iris.c   the model in C, without Python
"""


@click.group(epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(prog)s %(version)s")
def commands() -> None:
    """Train small neural networks on tables, on the CPU, fast."""


@commands.command()
@click.argument("model", metavar="[MODEL]", required=False)
def info(model: str | None) -> None:
    """Tell what MODEL is; without one, what this installation is.

    Architecture, loss, training, classes and columns of the model; version, instruction sets and
    threads of the installation.
    """
    tell(model)


commands.add_command(train)
commands.add_command(predict)
commands.add_command(export_c)
