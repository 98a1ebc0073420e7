"""The command line: `scratchnn` and `python -m scratchnn`.

Here is what surrounds every command: exit codes, and errors in one line. The commands themselves
need the libraries of the extra `scratchnn[cli]`; `info` needs none.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from ..columns import UnseenCategoryWarning
from .console import discard_output, error, warn
from .info import tell

__all__ = ["main"]

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells have it
EXIT_BROKEN_PIPE = 141  # 128 + SIGPIPE
EXTRA = ("click", "matplotlib", "pandas", "tqdm")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` (by default the process's own) name; return its exit code."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a name in a script that the terminal lacks
    with warnings.catch_warnings():
        warnings.simplefilter("always", UnseenCategoryWarning)
        warnings.showwarning = _show_warning
        code = _guarded(arguments)
    try:
        _flush_output()
    except OSError:  # told already; the interpreter would complain once more
        discard_output()
    return code


def _guarded(arguments: list[str]) -> int:
    """Run a command and turn its errors into a line and an exit code."""
    try:
        code = _run(arguments)
        _flush_output()
        return code
    except KeyboardInterrupt:
        error("interrupted")
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader of the output has had enough
        discard_output()
        return EXIT_BROKEN_PIPE
    except ModuleNotFoundError as missing:
        if missing.name not in EXTRA:
            raise
        error(f"this needs {missing.name}: pip install 'scratchnn[cli]'")
    except OSError as reason:
        text = reason.strerror or str(reason)
        error(f"{reason.filename!r}: {text}" if reason.filename else f"cannot write the output: {text}")
    except MemoryError as reason:
        error(f"not enough memory{f': {reason}' if str(reason) else ''}")
    except (ValueError, FloatingPointError) as reason:
        error(str(reason))
    return EXIT_FAILED


def _run(arguments: list[str]) -> int:
    match arguments:
        case ["info", *model] if find_spec("click") is None and not "".join(model).startswith("-"):
            tell(*model[:1])
            return 0
    import click

    from .commands import commands

    try:
        with commands.make_context("scratchnn", arguments or ["--help"]) as context:
            commands.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.UsageError as wrong:
        path = "scratchnn" if wrong.ctx is None else wrong.ctx.command_path
        error(f"{_sentence(wrong.format_message())} See '{path} --help'.")
        return EXIT_USAGE
    return 0


def _flush_output() -> None:
    if sys.stdout is not None:  # as it is where standard output is closed
        sys.stdout.flush()


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    warn(str(message))


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?")) else f"{text}."
