"""``CREATE TABLE … AS``: a table of the columns that its query gives, with their types, and then its rows.

SQLite's own would keep four kinds of columns, and tell neither a boolean from a number nor a time from a text.
"""

from __future__ import annotations

from ha.errors import Notice, StatementError
from ha.sql.declarations import CITEXT_COLLATION
from ha.sql.infer import columns, declaration
from ha.sql.kinds import CreateTableAs
from ha.sql.namespaces import own_name
from ha.sql.tokens import quoted_name
from ha.sqlite.connection import Connection
from ha.sqlite.declared import Declared, fitted
from ha.sqlite.fetch import facts_of
from ha.values import Column


def steps(connection: Connection, argument: CreateTableAs, notices: list[Notice]) -> list[str]:
    """The texts that make the table and fill it; none if it is there and that was allowed for.

    :raises StatementError: 42P07, it is there; 42701, two columns have one name; 42601, too many names.
    """
    if connection.has(argument.name, "temp" if argument.temporary else "main"):
        message = f'relation "{own_name(argument.name)}" already exists'
        if not argument.if_not_exists:
            raise StatementError("42P07", message)
        notices.append(Notice("NOTICE", "42P07", f"{message}, skipping"))
        return []
    query = fitted(connection, argument.query)
    if query.parts:
        raise StatementError(
            "0A000",
            "CREATE TABLE … AS a query that writes is not supported",
            hint="Use two statements in a transaction.",
        )
    facts = facts_of(connection, query.sql)
    schema = Declared(connection)
    found = columns(argument.query, schema.sources(facts.columns), schema)
    if len(argument.columns) > len(found):
        raise StatementError("42601", "too many column names were specified")
    named = [*argument.columns, *(one.name for one in found[len(argument.columns) :])]
    for at, name in enumerate(named):
        if name in named[:at]:
            raise StatementError("42701", f'column "{name}" specified more than once')
    declared = ", ".join(
        f"{quoted_name(name)} {_declared(one)}".rstrip() for name, one in zip(named, found, strict=True)
    )
    # As SQLite keeps it, so that other nodes are told these words.
    made = f"CREATE {'TEMP ' if argument.temporary else ''}TABLE {quoted_name(argument.name)} ({declared})"
    return [made, f"INSERT INTO {argument.table} {query.sql}"] if argument.filled else [made]


def _declared(column: Column) -> str:
    words = declaration(column)
    return words + CITEXT_COLLATION if words == "citext" else words
