"""The row that a constraint refused. SQLite names the constraint and forgets the row; PostgreSQL's clients read it in DETAIL.

So the rows that the statement would have written are computed again, by a SELECT over its own words and values, and held
against the constraint one after the other. That is done where the statement failed, before anything else is undone, and
only where it must come to the same: not with functions that do something or are random. What is not found is None, and the
client is told the constraint alone.

Bounded: of :data:`ROWS_MAX` rows at most, under the budget of the statement that failed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import apsw

from ha.errors import StatementError
from ha.sql.tokens import BIND, QUOTED, STRING, WORD, Token, tokenize, unquoted
from ha.sql.typenames import TypeName, declared_type
from ha.sqlite import outputs
from ha.sqlite.connection import Connection
from ha.values import Parameters, Row, Value

#: Rows that are looked at. A statement that writes more tells its constraint only.
ROWS_MAX = 1_000
#: Characters of one value, as in PostgreSQL.
VALUE_MAX = 64
#: In the place of a default that was another one in the row that failed.
UNTOLD = "..."

#: Functions that do something, or give something else the next time.
_UNSTEADY = frozenset(
    "NEXTVAL SETVAL PG_NOTIFY SET_CONFIG PG_SLEEP RANDOM RANDOMBLOB GEN_RANDOM_UUID CLOCK_TIMESTAMP "
    "UUID_GENERATE_V1 UUID_GENERATE_V1MC UUID_GENERATE_V4 GEN_RANDOM_BYTES "
    "PG_ADVISORY_LOCK PG_ADVISORY_XACT_LOCK PG_TRY_ADVISORY_LOCK PG_ADVISORY_UNLOCK CHANGES LAST_INSERT_ROWID".split()
)
_NAMES = (WORD, QUOTED)
_AFTER_SOURCE = frozenset(("RETURNING", ";"))


@dataclass(frozen=True, slots=True)
class Written:
    """What a statement would have put into a table.

    :param columns: the table's, in its order.
    :param rows: the values for them, each with the rowid of the row that it changes, None for a new one.
    """

    table: str
    columns: tuple[str, ...]
    types: tuple[TypeName | None, ...]
    rows: list[tuple[int | None, Row]]

    def at(self, columns: Sequence[str]) -> list[int] | None:
        """Where some of the columns stand."""
        low = [column.lower() for column in self.columns]
        wanted = [column.lower() for column in columns]
        return [low.index(column) for column in wanted] if all(column in low for column in wanted) else None

    def failing(self, row: Row) -> str:
        """PostgreSQL's sentence about a row."""
        shown = ", ".join(_shown(value, kind) for value, kind in zip(row, self.types, strict=True))
        return f"Failing row contains ({shown})."


def written(connection: Connection, sql: str, values: Parameters, table: str) -> Written | None:
    """The rows that an INSERT or UPDATE of `table` would have put there; None where that cannot be told."""
    statement = _Words(sql)
    if not statement.is_steady or statement.table.lower() != table.lower():
        return None
    try:
        with connection.guard.trusted():
            info = connection.execute(
                "SELECT name, type, dflt_value, hidden FROM pragma_table_xinfo(?)", (table,)
            ).fetchall()
            columns = tuple(str(row[0]) for row in info)
            if any(row[3] for row in info):
                return None  # generated ones
            rows = list(_rows(connection, statement, values, columns, {row[0].lower(): row[2] for row in info}))
    except apsw.InterruptError:
        raise
    except (apsw.Error, StatementError):
        return None
    return Written(table, columns, tuple(declared_type(str(row[1] or "")) for row in info), rows)


def deleted(connection: Connection, sql: str, values: Parameters, table: str, columns: Sequence[str]) -> list[Row]:
    """Some columns of the rows that a DELETE or UPDATE would have taken away; none where that cannot be told."""
    statement = _Words(sql)
    if not statement.is_steady or statement.table.lower() != table.lower() or statement.verb == "INSERT":
        return []
    asked = ", ".join(f"{statement.alias}.{_quoted(column)}" for column in columns)
    try:
        with connection.guard.trusted():
            return connection.execute(*statement.query(asked, values)).fetchall()
    except apsw.InterruptError:
        raise
    except (apsw.Error, StatementError):
        return []


def key_shown(columns: Sequence[str], row: Row, types: Sequence[TypeName | None]) -> str:
    """``Key (a, b)=(1, x)``."""
    return f"Key ({', '.join(columns)})=({', '.join(map(_shown, row, types))})"


def duplicate(connection: Connection, new: Written, columns: Sequence[str]) -> str | None:
    """``Key (…)=(…) already exists.`` of the first row whose key another row has."""
    places = new.at(columns)
    if places is None:
        return None
    types = [new.types[at] for at in places]
    seen: set[tuple[Value, ...]] = set()
    names = [_quoted(column) for column in columns]
    others = " AND rowid IS NOT ?" if any(rowid is not None for rowid, _ in new.rows) else ""
    for rowid, row in new.rows:
        key = tuple(row[at] for at in places)
        if None in key:
            continue
        found = _one(
            connection,
            f"SELECT {', '.join(names)} FROM main.{_quoted(new.table)} WHERE "
            + " AND ".join(f"{name} = ?" for name in names)
            + others,
            (*key, rowid) if others else key,
        )
        if found is None and key in seen:
            found = key
        if found is not None:
            return key_shown(columns, found, types) + " already exists."
        seen.add(key)
    return None


