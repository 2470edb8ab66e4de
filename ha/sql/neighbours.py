"""``LATERAL (SELECT …)`` of any number of rows, unfolded. [pure]

SQLite's subqueries in FROM see no neighbours; arguments of a table-valued function do, and a scalar subquery may be one. So the
subquery's rows are gathered into one value, and spread again: ``pg_spread((SELECT pg_gathered(a, b) FROM (…) AS q(a, b))) AS x``. Its
columns are called ``value``, ``value2`` … then; wherever the client names one, that is said, cast to the type that it had.

Subqueries of one row that :mod:`ha.sql.laterals` can put where they are named are left to it, which is faster.
"""

from __future__ import annotations

from ha.errors import StatementError
from ha.sql import laterals
from ha.sql.made import enumeration, is_made
from ha.sql.naming import is_column, name_of
from ha.sql.reading import Item, Scope
from ha.sql.rewriting import Rewriting
from ha.sql.rowsources import sources
from ha.sql.tokens import NAMES, quoted_name, unquoted
from ha.sql.typed import Types
from ha.sql.typenames import KNOWN

#: Columns of one such subquery: so many a spread row has.
COLUMNS_MAX = 100
_HINT = "Name its columns."
#: What may follow a table's name or alias in FROM.
#: Words before a name that names no column.
_NOT_COLUMNS = frozenset((".", "AS", "::", "FROM", "JOIN", "LATERAL", "INTO", "UPDATE", "COLLATE"))


def unfold_laterals(rewriting: Rewriting, types: Types) -> None:
    """All that a statement has and :mod:`ha.sql.laterals` has not, those of subqueries first.

    :raises StatementError: 0A000, its columns are not known.
    """
    for at in range(len(rewriting.tokens) - 1, -1, -1):
        if rewriting.key(at) == "LATERAL" and rewriting.key(at + 1) == "(" and at + 1 in rewriting.partners:
            one = _Lateral(rewriting, types, at)
            if rewriting.key(at + 2) in ("SELECT", "VALUES", "WITH") and not one.is_left_to_others():
                one.unfold()


