"""Points, lines, boxes, paths, polygons, circles: the text they are kept as, and their binary. [pure]

SQLite computes nothing with them; they are texts in PostgreSQL's writing, which drivers read and send
(https://www.postgresql.org/docs/15/datatype-geometric.html, src/backend/utils/adt/geo_ops.c).
"""

from __future__ import annotations

import re
from struct import Struct
from struct import error as StructError
from typing import Final

from ha.errors import StatementError
from ha.postgres.numerals import float_text
from ha.postgres.pgtypes import OIDS, spoken, unfit
from ha.values import Value

#: How many numbers each has; None where it is any number of points.
SIZES: Final = {
    OIDS["point"]: 2,
    OIDS["lseg"]: 4,
    OIDS["box"]: 4,
    OIDS["line"]: 3,
    OIDS["circle"]: 3,
    OIDS["path"]: None,
    OIDS["polygon"]: None,
}
_BOX, _LINE, _CIRCLE, _PATH, _POLYGON, _LSEG = (
    OIDS[name] for name in ("box", "line", "circle", "path", "polygon", "lseg")
)

_NUMBER = r"\s*[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|inf(?:inity)?|nan)\s*"
_FORM = re.compile(rf"[\s(\[<{{]*{_NUMBER}(?:[\s()]*,[\s()]*{_NUMBER})*[\s)\]>}}]*", re.IGNORECASE)
_NUMBERS = re.compile(_NUMBER, re.IGNORECASE)
_COUNT = Struct("!I")


def numbers_of(value: Value, oid: int) -> tuple[list[float], bool]:
    """The numbers in a text, and whether a path is closed.

    :raises StatementError: 22P02.
    """
    if not isinstance(value, str) or _FORM.fullmatch(value) is None:
        raise unfit(oid, value)
    numbers = [float(one) for one in _NUMBERS.findall(value)]
    size = SIZES[oid]
    if len(numbers) != size if size is not None else len(numbers) % 2:
        raise unfit(oid, value)
    if oid == _BOX:  # the upper right corner first
        x, y, z, w = numbers
        numbers = [max(x, z), max(y, w), min(x, z), min(y, w)]
    return numbers, not value.lstrip().startswith("[")


def written(numbers: list[float], oid: int, closed: bool = True) -> str:
    """In PostgreSQL's writing."""
    texts = [float_text(one) for one in numbers]
    if oid == _LINE:
        return "{" + ",".join(texts) + "}"
    points = [f"({x},{y})" for x, y in zip(texts[::2], texts[1::2], strict=False)]
    if oid == _CIRCLE:
        return f"<{points[0]},{texts[2]}>"
    if oid == _LSEG or (oid == _PATH and not closed):
        return "[" + ",".join(points) + "]"
    return "(" + ",".join(points) + ")" if oid in (_PATH, _POLYGON) else ",".join(points)


def from_text(value: Value, oid: int) -> str:
    """The text that is kept.

    :raises StatementError: 22P02.
    """
    numbers, closed = numbers_of(value, oid)
    return written(numbers, oid, closed)


def to_text(value: Value, oid: int) -> bytes:
    """The same for the wire.

    :raises StatementError: 22P02.
    """
    return from_text(value, oid).encode()


def to_binary(value: Value, oid: int) -> bytes:
    """As ``point_send`` and its kin write it.

    :raises StatementError: 22P02.
    """
    numbers, closed = numbers_of(value, oid)
    head = b""
    if SIZES[oid] is None:
        head = (bytes((closed,)) if oid == _PATH else b"") + _COUNT.pack(len(numbers) // 2)
    return head + Struct(f"!{len(numbers)}d").pack(*numbers)


def from_binary(raw: bytes, oid: int) -> str:
    """The text that is kept.

    :raises StatementError: 22P03.
    """
    closed, count, at = True, SIZES[oid], 0
    try:
        if count is None:
            if oid == _PATH:
                closed, at = raw[0] != 0, 1
            (points,) = _COUNT.unpack_from(raw, at)
            count, at = 2 * points, at + 4
        if len(raw) != at + 8 * count:
            raise IndexError
        numbers = list(Struct(f"!{count}d").unpack_from(raw, at))
    except (StructError, IndexError):
        raise StatementError("22P03", f"incorrect binary data format for type {spoken(oid)}") from None
    return written(numbers, oid, closed)
