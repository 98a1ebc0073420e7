"""Messages for names that nobody knows."""

from collections.abc import Iterable


def unknown(kind: str, name: object, known: Iterable[str]) -> str:
    """Return the message for an unknown name: the nearest known one, then all of them."""
    import difflib  # only a mistake needs it

    known = list(known)
    nearest = difflib.get_close_matches(str(name).lower(), known, n=1, cutoff=0.5)
    hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
    return f"unknown {kind} {name!r}.{hint} Known: {', '.join(known)}"
