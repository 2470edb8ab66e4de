"""``CREATE TABLE … AS`` and ``CREATE TABLE … (LIKE …)``: a table of the columns that a query gives, or another table has.

Of a query come the types, and then its rows; SQLite's own would keep four kinds of columns, and tell neither a boolean from a number
nor a time from a text.
"""

from __future__ import annotations

from collections.abc import Sequence

from ha.errors import Notice, StatementError, pass_over
from ha.sql.constraints import index_terms
from ha.sql.declarations import CITEXT_COLLATION, PRIMARY_MARK, UNIQUE_MARK
from ha.sql.infer import columns, declaration
from ha.sql.kinds import CreateLike, CreateTableAs, OnCommit, Statement
from ha.sql.likeness import elements_like
from ha.sql.namespaces import beside, own_name
from ha.sql.statements import split
from ha.sql.tabletext import taken_apart
from ha.sql.tokens import NAMES, quoted_name, tokenize, unquoted
from ha.sqlite import schemas
from ha.sqlite.connection import Connection
from ha.sqlite.declared import Declared, fitted
from ha.sqlite.fetch import facts_of
from ha.sqlite.functionscripts import written_out
from ha.values import Column


def steps(connection: Connection, argument: CreateTableAs, notices: list[Notice]) -> list[str]:
    """The texts that make the table and fill it; none if it is there and that was allowed for.

    :raises StatementError: 42P07, it is there; 42701, two columns have one name; 42601, too many names.
    """
    if _is_there(connection, argument, notices):
        return []
    asked = written_out(connection, argument.query)
    query = fitted(connection, asked)
    if query.parts:
        raise StatementError(
            "0A000",
            "CREATE TABLE … AS a query that writes is not supported",
            hint="Use two statements in a transaction.",
        )
    facts = facts_of(connection, query.sql)
    schema = Declared(connection)
    found = columns(asked, schema.sources(facts.columns), schema)
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
    return [made, f"INSERT INTO {argument.table} {_kept(query.sql, found)}"] if argument.filled else [made]


def _declared(column: Column) -> str:
    words = declaration(column)
    return words + CITEXT_COLLATION if words == "citext" else words


def likened(connection: Connection, statement: Statement, argument: CreateLike, notices: list[Notice]) -> list[str]:
    """The texts that make a table like others; none if it is there and that was allowed for.

    :raises StatementError: 42P07, it is there; 42P01, one of the others is not; 0A000, it is no table.
    """
    if _is_there(connection, argument, notices):
        return []
    text, at = statement.text, 0
    parts: list[str] = []
    constraints: list[str] = []
    indexes: list[str] = []
    for start, end, source, options in argument.likes:
        with connection.guard.trusted():
            called = schemas.table_called(connection, source)
            if called is None:
                if connection.has(source):
                    raise StatementError(
                        "0A000", "LIKE a view is not supported", hint="Use CREATE TABLE … AS … LIMIT 0."
                    )
                raise StatementError("42P01", f'relation "{own_name(source)}" does not exist')
            name, sql, schema = called
            if "INDEXES" in options:
                indexes += _indexes_like(connection, schema, name, argument)
        listed, more = elements_like(taken_apart(name, sql), options, own_name(name))
        parts += (text[at:start], ", ".join(listed))
        constraints += more
        at = end
    # SQLite wants them behind all columns.
    parts += (text[at : argument.close], *(f", {one}" for one in constraints), text[argument.close :])
    (made,) = split("".join(parts))
    if not isinstance(made.argument, OnCommit | None):
        raise StatementError("0A000", "an identity that does not start at 1 beside LIKE is not supported")
    return [fitted(connection, made).sql, *indexes]


def _indexes_like(connection: Connection, schema: str, table: str, argument: CreateLike) -> list[str]:
    """The other's indexes, under names that PostgreSQL would choose."""
    rows = connection.execute(
        f"SELECT name, sql FROM {schema}.sqlite_schema WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = ? ORDER BY rowid",
        (table,),
    ).fetchall()
    found: list[str] = []
    names: list[str] = []
    for _, sql in rows:
        tokens = tokenize(str(sql))
        on = next(at for at, token in enumerate(tokens) if token.key == "ON" and at > 2)
        terms, _ = index_terms(str(sql))
        own = [_called(term.text) for term in terms]
        ending = "key" if UNIQUE_MARK in str(sql) else "pkey" if PRIMARY_MARK in str(sql) else "idx"
        wanted = "_".join([own_name(argument.name), *(() if ending == "pkey" else own), ending])
        numbered = (beside(argument.name, f"{wanted}{number or ''}") for number in range(1000))
        name = next(one for one in numbered if one not in names and not connection.has(one))
        names.append(name)
        start = tokens[on - 1].start
        marks = str(sql)[tokens[on - 1].end : tokens[on].start]
        where = "temp." if argument.temporary else ""
        found.append(
            f"{str(sql)[:start]}{where}{quoted_name(name)}{marks}ON {quoted_name(argument.name)}"
            f"{str(sql)[tokens[on + 1].end :]}"
        )
    return found


def _called(term: str) -> str:
    """What an index's name calls a column or an expression."""
    first = tokenize(term)[0]
    return unquoted(term, first) if first.kind in NAMES else "expr"


def _is_there(connection: Connection, argument: CreateTableAs | CreateLike, notices: list[Notice]) -> bool:
    """
    :raises StatementError: 42P07.
    """
    if not connection.has(argument.name, "temp" if argument.temporary else "main"):
        return False
    message = f'relation "{own_name(argument.name)}" already exists'
    pass_over(StatementError("42P07", message), notices, allowed=argument.if_not_exists, told="42P07")
    return True


def _kept(query: str, found: Sequence[Column]) -> str:
    """The query's rows with numbers for exact numerics, of which a column keeps no more; 22003 for one of more digits."""
    numerics = [one.decltype is None and (one.expression or "").startswith("numeric") for one in found]
    if not any(numerics):
        return query
    marks = [f"ha_{number}" for number in range(len(found))]
    fitted = [f"pg_fit_numeric({mark})" if numeric else mark for mark, numeric in zip(marks, numerics, strict=True)]
    return f"SELECT {', '.join(fitted)} FROM (WITH ha_given({', '.join(marks)}) AS ({query}) SELECT * FROM ha_given)"
