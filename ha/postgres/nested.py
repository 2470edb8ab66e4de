"""Values made of values: arrays, vectors and records. [pure]

An array is kept as JSON text; PostgreSQL's own writing (``{1,NULL}``) is read, too. How one element is written or read, the caller says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from math import isfinite
from struct import Struct
from typing import Any

from ha.errors import StatementError
from ha.postgres.numerals import float_text
from ha.postgres.pgtypes import BOOL, BYTEA, INT4, JSON, JSONB, UNKNOWN, array_of, is_nested, unfit
from ha.sql.tokens import BLANKS
from ha.values import Value

Encoder = Callable[[Value], bytes]


def array_literal(text: str) -> list[Any]:
    """Nested lists of strings and None, from an array in PostgreSQL's writing.

    :raises StatementError: 22P02.
    """

    def malformed() -> StatementError:
        return StatementError("22P02", f'malformed array literal: "{text[:200]}"')

    at = text.find("{")
    if at < 0 or text[:at].strip(" []0123456789:=-"):
        raise malformed()
    stack: list[list[Any]] = []
    token: list[str] = []
    quoted = begun = closed = False
    end, kept = len(text), 0  # blanks at the end count up to the last quoted letter
    while at < end:
        char = text[at]
        if char == "{":
            if begun or len(stack) >= 6:
                raise malformed()
            stack.append([])
        elif char in ",}":
            if begun:
                word = "".join(token[:kept]) + "".join(token[kept:]).rstrip(BLANKS)
                stack[-1].append(None if not quoted and word.upper() == "NULL" else word)
            elif char == "," and not stack[-1]:
                raise malformed()
            token, quoted, begun, closed, kept = [], False, False, False, 0
            if char == "}":
                inner = stack.pop()
                if not stack:
                    if text[at + 1 :].strip(BLANKS):
                        raise malformed()
                    return inner
                stack[-1].append(inner)
        elif char == '"':
            quoted = begun = True
            at += 1
            while at < end and text[at] != '"':
                at += text[at] == "\\"
                if at < end:
                    token.append(text[at])
                at += 1
            closed, kept = True, len(token)
        elif closed and char in BLANKS:
            pass
        elif char == "\\":
            at += 1
            token.append(text[at : at + 1])
            quoted, begun, kept = True, True, len(token)
        elif begun or char not in BLANKS:
            token.append(char)
            begun = True
        at += 1
    raise malformed()


def list_of(value: Value, oid: int) -> list[Any]:
    """The elements of an array however it is kept: JSON text, or PostgreSQL's writing."""
    if isinstance(value, str):
        if value.lstrip()[:1] == "[" and "={" not in value:
            try:
                found = json.loads(value)
                if isinstance(found, list):
                    return found
            except (ValueError, RecursionError):
                pass
        return array_literal(value)
    raise unfit(oid, value)


_PLAIN_ELEMENT = re.compile(r'[^\s{}",\\]+')


def array_text(value: Value, element: int, one: Encoder) -> str:
    """An array in PostgreSQL's writing."""

    def write(items: list[Any]) -> str:
        parts = []
        for item in items:
            if item is None:
                parts.append("NULL")
            elif isinstance(item, list):
                parts.append(write(item))
            else:
                text = one(element_value(item, element)).decode()
                if _PLAIN_ELEMENT.fullmatch(text) is None or text.upper() == "NULL":
                    text = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
                parts.append(text)
        return "{" + ",".join(parts) + "}"

    return write(list_of(value, array_of(element)))


def element_value(item: Any, oid: int) -> Value:
    """A JSON value as SQLite would hold it."""
    if item is True or item is False:
        return int(item)
    if oid == BYTEA and isinstance(item, str) and item.startswith("\\x"):
        try:
            return bytes.fromhex(item[2:])
        except ValueError:
            raise unfit(BYTEA, item) from None
    return json.dumps(item, ensure_ascii=False) if isinstance(item, (dict, list)) else item


_ARRAY_HEAD = Struct("!iiI")
_DIMENSION = Struct("!ii")


