"""Sequences and columns that count: where they begin, and what is refused because it would not count by one. [pure]"""

from __future__ import annotations

from ha.errors import StatementError
from ha.sql import kinds
from ha.sql.kinds import Kind
from ha.sql.reader import Parsed, Reader, refused
from ha.sql.tokens import quoted, quoted_name


def create_sequence(reader: Reader) -> Parsed:
    """An empty table that counts by itself: see :mod:`ha.sqlite.sequences`."""
    if reader.one_of("TEMP", "TEMPORARY"):
        return refused("CREATE TEMP SEQUENCE", "Use an ordinary sequence.")
    reader.take("UNLOGGED")
    reader.expect("SEQUENCE")
    exists = "IF NOT EXISTS " if reader.take("IF", "NOT", "EXISTS") else ""
    name = reader.qualified()
    start = _sequence_options(reader)
    texts = [f"CREATE TABLE {exists}{quoted_name(name)} (last_value INTEGER PRIMARY KEY AUTOINCREMENT)"]
    if start != 1:
        texts.append(counted_from(name, start))
    return Kind.SCRIPT, "CREATE SEQUENCE", kinds.Script(tuple(texts))


def _sequence_options(reader: Reader) -> int:
    """Where it starts. It counts by one, without end: what asks for something else is refused.

    :raises StatementError: 0A000, 42601.
    """
    start = 1
    while reader.key not in ("", ")"):
        if reader.take("START"):
            reader.take("WITH")
            start = _whole(reader)
        elif reader.take("INCREMENT"):
            reader.take("BY")
            if _whole(reader) != 1:
                raise _no_such_sequence("INCREMENT BY")
        elif reader.take("MINVALUE"):
            least = _whole(reader)
            start = max(start, least)
        elif reader.one_of("MAXVALUE", "CACHE"):
            _whole(reader)
        elif reader.take("NO"):
            if not reader.one_of("MINVALUE", "MAXVALUE", "CYCLE"):
                raise reader.error()
        elif reader.take("AS"):
            reader.name()
        elif reader.take("OWNED", "BY"):
            reader.qualified()
            while reader.take("."):
                reader.name()
        elif reader.take("SEQUENCE", "NAME"):
            reader.qualified()
        elif reader.take("CYCLE"):
            raise _no_such_sequence("CYCLE")
        else:
            raise reader.error()
    return start


def _whole(reader: Reader) -> int:
    sign = -1 if reader.take("-") else 1
    if not reader.key.isdecimal() or len(reader.key) > 19:
        raise reader.error()
    reader.at += 1
    return sign * int(reader.tokens[reader.at - 1].key)


def _no_such_sequence(what: str) -> StatementError:
    return StatementError("0A000", f"{what} of a sequence is not supported", hint="Sequences count by one, upwards.")


def identity_start(reader: Reader) -> int:
    """Where a column counts from that is ``GENERATED … AS IDENTITY (START WITH n …)``.

    :raises StatementError: 0A000, it would not count by one.
    """
    for at, token in enumerate(reader.tokens[:-1]):
        if token.key == "IDENTITY" and reader.tokens[at + 1].key == "(":
            inner = Reader(reader.text, reader.tokens, reader.inner, reader.sqlite, reader.path)
            inner.at = at + 2
            return _sequence_options(inner)
    return 1


def counted_from(table: str, start: int) -> str:
    """What makes a table that counts by itself begin at `start`."""
    return (
        f"INSERT INTO sqlite_sequence SELECT {quoted(table)}, {start - 1} WHERE NOT EXISTS "
        f"(SELECT 1 FROM sqlite_sequence WHERE name = {quoted(table)})"
    )
