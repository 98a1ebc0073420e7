"""Values of options that are checked before any work: a wrong one is wrong usage, exit code 2."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

import click

from .. import optimizers
from ..core import activations
from ..plots.saving import PICTURE_FORMATS
from .table import normal_name

__all__ = [
    "activation",
    "batch_size",
    "column",
    "columns",
    "encoding",
    "hidden",
    "learning_rate",
    "optimizer",
    "picture",
]

Value = TypeVar("Value")


def parsed_by(parse: Callable[[str], Value]) -> Callable[..., Value | None]:
    """Return a click callback that parses an option and reports errors as wrong usage."""

    def callback(ctx: click.Context, param: click.Parameter, text: str | None) -> Value | None:
        if text is None:
            return None
        try:
            return parse(text)
        except (ValueError, LookupError) as error:
            raise click.BadParameter(str(error), ctx, param) from None

    return callback


def _hidden(text: str) -> tuple[int, ...]:
    if text.strip().lower() == "none":
        return ()
    sizes = tuple(int(size) if size.strip().isdecimal() else 0 for size in text.split(","))
    if 0 in sizes:
        raise ValueError(f"{text!r} is neither a list of layer sizes, as in 64,32, nor 'none'")
    return sizes


def _batch_size(text: str) -> int | str:
    if text == "full":
        return text
    rows = int(text) if text.isdecimal() else 0
    if rows == 0:
        raise ValueError(f"{text!r} is neither a number of rows nor 'full'")
    return rows


def _activation(name: str) -> str:
    activations.get(name)
    return name


def _optimizer(name: str) -> str:
    optimizers.get(name)
    return name


def _learning_rate(text: str) -> float:
    return optimizers.SGD(float(text)).learning_rate


def _encoding(name: str) -> str:
    "".encode(name)
    return name


def _picture(path: str) -> str:
    if os.path.splitext(path)[1].lstrip(".").lower() not in PICTURE_FORMATS:
        raise ValueError(f"{path!r} does not end in {', '.join('.' + f for f in PICTURE_FORMATS)}")
    return path


hidden = parsed_by(_hidden)
batch_size = parsed_by(_batch_size)
activation = parsed_by(_activation)
learning_rate = parsed_by(_learning_rate)
optimizer = parsed_by(_optimizer)
encoding = parsed_by(_encoding)
picture = parsed_by(_picture)
column = parsed_by(normal_name)


def columns(ctx: click.Context, param: click.Parameter, names: tuple[str, ...]) -> list[str]:
    return [normal_name(name) for name in names]