def array_binary(value: Value, element: int, one: Encoder, lower: int = 1) -> bytes:
    """An array as its dimensions and elements (src/backend/utils/adt/arrayfuncs.c, array_send)."""
    items = list_of(value, array_of(element))
    sizes = []
    level: Any = items
    while isinstance(level, list) and level:
        sizes.append(len(level))
        level = level[0]
    flat: list[Any] = items
    for size in sizes[1:]:
        if any(not isinstance(inner, list) or len(inner) != size for inner in flat):
            raise StatementError("22P02", "multidimensional arrays must have sub-arrays with matching dimensions")
        flat = [item for inner in flat for item in inner]
    parts = [_ARRAY_HEAD.pack(len(sizes), int(any(item is None for item in flat)), element)]
    parts += [_DIMENSION.pack(size, lower) for size in sizes]
    for item in flat:
        if item is None:
            parts.append(b"\xff\xff\xff\xff")
        else:
            raw = one(element_value(item, element))
            parts.append(len(raw).to_bytes(4, "big") + raw)
    return b"".join(parts)


def array_from_binary(raw: bytes, read: Callable[[int, bytes], Value], announced: int = 0) -> list[Any]:
    """The elements, nested as the dimensions say.

    :param read: turns (element type, bytes) into a value.
    :param announced: the element type that was announced; the client gives only its number.
    """
    dimensions, _, element = _ARRAY_HEAD.unpack_from(raw)
    if element == int(announced):
        element = announced
    if not 0 <= dimensions <= 6:
        raise StatementError("22P03", f"invalid number of dimensions: {dimensions}")
    at = 12
    sizes = []
    total = 1
    for _ in range(dimensions):
        size, _lower = _DIMENSION.unpack_from(raw, at)
        at += 8
        sizes.append(size)
        total *= size
    if min(sizes, default=0) < 0 or (dimensions and total * 4 > len(raw) - at):
        raise StatementError("22P03", "insufficient data left in message")
    items: list[Any] = []
    for _ in range(total if dimensions else 0):
        length = int.from_bytes(raw[at : at + 4], "big", signed=True)
        at += 4
        if length < 0:
            items.append(None)
            continue
        if length > len(raw) - at:
            raise StatementError("22P03", "insufficient data left in message")
        items.append(json_item(read(element, raw[at : at + length]), element))
        at += length
    for size in reversed(sizes[1:]):
        items = [items[start : start + size] for start in range(0, len(items), size)]
    return items


def json_item(value: Value, element: int) -> Any:
    """An array's element, or a field, as JSON keeps it."""
    if element == BOOL and value is not None:
        return bool(value)
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if isinstance(value, float) and not isfinite(value):
        return float_text(value)
    if element in (JSON, JSONB) and value is not None:
        # A document stays its text, as ARRAY[x::json] keeps it: what JSON made of it could not tell "1" from 1, or null from NULL.
        return value if isinstance(value, str) else json.dumps(value)
    if isinstance(value, str) and is_nested(element):
        return json.loads(value)
    return value


def vector_binary(value: Value, oid: int, element: int, one: Encoder) -> bytes:
    """int2vector and oidvector: arrays that count from 0 and are written as numbers with blanks between."""
    try:
        numbers = (
            [int(word) for word in str(value).split()] if not str(value).startswith("[") else json.loads(str(value))
        )
    except ValueError:
        raise unfit(oid, value) from None
    if not numbers:
        return _ARRAY_HEAD.pack(1, 0, element) + _DIMENSION.pack(0, 0)
    return array_binary(json.dumps(numbers), element, one, 0)


def record_binary(value: Value) -> bytes:
    """A record has no types in the file: what looks like an int4 is one, the rest is `unknown`."""
    text = str(value)
    fields = array_literal("{" + text[1:-1] + "}") if text.startswith("(") and text != "()" else []
    parts = [len(fields).to_bytes(4, "big")]
    for item in fields:
        oid = INT4 if item is not None and re.fullmatch(r"-?\d{1,9}", item) else UNKNOWN
        raw = b"" if item is None else int(item).to_bytes(4, "big", signed=True) if oid == INT4 else item.encode()
        parts.append(
            oid.to_bytes(4, "big") + (b"\xff\xff\xff\xff" if item is None else len(raw).to_bytes(4, "big") + raw)
        )
    return b"".join(parts)