class _Lateral:
    """One subquery, its columns, and where they are named."""

    def __init__(self, rewriting: Rewriting, types: Types, lateral: int) -> None:
        self.rewriting = rewriting
        self.types = types
        self.lateral = lateral
        self.opening = lateral + 1
        self.close = rewriting.partners[self.opening]
        self.alias_at = self.close + 1 + (rewriting.key(self.close + 1) == "AS")
        if rewriting.kind(self.alias_at) not in NAMES:
            raise rewriting.error(self.alias_at)
        self.alias = unquoted(rewriting.text, rewriting.tokens[self.alias_at]).lower()
        self.last = self.alias_at
        reading = types.reading
        listed: list[str] = []
        if rewriting.key(self.alias_at + 1) == "(":
            self.last = rewriting.partners[self.alias_at + 1]
            listed = [reading.plain(first) for first, _ in reading.parts(self.alias_at + 2, self.last)]
        self.items = reading.items_between(self.opening + 1, self.close)
        self.names: list[str] = []
        self.kinds: list[str | None] = []
        for item in self.items:
            self._take(item)
        self.names[: len(listed)] = listed
        self.select, self.end = rewriting.level_of(lateral)
        self.scope = reading.scope_at(self.select + 1)

    def _take(self, item: Item) -> None:
        if not item.star:
            self.names.append(name_of(self.types.reading, item))
            self.kinds.append(self.types.of(item.first, item.last - 1))
            return
        columns = self.types.starred(item)
        if columns is None:
            raise self.rewriting.refuse(item.first, "* of a LATERAL subquery here", _HINT)
        scope = self.types.reading.scopes.get(item.first) or Scope()
        self.names += columns
        self.kinds += [self.types.of_column(column, scope) for column in columns]

    def is_left_to_others(self) -> bool:
        """Does it give one row, and is nothing said that must know its columns?"""
        rewriting = self.rewriting
        plain = rewriting.key(self.opening + 1) == "SELECT" and not any(item.star for item in self.items)
        outer = self.types.reading.items_between(self.select, self.end)
        if not plain or self.last > self.alias_at or any(item.star for item in outer):
            return False
        return laterals.is_one_row(rewriting, self.items, self.lateral) and not any(
            self._bare(at) is not None for at in range(self.select, self.end) if not self._is_inside(at)
        )

    def _is_inside(self, at: int) -> bool:
        return self.lateral <= at <= self.last

    def unfold(self) -> None:
        rewriting = self.rewriting
        if not self.names or len(self.names) > COLUMNS_MAX:
            raise rewriting.refuse(self.lateral, "LATERAL of so many columns", _HINT)
        marks = ", ".join(f"ha_{number}" for number in range(1, len(self.names) + 1))
        rewriting.instead[self.lateral] = f"pg_spread((SELECT pg_gathered({marks}) FROM "
        rewriting.last(self.close, f" AS ha_rows({marks})))")
        if self.last > self.alias_at:
            rewriting.drop(self.alias_at + 1, self.last)
        items = (
            self.types.reading.items_between(self.select, self.end) if rewriting.key(self.select) == "SELECT" else []
        )
        aliases = {item.last + (rewriting.key(item.last) == "AS") for item in items if item.alias is not None}
        for item in items:
            if item.star:
                self._star(item)
            elif item.alias is None and is_column(self.types.reading, item):
                if self._number(item.first) is not None:
                    rewriting.name(item.last - 1, name_of(self.types.reading, item))
        shown = {name_of(self.types.reading, item) for item in items if not item.star}
        for at in range(self.select, self.end):
            if self._is_inside(at) or at in aliases or rewriting.instead.get(at) is not None:
                continue
            if rewriting.key(at + 1) != "." and self._is_output(at, shown):
                continue
            number = self._number(at, strict=True)
            if number is None:
                continue
            if rewriting.key(at + 1) == ".":
                rewriting.instead[at + 1] = rewriting.instead[at + 2] = ""
            rewriting.instead[at] = self._said(number)

    def _said(self, number: int) -> str:
        """A column of the spread row, in PostgreSQL's words."""
        value = f"{quoted_name(self.alias)}.value{number + 1 if number else ''}"
        kind = self.kinds[number] or ""
        array = "[]" if kind.startswith("_") else ""
        name = kind.removeprefix("_").partition("(")[0]
        if is_made(kind):
            one = enumeration(kind.removeprefix("_"))
            name = quoted_name(one.name) if one is not None else ""
        elif name not in KNOWN or name in ("bpchar", "unknown"):
            name = ""
        return f"(({value})::{name}{array})" if name else f"({value})"

    def _number(self, at: int, *, strict: bool = False) -> int | None:
        """Which of the columns is named at a token.

        :raises StatementError: 42702 where that is `strict`, another table beside has one of this name.
        """
        rewriting = self.rewriting
        if rewriting.kind(at) not in NAMES or rewriting.key(at - 1) in (".", "::"):
            return None
        if rewriting.key(at + 1) != ".":
            return self._bare(at, strict=strict)
        if self.types.reading.plain(at).lower() != self.alias or rewriting.key(at + 3) in (".", "("):
            return None
        if not self._is_ours(at):
            return None
        return self._named(at + 2)

    def _named(self, at: int) -> int | None:
        name = self.types.reading.plain(at).lower() if self.rewriting.kind(at) in NAMES else ""
        return next((number for number, one in enumerate(self.names) if one.lower() == name), None)

    def _is_ours(self, at: int) -> bool:
        """Does no subquery between have a table of this name?"""
        scope: Scope | None = self.types.reading.scope_at(at)
        while scope is not None and scope is not self.scope:
            if any(self.alias in one for one in (scope.tables, scope.derived, scope.called)):
                return False
            scope = scope.outer
        return scope is self.scope

    def _bare(self, at: int, *, strict: bool = False) -> int | None:
        """The same of a name without a table, which no table nearer has, nor another beside."""
        rewriting = self.rewriting
        if (
            rewriting.kind(at) not in NAMES
            or rewriting.key(at - 1) in _NOT_COLUMNS
            or rewriting.key(at + 1) in ("(", ".")
        ):
            return None
        number = self._named(at)
        if number is None or rewriting.is_operand(at - 1):  # behind an operand it is an alias
            return None
        name = self.names[number].lower()
        scope: Scope | None = self.types.reading.scope_at(at)
        while scope is not None:
            is_ours = scope is self.scope
            if self._has(scope, name):
                if is_ours and strict:
                    raise StatementError(
                        "42702", f'column reference "{name}" is ambiguous', position=rewriting.tokens[at].start + 1
                    )
                return None
            if is_ours:
                return number
            scope = scope.outer
        return None

    def _has(self, scope: Scope, name: str) -> bool:
        """Has a table of these, other than this one, such a column?"""
        if any(self.types.schema.column_type(table, name) is not None for table in scope.tables.values()):
            return True
        for alias, (items, listed) in scope.derived.items():
            own = listed or [name_of(self.types.reading, item).lower() for item in items if not item.star]
            if name in own and not (scope is self.scope and alias == self.alias):
                return True
        return any(column == name for column, _ in scope.called.values())

    def _is_output(self, at: int, shown: set[str]) -> bool:
        """Is it a whole term of ORDER BY, and the name of what is selected?"""
        rewriting = self.rewriting
        if rewriting.key(at - 1) not in ("BY", ",") or rewriting.key(at + 1) not in _AFTER_TERM:
            return False
        order = at
        while order > self.select and rewriting.key(order) not in ("ORDER", "GROUP", "FROM"):
            order = rewriting.partners.get(order, order) - 1 if rewriting.key(order) == ")" else order - 1
        return rewriting.key(order) == "ORDER" and self.types.reading.plain(at) in shown

    def _star(self, item: Item) -> None:
        """``*`` and ``x.*``: the columns by their names."""
        rewriting = self.rewriting
        own = ", ".join(f"{self._said(number)} AS {quoted_name(name)}" for number, name in enumerate(self.names))
        if item.last - item.first > 1:
            if self.types.reading.plain(item.first).lower() == self.alias:
                rewriting.drop(item.first, item.last - 1)
                rewriting.instead[item.first] = own
            return
        said = rewriting.instead.get(item.first)
        if said is None:
            said = ", ".join(f"{quoted_name(alias)}.*" for alias in self._tables(item))
        rewriting.instead[item.first] = said.replace(f"{quoted_name(self.alias)}.*", own)

    def _tables(self, item: Item) -> list[str]:
        """The aliases in FROM, in their order.

        :raises StatementError: 0A000, some columns would be one.
        """
        rewriting = self.rewriting
        aliases = {*self.scope.tables, *self.scope.derived, *self.scope.called}
        listed = sources(rewriting, rewriting.clause_end(self.select + 1, frozenset(("FROM",))) + 1)
        if listed is None:
            raise rewriting.refuse(item.first, "* beside LATERAL and USING", _HINT)
        found = [name.lower() for name in listed]
        if set(found) != aliases:
            raise rewriting.refuse(item.first, "* beside LATERAL here", _HINT)
        return found


_AFTER_TERM = frozenset((",", ")", "", ";", "ASC", "DESC", "NULLS", "LIMIT", "OFFSET", "FETCH", "FOR"))
