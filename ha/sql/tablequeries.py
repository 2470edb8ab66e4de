"""``CREATE TABLE … AS``: what it says, apart from its query. [pure]"""

from __future__ import annotations

from ha.sql import kinds
from ha.sql.kinds import Kind
from ha.sql.reader import Parsed, Reader, refused
from ha.sql.tokens import quoted_name


def create_as(reader: Reader, promise: kinds.OnCommit | None) -> Parsed | None:
    """A CREATE TABLE whose rows a query gives, read from its beginning; None if it is none, or wants parameters.

    :param promise: what it says of COMMIT.
    """
    reader.at = 1
    reader.one_of("GLOBAL", "LOCAL", "UNLOGGED")
    temporary = bool(reader.one_of("TEMP", "TEMPORARY"))
    if not reader.take("TABLE"):
        return None  # SQLite's CREATE VIRTUAL TABLE
    exists = reader.take("IF", "NOT", "EXISTS")
    name = reader.qualified()
    columns: tuple[str, ...] = ()
    if reader.key == "(":
        before = reader.at
        reader.at = reader.closing_of(before) + 1
        if not _reaches_query(reader):
            return None
        as_, reader.at = reader.at, before
        columns = reader.names()
        reader.at = as_
    elif not _reaches_query(reader):
        return None
    reader.expect("AS")
    end = len(reader.tokens)
    keys = [token.key for token in reader.tokens[-3:]]
    filled = keys != ["WITH", "NO", "DATA"]
    if keys[1:] == ["WITH", "DATA"] or not filled:
        end -= 2 if filled else 3
    query = reader.inner(reader.at, end)
    if query.kind is not Kind.SQL or query.verb != "SELECT":
        return refused("CREATE TABLE … AS what is no query", "Write the query itself.")
    if query.parameters:
        return None
    promised = promise.at_commit if promise is not None else None
    table = quoted_name(name) if not temporary else f"temp.{quoted_name(name)}"
    return (
        Kind.SCRIPT,
        "CREATE TABLE AS",
        kinds.CreateTableAs(name, table, columns, query, filled, exists, temporary, promised),
    )


def _reaches_query(reader: Reader) -> bool:
    """Step over options of storage, which mean nothing, to AS."""
    while reader.key not in ("AS", ""):
        if reader.take("WITH", "("):
            reader.at = reader.closing() + 1
        elif reader.take("WITHOUT", "OIDS"):
            continue
        elif reader.one_of("USING", "TABLESPACE"):
            reader.name()
        elif reader.take("ON", "COMMIT"):
            reader.at += 1 + (reader.key in ("PRESERVE", "DELETE"))
        else:
            return False
    return reader.key == "AS"
