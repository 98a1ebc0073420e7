"""Names as users write them, and messages for names that nobody knows."""

import re
from collections.abc import Iterable


def unknown(kind: str, name: object, known: Iterable[str]) -> str:
    """Return the message for an unknown name: the nearest known one, then all of them."""
    import difflib  # only a mistake needs it

    known = list(known)
    nearest = difflib.get_close_matches(str(name).lower(), known, n=1, cutoff=0.5)
    hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
    return f"unknown {kind} {name!r}.{hint} Known: {', '.join(known)}"


def name_and_parameter(text: str) -> tuple[str, str | None]:
    """Split ``"huber(0.5)"`` into ``("huber", "0.5")``; text of any other form is a name and has no parameter."""
    text = text.strip()
    match = re.fullmatch(r"(\w+)\s*\(([^()]*)\)", text)
    parameter = match[2].strip() if match else ""
    return (match[1], parameter) if match and parameter else (text, None)
