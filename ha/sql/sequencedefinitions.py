"""Sequences and columns that count: how they do, and what is refused because a column counts by one. [pure]"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ha.errors import StatementError
from ha.sql import kinds
from ha.sql.kinds import Kind
from ha.sql.literals import BITS
from ha.sql.reader import Parsed, Reader, refused
from ha.sql.tokens import quoted, quoted_name
from ha.sql.typenames import ALIASES


def create_sequence(reader: Reader) -> Parsed:
    """An empty table that counts by itself: see :mod:`ha.sqlite.sequences`."""
    if reader.one_of("TEMP", "TEMPORARY"):
        return refused("CREATE TEMP SEQUENCE", "Use an ordinary sequence.")
    reader.take("UNLOGGED")
    reader.expect("SEQUENCE")
    exists = "IF NOT EXISTS " if reader.take("IF", "NOT", "EXISTS") else ""
    name = reader.qualified()
    counting = _sequence_options(reader)
    more = "" if counting == Counting() else f", {counting.words()}"
    texts = [f"CREATE TABLE {exists}{quoted_name(name)} (last_value INTEGER PRIMARY KEY AUTOINCREMENT{more})"]
    if counting.start != counting.increment:
        texts.append(counted_from(name, counting.start, counting.increment))
    return Kind.SCRIPT, "CREATE SEQUENCE", kinds.Script(tuple(texts))


class Counting(NamedTuple):
    """How a sequence counts. Where it is not by one from 1, the table that counts for it has a column for each, whose default it is."""

    start: int = 1
    increment: int = 1
    least: int = 1
    most: int = 2**63 - 1
    cycles: int = 0

    def words(self) -> str:
        """The declarations of those columns."""
        return ", ".join(f"{name} INTEGER DEFAULT {value}" for name, value in zip(COLUMNS, self, strict=True))

    def next(self, last: int) -> int | None:
        """What comes after `last`; None at the end."""
        value = last + self.increment
        if self.least <= value <= self.most:
            return value
        if not self.cycles:
            return None
        return self.least if self.increment > 0 else self.most


#: The columns of a table that counts in a manner of its own, behind ``last_value``, in the order of :class:`Counting`.
COLUMNS = ("start_value", "increment_by", "min_value", "max_value", "cycle")


def counting_of(defaults: Mapping[str, str | None]) -> Counting:
    """How a table counts whose columns have these defaults."""
    if tuple(defaults) != ("last_value", *COLUMNS):
        return Counting()
    return Counting(*(int(defaults[name] or 0) for name in COLUMNS))


def _sequence_options(reader: Reader) -> Counting:
    """How it counts.

    :raises StatementError: 22023, 42601.
    """
    start = least = most = None
    increment, cycles, kind = 1, 0, "int8"
    while reader.key not in ("", ")"):
        if reader.take("START"):
            reader.take("WITH")
            start = _whole(reader)
        elif reader.take("INCREMENT"):
            reader.take("BY")
            increment = _whole(reader)
            if not increment:
                raise StatementError("22023", "INCREMENT must not be zero")
        elif reader.take("MINVALUE"):
            least = _whole(reader)
        elif reader.take("MAXVALUE"):
            most = _whole(reader)
        elif reader.take("CACHE"):
            _whole(reader)
        elif reader.take("NO"):
            if not reader.one_of("MINVALUE", "MAXVALUE", "CYCLE"):
                raise reader.error()
        elif reader.take("AS"):
            kind = ALIASES.get(written := reader.name(), written)
        elif reader.take("OWNED", "BY"):
            reader.qualified()
            while reader.take("."):
                reader.name()
        elif reader.take("SEQUENCE", "NAME"):
            reader.qualified()
        elif reader.take("CYCLE"):
            cycles = 1
        else:
            raise reader.error()
    return _counting(start, increment, least, most, cycles, 1 << BITS.get(kind, 64) - 1)


def _counting(
    start: int | None, increment: int, least: int | None, most: int | None, cycles: int, end: int
) -> Counting:
    """What was said, and PostgreSQL's defaults for the rest.

    :raises StatementError: 22023, the one does not fit the other.
    """
    upwards = increment > 0
    least = (1 if upwards else -end) if least is None else least
    most = (end - 1 if upwards else -1) if most is None else most
    if least >= most:
        raise StatementError("22023", f"MINVALUE ({least}) must be less than MAXVALUE ({most})")
    start = (least if upwards else most) if start is None else start
    if start < least:
        raise StatementError("22023", f"START value ({start}) cannot be less than MINVALUE ({least})")
    if start > most:
        raise StatementError("22023", f"START value ({start}) cannot be greater than MAXVALUE ({most})")
    return Counting(start, increment, least, most, cycles)


def _whole(reader: Reader) -> int:
    sign = -1 if reader.take("-") else 1
    if not reader.key.isdecimal() or len(reader.key) > 19:
        raise reader.error()
    reader.at += 1
    return sign * int(reader.tokens[reader.at - 1].key)


def _no_such_sequence(what: str) -> StatementError:
    return StatementError("0A000", f"{what} of an identity is not supported", hint="Its column counts by one, upwards.")


def identity_start(reader: Reader) -> int:
    """Where a column counts from that is ``GENERATED … AS IDENTITY (START WITH n …)``.

    :raises StatementError: 0A000, it would not count by one.
    """
    for at, token in enumerate(reader.tokens[:-1]):
        if token.key == "IDENTITY" and reader.tokens[at + 1].key == "(":
            inner = Reader(reader.text, reader.tokens, reader.inner, reader.sqlite, reader.path)
            inner.at = at + 2
            counting = _sequence_options(inner)
            if counting.increment != 1 or counting.cycles:
                raise _no_such_sequence("INCREMENT BY" if counting.increment != 1 else "CYCLE")
            return counting.start
    return 1


def counted_from(table: str, start: int, increment: int = 1) -> str:
    """What makes a table that counts by itself begin at `start`."""
    return (
        f"INSERT INTO sqlite_sequence SELECT {quoted(table)}, {start - increment} WHERE NOT EXISTS "
        f"(SELECT 1 FROM sqlite_sequence WHERE name = {quoted(table)})"
    )
