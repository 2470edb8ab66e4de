"""What a SELECT is grouped by: the terms of its GROUP BY, its grouping sets, and which words are aggregates. [pure]"""

from __future__ import annotations

from collections.abc import Sequence, Set
from itertools import product

from ha.errors import StatementError
from ha.sql import reading
from ha.sql.reading import Item, Scope
from ha.sql.rewriting import NOT_CALLED, Rewriting
from ha.sql.tokens import NAMES, NUMBER, WORD, unquoted
from ha.sql.typed import Types

#: A term: its first token, and the one after its last.
Term = tuple[int, int]
#: Grouping sets of one SELECT: PostgreSQL's limit.
SETS_MAX = 4096
#: Functions that make one value of many rows.
AGGREGATES = frozenset(
    """
    COUNT SUM AVG MIN MAX TOTAL GROUP_CONCAT STRING_AGG ARRAY_AGG JSON_AGG JSONB_AGG JSON_OBJECT_AGG JSONB_OBJECT_AGG BOOL_AND BOOL_OR
    EVERY BIT_AND BIT_OR BIT_XOR STDDEV STDDEV_POP STDDEV_SAMP VARIANCE VAR_POP VAR_SAMP CORR COVAR_POP COVAR_SAMP REGR_SLOPE
    REGR_INTERCEPT REGR_COUNT REGR_R2 REGR_AVGX REGR_AVGY REGR_SXX REGR_SXY REGR_SYY MODE PERCENTILE_CONT PERCENTILE_DISC
    JSON_GROUP_ARRAY JSON_GROUP_OBJECT MEDIAN PG_GATHERED
    """.split()
)
#: Words that are no column in an expression.
_WORDS = NOT_CALLED | frozenset(
    """
    NULL TRUE FALSE END ASC DESC NULLS FIRST LAST ISNULL NOTNULL COLLATE ESCAPE SIMILAR TO AT TIME ZONE ROW ARRAY INTERVAL DATE TIMESTAMP
    TIMESTAMPTZ CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP LOCALTIME LOCALTIMESTAMP CURRENT_USER SESSION_USER USER UNKNOWN CURRENT_ROLE
    CURRENT_CATALOG CURRENT_SCHEMA SYMMETRIC WITHIN
    """.split()
)


def aggregates(rewriting: Rewriting, first: int, last: int) -> bool:
    """Is an aggregate called in the range, outside of subqueries and not over a window?"""
    at = first
    while at < last:
        if is_subquery(rewriting, at):
            at = rewriting.partners.get(at, at) + 1
            continue
        if is_aggregate(rewriting, at):
            return True
        at += 1
    return False


def clause(rewriting: Rewriting, select: int, end: int, word: str) -> int:
    """Where a clause of a SELECT that goes to before `end` begins; -1 if it has none."""
    at = rewriting.clause_end(select + 1, frozenset((word,)))
    return at if at < end and rewriting.key(at) == word else -1


def is_subquery(rewriting: Rewriting, at: int) -> bool:
    """Does a subquery's bracket open here?"""
    return rewriting.key(at) == "(" and rewriting.key(at + 1) in ("SELECT", "WITH", "VALUES")


def is_aggregate(rewriting: Rewriting, at: int) -> bool:
    """Is it the call of an aggregate, not over a window?"""
    if rewriting.key(at) not in AGGREGATES or rewriting.key(at + 1) != "(" or at + 1 not in rewriting.partners:
        return False
    close = rewriting.partners[at + 1]
    if rewriting.key(at) in ("MIN", "MAX") and rewriting.clause_end(at + 2, frozenset((",",))) < close:
        return False
    return rewriting.key(call_end(rewriting, at)) != "OVER"


def call_end(rewriting: Rewriting, at: int) -> int:
    """The token behind an aggregate's call, its FILTER and WITHIN GROUP included."""
    return reading.call_end(rewriting.key, rewriting.partners, at + 1, ("FILTER", "WITHIN"))


def sets(rewriting: Rewriting, first: int, last: int) -> list[tuple[Term, ...]]:
    """The sets of terms that a GROUP BY says, from its first term to before its last token; of a plain one there is one.

    :raises StatementError: 54001, too many; 42601.
    """
    listed = [_element(rewriting, start, end) for start, end in _parts(rewriting, first, last)]
    if not listed:
        raise rewriting.error(last)
    count = 1
    for one in listed:
        count *= len(one)
    if count > SETS_MAX:
        raise StatementError("54001", f"too many grouping sets present (maximum {SETS_MAX})")
    return [tuple(term for one in chosen for term in one) for chosen in product(*listed)]


def _parts(rewriting: Rewriting, first: int, last: int) -> list[Term]:
    found, at = [], first
    while at < last:
        end = min(rewriting.clause_end(at, frozenset((",",))), last)
        if end == at:
            raise rewriting.error(at)
        found.append((at, end))
        at = end + 1
    if first < last and rewriting.key(last - 1) == ",":
        raise rewriting.error(last)
    return found


