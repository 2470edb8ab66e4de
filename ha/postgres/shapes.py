"""The shape of a result: its RowDescription, and a function made to write its rows. [pure]

Rows are the hot path. :func:`row_encoder` generates one function for each shape (types and formats) and keeps it; a
:class:`Shape` is kept for each tuple of columns that the backend hands out, so a statement that comes again costs a look-up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from ha.postgres.answers import FieldDescription, RowDescription
from ha.postgres.encoding import (
    FLOAT8_LAYOUT,
    INT2_LAYOUT,
    INT4_LAYOUT,
    INT8_LAYOUT,
    binary_encoder,
    text_encoder,
)
from ha.postgres.manner import Manner
from ha.postgres.pgtypes import (
    BINARY,
    BYTEA,
    FLOAT8,
    INT2,
    INT4,
    INT8,
    JSON,
    JSONB,
    OID,
    OIDS,
    TEXT,
    TEXT_OID,
    VARCHAR,
    of_column,
    of_values,
    size_of,
)
from ha.values import Column, Row

#: How many of a result's first rows are looked at for a column of unknown type.
ROWS_SEEN_MAX = 256
#: Rows with more columns are written without generated code.
WIDE = 100
#: Encoders that one shape remembers: clients may ask in every combination of formats, and in every zone.
ENCODERS_MAX = 64
#: Shapes remembered by the identity of their columns.
_SHAPES_MAX = 2048

#: The length words of short fields, NULL's at the end.
_LENGTHS = tuple(n.to_bytes(4, "big") for n in range(1024))
_NULL = b"\xff\xff\xff\xff"

RowEncoder = Callable[[Sequence[Row]], bytes]


def _column_source(index: int, oid: int, format: int, recoded: bool) -> list[str]:
    """Lines that turn `c<index>` into the field's bytes `t<index>`, how many `n<index>` and their length word `l<index>`.

    :param recoded: texts are not sent in UTF-8.
    """
    c, t, n, word, slow = f"c{index}", f"t{index}", f"n{index}", f"l{index}", f"e{index}"
    is_int, is_str = f"{c}.__class__ is int", f"{c}.__class__ is str"
    within = {INT4: f" and {-(1 << 31)} <= {c} < {1 << 31}", INT2: f" and {-(1 << 15)} <= {c} < {1 << 15}"}.get(oid, "")
    size = None
    # What is not of its type, or too wide, the slow way names.
    if format == BINARY and oid in _LAYOUTS:
        size = _LAYOUTS[oid].size
        quick = (f"{c}.__class__ is float" if oid == FLOAT8 else is_int + within, f"p{index}({c})")
    elif format == TEXT and oid in (INT8, INT4, INT2, OID):
        quick = (is_int + within, f'b"%d" % {c}')
    elif oid in (TEXT_OID, VARCHAR, OIDS["name"]) or (format == TEXT and oid in (JSON, JSONB)):
        quick = (f"{is_str} and {c}.isascii()" if recoded else is_str, f"{c}.encode()")
    elif format == BINARY and oid == BYTEA:
        quick = (f"{c}.__class__ is bytes", c)
    else:
        quick = ("False", "NOTHING")
    length = f"LENGTHS[{n}] if {n} < {len(_LENGTHS)} else {n}.to_bytes(4, 'big')"
    measured = f"{n} = len({t}); {word} = {length}" if size is None else f"{n} = {size}; {word} = LENGTHS[{size}]"
    return [
        f"if {quick[0]}:",
        f"    {t} = {quick[1]}; {measured}",
        f"elif {c} is None: {t} = NOTHING; {n} = 0; {word} = NULL",
        f"else: {t} = {slow}({c}); {n} = len({t}); {word} = {length}",
    ]


#: Values that have one size in binary.
_LAYOUTS = {INT8: INT8_LAYOUT, INT4: INT4_LAYOUT, INT2: INT2_LAYOUT, FLOAT8: FLOAT8_LAYOUT}


@lru_cache(WIDE)
def _heads(columns: int) -> tuple[bytes, ...]:
    """The heads of short rows with so many columns, by the length word's number."""
    return tuple(b"D%b%b" % (length, columns.to_bytes(2, "big")) for length in _LENGTHS)


_EMPTY_ROW = b"D\0\0\0\6\0\0"


def _field(raw: bytes) -> bytes:
    return len(raw).to_bytes(4, "big") + raw


@lru_cache(2048)
def row_encoder(
    columns: tuple[tuple[int, int], ...], formats: tuple[int, ...], manner: Manner | None = None
) -> RowEncoder:
    """A function that writes rows of this shape as DataRow messages, made for it once.

    :param columns: OID and type modifier of each.
    :param formats: 0 or 1 for each.
    :param manner: the session's, None for the usual.

    The function raises :class:`StatementError` for a value that cannot be written in the binary form announced.
    """
    if not columns:
        return lambda rows: _EMPTY_ROW * len(rows)  # what SQLite gives instead of no column is not told
    if len(columns) > WIDE:
        # Generated code is for the rows people read by the thousand, not for the widest of tables.
        return _plain_row_encoder(columns, formats, manner)
    count = len(columns)
    names: dict[str, Any] = {"LENGTHS": _LENGTHS, "NULL": _NULL, "NOTHING": b"", "HEADS": _heads(count)}
    names["COUNT"] = count.to_bytes(2, "big")
    lines = ["def encode(rows):", "    out = []"]
    recoded = manner is not None and manner.charset is not None
    row = "".join(f"c{i}, " for i in range(count))
    lines.append(f"    for {row or '_'} in rows:")
    for i, ((oid, typmod), format) in enumerate(zip(columns, formats, strict=True)):
        names[f"e{i}"] = (binary_encoder if format == BINARY else text_encoder)(oid, typmod, manner)
        if format == BINARY and oid in _LAYOUTS:
            names[f"p{i}"] = _LAYOUTS[oid].pack
        lines += ["        " + line for line in _column_source(i, oid, format, recoded)]
    # All pieces are joined once: adding them up, field by field and row by row, takes half as long again.
    lines += [
        f"        n = {''.join(f'n{i} + ' for i in range(count))}{4 * count + 6}",
        f"        out += (HEADS[n] if n < {len(_LENGTHS)} else b'D' + n.to_bytes(4, 'big') + COUNT,",
        f"            {''.join(f'l{i}, t{i}, ' for i in range(count))})",
        '    return b"".join(out)',
    ]
    exec("\n".join(lines), names)  # noqa: S102 - our own text, made of numbers only
    return names["encode"]  # type: ignore[no-any-return]


