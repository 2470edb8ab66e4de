"""``GROUP BY ROLLUP (…)``, ``CUBE``, ``GROUPING SETS`` and ``GROUPING()``, unfolded. [pure]

Every row is joined with the list of sets, and grouped by the number of its set besides. What a set leaves out is NULL in its groups: a
column that is grouped becomes ``CASE WHEN (ha_out & bit) > 0 THEN NULL ELSE column END`` wherever it is named outside of aggregates.
So HAVING, ORDER BY, DISTINCT, windows and LIMIT stay what they are, and the rows are read once for each set.

The empty set has a group where there are no rows at all. So if it is among them the sets come first, the rows are joined from their
left, and aggregates count only rows that are there.
"""

from __future__ import annotations

from ha.errors import StatementError
from ha.sql import grouping
from ha.sql.groupedby import Grouped, call_end, clause, is_aggregate, is_subquery, sets
from ha.sql.naming import name_of
from ha.sql.reading import Item
from ha.sql.rewriting import AFTER_FROM, Rewriting
from ha.sql.tokens import COMPOUNDS, NAMES, WORD, unquoted
from ha.sql.typed import Types

#: Expressions of one GROUP BY: each is a bit of a number.
EXPRESSIONS_MAX = 60
_HINT = "Write one SELECT for each grouping, with UNION ALL between."
_WORDS = frozenset(("ROLLUP", "CUBE", "GROUPING"))
_BODY_END = AFTER_FROM | {"INTO"}


def asks(rewriting: Rewriting, index: int) -> None:
    """The GROUP of GROUP BY, before the schema is there; brackets around all that a set has need none."""
    if rewriting.key(index + 1) != "BY":
        return
    at, first = index + 2, True
    while first or rewriting.key(at - 1) == ",":
        first = False
        end = rewriting.clause_end(at, _BODY_END | {","})
        if rewriting.key(at) in _WORDS or (rewriting.key(at) == "(" and rewriting.key(at + 1) == ")"):
            if rewriting.types is not None:
                raise rewriting.refuse(index, "GROUP BY " + rewriting.key(at), _HINT)
            rewriting.needed(index, "GROUP BY " + rewriting.key(at), _HINT)
        elif rewriting.key(at) == "(" and rewriting.partners.get(at) == end - 1:
            if not is_subquery(rewriting, at):
                rewriting.instead[at] = rewriting.instead[end - 1] = ""
        at = end + 1


def asks_grouping(rewriting: Rewriting, index: int) -> None:
    """``GROUPING(a)``, before the schema is there."""
    if rewriting.key(index + 1) == "(" and rewriting.key(index - 1) not in (".", "INTO", "TABLE", "FROM", "JOIN"):
        if rewriting.types is not None:
            raise _not_grouped(rewriting, index + 2)
        rewriting.needed(index, "GROUPING()", _HINT)


def _not_grouped(rewriting: Rewriting, at: int) -> StatementError:
    return StatementError(
        "42803",
        "arguments to GROUPING must be grouping expressions of the associated query level",
        position=rewriting.tokens[at].start + 1,
    )


def unfold_sets(rewriting: Rewriting, types: Types) -> None:
    """All that a statement has, those of subqueries first.

    :raises StatementError: 42803, a column is in no set; 0A000.
    """
    if rewriting.keys.isdisjoint(_WORDS) and not any(
        token.key == "(" and rewriting.key(at + 1) == ")" and rewriting.key(at - 1) in ("BY", ",")
        for at, token in enumerate(rewriting.tokens)
    ):
        return
    grouping.check(rewriting, types)
    for at in range(len(rewriting.tokens) - 1, -1, -1):
        if rewriting.key(at) == "SELECT" and rewriting.kind(at) == WORD:
            _Unfolding(rewriting, types, at).unfold()


