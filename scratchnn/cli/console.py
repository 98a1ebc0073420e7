"""What the commands say and write: answers on standard output, everything else on standard error."""

from __future__ import annotations

import csv
import errno
import io
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice

from ..atomic import replace_file, status_of_replaceable

__all__ = [
    "check_output",
    "discard_output",
    "error",
    "is_stream",
    "program",
    "say",
    "warn",
    "write_bytes",
    "write_csv",
]

ROWS_AT_ONCE = 10_000  # some 100 kB of text


def say(text: str = "") -> None:
    """Print to standard output; whoever stops listening (`| head`) does not stop the work."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        discard_output()


def warn(text: str) -> None:
    print(f"scratchnn: warning: {_in_one_line(text)}", file=sys.stderr, flush=True)


def error(text: str) -> None:
    print(f"scratchnn: error: {_in_one_line(text)}", file=sys.stderr, flush=True)


def discard_output() -> None:
    """Send what is still to come on standard output nowhere, the interpreter's last flush included."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


def program() -> str:
    """Return the command as it was typed, to be typed again."""
    typed = sys.argv[0]
    name = os.path.basename(typed)
    if name == "__main__.py":
        return "python -m scratchnn"
    found = shutil.which(name)
    on_the_path = found is not None and os.path.realpath(found) == os.path.realpath(typed)
    return name if on_the_path else shlex.quote(typed)


def check_output(path: str, inputs: Iterable[str] = ()) -> None:
    """Find out before the work whether `path` can be written after it.

    Raises
    ------
    OSError
        The directory is missing or closed to writing, or the file is a directory, protected or special.
    ValueError
        The file is one of the `inputs`, and would be lost.
    """
    if any(os.path.exists(f) and os.path.exists(path) and os.path.samefile(f, path) for f in inputs):
        raise ValueError(f"{path!r} is read by this command and cannot be its output as well")
    try:
        status_of_replaceable(path)
        with tempfile.TemporaryFile(dir=os.path.dirname(os.path.realpath(path))):
            pass
    except OSError as reason:
        raise OSError(reason.errno, reason.strerror, path) from None


def is_stream(path: str) -> bool:
    """Return whether writing to `path` replaces no file: standard output, a pipe or a device."""
    return path == "-" or (os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path))


def write_csv(path: str, header: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """Write a table as UTF-8 to `path`, as :func:`write_bytes` does."""
    write_bytes(path, _csv_pieces(header, iter(rows)))


def write_bytes(path: str, pieces: Iterable[bytes]) -> None:
    """Write pieces one after another to `path`; a file is replaced in one step, "-" is standard output."""
    if path == "-":
        if sys.stdout is None:
            raise OSError(errno.EBADF, "standard output is closed")
        for piece in pieces:
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
    elif is_stream(path):
        with open(path, "wb") as file:
            file.writelines(pieces)
    else:
        replace_file(path, pieces)


def _csv_pieces(header: Iterable[str], rows: Iterator[Iterable[object]]) -> Iterator[bytes]:
    block: list[Iterable[object]] = [header]
    while block:
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows(block)
        yield text.getvalue().encode()
        block = list(islice(rows, ROWS_AT_ONCE))


def _in_one_line(text: str) -> str:
    return " ".join(text.split())
