"""Inputs that are a JSON header and a pattern of bytes: files are built around them, and their values are mutated.

An input that begins with a brace is `header NUL pattern`. Its reader builds the file that has this header, with
lengths and checksums that are right and as many data as the header announces, so that what is behind those checks is
reached. Every other input is a file as it is.
"""

import json
import math
import random

MOST_DATA = 1 << 16  # bytes that a header may ask for; what announces more is read without any
VALUES = (
    *(None, True, False, 0, 1, 2, -1, 3, 16, 1000, 1 << 31, 1 << 53, (1 << 63) - 1, -(1 << 63), 1 << 64),
    *(0.0, -0.0, 0.5, 1.0, 1e-300, 1e300, -1e300, 1e-45, 3.5e38, math.inf, math.nan),
    *("", "a", "\0", "\ud800", "é", "é", "x" * 3000, [], {}, [0], [1, 1], [None], {"": 0}, [[[[]]]]),
)


def taken_apart(data):
    """Return (header, pattern), or None for an input that is a file as it is."""
    if not data.startswith(b"{"):
        return None
    header, _, pattern = data.partition(b"\0")
    return header, pattern


def pattern_of(pattern, size):
    """Return so many bytes, the pattern again and again; none if they are too many."""
    if not 0 <= size <= MOST_DATA:
        return b""
    pattern = pattern or b"\0"
    return (pattern * (size // len(pattern) + 1))[:size]


def mutator(words, mutate):
    """Return libFuzzer's mutator of inputs: it changes values of headers, or bytes by `mutate`.

    Words are the strings that mean something to the reader.
    """

    def mutated(data, max_size, seed):
        rng = random.Random(seed)
        parts = taken_apart(data)
        if parts is None or rng.random() < 0.2:
            return mutate(data, max_size)
        header, pattern = parts
        if rng.random() < 0.1:
            pattern = mutate(pattern or b"\0", 64)
        try:
            value = json.loads(header)
            for _ in range(rng.choice((1, 1, 1, 2, 4))):
                value = _changed(value, words, rng)
            header = json.dumps(value, separators=(",", ":")).encode()
        except ValueError:
            return mutate(data, max_size)
        return (header + b"\0" + pattern if pattern else header)[:max_size]

    return mutated


def _changed(document, words, rng):
    """Change one place of a document, and return it."""
    places = list(_places(document))
    if not places:
        return {}
    container, key = rng.choice(places)
    value = container[key]
    how = rng.randrange(7)
    if how == 0:
        del container[key]
    elif how == 1 and isinstance(container, list):
        container.insert(key, value)
    elif how == 1:
        container[rng.choice(words)] = value
    elif how == 2:
        other, place = rng.choice(places)
        container[key] = json.loads(json.dumps(other[place]))
    elif how == 3 and type(value) in (int, float):
        container[key] = rng.choice((value + 1, value - 1, -value, value * 2, value / 2, rng.getrandbits(64)))
    elif how == 3 and isinstance(value, str):
        container[key] = value[: rng.randrange(len(value) + 1)] + rng.choice(words)
    elif how in (4, 5):
        container[key] = rng.choice(words)
    else:
        container[key] = rng.choice(VALUES)
    return document


def _places(value):
    """Yield (list or dict, key) of every value within one."""
    keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in list(keys):
        yield value, key
        yield from _places(value[key])
