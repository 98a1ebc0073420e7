"""What may come out of a reader of foreign bytes: what its documentation says, in words of its own."""

import linecache
import traceback
from contextlib import contextmanager
from pathlib import Path

import scratchnn

PACKAGE = Path(scratchnn.__file__).parent.name
MOST_LETTERS = 1000  # of a message


@contextmanager
def refusing(*documented):
    """Let through errors of these types, where a `raise` of the package's own has raised them.

    One that an array or a dict has raised is a fault, even if its type is right.
    """
    try:
        yield
    except documented as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        if PACKAGE not in Path(frame.filename).parts or "raise" not in _statement(frame):
            raise AssertionError(f"{type(error).__name__} from {frame.filename}:{frame.lineno}") from error
        if len(str(error)) > MOST_LETTERS:
            raise AssertionError(f"a message of {len(str(error))} characters") from error


def _statement(frame):
    return linecache.getline(frame.filename, frame.lineno) if Path(frame.filename).suffix == ".py" else "raise"
