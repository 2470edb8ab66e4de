"""A statement's tokens, read as a query: the items of its result, and the tables around each. [pure]

It reads brackets, commas and the words of clauses; what it does not see through it leaves out. The schema is not asked here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from ha.sql.spans import FIELDS
from ha.sql.tokens import (
    BIND,
    BLOB,
    COMPOUNDS,
    NAMES,
    NUMBER,
    PARAMETER,
    QUOTED,
    TEXTS,
    UNICODE_NAME,
    WORD,
    Token,
    tokenize,
    unquoted,
)
from ha.sql.typenames import read_type


@dataclass(slots=True)
class Item:
    """One item of a select list: its tokens without the alias (from, to before)."""

    first: int
    last: int
    alias: str | None = None
    star: bool = False
    number: int = 0  # of a VALUES list, from 1


class Call(NamedTuple):
    """A call in FROM: its function, lower case, and its arguments (from, to before)."""

    name: str
    first: int
    last: int


@dataclass(slots=True)
class Scope:
    """The tables of a FROM clause: what each is called there, and what it is."""

    tables: dict[str, str] = field(default_factory=dict)
    #: Subqueries, and the names that their columns were given beside the alias.
    derived: dict[str, tuple[list[Item], list[str]]] = field(default_factory=dict)
    #: Functions that give rows of one column: by alias, the column and the call.
    called: dict[str, tuple[str, Call]] = field(default_factory=dict)
    #: Functions whose columns are defined behind their alias: by alias, each column's type.
    defined: dict[str, dict[str, str]] = field(default_factory=dict)
    #: What a subquery sees besides.
    outer: Scope | None = None


class _Nesting(NamedTuple):
    """Of each token: the SELECT, UPDATE, DELETE or INSERT it stands in, and the bracket that opens around it; -1 for none."""

    beginnings: Sequence[int]
    around: Sequence[int]


_NOWHERE = Scope()
_BEGINNINGS = frozenset("SELECT UPDATE DELETE INSERT REPLACE MERGE".split())
#: Before UPDATE where it begins nothing: FOR UPDATE, ON CONFLICT DO UPDATE, ON DELETE …, MERGE's WHEN … THEN UPDATE.
_NOT_BEGINNINGS = frozenset("FOR DO ON . AS KEY NO OR THEN".split())


_LISTS = frozenset(("SET", "SELECT", "RETURNING", "VALUES"))
_TABLES = frozenset(("FROM", "JOIN", "USING"))
_CLAUSES = frozenset(
    "FROM WHERE GROUP HAVING ORDER LIMIT OFFSET FETCH FOR WINDOW UNION INTERSECT EXCEPT RETURNING ON SET VALUES USING".split()
)
_INTERVAL_FIELDS = frozenset(name.upper() for name in FIELDS)
_NEVER_ALIAS = _CLAUSES | frozenset(
    "AND ASC BETWEEN COLLATE CROSS DESC ELSE END FULL ILIKE IN INNER IS ISNULL JOIN LEFT LIKE NATURAL NOT NOTNULL NULL NULLS OR OUTER "
    "RIGHT THEN WHEN TRUE FALSE ESCAPE AS DEFAULT SELECT TABLESAMPLE LATERAL".split()
)
OPERATOR_WORDS = frozenset(
    "AND AS BETWEEN BY CASE COLLATE DISTINCT ELSE ESCAPE EXISTS FROM GLOB ILIKE IN IS ISNULL LIKE MATCH NOT NOTNULL OR REGEXP SELECT "
    "SIMILAR THEN TO WHEN WHERE ON ALL ANY SOME".split()
)


#: Functions whose rows are pairs: the types of a key and its value.
_PAIRS = {
    "json_each": ("text", "json"),
    "jsonb_each": ("text", "jsonb"),
    "json_each_text": ("text", "text"),
    "jsonb_each_text": ("text", "text"),
}


class Reading:
    """One statement's tokens."""

    def __init__(self, text: str, tokens: Sequence[Token] | None = None) -> None:
        self.text = text
        self.tokens: Sequence[Token] = tokenize(text) if tokens is None else tokens
        self.partners = _partners(self.tokens)
        #: Of each item of a select list, by its first token: the tables around it.
        self.scopes: dict[int, Scope] = {}
        #: The items ``*`` and ``t.*``.
        self.stars: list[Item] = []
        #: What WITH names, lower case.
        self._commons: dict[str, tuple[list[Item], list[str]]] = {}
        self._places: dict[int, Scope] = {}

    def key(self, at: int) -> str:
        return self.tokens[at].key if 0 <= at < len(self.tokens) else ""

    def kind(self, at: int) -> str:
        return self.tokens[at].kind if 0 <= at < len(self.tokens) else ""

    def is_name(self, at: int) -> bool:
        return self.kind(at) in NAMES

    def plain(self, at: int) -> str:
        """The name a token means."""
        return unquoted(self.text, self.tokens[at])

    def level(self, first: int, last: int) -> Iterable[int]:
        """The tokens of a range that stand in no bracket of its own, the brackets themselves included."""
        at = first
        while at < last:
            yield at
            partner = self.partners.get(at, -1)
            at = partner if at < partner < last else at + 1
            if at == partner:
                yield at
                at += 1

    def items(self) -> list[Item]:
        """The items of the statement's result: of its SELECT, its VALUES, or its RETURNING."""
        start, end = 0, len(self.tokens)
        while end and self.key(end - 1) == ";":
            end -= 1
        return self.items_between(start, end)

    def items_between(self, start: int, end: int) -> list[Item]:
        while self.key(start) == "(" and self.partners.get(start) == end - 1:
            start, end = start + 1, end - 1
        if self.key(start) == "EXPLAIN":
            return []
        at = start
        if self.key(start) == "WITH":
            at = self._after_with(start, end)
        word = self.key(at)
        if word == "(":
            return self.items_between(at + 1, self.partners.get(at, end))
        if word in ("INSERT", "REPLACE", "UPDATE", "DELETE"):
            for where in self.level(at, end):
                if self.key(where) == "RETURNING":
                    return self._listed(where + 1, end, at)
            return []
        if word == "VALUES":
            return self._values(at + 1)
        if word != "SELECT":
            return []
        first = at + 1
        if self.key(first) == "DISTINCT" and self.key(first + 1) == "ON":
            first = self.partners.get(first + 2, first + 1) + 1
        elif self.key(first) in ("ALL", "DISTINCT"):
            first += 1
        return self._listed(first, end, at)

    def arms(self, start: int, end: int) -> list[tuple[int, int]]:
        """The SELECTs of a compound (from, to before), from the first; of any other query, the one."""
        found, begin = [], start
        for at in self.level(start, end):
            if self.key(at) in COMPOUNDS:
                found.append((begin, at))
                begin = at + 1 + (self.key(at + 1) in ("ALL", "DISTINCT"))
        return [*found, (begin, end)]

    def _after_with(self, start: int, end: int) -> int:
        for at in self.level(start, end):
            if self.key(at) == "AS" and self.key(at + 1 + self._materialized(at + 1)) == "(":
                self._name_common(at)
            elif self.key(at) in ("SELECT", "INSERT", "REPLACE", "UPDATE", "DELETE", "VALUES", "MERGE"):
                return at
        return start

    def _materialized(self, at: int) -> int:
        return 2 if self.key(at) == "NOT" else int(self.key(at) == "MATERIALIZED")

    def _name_common(self, at: int) -> None:
        """``name [(columns)] AS (query)``, from its AS."""
        opening = at + 1 + self._materialized(at + 1)
        name, names = at - 1, []
        if self.key(name) == ")" and name in self.partners:
            names = self._names_in(self.partners[name])
            name = self.partners[name] - 1
        if opening in self.partners and self.is_name(name):
            self._commons[self.plain(name).lower()] = (self.items_between(opening + 1, self.partners[opening]), names)

    def _names_in(self, opening: int) -> list[str]:
        """The names in a bracket, lower case."""
        return [
            self.plain(first).lower()
            for first, _ in self.parts(opening + 1, self.partners[opening])
            if self.is_name(first)
        ]

    def _values(self, at: int) -> list[Item]:
        if self.key(at) != "(" or at not in self.partners:
            return []
        parts = self.parts(at + 1, self.partners[at])
        return [
            Item(first, last, f"column{number + 1}", number=number + 1) for number, (first, last) in enumerate(parts)
        ]

    def _listed(self, first: int, end: int, select: int) -> list[Item]:
        stop = end
        for at in self.level(first, end):
            if self.key(at) in _CLAUSES and self.key(at - 1) not in (".", "AS") and not begins_no_clause(self.key, at):
                stop = at
                break
        scope = self._scope(select, end)
        found = []
        for start, last in self.parts(first, stop):
            item = self._item(start, last)
            found.append(item)
            if item.star:
                self.stars.append(item)
            self.scopes[item.first] = scope
        return found

    def parts(self, first: int, last: int) -> list[tuple[int, int]]:
        """A list's elements between commas, (from, to before) each."""
        found, start = [], first
        depth = 0
        for at in range(first, last):
            key = self.key(at)
            depth += (key in ("(", "[")) - (key in (")", "]"))
            if key == "," and depth == 0:
                found.append((start, at))
                start = at + 1
        if start < last:
            found.append((start, last))
        return found

    def _item(self, first: int, last: int) -> Item:
        if self.key(last - 1) == "*" and (last - first == 1 or self.key(last - 2) == "."):
            return Item(first, last, star=True)
        if last - first >= 3 and self.key(last - 2) == "AS":
            return Item(first, last - 2, self._alias(last - 1))
        if last - first >= 2 and self._bare_alias(last - 1, first):
            return Item(first, last - 1, self._alias(last - 1))
        return Item(first, last)

    def _alias(self, at: int) -> str:
        token = self.tokens[at]
        if token.kind in TEXTS:  # SQLite takes a string for a name
            return self.text[token.start + 1 : token.end - 1]
        return self.plain(at)

    def _bare_alias(self, at: int, first: int) -> bool:
        """Is the last token of an item its alias without AS? It is if it is a name after the end of an operand."""
        if not self.is_name(at):
            return False
        if self.kind(at) == WORD and self.key(at) in _NEVER_ALIAS:
            return False
        before = self.key(at - 1)
        if before in (")", "]", "END", "NULL", "TRUE", "FALSE"):
            return True
        kind = self.kind(at - 1)
        if kind == WORD:
            if before in OPERATOR_WORDS or (before == "OVER" and self.key(at - 2) == ")"):
                return False
            # x::double precision, x::interval day
            cast, after = self._type_before(at)
            return not (cast and after == at + 1) and not (before == "TO" and self.key(at) in _INTERVAL_FIELDS)
        if kind in TEXTS and self.key(at) in _INTERVAL_FIELDS and self.key(at - 2) == "INTERVAL":
            return False  # interval '1' day
        return kind in TEXTS or kind in (NUMBER, PARAMETER, BIND, BLOB, QUOTED, UNICODE_NAME)

    def _type_before(self, at: int) -> tuple[str | None, int]:
        """The type of a cast that the token `at` may be a word of."""
        for back in range(at - 1, max(at - 9, -1), -1):  # timestamp(3) with time zone
            if self.key(back) == "::":
                type_name, after = read_type(self.text, self.tokens, back + 1)
                return (type_name.name if type_name else None), after
        return None, -1

    def cast_at_end(self, first: int, last: int) -> tuple[str, int] | None:
        """``operand::type`` where the cast is the outermost thing: the type, and where the operand ends."""
        found = None
        for at in self.level(first, last):
            if self.key(at) == "::":
                found = at
        if found is None:
            return None
        type_name, after = read_type(self.text, self.tokens, found + 1)
        if type_name is None or after != last or not self.is_primary(first, found):
            return None
        return type_name.name, found

    def is_primary(self, first: int, last: int) -> bool:
        """No operator stands in the range outside of brackets."""
        at = first
        while at < last:
            key = self.key(at)
            if at in self.partners and self.partners[at] > at:
                at = self.partners[at] + 1
                continue
            if key == "::":
                _, after = read_type(self.text, self.tokens, at + 1)
                at = max(after, at + 1)
                continue
            if self.kind(at) == "operator" and key != "." or (self.kind(at) == WORD and key in OPERATOR_WORDS):
                return False
            at += 1
        return True

    def _scope(self, start: int, end: int, joined: Scope | None = None) -> Scope:
        """The tables named in a statement's FROM, JOIN, INTO and UPDATE, outside of its brackets.

        :param joined: the range is a bracket of FROM that joins tables: they are entered here.
        """
        scope = joined or Scope()
        expecting = joined is not None
        listing = joined is None  # a comma stands in SET or a select list, not in FROM
        for at in self.level(start, end):
            key = self.key(at)
            if key in _LISTS:
                listing = True
            if begins_no_clause(self.key, at):
                continue
            if key in ("FROM", "JOIN", "INTO", "UPDATE", "USING"):
                expecting = True
                listing = listing and key not in _TABLES
                continue
            if key in (
                "WHERE",
                "SET",
                "GROUP",
                "ORDER",
                "RETURNING",
                "VALUES",
                "SELECT",
                "LIMIT",
                "HAVING",
                "WHEN",
                *COMPOUNDS,
            ):
                expecting = False
                if key in COMPOUNDS or key in ("ORDER", "GROUP"):
                    break
                continue
            if expecting and key == "(" and at in self.partners:
                if self.key(at + 1) in ("SELECT", "WITH", "VALUES"):
                    self._enter_derived(scope, at)
                else:
                    self._scope(at + 1, self.partners[at], scope)
                expecting = False
                continue
            if key in (
                "LATERAL",
                "ON",
                "AS",
                "ONLY",
                "OR",
                "REPLACE",
                "IGNORE",
                "LEFT",
                "RIGHT",
                "FULL",
                "INNER",
                "OUTER",
                "CROSS",
                "NATURAL",
            ):
                continue
            if key == ",":
                expecting = bool(scope.tables or scope.derived or scope.called) and not listing
                continue
            if expecting and self.is_name(at):
                self.enter(scope, at)
                expecting = False
        return scope

    def joined(self, first: int, last: int) -> Scope:
        """The tables named in a part of a FROM, from one token to before another."""
        return self._scope(first, last, Scope())

    def scope_at(self, index: int) -> Scope:
        """The tables that a token can name: those of the SELECT, UPDATE, DELETE or INSERT it stands in, and of the outer ones."""
        at = self._nesting.beginnings[index] if index >= 0 else -1
        if at < 0:
            return _NOWHERE
        known = self._places.get(at)
        if known is None:
            known = self._places[at] = self._scope(at, self.partners.get(self.around(at), len(self.tokens)))
            if at:
                known.outer = self.scope_at(at - 1)
        return known

    def around(self, at: int) -> int:
        """The bracket or CASE that opens around a token, -1 if it stands in none."""
        return self._nesting.around[at]

    @cached_property
    def _nesting(self) -> _Nesting:
        # One pass for all tokens: a text of megabytes has hundreds of thousands of literals that ask.
        beginnings, around = [], []
        outside: list[int] = []
        began = opened = -1
        for at in range(len(self.tokens)):
            partner = self.partners.get(at, -1)
            if -1 < partner < at:
                opened, began = outside.pop(), outside.pop()
            elif self._begins(at):
                began = at
            beginnings.append(began)
            around.append(opened)
            if partner > at:
                outside += (began, opened)
                opened = at
        return _Nesting(beginnings, around)

    def _begins(self, at: int) -> bool:
        return self.tokens[at].key in _BEGINNINGS and self.kind(at) == WORD and self.key(at - 1) not in _NOT_BEGINNINGS

    def _enter_derived(self, scope: Scope, opening: int) -> None:
        """``(SELECT …) AS alias [(columns)]``."""
        close = self.partners[opening]
        alias = close + 1 + (self.key(close + 1) == "AS")
        if self.key(opening + 1) not in ("SELECT", "WITH", "VALUES") or not self.is_name(alias):
            return
        names = self._names_in(alias + 1) if self.key(alias + 1) == "(" and alias + 1 in self.partners else []
        scope.derived[self.plain(alias).lower()] = (self.items_between(opening + 1, close), names)

    def _enter_call(self, scope: Scope, at: int) -> None:
        """``generate_series(1, 3) AS alias [(column)]``."""
        close = self.partners[at + 1]
        alias = close + 1 + (self.key(close + 1) == "AS")
        name = self.plain(at).lower()
        call = Call(name, at + 2, close)
        if not self.is_name(alias) or (self.kind(alias) == WORD and self.key(alias) in _NEVER_ALIAS):
            scope.called[name] = (name, call)
            if name in _PAIRS:
                scope.defined[name] = dict(zip(("key", "value"), _PAIRS[name], strict=True))
            return
        shown = self.plain(alias).lower()
        names = self._names_in(alias + 1) if self.key(alias + 1) == "(" and alias + 1 in self.partners else []
        scope.called[shown] = (names[0] if names else shown, call)
        if name in _PAIRS:
            scope.defined[shown] = dict(zip(names or ("key", "value"), _PAIRS[name], strict=False))
        if name.endswith(("to_record", "to_recordset")) and names:
            scope.defined[shown] = self._defined(alias + 1)

    def _defined(self, opening: int) -> dict[str, str]:
        """``(a int, b text)`` behind a function's alias: each column's type."""
        found = {}
        for first, _ in self.parts(opening + 1, self.partners[opening]):
            type_name, _ = read_type(self.text, self.tokens, first + 1)
            if type_name is not None:
                found[self.plain(first).lower()] = type_name.name
        return found

    def enter(self, scope: Scope, at: int) -> None:
        if self.key(at - 1) == ".":
            return
        while self.key(at + 1) == "." and self.is_name(at + 2):
            at += 2
        if self.key(at + 1) == "(" and self.key(at - 1) not in ("INTO",) and at + 1 in self.partners:
            if self.key(at - 1) in ("FROM", "JOIN", ",", "LATERAL", "."):
                self._enter_call(scope, at)
            return
        table = self.plain(at)
        if self.key(at - 1) == "." and self.plain(at - 2) == "information_schema":
            table = f"information_schema.{table}"  # as the catalog's database calls it
        alias = at + 1
        if self.key(alias) == "AS":
            alias += 1
        named = self.is_name(alias) and (self.kind(alias) != WORD or self.key(alias) not in _NEVER_ALIAS)
        if table.lower() in self._commons:
            scope.derived[self.plain(alias if named else at).lower()] = self._commons[table.lower()]
        elif named:
            scope.tables[self.plain(alias).lower()] = table
        else:
            scope.tables[self.plain(at).lower()] = table