def _element(rewriting: Rewriting, first: int, last: int) -> list[tuple[Term, ...]]:
    """The sets of one element of GROUP BY."""
    word = rewriting.key(first)
    if word == "GROUPING" and rewriting.key(first + 1) == "SETS":
        listed = _parts(rewriting, first + 3, last - 1)
        return [one for start, end in listed for one in _element(rewriting, start, end)]
    if word in ("ROLLUP", "CUBE") and rewriting.partners.get(first + 1) == last - 1:
        if first + 2 == last - 1:
            raise rewriting.error(last - 1)
        terms = [_together(rewriting, start, end) for start, end in _parts(rewriting, first + 2, last - 1)]
        if word == "ROLLUP":
            return [tuple(one for term in terms[:count] for one in term) for count in range(len(terms), -1, -1)]
        if 2 ** len(terms) > SETS_MAX:
            raise StatementError("54001", "CUBE is limited to 12 elements")
        kept = product((True, False), repeat=len(terms))
        return [tuple(one for term, is_in in zip(terms, mask, strict=True) if is_in for one in term) for mask in kept]
    return [_together(rewriting, first, last)]


def _together(rewriting: Rewriting, first: int, last: int) -> tuple[Term, ...]:
    """``a``, ``(a, b)`` or ``()``."""
    if rewriting.key(first) == "(" and rewriting.partners.get(first) == last - 1:
        return tuple(_parts(rewriting, first + 1, last - 1))
    return ((first, last),)


class Grouped:
    """What one SELECT is grouped by."""

    def __init__(self, rewriting: Rewriting, types: Types, scope: Scope) -> None:
        self.rewriting = rewriting
        self.types = types
        self.scope = scope
        #: Each grouped column's number: by its table's alias and its name.
        self.columns: dict[tuple[str, str], int] = {}
        #: Each grouped expression's number, by its words.
        self.expressions: dict[tuple[str, ...], int] = {}
        #: Of each number, where the expression stands first.
        self.places: list[Term] = []
        #: Tables that are grouped by their keys.
        self.whole: set[str] = set()

    def term(self, first: int, last: int, items: Sequence[Item]) -> int | None:
        """The number of a term of GROUP BY; None if it is a name that nothing here has."""
        if last - first == 1 and self.rewriting.kind(first) == NUMBER and self.rewriting.key(first).isdecimal():
            place = int(self.rewriting.key(first)[:9])
            if not 0 < place <= len(items) or any(item.star for item in items):
                return None
            first, last = items[place - 1].first, items[place - 1].last
        elif last - first == 1 and self.rewriting.kind(first) in NAMES and self.column(first)[0] is None:
            name = self._text(first)
            item = next((item for item in items if item.alias == name), None)
            if item is None and self.rewriting.key(first) not in _WORDS:
                return None
            if item is not None:
                first, last = item.first, item.last
        return self.expression(first, last)

    def expression(self, first: int, last: int) -> int:
        """The number of a grouped expression, a new one if it has none."""
        while self.rewriting.key(first) == "(" and self.rewriting.partners.get(first) == last - 1:
            first, last = first + 1, last - 1
        words = self._words(first, last)
        number = self.expressions.setdefault(words, len(self.expressions))
        if number == len(self.places):
            self.places.append((first, last))
            table, column, end = self.column(first)
            if table is not None and end == last:
                self.columns[table, column] = number
        return number

    def complete(self, numbers: Set[int]) -> None:
        """These are in every set: whose key is among them is grouped whole."""
        for alias, table in self.scope.tables.items():
            key = self.types.schema.primary_key(table)
            if key and all(self.columns.get((alias, column.lower())) in numbers for column in key):
                self.whole.add(alias)

    def _words(self, first: int, last: int) -> tuple[str, ...]:
        """An expression's words, by which equal ones are known; a column's table counts where it is said."""
        words = []
        at = first
        while at < last:
            word, at = self._word(at)
            words.append(word)
        return tuple(words)

    def _word(self, at: int) -> tuple[str, int]:
        """What is at a token, and the token behind it: a column with its table, or the token's key."""
        table, column, end = self.column(at)
        return (f"{table}.{column}", end) if table is not None else (self.rewriting.key(at), at + 1)

    def column(self, at: int) -> tuple[str | None, str, int]:
        """The column that is named at a token: its table's alias, its name, the token after it; None if it is none that is certain."""
        rewriting = self.rewriting
        if rewriting.kind(at) not in NAMES or (rewriting.kind(at) == WORD and rewriting.key(at) in _WORDS):
            return None, "", at + 1
        if rewriting.key(at - 1) in (".", "::", "AS") or rewriting.key(at + 1) == "(":
            return None, "", at + 1
        name = self._text(at).lower()
        if rewriting.key(at + 1) == ".":
            column = self._text(at + 2).lower() if rewriting.kind(at + 2) in NAMES else ""
            table = self.scope.tables.get(name)
            if rewriting.key(at + 3) in (".", "(") or table is None or not self._has(table, column):
                return None, "", at + 1
            return name, column, at + 3
        owners = [alias for alias, table in self.scope.tables.items() if self._has(table, name)]
        return (owners[0], name, at + 1) if len(owners) == 1 else (None, "", at + 1)

    def _has(self, table: str, column: str) -> bool:
        return self.types.schema.column_type(table, column) is not None

    def found(self, at: int, last: int) -> tuple[int, int]:
        """The longest grouped expression that begins at a token: its number, and the token behind it; -1 if none does."""
        number, behind = -1, at
        begin, after_first = self._word(at)
        for words, one in self.expressions.items():
            if words[:1] != (begin,):
                continue
            end, place = after_first, 1
            while end < last and place < len(words):
                word, after = self._word(end)
                if word != words[place]:
                    break
                end, place = after, place + 1
            if place == len(words) and behind < end <= last:
                number, behind = one, end
        return number, behind

    def _text(self, at: int) -> str:
        return unquoted(self.rewriting.text, self.rewriting.tokens[at])
