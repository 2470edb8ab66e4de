"""What a statement gives and wants, seen from its words: column names, types of expressions, types of parameters. [pure]

SQLite names an expression's column by its text and gives it no type; PostgreSQL's clients expect ``count`` and int8, and
some encode parameters in binary by the types that we announce. So this reads the statement's tokens with a schema at
hand: `reading` finds the result's items, `naming` their names, `expressions` their types, `wants` the types of parameters.

It under-infers: where it is not sure it says None, and whoever asks decides by values or takes text. A wrong type would
commit a client to a wrong encoding.

Use: ``columns(statement, facts.columns, schema)`` and ``parameters(statement, schema)``; keep the answers while the schema
stands.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from ha.sql.expressions import NUMBERS, Expressions, Schema, common
from ha.sql.kinds import EXPLAINED_AS_JSON, Statement
from ha.sql.made import enumeration, is_made
from ha.sql.naming import is_column, name_of
from ha.sql.reading import Item, Reading
from ha.sql.tokens import COMPOUNDS, quoted_name
from ha.sql.typenames import SPOKEN, read_type
from ha.sql.wants import Wants
from ha.values import Column


class Source(Protocol):
    """A result's column as SQLite knows it."""

    @property
    def name(self) -> str: ...
    @property
    def decltype(self) -> str | None: ...
    @property
    def table(self) -> str | None: ...
    @property
    def origin(self) -> str | None: ...


def columns(statement: Statement, sources: Sequence[Source], schema: Schema) -> tuple[Column, ...]:
    """A result's columns with PostgreSQL's names and types.

    :param sources: SQLite's own description, which knows the number of columns behind ``*``.
    """
    if statement.verb == "EXPLAIN" and statement.sql.startswith(EXPLAINED_AS_JSON):
        return (Column(sources[0].name, expression="json"),)
    reading = Reading(statement.text)
    expressions = Expressions(reading, schema, parameters(statement, schema))
    items = reading.items()
    # SQLite names a column behind a scalar subquery or the first arm of a UNION; for PostgreSQL these are expressions.
    united = _is_united(reading)
    placed = _placed(items, len(sources))
    arms = _arms(reading) if united else []
    made = []
    for at, source in enumerate(sources):
        item = placed[at]
        name = source.name if item is None else name_of(reading, item)
        expression = None
        if source.decltype is None:
            expression = (
                expressions.type_of(item.first, item.last) if item is not None else expressions.of_star(source.name)
            )
            for arm in arms:
                expression = _number(
                    expression, expressions.type_of(arm[at].first, arm[at].last) if at < len(arm) else None
                )
            if item is not None and expression is not None and expression.removeprefix("_") in _MODIFIED:
                expression += _modifiers(reading, item)
        plain = not united and (item is None or is_column(reading, item))
        table, origin = (source.table, source.origin) if plain else (None, None)
        made.append(Column(name, source.decltype, table, origin, expression))
    return tuple(made)


def _arms(reading: Reading) -> list[list[Item]]:
    """The items of a compound's other SELECTs, where no ``*`` hides which they are."""
    end = len(reading.tokens)
    if reading.key(0) != "SELECT":
        return []
    arms = [reading.items_between(*arm) for arm in reading.arms(0, end)]
    return [] if any(item.star for arm in arms for item in arm) else arms[1:]


def _number(left: str | None, right: str | None) -> str | None:
    """Of two types of numbers the wider one; else the first."""
    return common(left, right) if left in NUMBERS and right in NUMBERS else left


_OF_ROWS = frozenset(("FROM", "JOIN", ",", "AS", "MATERIALIZED", "("))


def _is_united(reading: Reading) -> bool:
    """Does a UNION give the rows of the result, or of what stands in its FROM?"""
    rows = [True]
    for at in range(len(reading.tokens)):
        key = reading.key(at)
        if key == "(":
            rows.append(rows[-1] and reading.key(at - 1) in _OF_ROWS)
        elif key == ")" and len(rows) > 1:
            rows.pop()
        elif key in COMPOUNDS and rows[-1]:
            return True
    return False


def parameters(statement: Statement, schema: Schema) -> tuple[str | None, ...]:
    """A type for each ``$n``: what the client declared, else what the words tell; None where nothing is known."""
    if not statement.parameters:
        return ()
    found: list[str | None] = [*statement.given, *[None] * statement.parameters][: statement.parameters]
    wants = Wants(Reading(statement.text), schema)
    found = [wants.expressions.resolved(name) if name is not None else None for name in found]
    for number, name in statement.casts:
        if found[number - 1] is None:
            found[number - 1] = wants.expressions.resolved(name)
    for number, name in wants.parameters():
        if 0 < number <= len(found) and found[number - 1] is None:
            found[number - 1] = name
    return tuple(found)


#: Types that are announced with the modifiers of a cast.
_MODIFIED = frozenset(
    ("numeric", "varchar", "bpchar", "bit", "varbit", "time", "timetz", "timestamp", "timestamptz", "interval")
)


def _modifiers(reading: Reading, item: Item) -> str:
    """``(10,2)`` of an item that ends in ``::numeric(10,2)``."""
    cast = reading.cast_at_end(item.first, item.last)
    if cast is None:
        return ""
    type_name, _ = read_type(reading.text, reading.tokens, cast[1] + 1)
    if type_name is None:
        return ""
    fields = f' "{type_name.fields}"' if type_name.fields else ""
    return fields + (f"({','.join(map(str, type_name.modifiers))})" if type_name.modifiers else "")


def asked(statement: Statement, schema: Schema, parameters: Sequence[str | None]) -> tuple[str | None, ...]:
    """What each ``pg_typeof(x)`` of a statement answers, in their order; None where only the value can tell."""
    reading = Reading(statement.text)
    expressions = Expressions(reading, schema, parameters)
    reading.items()
    found = []
    for at in range(len(reading.tokens)):
        if reading.key(at) == "PG_TYPEOF" and reading.key(at + 1) == "(" and at + 1 in reading.partners:
            found.append(expressions.of_argument(at + 2, reading.partners[at + 1]))
    return tuple(found)


def declaration(column: Column) -> str:
    """The words that declare a column of the type that a result's has; "" where none is known."""
    words = column.decltype if column.decltype is not None else column.expression or ""
    array = "[]" if words[:1] == "_" else ""
    if is_made(words):
        one = enumeration(words.removeprefix("_"))
        assert one is not None, words
        return quoted_name(one.name) + array
    if column.decltype is not None:
        return _COMMENT.sub(" ", words).strip()
    name, opening, modifiers = words.removeprefix("_").partition("(")
    if not opening or not name.startswith("time"):  # SQLite takes no words behind modifiers
        name = SPOKEN.get(name, name)
    return f"{name}{opening}{modifiers}{array}"


_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


def _placed(items: list[Item], count: int) -> list[Item | None]:
    """Which item each column comes from; None for those behind a ``*``."""
    stars = [at for at, item in enumerate(items) if item.star]
    if not stars:
        return [*items, *[None] * count][:count] if len(items) == count else [None] * count
    placed: list[Item | None] = [None] * count
    for at, item in enumerate(items[: stars[0]]):
        if at < count:
            placed[at] = item
    after = items[stars[-1] + 1 :]
    for at, item in enumerate(after):
        where = count - len(after) + at
        if 0 <= where < count:
            placed[where] = item
    return placed
