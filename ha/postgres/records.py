"""Composite values and records on the wire, in text and in binary. [pure]

What is kept is a JSON object, by the names of the fields; the words of the type (:mod:`ha.sql.made`) tell how each field is written, and
the caller says how a value of a type is. The binary form is src/backend/utils/adt/rowtypes.c, record_send.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from struct import Struct
from typing import Any

from ha.errors import StatementError
from ha.postgres.nested import element_value, json_item
from ha.postgres.pgtypes import JSON, JSONB, of_name
from ha.sql import recordtexts
from ha.sql.made import Composite
from ha.values import Value

Typed = tuple[int, int]
_HEAD, _FIELD = Struct("!i"), Struct("!Ii")
_NULL = -1


def types_of(one: Composite) -> list[Typed]:
    """The OID and modifier of each field."""
    return [of_name(words) for _, words in one.fields]


def _items(value: Value, one: Composite) -> list[Any]:
    """The fields of what is kept.

    :raises StatementError: 22P02, it is no value of the type: somebody else wrote it.
    """
    text = str(value)
    if text.startswith("("):
        return list(recordtexts.fitting(text, len(one.fields)))
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise recordtexts.malformed(text, "Missing left parenthesis.") from None
    if not isinstance(found, dict):
        raise recordtexts.malformed(text, "Missing left parenthesis.")
    return [found.get(name) for name, _ in one.fields]


def _item(value: Value, oid: int) -> Any:
    """A field as JSON keeps it. A document stays a text: what is a string in it could not be told from what is none."""
    return str(value) if oid in (JSON, JSONB) else json_item(value, oid)


def to_text(value: Value, one: Composite, types: list[Typed], encoders: list[Callable[[Value], bytes]]) -> bytes:
    """A value in text.

    :param encoders: what writes a value of each field's type.
    """
    shown = [
        None if item is None else encode(element_value(item, oid)).decode("utf-8", "surrogatepass")
        for item, (oid, _), encode in zip(_items(value, one), types, encoders, strict=True)
    ]
    return recordtexts.write(shown).encode("utf-8", "surrogatepass")


def to_binary(value: Value, one: Composite, types: list[Typed], encoders: list[Callable[[Value], bytes]]) -> bytes:
    """A value in binary."""
    parts = [_HEAD.pack(len(types))]
    for item, (oid, _), encode in zip(_items(value, one), types, encoders, strict=True):
        if item is None:
            parts.append(_FIELD.pack(oid, _NULL))
        else:
            raw = encode(element_value(item, oid))
            parts += (_FIELD.pack(oid, len(raw)), raw)
    return b"".join(parts)


def from_text(text: str, one: Composite, types: list[Typed], readers: list[Callable[[str], Value] | None]) -> str:
    """What shall be kept.

    :param readers: what makes values of texts, None where they stay.
    """
    fields = recordtexts.fitting(text, len(types))
    return _kept(
        one,
        [
            None if field is None else _item(field if read is None else read(field), oid)
            for field, (oid, _), read in zip(fields, types, readers, strict=True)
        ],
    )


def from_binary(raw: bytes, one: Composite, types: list[Typed], readers: list[Callable[[bytes], Value]]) -> str:
    """What shall be kept.

    :raises StatementError: 42804, 22P03.
    """
    (count,) = _HEAD.unpack_from(raw)
    if count != len(types):
        raise StatementError("42804", f"wrong number of columns: {count}, expected {len(types)}")
    at = 4
    found: list[Any] = []
    for number, ((oid, _), read) in enumerate(zip(types, readers, strict=True), 1):
        told, length = _FIELD.unpack_from(raw, at)
        at += 8
        if told != int(oid):
            raise StatementError(
                "42804",
                f"binary data has type {told} instead of expected {int(oid)} in record column {number}",
            )
        if length == _NULL:
            found.append(None)
            continue
        if not 0 <= length <= len(raw) - at:
            raise StatementError("22P03", "insufficient data left in message")
        found.append(_item(read(raw[at : at + length]), oid))
        at += length
    if at != len(raw):
        raise StatementError("22P03", "improper binary format in record")
    return _kept(one, found)


def _kept(one: Composite, items: list[Any]) -> str:
    names = [name for name, _ in one.fields]
    return json.dumps(dict(zip(names, items, strict=True)), ensure_ascii=False, separators=(",", ":"))