def query_of(definition: str) -> str:
    """The query of a CREATE VIEW or CREATE TABLE … AS."""
    reading = Reading(definition)
    for at in reading.level(0, len(reading.tokens)):
        if reading.key(at) == "AS":
            return definition[reading.tokens[at].end :].strip()
    return ""


def begins_no_clause(key: Callable[[int], str], at: int) -> bool:
    """``IS DISTINCT FROM``, ``WITHIN GROUP``: words that begin a clause elsewhere.

    :param key: gives the key of a token by its index.
    """
    if key(at) == "FROM":
        return key(at - 1) == "DISTINCT" and key(at - 2) in ("IS", "NOT")
    return key(at) == "GROUP" and key(at - 1) == "WITHIN"


def call_end(key: Callable[[int], str], partners: Mapping[int, int], opening: int, words: Collection[str]) -> int:
    """The token behind a call whose bracket opens at `opening`, and behind what belongs to it: FILTER (…), WITHIN GROUP (…), OVER (…).

    :param key: gives the key of a token by its index.
    :param words: which of these three.
    """
    after = partners[opening] + 1
    while key(after) in words:
        opening = after + 1 + (key(after) == "WITHIN")
        after = partners.get(opening, opening) + 1
    return after


def term_end(key: Callable[[int], str], first: int, end: int) -> int:
    """Where the expression of a term of ORDER BY ends, which goes from `first` to before `end`: before ASC, DESC, USING and NULLS.

    :param key: gives the key of a token by its index.
    """
    if end - 2 > first and key(end - 2) == "NULLS" and key(end - 1) in ("FIRST", "LAST"):
        end -= 2
    if end - 2 > first and key(end - 2) == "USING":
        end -= 2
    elif end - 1 > first and key(end - 1) in ("ASC", "DESC"):
        end -= 1
    return end


def _partners(tokens: Sequence[Token]) -> dict[int, int]:
    """Each bracket's other one, both ways, and each CASE's END."""
    found: dict[int, int] = {}
    open_: list[int] = []
    closes = {")": "(", "]": "[", "END": "CASE"}
    for index, token in enumerate(tokens):
        key = token.key
        if key in ("(", "[", "CASE"):
            open_.append(index)
        elif key in closes and open_ and tokens[open_[-1]].key == closes[key]:
            found[index] = open_.pop()
            found[found[index]] = index
    return found