class _Unfolding:
    """One SELECT."""

    def __init__(self, rewriting: Rewriting, types: Types, select: int) -> None:
        self.rewriting = rewriting
        self.types = types
        self.select = select
        self.end = rewriting.clause_end(select + 1, COMPOUNDS | {";"})
        self.group = self._clause("GROUP")
        self.grouped = Grouped(rewriting, types, types.reading.scope_at(select + 1))
        self.has_empty = False

    def _clause(self, word: str) -> int:
        return clause(self.rewriting, self.select, self.end, word)

    def unfold(self) -> None:
        rewriting = self.rewriting
        if self.group < 0:
            return
        first, last = self.group + 2, rewriting.clause_end(self.group + 2, _BODY_END)
        items = self.types.reading.items_between(self.select, self.end)
        if not self._has_sets(first, last):
            return
        distinct = rewriting.key(first) == "DISTINCT"
        first += rewriting.key(first) in ("ALL", "DISTINCT")
        numbered = [self._numbers(one, items) for one in sets(rewriting, first, last)]
        if distinct:
            numbered = list(dict.fromkeys(numbered))
        if len(self.grouped.places) > EXPRESSIONS_MAX or any(item.star for item in items):
            raise rewriting.refuse(self.group, "GROUP BY sets of so many, or of *,", "Name fewer columns.")
        whole = (1 << len(self.grouped.places)) - 1
        outside = [whole & ~sum(1 << number for number in one) for one in numbered]
        self.has_empty = frozenset() in numbered
        self._from(outside)
        for item in items:
            if self._replace(item.first, item.last) and item.alias is None:
                rewriting.name(item.last - 1, name_of(self.types.reading, item))
        having = self._having(whole)
        self._order({item.alias for item in items if item.alias})
        terms = [self._out(number, self._words(*place)) for number, place in enumerate(self.grouped.places)]
        rewriting.forget(self.group + 2, last - 1)
        rewriting.instead[self.group + 2] = ", ".join(["ha_set", "ha_out", *terms]) + having

    def _has_sets(self, first: int, last: int) -> bool:
        """Does the GROUP BY say more than one set, or an empty one, or does anything ask which?"""
        rewriting, at = self.rewriting, self.select
        while at < self.end:
            if rewriting.key(at) in _WORDS and rewriting.key(at + 1) in ("(", "SETS"):
                return True
            if first <= at < last and rewriting.key(at) == "(" and rewriting.key(at + 1) == ")":
                return rewriting.key(at - 1) in ("BY", ",")
            at = rewriting.partners.get(at, at) + 1 if is_subquery(rewriting, at) else at + 1
        return False

    def _numbers(self, terms: tuple[tuple[int, int], ...], items: list[Item]) -> frozenset[int]:
        found = set()
        for first, last in terms:
            number = self.grouped.term(first, last, items)
            found.add(self.grouped.expression(first, last) if number is None else number)
        return frozenset(found)

    def _from(self, outside: list[int]) -> None:
        """The list of sets beside the rows."""
        rewriting = self.rewriting
        from_ = self._clause("FROM")
        if from_ < 0:
            raise rewriting.refuse(self.group, "GROUP BY sets without FROM", _HINT)
        listed = ", ".join(f"({number}, {out})" for number, out in enumerate(outside))
        source = f"(VALUES {listed}) AS ha_sets(ha_set, ha_out)"
        where = self._clause("WHERE")
        end = where if where >= 0 else self.group
        if not self.has_empty:
            rewriting.last(end - 1, f" CROSS JOIN {source}")
            return
        rewriting.after(from_, f" {source} LEFT JOIN (")
        rewriting.last(end - 1, " CROSS JOIN (SELECT 1 AS ha_there) AS ha_row)" + (" ON TRUE" if where < 0 else ""))
        if where >= 0:
            rewriting.instead[where] = "ON ("
            rewriting.last(self.group - 1, ")")

    def _having(self, whole: int) -> str:
        """Where there is no row at all, only the empty set has a group; the HAVING that says so, if there was none."""
        rewriting = self.rewriting
        having = self._clause("HAVING")
        there = f"(max(ha_there) IS NOT NULL OR ha_out = {whole})"
        if having >= 0:
            last = rewriting.clause_end(having + 1, _BODY_END)
            self._replace(having + 1, last)
            if self.has_empty:
                rewriting.after(having, " (")
                rewriting.last(last - 1, f") AND {there}")
            return ""
        return f" HAVING {there}" if self.has_empty else ""

    def _order(self, names: set[str]) -> None:
        rewriting = self.rewriting
        order = self._clause("ORDER")
        if order < 0 or rewriting.key(self.end) in COMPOUNDS or self._is_last_of_several():
            return
        end = rewriting.clause_end(order + 2, _BODY_END - {"ORDER"})
        for start, stop in self.types.reading.parts(order + 2, end):
            if rewriting.kind(start) in NAMES and unquoted(rewriting.text, rewriting.tokens[start]) in names:
                continue
            self._replace(start, stop)

    def _is_last_of_several(self) -> bool:
        before = self.select - 1 - (self.rewriting.key(self.select - 1) in ("ALL", "DISTINCT"))
        return self.rewriting.key(before) in COMPOUNDS

    def _replace(self, first: int, last: int) -> bool:
        """Say what is grouped as its set has it, in an expression; was there any?

        :raises StatementError: 0A000, a subquery names it; 42803.
        """
        rewriting, changed = self.rewriting, False
        at = first
        while at < last:
            number, end = self.grouped.found(at, last)
            if number >= 0:
                rewriting.drop(at, end - 1)
                rewriting.instead[at] = self._out(number, self._words(at, end))
                at, changed = end, True
            elif is_subquery(rewriting, at):
                close = rewriting.partners.get(at, at)
                if any(self.grouped.found(one, close)[0] >= 0 for one in range(at + 1, close)):
                    raise rewriting.refuse(at, "a subquery that names what is grouped in sets", _HINT)
                at = close + 1
            elif rewriting.key(at) == "GROUPING" and rewriting.key(at + 1) == "(":
                at, changed = self._grouping(at), True
            elif is_aggregate(rewriting, at):
                at = self._aggregate(at)
            else:
                self._refuse_doubtful(at)
                at += 1
        return changed

    def _refuse_doubtful(self, at: int) -> None:
        """A name that may be a grouped column's, said otherwise."""
        rewriting = self.rewriting
        if (
            rewriting.kind(at) not in NAMES
            or rewriting.key(at + 1) in ("(", ".")
            or self.grouped.column(at)[0] is not None
        ):
            return
        name = unquoted(rewriting.text, rewriting.tokens[at]).lower()
        for words in self.grouped.expressions:
            if words and words[-1].rpartition(".")[2].strip('"').lower() == name:
                raise rewriting.refuse(
                    at, f'"{name}" beside a grouped column that may be the same', "Write both alike."
                )

    def _aggregate(self, at: int) -> int:
        """Have an aggregate count only rows that are there; the token behind it."""
        rewriting = self.rewriting
        end = call_end(rewriting, at)
        if self.has_empty:
            close = rewriting.partners[at + 1]
            if rewriting.key(close + 1) == "WITHIN":
                # NULL, which a column is in the row that is not there, does not count.
                order = close + 6
                if rewriting.kind(order) not in NAMES or rewriting.key(order + 1) not in (")", "ASC", "DESC"):
                    raise rewriting.refuse(at, "WITHIN GROUP of an expression in sets", "Order by a column.")
            elif rewriting.key(end - 1) == ")" and rewriting.key(rewriting.partners[end - 1] - 1) == "FILTER":
                rewriting.after(rewriting.partners[end - 1] + 1, " ha_there = 1 AND (")
                rewriting.before(end - 1, ")")
            else:
                rewriting.last(max(close, end - 1), " FILTER (WHERE ha_there = 1)")
        return end

    def _grouping(self, at: int) -> int:
        """``GROUPING(a, b)``: a bit for each that the set leaves out; the token behind it.

        :raises StatementError: 42803, it is not grouped.
        """
        rewriting = self.rewriting
        close = rewriting.partners.get(at + 1, at)
        parts = self.types.reading.parts(at + 2, close)
        bits = []
        for place, (first, last) in enumerate(parts):
            while rewriting.key(first) == "(" and rewriting.partners.get(first) == last - 1:
                first, last = first + 1, last - 1
            number, end = self.grouped.found(first, last)
            if number < 0 or end != last:
                raise _not_grouped(rewriting, first)
            bits.append(f"CASE WHEN (ha_out & {1 << number}) > 0 THEN {1 << (len(parts) - 1 - place)} ELSE 0 END")
        rewriting.drop(at, close)
        rewriting.instead[at] = f"({' + '.join(bits)})"
        return close + 1

    def _out(self, number: int, words: str) -> str:
        return f"CASE WHEN (ha_out & {1 << number}) > 0 THEN NULL ELSE {words} END"

    def _words(self, first: int, last: int) -> str:
        tokens = self.rewriting.tokens
        return self.rewriting.text[tokens[first].start : tokens[last - 1].end]