def null(new: Written, column: str) -> str | None:
    """The first row that has no value for a column."""
    places = new.at((column,))
    if places is None:
        return None
    return next((new.failing(row) for _, row in new.rows if row[places[0]] is None), None)


def against(connection: Connection, new: Written, check: str) -> str | None:
    """The first row that a CHECK refuses."""
    if len(new.rows) == 1:
        return new.failing(new.rows[0][1])
    named = ", ".join(f"? AS {_quoted(column)}" for column in new.columns)
    for _, row in new.rows:
        found = _one(connection, f"SELECT ({check}) FROM (SELECT {named}) AS {_quoted(new.table)}", row)
        if found is not None and found[0] is not None and not found[0]:
            return new.failing(row)
    return None


def orphan(connection: Connection, new: Written, columns: Sequence[str], parent: str, key: Sequence[str]) -> str | None:
    """``Key (…)=(…) is not present in table "…".`` of the first row whose parent is missing."""
    places = new.at(columns)
    if places is None:
        return None
    where = " AND ".join(f"{_quoted(column)} = ?" for column in key)
    for _, row in new.rows:
        values = tuple(row[at] for at in places)
        if (
            None not in values
            and _one(connection, f"SELECT 1 FROM main.{_quoted(parent)} WHERE {where}", values) is None
        ):
            shown = key_shown(columns, values, [new.types[at] for at in places])
            return f'{shown} is not present in table "{parent}".'
    return None


def referenced(
    connection: Connection, keys: Sequence[Row], key: Sequence[str], child: str, columns: Sequence[str]
) -> str | None:
    """``Key (…)=(…) is still referenced from table "…".`` of the first key that a child has."""
    where = " AND ".join(f"{_quoted(column)} = ?" for column in columns)
    for row in keys:
        if None not in row and _one(connection, f"SELECT 1 FROM main.{_quoted(child)} WHERE {where}", row) is not None:
            return f'{key_shown(key, row, [None] * len(row))} is still referenced from table "{child}".'
    return None


# The statement's words


class _Words:
    """An INSERT, UPDATE or DELETE, taken apart."""

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self.tokens: Sequence[Token] = tokenize(sql)
        self.verb = self.table = self.alias = ""
        self.names: list[str] = []
        #: UPDATE: by column, lower case, its new value's words.
        self.sets: dict[str, str] = {}
        #: INSERT: the query or VALUES; else what follows FROM.
        self.source = ""
        self.prefix = ""
        self._partners = _partners(self.tokens)
        keys = {token.key for token in self.tokens}
        self.is_steady = not keys & _UNSTEADY and self._read()

    def query(self, columns: str, values: Parameters) -> tuple[str, Parameters]:
        """A SELECT over the rows that are changed or given."""
        # All values must be named in it: SQLite counts them.
        limit = str(ROWS_MAX)
        if values and not isinstance(values, Mapping):
            limit = f"iif(?{len(values)} IS NULL, {ROWS_MAX}, {ROWS_MAX})"
        return f"{self.prefix} SELECT {columns} FROM {self.source} LIMIT {limit}", values

    def key(self, at: int) -> str:
        return self.tokens[at].key if 0 <= at < len(self.tokens) else ""

    def words(self, first: int, end: int) -> str:
        return self.sql[self.tokens[first].start : self.tokens[end - 1].end] if end > first else ""

    def until(self, at: int, *stops: str) -> int:
        """The first token from `at` on, in no bracket of its own, that is one of `stops`, or the end."""
        while at < len(self.tokens) and self.tokens[at].key not in stops:
            partner = self._partners.get(at, -1)
            at = partner + 1 if partner > at else at + 1
        return at

    def _read(self) -> bool:
        at = self.until(0, "INSERT", "REPLACE", "UPDATE", "DELETE")
        if at >= len(self.tokens):
            return False
        self.verb = "INSERT" if self.key(at) == "REPLACE" else self.key(at)
        self.prefix = self.words(0, at)
        if self.verb != "INSERT" and any(token.kind == BIND and token.key == "?" for token in self.tokens):
            return False  # their order would be another
        if self.verb == "INSERT":
            at = self._named(self.until(at, "INTO") + 1)
            return self._insert(at)
        at += 1
        if self.verb == "DELETE":
            at += 1
        elif self.key(at) == "OR":
            at += 2
        start = at
        at = self._named(at)
        self.source = self.words(start, at)
        return self._update(at) if self.verb == "UPDATE" else self._where(at)

    def _named(self, at: int) -> int:
        """The table at `at` and its alias; the token after them."""
        while self.key(at + 1) == ".":
            at += 2
        if at >= len(self.tokens) or self.tokens[at].kind not in _NAMES:
            return len(self.tokens)
        self.table = unquoted(self.sql, self.tokens[at])
        self.alias = self.words(at, at + 1)
        at += 1
        if self.key(at) == "AS":
            self.alias = self.words(at + 1, at + 2)
            return at + 2
        if at < len(self.tokens) and self.tokens[at].kind in _NAMES and self.key(at) not in _CLAUSES:
            self.alias = self.words(at, at + 1)
            return at + 1
        return at

    def _insert(self, at: int) -> bool:
        if self.key(at) == "(" and self.key(at + 1) not in ("SELECT", "WITH", "VALUES"):
            close = self._partners.get(at, at)
            self.names = [unquoted(self.sql, token) for token in self.tokens[at:close] if token.kind in _NAMES]
            at = close + 1
        end = at
        while True:
            end = self.until(end, "ON", *_AFTER_SOURCE)
            if self.key(end) != "ON" or self.key(end + 1) == "CONFLICT":
                break
            end += 1
        self.source = f"({self.words(at, end)})"
        return end > at and self.key(at) in ("VALUES", "SELECT", "WITH", "(")

    def _update(self, at: int) -> bool:
        if self.key(at) != "SET":
            return False
        at += 1
        while True:
            end = self.until(at, ",", "FROM", "WHERE", "ORDER", "LIMIT", *_AFTER_SOURCE)
            if self.key(at + 1) != "=" or self.tokens[at].kind not in _NAMES:
                return False
            self.sets[unquoted(self.sql, self.tokens[at]).lower()] = self.words(at + 2, end)
            if self.key(end) != ",":
                break
            at = end + 1
        if self.key(end) == "FROM":
            after = self.until(end, "WHERE", "ORDER", "LIMIT", *_AFTER_SOURCE)
            self.source += ", " + self.words(end + 1, after)
            end = after
        return self._where(end)

    def _where(self, at: int) -> bool:
        end = self.until(at, "ORDER", "LIMIT", *_AFTER_SOURCE)
        self.source += " " + self.words(at, end)
        return end >= len(self.tokens) or self.key(end) in _AFTER_SOURCE


