"""JSON without its loose ends: what is written reads back equal, in any language, and what is read
is bounded before it costs anything.

Refused both ways: NaN and infinities, integers beyond 64 bits, text that is not Unicode, nesting
and numbers of values beyond the limits; in reading also an object with the same key twice.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, NoReturn

__all__ = ["brief", "check_keys", "decode", "encode"]

MAX_DEPTH = 32  # nested lists and objects: json.loads recurses in C, on a stack of unknown size
_TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels"
MAX_VALUES = 1 << 19  # as many as 1 MiB of text can hold
INTEGERS = range(-(1 << 63), 1 << 64)
MAX_DIGITS = len(str(INTEGERS.start))  # long integers convert in quadratic time

# Possessive, so that no text makes it backtrack; a string without an end runs to the end of text.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")


def encode(value: object) -> bytes:
    """Return `value` as UTF-8 JSON without spaces.

    Raises
    ------
    ValueError
        Naming the place of the item that JSON cannot hold, as in "metadata.classes[2]".
    """
    _check(value)
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def decode(text: bytes) -> Any:
    """Return the value of a UTF-8 JSON text.

    Raises
    ------
    ValueError
        The text is not JSON within the limits of this module.
    """
    _check_depth(text)
    value = json.loads(
        text.decode(),
        object_pairs_hook=_unique,
        parse_int=_integer,
        parse_constant=_refuse_constant,
    )
    _check(value)
    return value


def check_keys(value: object, expected: set[str], place: str) -> None:
    """Raise ValueError unless `value` is an object with exactly the `expected` keys."""
    if not isinstance(value, dict):
        raise ValueError(f"{place} must be an object, not {brief(value)}")
    if unknown := value.keys() - expected:
        raise ValueError(f"{place} has an unknown key, {brief(min(unknown))}")
    if missing := expected - value.keys():
        raise ValueError(f"{place} has no key {min(missing)!r}")


def brief(value: object) -> str:
    """Return `value` as Python writes it, in ASCII and shortened, for a message."""
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _check(value: object) -> None:
    """Raise ValueError for the first item of `value` that `encode` cannot keep exactly."""
    try:
        _check_item(value, 0, iter(range(MAX_VALUES)))
    except ValueError as error:
        raise ValueError(str(error).lstrip(".: ")) from None


def _check_item(value: object, depth: int, budget: Iterator[int]) -> None:
    """Check `value` and all within; the message of the error starts with the place, "[2]: ..."."""
    if next(budget, None) is None:
        raise ValueError(f": more than {MAX_VALUES} values")
    if depth == MAX_DEPTH and isinstance(value, dict | list | tuple):
        raise ValueError(f": {_TOO_DEEP}")  # also where a list contains itself
    if isinstance(value, dict):
        for key, item in value.items():
            _check_text(key)
            try:
                _check_item(item, depth + 1, budget)
            except ValueError as error:
                raise ValueError(f".{brief(key)[1:-1]}{error}") from None
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            try:
                _check_item(item, depth + 1, budget)
            except ValueError as error:
                raise ValueError(f"[{i}]{error}") from None
    else:
        _check_scalar(value)


def _check_scalar(value: object) -> None:
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, int):
        if value not in INTEGERS:
            raise ValueError(": the integer takes more than 64 bits")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f": {value} is not a finite number")
    else:
        raise ValueError(f": {type(value).__name__} is not a JSON type (None, bool, int, float, str, list, dict)")


def _check_text(text: object) -> None:
    if not isinstance(text, str):
        raise ValueError(f": the key {brief(text)} is not a string")
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate, as in a file name that is not UTF-8
        raise ValueError(f": {brief(text)} is not Unicode text") from None


def _check_depth(text: bytes) -> None:
    depth = 0
    for bracket in _BRACKET.findall(_STRING.sub(b"", text)):
        depth += 1 if bracket in b"[{" else -1
        if depth > MAX_DEPTH:
            raise ValueError(_TOO_DEEP)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise ValueError(f"the key {brief(key)} appears twice in an object")
        result[key] = value
    return result


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"an integer of {len(digits)} digits takes more than 64 bits")
    return int(digits)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
