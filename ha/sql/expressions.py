"""The types of expressions, as far as their words and the schema tell. [pure]"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from ha.sql.made import Composite, composite, domain, named
from ha.sql.naming import name_of
from ha.sql.ranges import BOUNDS
from ha.sql.reading import OPERATOR_WORDS, Item, Reading, Scope, term_end
from ha.sql.results import BARE, LIKE_ARGUMENT, NUMERIC, RESULT_OF
from ha.sql.tokens import BLOB, NUMBER, PARAMETER, TEXTS, WORD
from ha.sql.typenames import KNOWN, declared, read_literal, read_type, spelled


class Schema(Protocol):
    """What is asked of the schema. Names are taken in any case."""

    def column_type(self, table: str, column: str) -> str | None:
        """The declared type's words; None if there is no such column, "" if it is declared without."""

    def columns(self, table: str) -> Sequence[str] | None:
        """A table's columns in their order; None if there is no such table."""

    def shown(self, table: str) -> Sequence[str] | None:
        """What ``*`` shows of it in PostgreSQL: generated columns, too, which :meth:`columns` leaves out; None if it is not there."""

    def default(self, table: str, column: str) -> str | None:
        """The expression of a column's default."""

    def key(self, table: str, constraint: str) -> Sequence[str] | None:
        """The columns of a constraint that is a unique key, by PostgreSQL's name for it."""

    def primary_key(self, table: str) -> Sequence[str]:
        """The columns of a table's primary key; none if it has none."""

    def row_key(self, table: str) -> Sequence[str]:
        """What names one row of a table: the word for its rowid, or the columns of its key; nothing does of a view."""

    def number(self, table: str) -> int:
        """The catalog's number of a table."""

    def made_types(self) -> Mapping[str, str]:
        """Of each type that a client made, by its name, the words that tell all of it: :mod:`ha.sql.made`."""


_COMPARISONS = frozenset(
    "= <> != < > <= >= == ~ !~ ~* !~* ~~ !~~ ~~* !~~* @> <@ && ^@ LIKE ILIKE GLOB REGEXP MATCH".split()
)
_TRUTHS = frozenset("AND OR NOT IS IN BETWEEN EXISTS ISNULL NOTNULL SIMILAR OVERLAPS".split())
_FLOATS = frozenset(("float4", "float8"))
NUMBERS = ("int2", "int4", "int8", "numeric", "float4", "float8")
TIMES = frozenset(("date", "timestamp", "timestamptz", "time", "timetz"))
#: How strongly operators bind, least first.
_RANKS = {
    "OR": 1, "AND": 2, "NOT": 5, "IS": 6, "ISNULL": 6, "NOTNULL": 6, "=": 7, "==": 7, "<>": 7, "!=": 7, "<": 7, ">": 7, "<=": 7,
    ">=": 7, "BETWEEN": 8, "IN": 8, "LIKE": 8, "ILIKE": 8, "SIMILAR": 8, "GLOB": 8, "OVERLAPS": 8, "REGEXP": 8, "MATCH": 8, "EXISTS": 18,
    "||": 9, "->": 9, "->>": 9, "#>": 9, "#>>": 9, "#-": 9, "@>": 9, "<@": 9, "&&": 9, "~": 9, "!~": 9, "~*": 9, "!~*": 9, "~~": 9, "^@": 9,
    "~~*": 9, "!~~": 9, "!~~*": 9, "&": 9, "|": 9, "#": 9, "<<": 9, ">>": 9, "?": 9, "@": 9, "|/": 9, "+": 10, "-": 10, "*": 11,
    "/": 11, "%": 11, "^": 12, "COLLATE": 15, "AT": 14,
}  # fmt: skip


#: What AT TIME ZONE makes of a type.
_IN_ZONE = {
    "timestamptz": "timestamp",
    "timestamp": "timestamptz",
    "date": "timestamp",
    "time": "timetz",
    "timetz": "timetz",
}