_CLAUSES = frozenset("SET WHERE VALUES SELECT WITH DEFAULT FROM ORDER LIMIT RETURNING INDEXED NOT".split())


def _rows(
    connection: Connection,
    statement: _Words,
    values: Parameters,
    columns: Sequence[str],
    defaults: Mapping[str, str | None],
) -> Iterator[tuple[int | None, Row]]:
    if statement.verb == "UPDATE":
        asked = ", ".join(
            statement.sets.get(column.lower()) or f"{statement.alias}.{_quoted(column)}" for column in columns
        )
        for row in connection.execute(*statement.query(f"{statement.alias}.rowid, {asked}", values)):
            yield row[0], row[1:]
        return
    given = [name.lower() for name in statement.names or columns]
    missing = {name: _default(connection, text) for name, text in defaults.items() if name not in given}
    for row in connection.execute(*statement.query("*", values)):
        named = {**missing, **dict(zip(given, row, strict=True))}
        yield None, tuple(named[column.lower()] for column in columns)


def _default(connection: Connection, text: str | None) -> Value:
    if text is None:
        return None
    if "random" in text.lower():
        return UNTOLD
    return connection.execute(f"SELECT {text}").get


def _one(connection: Connection, sql: str, values: Sequence[Value]) -> Row | None:
    try:
        with connection.guard.trusted():
            return connection.execute(sql, values).fetchone()
    except apsw.InterruptError:
        raise
    except (apsw.Error, StatementError):
        return None


#: Whose values are not always shown as they are kept.
_TIMES = frozenset(("date", "timestamp", "timestamptz"))


def _shown(value: Any, kind: TypeName | None) -> str:
    if value is None:
        return "null"
    if kind is not None and kind.name == "bool" and value in (0, 1):
        return "t" if value else "f"
    if kind is not None and kind.name == "numeric" and len(kind.modifiers) == 2 and isinstance(value, (int, float)):
        return f"{value:.{kind.modifiers[1]}f}"
    if kind is not None and kind.name in _TIMES and isinstance(value, str):
        value = outputs.put(value, kind.name, None)
    if isinstance(value, bytes):
        text = f"\\x{value[:VALUE_MAX].hex()}"
    elif isinstance(value, float):
        text = repr(value).removesuffix(".0")
    else:
        text = str(value)
    return text if len(text) <= VALUE_MAX else text[:VALUE_MAX] + "..."


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _partners(tokens: Sequence[Token]) -> dict[int, int]:
    found: dict[int, int] = {}
    open_: list[int] = []
    for at, token in enumerate(tokens):
        if token.key == "(" and token.kind != STRING:
            open_.append(at)
        elif token.key == ")" and open_:
            found[open_.pop()] = at
    return found
