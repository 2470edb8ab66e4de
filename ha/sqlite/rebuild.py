"""What PostgreSQL says in one statement and SQLite in several: which texts, in which order."""

from __future__ import annotations

from ha.errors import StatementError
from ha.sql.kinds import Script, Statement, Truncate
from ha.sql.tokens import quoted, quoted_name
from ha.sqlite.connection import Connection


def steps(connection: Connection, statement: Statement) -> list[str]:
    """SQLite's texts for a statement of kind SCRIPT. Looks at the schema; changes nothing.

    To be run one after another, as the client's, in one transaction.

    :raises StatementError: an object does not exist, or another depends on it.
    """
    argument = statement.argument
    if isinstance(argument, Script):
        return list(argument.texts)
    if isinstance(argument, Truncate):
        return _truncate(connection, argument)
    raise AssertionError(f"{argument!r} is no script")


def _truncate(connection: Connection, argument: Truncate) -> list[str]:
    with connection.guard.trusted():
        tables = [_table(connection, name) for name in argument.tables]
        for table in tables:  # grows while it is walked: those that refer to one that refers
            for child in _children(connection, table):
                if child in tables:
                    continue
                if not argument.cascade:
                    raise StatementError(
                        "0A000",
                        "cannot truncate a table referenced in a foreign key constraint",
                        detail=f'Table "{child}" references "{table}".',
                        hint=f'Truncate table "{child}" at the same time, or use TRUNCATE ... CASCADE.',
                    )
                tables.append(child)
        counted = argument.restart_identity and _has_sequences(connection)
    texts = [f"DELETE FROM {quoted_name(table)}" for table in reversed(tables)]
    if counted:
        texts += [f"DELETE FROM sqlite_sequence WHERE name = {quoted(table)}" for table in tables]
    return texts


def _table(connection: Connection, name: str) -> str:
    found = connection.execute(
        "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE", (name,)
    ).get
    if found is None:
        raise StatementError("42P01", f'relation "{name}" does not exist')
    return str(found)


def _children(connection: Connection, table: str) -> list[str]:
    rows = connection.execute(
        "SELECT DISTINCT s.name FROM main.sqlite_schema s, pragma_foreign_key_list(s.name) f"
        " WHERE s.type = 'table' AND f.[table] = ? COLLATE NOCASE",
        (table,),
    )
    return [str(name) for (name,) in rows]


def _has_sequences(connection: Connection) -> bool:
    return connection.execute("SELECT 1 FROM main.sqlite_schema WHERE name = 'sqlite_sequence'").get is not None