def _plain_row_encoder(
    columns: tuple[tuple[int, int], ...], formats: tuple[int, ...], manner: Manner | None
) -> RowEncoder:
    """The same without generated code."""
    encoders = [
        (binary_encoder if f == BINARY else text_encoder)(*c, manner) for c, f in zip(columns, formats, strict=True)
    ]
    count = len(columns).to_bytes(2, "big")

    def encode(rows: Sequence[Row]) -> bytes:
        out = []
        for row in rows:
            body = b"".join(
                [_NULL if value is None else _field(one(value)) for value, one in zip(row, encoders, strict=True)]
            )
            out.append(b"D" + (len(body) + 6).to_bytes(4, "big") + count + body)
        return b"".join(out)

    return encode


class Shape:
    """How one result looks to a client.

    :param columns: the backend's.
    :param types: OID and type modifier of each column.
    :param guessed: is one of them a guess that the rows may correct, as long as nothing was announced?
    """

    __slots__ = ("columns", "types", "guessed", "_descriptions", "_encoders", "_fitting")

    def __init__(self, columns: tuple[Column, ...], types: tuple[tuple[int, int], ...], guessed: bool = False) -> None:
        self.columns = columns
        self.types = types
        self.guessed = guessed
        self._descriptions: dict[tuple[int, ...], bytes] = {}
        self._encoders: dict[tuple[tuple[int, ...], Manner | None], RowEncoder] = {}
        self._fitting = columns

    def formats(self, codes: tuple[int, ...]) -> tuple[int, ...]:
        """The format of each column, from Bind's none, one or one each.

        :raises ValueError: another number.
        """
        if len(codes) > 1:
            if len(codes) != len(self.types):
                raise ValueError(len(codes))
            return codes
        return codes * len(self.types) if codes and codes[0] else ()

    def description(self, formats: tuple[int, ...] = ()) -> bytes:
        """The RowDescription message; no formats: all text."""
        found = self._descriptions.get(formats)
        if found is None:
            fields = tuple(
                FieldDescription(column.name, column.table_oid, column.attribute, oid, size_of(oid), typmod, format)
                for column, (oid, typmod), format in zip(
                    self.columns, self.types, formats or (TEXT,) * len(self.columns), strict=True
                )
            )
            found = self._descriptions[formats] = RowDescription(fields).encode()
        return found

    def encoder(self, formats: tuple[int, ...] = (), manner: Manner | None = None) -> RowEncoder:
        """The function that writes rows; no formats: all text.

        :param manner: the session's, None for the usual.
        """
        found = self._encoders.get((formats, manner))
        if found is None:
            if len(self._encoders) >= ENCODERS_MAX:
                self._encoders.clear()
            found = row_encoder(self.types, formats or (TEXT,) * len(self.types), manner)
            self._encoders[formats, manner] = found
        return found

    def fits(self, columns: tuple[Column, ...]) -> bool:
        """Are these the columns that were announced? What comes from a table by name and declared type, an expression by its name."""
        if columns is self._fitting:
            return True
        fit = len(columns) == len(self.columns) and all(
            now.name == then.name and (now.decltype == then.decltype or now.decltype is None or then.decltype is None)
            for now, then in zip(columns, self.columns, strict=True)
        )
        if fit:
            # The same tuple comes with every answer of a statement.
            self._fitting = columns
        return fit


class _Known:
    """A shape by its columns, as far as it does not depend on values."""

    __slots__ = ("columns", "types", "shape")

    def __init__(self, columns: tuple[Column, ...]) -> None:
        self.columns = columns
        self.types = tuple(map(of_column, columns))
        complete = tuple(known for known in self.types if known is not None)
        self.shape = Shape(columns, complete) if len(complete) == len(columns) else None


# By identity first: a backend may hand out the same tuple for the same statement, and hashing its columns costs more than all else.
# The entry holds the tuple, so that its identity is not given to another.
_known: dict[int, _Known] = {}
_equal: dict[tuple[Column, ...], _Known] = {}


def shape_of(columns: tuple[Column, ...], rows: Sequence[Row] | None = None) -> Shape:
    """The shape of a result.

    :param rows: its first rows, which decide the columns nothing else is known of; None where they cannot be seen (such
        columns are then text).
    """
    known = _known.get(id(columns))
    if known is None or known.columns is not columns:
        known = _equal.get(columns)
        if known is None:
            if len(_equal) >= _SHAPES_MAX:
                _equal.clear()
                _known.clear()
            known = _equal[columns] = _known[id(columns)] = _Known(columns)
    if known.shape is not None:
        return known.shape
    seen = rows[:ROWS_SEEN_MAX] if rows is not None else ()
    types = tuple(
        one if one is not None else (of_values([row[index] for row in seen]) if seen else TEXT_OID, -1)
        for index, one in enumerate(known.types)
    )
    return Shape(columns, types, rows is None)
