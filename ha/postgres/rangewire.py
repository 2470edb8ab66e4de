"""Ranges and multiranges on the wire, in text and in binary. [pure]

How a bound is read and written, the caller says, as for arrays (:mod:`ha.postgres.nested`). The binary form is
src/backend/utils/adt/rangetypes.c, range_send: a byte of flags, then each bound with its length.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct

from ha.errors import StatementError
from ha.postgres.pgtypes import OIDS
from ha.sql import ranges
from ha.sql.ranges import MULTIRANGES, Range
from ha.values import Value

#: Multiranges, by their OIDs.
_MANY = frozenset(OIDS[name] for name in MULTIRANGES)
#: By the OID of a range or multirange: its bounds' type by name.
BOUNDS = {OIDS[name]: kind for name, kind in ranges.BOUNDS.items()}

_EMPTY, _LOWER_IN, _UPPER_IN, _LOWER_OPEN, _UPPER_OPEN = 1, 2, 4, 8, 16
_LENGTH = Struct("!i")


def _kept(text: str) -> str:
    return text


def to_text(value: Value, oid: int, bound: Callable[[str], str]) -> str:
    """What is kept, with its bounds as `bound` shows them."""
    if oid in _MANY:
        return ranges.write_all([ranges.read(one, _kept) for one in ranges.split(str(value))], bound)
    return ranges.write(ranges.read(str(value), _kept), bound)


def from_text(text: str, oid: int, bound: Callable[[str], str]) -> str:
    """What shall be kept, with its bounds as `bound` reads them."""
    kind = BOUNDS[oid]
    if oid in _MANY:
        parts = [ranges.canonical(ranges.read(one, bound), kind) for one in ranges.split(text)]
        return ranges.write_all(ranges.joined(parts, kind))
    return ranges.write(ranges.canonical(ranges.read(text, bound), kind))


def to_binary(value: Value, oid: int, bound: Callable[[str], bytes]) -> bytes:
    if oid not in _MANY:
        return _range_to_binary(ranges.read(str(value), _kept), bound)
    parts = [_range_to_binary(ranges.read(one, _kept), bound) for one in ranges.split(str(value))]
    return _LENGTH.pack(len(parts)) + b"".join([_LENGTH.pack(len(part)) + part for part in parts])


def _range_to_binary(one: Range, bound: Callable[[str], bytes]) -> bytes:
    if one.empty:
        return bytes((_EMPTY,))
    flags = _LOWER_IN * (one.bounds[0] == "[") | _UPPER_IN * (one.bounds[1] == "]")
    flags |= _LOWER_OPEN * (one.lower is None) | _UPPER_OPEN * (one.upper is None)
    raw = bytes((flags,))
    for part in (one.lower, one.upper):
        if part is not None:
            written = bound(part)
            raw += _LENGTH.pack(len(written)) + written
    return raw


def from_binary(raw: bytes, oid: int, bound: Callable[[bytes], str]) -> str:
    """What shall be kept.

    :raises StatementError: 22P03.
    """
    kind = BOUNDS[oid]
    if oid not in _MANY:
        return ranges.write(ranges.canonical(_range_from_binary(raw, bound), kind))
    (count,) = _LENGTH.unpack_from(raw)
    if not 0 <= count <= len(raw):
        raise StatementError("22P03", "insufficient data left in message")
    parts, at = [], 4
    for _ in range(count):
        part, at = _slice(raw, at)
        parts.append(ranges.canonical(_range_from_binary(part, bound), kind))
    return ranges.write_all(ranges.joined(parts, kind))


def _slice(raw: bytes, at: int) -> tuple[bytes, int]:
    (length,) = _LENGTH.unpack_from(raw, at)
    if not 0 <= length <= len(raw) - at - 4:
        raise StatementError("22P03", "insufficient data left in message")
    return raw[at + 4 : at + 4 + length], at + 4 + length


def _range_from_binary(raw: bytes, bound: Callable[[bytes], str]) -> Range:
    flags, at = raw[0], 1
    if flags & _EMPTY:
        return ranges.EMPTY
    found: list[str | None] = []
    for open_ in (_LOWER_OPEN, _UPPER_OPEN):
        if flags & open_:
            found.append(None)
        else:
            part, at = _slice(raw, at)
            found.append(bound(part))
    return Range(found[0], found[1], ("[" if flags & _LOWER_IN else "(") + ("]" if flags & _UPPER_IN else ")"))