class Expressions:
    """The types of one statement's expressions.

    :param parameters: the types of ``$1``, ``$2`` …, as far as they are known.
    """

    def __init__(self, reading: Reading, schema: Schema, parameters: Sequence[str | None] = ()) -> None:
        self.reading = reading
        self.schema = schema
        self.parameters = parameters
        self._looking = 0

    def type_of(self, first: int, last: int, scope: Scope | None = None) -> str | None:
        """The type of an expression, None if it is not known."""
        scope = scope or self.reading.scopes.get(first) or Scope()
        return self.typed(first, last, scope, 0)

    def of_argument(self, first: int, last: int) -> str | None:
        """The type of an expression anywhere in the statement; a literal's is not decided yet."""
        if last - first == 1 and (self.reading.kind(first) in TEXTS or self.reading.key(first) == "NULL"):
            return "unknown"
        around = [at for at in self.reading.scopes if at <= first]
        scope = self.reading.scopes[max(around)] if around else Scope()
        found = self.typed(first, last, scope, 0)
        return "text" if found is None and self.reading.kind(first) == PARAMETER and last - first == 1 else found

    def resolved(self, name: str) -> str:
        """A type's name as it was written; for one that a client made, its words; for a domain, its type."""
        if name.removeprefix("_") in KNOWN:
            return name
        found = named(self.schema.made_types(), name) or name
        one = domain(found)
        return found if one is None else declared(one.words_of_type) or "text"

    def typed(self, first: int, last: int, scope: Scope, depth: int) -> str | None:
        if first >= last or depth > 40:
            return None
        while self.reading.key(first) == "(" and self.reading.partners.get(first) == last - 1:
            inner = first + 1
            if self.reading.key(inner) in ("SELECT", "WITH", "VALUES"):
                items = self.reading.items_between(inner, last - 1)
                if not items or items[0].star:
                    return None
                return self.typed(
                    items[0].first, items[0].last, self.reading.scopes.get(items[0].first) or scope, depth + 1
                )
            first, last = inner, last - 1
        operator = self.outermost(first, last)
        if operator is not None:
            return self._operated(first, operator, last, scope, depth)
        return self._primary(first, last, scope, depth)

    def outermost(self, first: int, last: int) -> int | None:
        """The operator that binds least, the last of equals."""
        best, weight = None, 99
        for at in self.reading.level(first, last):
            key = self.reading.key(at)
            if self.reading.kind(at) != WORD and self.reading.kind(at) != "operator" and key != "?":
                continue
            rank = _RANKS.get(key)
            if rank is None or at == first and key not in ("NOT", "EXISTS", "-", "+", "~", "|/", "@"):
                continue
            if key == "AND" and self._of_between(first, at):
                continue
            if key == "AT" and (self.reading.key(at + 1), self.reading.key(at + 2)) != ("TIME", "ZONE"):
                continue
            if key in ("-", "+") and at > first and not self._ends_operand(at - 1):
                continue
            if at == first:
                rank = 5 if key == "NOT" else 19
            if rank <= weight and key != "::":
                best, weight = at, rank
        return best

    def _of_between(self, first: int, at: int) -> bool:
        return any(self.reading.key(back) == "BETWEEN" for back in range(at - 1, max(first, at - 12) - 1, -1))

    def _ends_operand(self, at: int) -> bool:
        key, kind = self.reading.key(at), self.reading.kind(at)
        if kind == WORD:
            return key not in OPERATOR_WORDS
        return kind != "operator" or key in (")", "]")

    def _operated(self, first: int, at: int, last: int, scope: Scope, depth: int) -> str | None:
        key = self.reading.key(at)
        if key in _TRUTHS or (key in _COMPARISONS and at > first) or key in ("?", "?|", "?&"):
            return "bool"
        if key == "COLLATE":
            return self.typed(first, at, scope, depth + 1)
        if key == "AT":
            return _IN_ZONE.get(self.typed(first, at, scope, depth + 1) or "")
        if at == first:
            return self.typed(at + 1, last, scope, depth + 1) if key in ("-", "+", "~", "@") else "float8"
        left = self.typed(first, at, scope, depth + 1)
        right = self.typed(at + 1, last, scope, depth + 1)
        if key == "||":
            free = [side for side in ((first, at), (at + 1, last)) if self._is_free(*side)]
            if "bytea" in (left, right) and (left == right or free):
                return "bytea"
            for side in (left, right):
                if side and (side.startswith("_") or side == "jsonb"):
                    return side
            return "text"
        if key in ("->", "#>", "#-"):
            return "jsonb" if left == "jsonb" else "json"
        if key in ("->>", "#>>"):
            return "text"
        if key == "^":
            return "numeric" if "numeric" in (left, right) else "float8"
        if key in ("&", "|", "#", "<<", ">>"):
            return left or "int8"
        return _arithmetic(key, left, right)

    def _is_free(self, first: int, last: int) -> bool:
        """A literal or a parameter, which takes its neighbour's type."""
        return last - first == 1 and (self.reading.kind(first) in TEXTS or self.reading.kind(first) == PARAMETER)

    def _primary(self, first: int, last: int, scope: Scope, depth: int) -> str | None:
        cast = self.reading.cast_at_end(first, last)
        if cast is not None:
            return self.resolved(cast[0])
        key, kind = self.reading.key(first), self.reading.kind(first)
        if key == "ROW" and self.reading.key(first + 1) == "(" and self.reading.partners.get(first + 1) == last - 1:
            return self.record(first + 1, last - 1, scope)
        if self.reading.key(last - 2) == "." and self.reading.key(last - 3) == ")":
            found = self._field(first, last, scope, depth)
            if found is not None:
                return found
        if key == "(" and self.reading.key(last - 2) == "." and self.reading.key(first + 3) == "_PG_EXPANDARRAY":
            return "int4" if self.reading.key(last - 1) == "N" else "int2"
        if self.reading.key(last - 1) == "]" and last - 1 in self.reading.partners:
            return self._element(first, last, scope, depth)
        if key == "CASE" and self.reading.partners.get(first) == last - 1:
            return self._case(first, last, scope, depth)
        if last - first == 1:
            return self._literal(first, scope)
        if kind == WORD:
            literal = read_literal(self.reading.text, self.reading.tokens, first)
            if literal is not None and literal[2] == last:
                return self.resolved(literal[0].name)
        if self.reading.is_name(first):
            return self._named(first, last, scope, depth)
        return None

    def record(self, opening: int, close: int, scope: Scope) -> str | None:
        """The words of the record that the expressions in brackets make."""
        parts = self.reading.parts(opening + 1, close)
        if any(self.reading.key(last - 1) == "*" for _, last in parts):
            return None
        kinds = [
            "unknown"
            if last - first == 1 and (self.reading.kind(first) in TEXTS or self.reading.key(first) == "NULL")
            else self._row_within(first, last, scope) or self.typed(first, last, scope, 1) or "text"
            for first, last in parts
        ]
        return Composite("", tuple((f"f{at}", spelled(kind)) for at, kind in enumerate(kinds, 1))).words

    def _row_within(self, first: int, last: int, scope: Scope) -> str | None:
        """The words of ``(…, …)`` without ROW, in a row."""
        if self.reading.key(first) != "(" or self.reading.partners.get(first) != last - 1:
            return None
        several = len(self.reading.parts(first + 1, last - 1)) > 1
        return self.record(first, last - 1, scope) if several else None

    def _field(self, first: int, last: int, scope: Scope, depth: int) -> str | None:
        """``(x).field``, of a composite value."""
        if self.reading.partners.get(first) != last - 3:
            return None
        one = composite(self.typed(first, last - 2, scope, depth + 1) or "")
        words = dict(one.fields).get(self.reading.plain(last - 1)) if one is not None else None
        return declared(words) if words is not None else None

    def _literal(self, at: int, scope: Scope) -> str | None:
        kind, key = self.reading.kind(at), self.reading.key(at)
        if kind in TEXTS:
            return "text"
        if kind == NUMBER:
            if not key.isdecimal():
                return "int8" if key[:2].lower() == "0x" else "numeric"
            return "int4" if int(key) < 2**31 else "int8" if int(key) < 2**63 else "numeric"
        if kind == BLOB:
            return "bytea"
        if kind == PARAMETER:
            number = int(key[1:6]) if key[1:].isdecimal() else 0
            return self.parameters[number - 1] if 0 < number <= len(self.parameters) else None
        if key in ("TRUE", "FALSE"):
            return "bool"
        if kind == WORD and key.lower() in BARE:
            return RESULT_OF[key.lower()]
        return self.column(None, self.reading.plain(at), scope) if self.reading.is_name(at) and key != "NULL" else None

    def _element(self, first: int, last: int, scope: Scope, depth: int) -> str | None:
        opening = self.reading.partners[last - 1]
        if self.reading.key(opening - 1) == "ARRAY":
            parts = self.reading.parts(opening + 1, last - 1)
            for start, end in parts:
                found = self.typed(start, end, scope, depth + 1)
                if found:
                    return found if found.startswith("_") else "_" + found
            return None
        array = self.typed(first, opening, scope, depth + 1)
        if array == "jsonb":
            return array
        if array is None or not array.startswith("_"):
            return None
        return array if ":" in [self.reading.key(at) for at in self.reading.level(opening + 1, last - 1)] else array[1:]

    def _case(self, first: int, last: int, scope: Scope, depth: int) -> str | None:
        found: str | None = None
        start = None
        at = first + 1
        while at < last:
            key = self.reading.key(at)
            if start is not None and key in ("WHEN", "ELSE", "END"):
                found = common(found, self.typed(start, at, scope, depth + 1))
                start = None
            if key in ("THEN", "ELSE"):
                start = at + 1
            at = (
                self.reading.partners[at] + 1
                if at in self.reading.partners and self.reading.partners[at] > at
                else at + 1
            )
        return found

    def _named(self, first: int, last: int, scope: Scope, depth: int) -> str | None:
        at = first
        while self.reading.key(at + 1) == "." and self.reading.is_name(at + 2):
            at += 2
        if at == last - 1:
            return self.column(self.reading.plain(at - 2), self.reading.plain(at), scope)
        if self.reading.key(at + 1) == "(" and at + 1 in self.reading.partners:
            close = self.reading.partners[at + 1]
            if self.reading.key(close + 1) == "WITHIN" and self.reading.key(close + 4) == "ORDER":
                return self._of_ordered_set(self.reading.plain(at).lower(), at + 2, close, scope, depth)
            return self._called(self.reading.plain(at).lower(), at + 2, close, scope, depth)
        return None

    def _of_ordered_set(self, name: str, first: int, close: int, scope: Scope, depth: int) -> str | None:
        """``percentile_cont(0.5) WITHIN GROUP (ORDER BY x)``."""
        end = term_end(self.reading.key, close + 6, self.reading.partners.get(close + 3, close + 3))
        found = self.typed(close + 6, end, scope, depth + 1)
        if name == "percentile_cont" and found != "interval":
            found = "float8"
        many = (self.typed(first, close, scope, depth + 1) or "").startswith("_")
        return "_" + found if many and found else found

    def _before_order(self, start: int, end: int) -> int:
        """An aggregate's argument ends before its ORDER BY."""
        return next(
            (at for at in self.reading.level(start, end) if self.reading.key(at) == "ORDER" and at > start), end
        )

    def _called(self, name: str, first: int, last: int, scope: Scope, depth: int) -> str | None:
        if name == "array":
            items = self.reading.items_between(first, last)
            element = (
                self.typed(items[0].first, items[0].last, self.reading.scopes.get(items[0].first) or scope, depth + 1)
                if items
                else None
            )
            return "_" + element if element and not element.startswith("_") else element
        if name == "cast":
            for at in self.reading.level(first, last):
                if self.reading.key(at) == "AS":
                    type_name, _ = read_type(self.reading.text, self.reading.tokens, at + 1)
                    return self.resolved(type_name.name) if type_name else None
            return None
        known = RESULT_OF.get(name)
        if known is not None:
            return known
        if self.reading.key(first) in ("DISTINCT", "ALL"):
            first += 1
        arguments = self.reading.parts(first, self._before_order(first, last))
        types = [self.typed(start, end, scope, depth + 1) for start, end in arguments[:20]]
        if name in LIKE_ARGUMENT:
            if name in ("date_trunc", "iif"):
                types = types[1:]
            if name in ("date_trunc", "generate_series") and types[:1] == ["date"]:
                return "timestamptz"
            found = None
            for one in types:
                found = common(found, one)
            return found
        first_type = types[0] if types else None
        if name in ("lower", "upper"):
            return BOUNDS.get(first_type or "", "text")
        if name == "date_bin":
            return {"date": "timestamptz"}.get(types[1] or "", types[1]) if len(types) == 3 else None
        if name == "timezone":
            return _IN_ZONE.get(types[1] or "") if len(types) == 2 else None
        if name == "sum":
            return {"time": "interval", "bool": "int8", "int2": "int8", "int4": "int8", "int8": "numeric"}.get(
                first_type or "", first_type
            )
        if name == "avg":
            return (
                "float8"
                if first_type in ("float4", "float8")
                else "interval"
                if first_type in ("interval", "time")
                else "numeric"
            )
        if name in NUMERIC:
            if first_type is None:
                return None
            # Of integers, PostgreSQL takes the variant for floats; those with two arguments but power know numeric only.
            exact = "numeric" in types or (len(types) == 2 and name not in ("power", "pow"))
            return "numeric" if exact and not _FLOATS.intersection(types) else "float8"
        if name in ("array_agg", "array_prepend", "enum_range"):
            element = types[-1] if name != "enum_range" else next(filter(None, types), None)
            return "_" + element if element and not element.startswith("_") else element
        if name == "unnest" and first_type and first_type.startswith("_"):
            return first_type[1:]
        if name in ("timezone",):
            return None
        return None

    def of_star(self, column: str) -> str | None:
        """The type of a column behind a ``*``, by its name."""
        for item in self.reading.stars:
            found = self._of_star(item, column)
            if found is not None:
                return found
        return None

    def _of_star(self, item: Item, column: str) -> str | None:
        scope = self.reading.scopes.get(item.first)
        if scope is None:
            return None
        return self.column(self.reading.plain(item.first) if item.last - item.first > 1 else None, column, scope)

    def _derived(self, items: list[Item], names: list[str], column: str) -> str | None:
        """The type of a subquery's column."""
        low = column.lower()
        if self._looking > 40:
            return None
        self._looking += 1
        try:
            for number, item in enumerate(items):
                if item.star:
                    found = self._of_star(item, column)
                    if found is not None:
                        return found
                elif (names[number] if number < len(names) else name_of(self.reading, item).lower()) == low:
                    return self.type_of(item.first, item.last)
            return None
        finally:
            self._looking -= 1

    def column_words(self, table: str | None, column: str, scope: Scope) -> str | None:
        """The words that a table of FROM declares of its column; None of any other, and of what is no column."""
        if table is None:
            if scope.derived or scope.defined or scope.called:
                return None
            origins = dict.fromkeys(scope.tables.values())
        else:
            origins = dict.fromkeys(found for alias, found in scope.tables.items() if alias == table.lower())
        return next(filter(None, [self.schema.column_type(origin, column) for origin in origins]), None)

    def column(self, table: str | None, column: str, scope: Scope) -> str | None:
        for alias, (items, names) in scope.derived.items():
            if table is None or alias == table.lower():
                found = self._derived(items, names, column)
                if found is not None or table is not None:
                    return found
        for alias, defined in scope.defined.items():
            if (table is None or alias == table.lower()) and column.lower() in defined:
                return defined[column.lower()]
        for alias, (name, call) in scope.called.items():
            if (table is None or alias == table.lower()) and name == column.lower():
                kind = self._called(call.name, call.first, call.last, Scope(), 0)
                if kind is not None:
                    return kind
        if table is not None:
            if scope.outer is not None and table.lower() not in scope.tables:
                return self.column(table, column, scope.outer)
            origin = scope.tables.get(table.lower(), table)
            words = self.schema.column_type(origin, column)
            return declared(words) if words else None
        for origin in dict.fromkeys(scope.tables.values()):
            words = self.schema.column_type(origin, column)
            if words is not None:
                return declared(words) if words else None
        if scope.outer is not None and not scope.derived:
            return self.column(None, column, scope.outer)
        return None


def common(left: str | None, right: str | None) -> str | None:
    """The type that two branches have together."""
    if left is None or right is None or left == right:
        return left or right
    if left in NUMBERS and right in NUMBERS:
        return max(left, right, key=NUMBERS.index)
    if "text" in (left, right):
        return left if right == "text" else right
    return left


def _arithmetic(operator: str, left: str | None, right: str | None) -> str | None:
    if left in NUMBERS and right in NUMBERS:
        return max(left, right, key=NUMBERS.index)
    if "date" in (left, right) and not {"time", "timetz"}.isdisjoint((left, right)):
        return "timestamptz" if "timetz" in (left, right) else "timestamp"
    if left in TIMES or right in TIMES:
        if operator == "-" and left in TIMES and right in TIMES:
            return "int4" if left == right == "date" else "interval"
        time, other = (left, right) if left in TIMES else (right, left)
        if other == "interval":
            return "timestamp" if time == "date" else time
        return time
    if "interval" in (left, right):
        return "interval"
    known = left if left in NUMBERS else right if right in NUMBERS else None
    # The other side is a parameter or a column without a type: a number of some kind.
    return known if known in ("float8", "numeric") else None
