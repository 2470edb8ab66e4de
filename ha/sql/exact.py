"""Which numerics of a statement are computed digit by digit. [pure]

PostgreSQL's numeric is exact; SQLite computes in binary, and a column of numeric holds what that can hold. Where the types tell that a
statement computes with numerics, the functions of :mod:`ha.sqlite.decimals` do it, and what comes of it is a text of digits. Such a
text must never meet a number, which SQLite sorts before every text. So it is asked for from where it is understood, and only there:

* an item of the result, of RETURNING, and ORDER BY and GROUP BY beside it;
* an operand of a comparison. Beside a column, which an index may know, it becomes a number that compares alike; else both sides become
  texts with a collation of their values;
* an argument of those functions, a branch of CASE, COALESCE and the like, with all the others.

Everywhere else (a subquery's column, an argument of any other function, what is assigned) a numeric stays what it was: the number that
SQLite computes. A statement that computes with no numeric is not touched, and neither are integers and floats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Final, NamedTuple

from ha.errors import StatementError
from ha.sql.reading import Item
from ha.sql.rewriting import AFTER_FROM, CLOSER, Rewriting
from ha.sql.tokens import BIND, COMPOUNDS, NAMES, NUMBER, PARAMETER, TEXTS, WORD
from ha.sql.typed import Types
from ha.sql.typenames import read_type

#: What is done when the pass over the tokens comes to one.
Action = Callable[[], None]

_OPERATORS: Final = {"+": "add", "-": "sub", "*": "mul", "/": "div", "%": "mod", "^": "pow"}
#: Functions of numerics that give numerics.
_FUNCTIONS: Final = {
    "ROUND": "round", "TRUNC": "trunc", "CEIL": "ceil", "CEILING": "ceil", "FLOOR": "floor", "ABS": "abs", "SIGN": "sign",
    "SQRT": "sqrt", "EXP": "exp", "LN": "ln", "LOG": "log", "LOG10": "log", "POWER": "pow", "POW": "pow", "MOD": "mod", "DIV": "whole",
}  # fmt: skip
_ALIKE: Final = frozenset(("COALESCE", "NULLIF", "GREATEST", "LEAST", "IFNULL"))
_AGGREGATES: Final = frozenset(("SUM", "AVG", "MIN", "MAX"))
_INTEGERS: Final = frozenset(("int2", "int4", "int8"))
_FLOATS: Final = frozenset(("float4", "float8"))
#: What makes texts of its operands.
_JOINING: Final = frozenset(("||", "CONCAT", "CONCAT_WS", "FORMAT"))
_COMPARISONS: Final = frozenset(("=", "<>", "!=", "<", ">", "<=", ">="))
#: Where a column is compared with what lies between two integers: with the greater one or the less.
_WAYS: Final = {"<": 1, "<=": -1, ">": -1, ">=": 1}
#: Words of statements whose parts are moved about when they are rewritten.
_MOVED: Final = frozenset(("TIES", "LATERAL"))
#: Statements without any of these compute with no numeric; numbers with a fraction count, too.
_COMPUTING: Final = frozenset(
    (
        *_OPERATORS,
        "::",
        "CAST",
        *_JOINING,
        *_FUNCTIONS,
        *_AGGREGATES,
        *_ALIKE,
        "CASE",
        "EXTRACT",
        *COMPOUNDS,
        "NUMERIC",
        "DECIMAL",
    )
)
_VERBS: Final = frozenset(("SELECT", "INSERT", "UPDATE", "DELETE"))
_TERM_END: Final = frozenset(("ASC", "DESC", "NULLS", "USING", ",", "HAVING", "ORDER", *AFTER_FROM))
#: Digits of a column's sum that are counted in units of its last place, by SQLite: nine million rows and more fit into 64 bits.
_COUNTED_DIGITS: Final = 12
#: Longer numbers are refused, as in PostgreSQL.
_DIGITS_MAX: Final = 147_455
#: Digits that a binary floating-point number keeps of any decimal.
EXACT_DIGITS: Final = 15

#: A part of a statement: its first token, and the one after its last.
Span = tuple[int, int]


class Comparison(NamedTuple):
    """How a comparison's operands are made alike: what is put around each, and the collation behind the first."""

    around: tuple[tuple[int, int, str, str], ...]
    collated: int | None


class Exact:
    """What of one statement is computed exactly, found before its tokens are rewritten."""

    def __init__(self, rewriting: Rewriting, types: Types) -> None:
        self._rewriting = rewriting
        self._types = types
        #: By token: what is done in its own rule's place.
        self.instead: dict[int, Action] = {}
        #: By token: what is done before its own rule.
        self.besides: dict[int, Action] = {}
        #: Casts to numeric whose result is a text of digits, and casts to a float that may be NaN, by their ``::``, CAST or type.
        self.casts: set[int] = set()
        self.comparisons: dict[int, Comparison] = {}
        #: Parameters whose values are wanted with all their digits, by number.
        self.parameters: set[int] = set()
        self._marks: set[int] = set()
        self._texts: set[Span] = set()
        self._wrapped: set[Span] = set()
        self._hints = _hints(rewriting, types)

    def takes(self, index: int) -> bool:
        """Do what is to be done at a token; is its own rule left out?"""
        if index not in self.instead and index not in self.besides:
            return False
        if index <= self._rewriting.skip or self._rewriting.instead.get(index) == "":
            return False
        if index in self.besides:
            self.besides[index]()
        action = self.instead.get(index)
        if action is not None:
            action()
        return action is not None

    def compare(self, index: int) -> bool:
        """Make alike what the comparison at a token compares, if it is one of numerics."""
        found = self.comparisons.get(index)
        if found is None or self._rewriting.instead.get(index) == "":
            return False
        for first, last, opening, closing in found.around:
            self._rewriting.before(first, opening)
            self._rewriting.last(last, closing)
        if found.collated is not None:
            self._rewriting.after(found.collated, " COLLATE pg_numeric")
        return True

    def is_text(self, first: int, last: int) -> bool:
        """Is the expression from token `first` to token `last` such a text?"""
        return self._stripped(first, last + 1) in self._texts

    @property
    def hinted(self) -> bool:
        """Is there anything to look for?"""
        return bool(self._hints)

    # The statement

    def find(self) -> None:
        """Find what is computed exactly, and note it."""
        reading = self._types.reading
        key = self._rewriting.key
        keys = self._rewriting.keys
        distinct_on = any(key(at) == "DISTINCT" and key(at + 1) == "ON" for at in range(len(reading.tokens)))
        if distinct_on or not keys.isdisjoint(_MOVED):
            return
        for at in range(len(reading.tokens)):
            if key(at) in _COMPARISONS or key(at) in ("BETWEEN", "IN", "IS"):
                try:
                    self._compare(at)
                except StatementError as error:
                    if error.sqlstate != "42601":  # no operand: SQLite will tell
                        raise
            elif key(at) == "::" or key(at) == "CAST":
                self._cast_away(at)
            elif key(at) in _JOINING:
                self._join(at)
            elif key(at) == "PG_TYPEOF" and reading.kind(at + 2) == PARAMETER and key(at + 3) == ")":
                if self._kind(at + 2, at + 3) == "numeric":
                    self._claim(at + 2)()
        self._result()
        if self.parameters:
            for at in range(len(reading.tokens)):
                if reading.kind(at) == PARAMETER and at not in self._marks and self._number_of(at) in self.parameters:
                    self.besides[at] = self._around(at, at, "pg_fit_numeric(", ")")

    def _result(self) -> None:
        """The items of the result, and what it is sorted and grouped by."""
        reading = self._types.reading
        end = len(reading.tokens)
        start = next((at for at in range(end) if reading.key(at) != "("), 0)
        arms = reading.arms(start, end) if reading.key(start) in ("SELECT", "VALUES") else []
        if len(arms) > 1:
            self._unite([reading.items_between(first, last) for first, last in arms])
            return
        items = reading.items()
        if any(item.number for item in items):
            if len([at for at in reading.level(0, end) if reading.key(at) == "("]) > 1:
                return  # VALUES of several rows
        for item in items:
            if not item.star and self._hinted(item.first, item.last):
                self._take(self._made(item.first, item.last, True) or self._float(item.first, item.last))
        if self._rewriting.verb != "SELECT" or not items:
            return
        if reading.key(start) == "SELECT":
            for at in reading.level(start, end):
                if reading.key(at) == "BY" and reading.key(at - 1) in ("ORDER", "GROUP"):
                    for first, last in self._terms(at + 1, end):
                        if not self._hinted(first, last):
                            continue
                        self._take(self._made(first, last, False))

    def _unite(self, arms: Sequence[Sequence[Item]]) -> None:
        """The items of a UNION: each column's are all texts, or none is."""
        if any(not arm or any(item.star or item.number for item in arm) for arm in arms):
            return
        for number in range(min(map(len, arms))):
            spans = [(arm[number].first, arm[number].last) for arm in arms]
            if all(self._kind(*span) in (*_INTEGERS, "numeric") or self._is_null(*span) for span in spans):
                self._take(self._branches(spans, True))

    def _terms(self, at: int, end: int) -> Iterable[Span]:
        while at < end:
            stop = self._rewriting.clause_end(at, _TERM_END)
            if stop > at and self._rewriting.kind(at) != NUMBER:
                yield at, stop
            comma = self._rewriting.clause_end(stop, frozenset((",", "HAVING", "ORDER", *AFTER_FROM)))
            if self._rewriting.key(comma) != ",":
                return
            at = comma + 1

    def _take(self, actions: Sequence[Action] | None) -> None:
        for action in actions or ():
            action()

    # Expressions

    def _hinted(self, first: int, last: int) -> bool:
        """Does anything there say that a numeric may be computed? Most is told so, before any type is asked for."""
        return any(first <= at < last for at in self._hints)

    def _kind(self, first: int, last: int) -> str | None:
        return self._types.of(first, last - 1)

    def _is_null(self, first: int, last: int) -> bool:
        return last - first == 1 and self._rewriting.key(first) == "NULL"

    def _stripped(self, first: int, last: int) -> Span:
        """Without the brackets around it."""
        rewriting = self._rewriting
        while (
            rewriting.key(first) == "("
            and rewriting.partners.get(first) == last - 1
            and rewriting.key(first + 1) not in ("SELECT", "WITH", "VALUES")
        ):
            first, last = first + 1, last - 1
        return first, last

    def _made(self, first: int, last: int, shown: bool) -> list[Action] | None:
        """What makes a text of digits of an expression; None where it computes with no numeric, or is not seen through.

        :param shown: a column of its is shown with the digits of its scale.
        """
        first, last = self._stripped(first, last)
        if first >= last or self._kind(first, last) != "numeric":
            return None
        at = self._types.operator(first, last - 1)
        found = self._primary(first, last, shown) if at is None else self._operated(first, at, last)
        if found is not None:
            found.append(lambda: self._texts.add((first, last)))
        return found

    def _operated(self, first: int, at: int, last: int) -> list[Action] | None:
        key = self._rewriting.key(at)
        if at == first:
            if key not in ("-", "+"):
                return None
            operand = self._operand(at + 1, last)
            if operand is None:
                return None
            return [lambda: self.instead.__setitem__(at, self._sign(at, last, key)), *operand]
        if key not in _OPERATORS:
            return None
        left, right = self._operand(first, at), self._operand(at + 1, last)
        if left is None or right is None:
            return None

        def call() -> None:
            self._rewriting.call(first, at, last - 1, f"dec_{_OPERATORS[key]}")

        return [lambda: self.instead.__setitem__(at, call), *left, *right]

    def _sign(self, at: int, last: int, key: str) -> Action:
        def put() -> None:
            self._rewriting.instead[at] = "dec_neg(" if key == "-" else "dec_of("
            self._rewriting.last(last - 1, ")")

        return put

    def _operand(self, first: int, last: int) -> list[Action] | None:
        """What makes an operand of these functions of an expression, which may stay a number; None if it may be none."""
        found = self._made(first, last, True)
        if found is not None:
            return found
        first, last = self._stripped(first, last)
        if last - first == 1 and self._rewriting.kind(first) == PARAMETER:
            return [self._claim(first)]
        kind = self._kind(first, last)
        if kind == "numeric":
            return self._column(first, last) or []
        single = last - first == 1 and (
            self._rewriting.kind(first) == BIND or self._rewriting.kind(first) in TEXTS or self._is_null(first, last)
        )
        return [] if kind in _INTEGERS or single else None

    def _column(self, first: int, last: int) -> list[Action] | None:
        """A column with as many digits as its scale says; None if it has none."""
        declared = self._types.declared(first, last - 1)
        if declared is None or declared.name != "numeric" or not declared.modifiers:
            return None
        scale = (*declared.modifiers, 0)[1]
        put = self._around(first, last - 1, "dec_of(", f", {scale})")
        return [lambda: self.besides.__setitem__(first, put)]

    def _around(self, first: int, last: int, opening: str, closing: str) -> Action:
        """Words around an operand of one name or mark, within whatever else is put around it."""

        def put() -> None:
            self._rewriting.before(first, opening)
            self._rewriting.after(last, closing)

        return put

    def _number_of(self, at: int) -> int:
        return self._rewriting.parameter(at)

    def _claim(self, at: int) -> Action:
        def claim() -> None:
            self._marks.add(at)
            self.parameters.add(self._number_of(at))

        return claim

    def _primary(self, first: int, last: int, shown: bool) -> list[Action] | None:
        rewriting = self._rewriting
        if rewriting.key(first) == "(" and rewriting.partners.get(first) == last - 1:
            return self._subquery(first + 1, last - 1)
        cast = self._types.reading.cast_at_end(first, last)
        if cast is not None:
            return self._cast(cast[1], first, cast[1]) if cast[0] == "numeric" else None
        key = rewriting.key(first)
        if key == "CAST" and rewriting.partners.get(first + 1) == last - 1:
            as_ = next((at for at in self._types.reading.level(first + 2, last - 1) if rewriting.key(at) == "AS"), None)
            return None if as_ is None else self._cast(first, first + 2, as_)
        if last - first == 1:
            if rewriting.kind(first) == NUMBER:
                return [lambda: self.instead.__setitem__(first, lambda: self._literal(first))]
            return [self._claim(first)] if rewriting.kind(first) == PARAMETER else None
        if last - first == 2 and rewriting.kind(first + 1) in TEXTS and rewriting.kind(first) == WORD:
            return [lambda: self.casts.add(first)]
        if key == "CASE" and rewriting.partners.get(first) == last - 1:
            return self._branches(self._cases(first + 1, last), shown)
        if rewriting.key(first + 1) == "(" and first + 1 in rewriting.partners:
            return self._called(key, first, last, shown)
        return None

    def _subquery(self, first: int, last: int) -> list[Action] | None:
        """``(SELECT x …)``, where a value stands."""
        items = self._types.reading.items_between(first, last)
        if len(items) != 1 or items[0].star or items[0].number or len(self._types.reading.arms(first, last)) > 1:
            return None
        return self._made(items[0].first, items[0].last, True)

    def _cast(self, at: int, first: int, last: int) -> list[Action]:
        """A cast to numeric: of a numeric with all its digits."""
        first, last = self._stripped(first, last)
        inner = self._made(first, last, True) or self._column(first, last) or []
        if last - first == 1:
            if self._rewriting.kind(first) == PARAMETER:
                inner = [self._claim(first)]
            elif self._rewriting.kind(first) == NUMBER:
                inner = [lambda: self.instead.__setitem__(first, lambda: self._literal(first))]
        return [lambda: self.casts.add(at), *inner]

    def _literal(self, at: int) -> None:
        """A number as a text of its digits.

        :raises StatementError: 22003, it has too many.
        """
        key = self._rewriting.key(at).replace("_", "")
        try:
            number = Decimal(int(key, 0) if key[:2] in ("0x", "0X") else key)
        except (InvalidOperation, ValueError):
            return
        if abs(number.adjusted()) > _DIGITS_MAX or len(key) > _DIGITS_MAX:
            raise StatementError(
                "22003", "value overflows numeric format", position=self._rewriting.tokens[at].start + 1
            )
        self._rewriting.instead[at] = f"'{number:f}'"

    def _cases(self, at: int, last: int) -> list[Span]:
        """The branches of a CASE, from the token after it."""
        found, start = [], None
        while at < last:
            key = self._rewriting.key(at)
            if start is not None and key in ("WHEN", "ELSE", "END"):
                found.append((start, at))
                start = None
            if key in ("THEN", "ELSE"):
                start = at + 1
            partner = self._rewriting.partners.get(at, -1)
            at = partner + 1 if partner > at else at + 1
        return found

    def _branches(self, spans: Sequence[Span], shown: bool) -> list[Action] | None:
        """Expressions of which any may be the value: if one is a text of digits, all are made such."""
        made = [self._made(first, last, shown) for first, last in spans]
        if shown:
            if not any(made) and not any(self._column(*self._stripped(*span)) for span in spans):
                return None
        elif not any(self._computes(*span) for span, one in zip(spans, made, strict=True) if one is not None):
            return None
        found: list[Action] = []
        for (first, last), one in zip(spans, made, strict=True):
            if one is None:
                one = self._texted(first, last)
            if one is None:
                return None
            found += one
        return found

    def _texted(self, first: int, last: int) -> list[Action] | None:
        """What makes a text of digits of a number that stands between commas, brackets or the words of a CASE."""
        if self._is_null(first, last):
            return []
        operand = self._operand(first, last)
        if operand is None:
            return None

        def put() -> None:
            if (first, last) in self._wrapped:
                return
            self._wrapped.add((first, last))
            self._rewriting.after(first - 1, " dec_of(")
            self._rewriting.before(last, ")") if last < len(self._rewriting.tokens) else self._rewriting.last(
                last - 1, ")"
            )

        inner = self._stripped(first, last)
        return [put, *operand, lambda: self._texts.add(inner)]

    def _computes(self, first: int, last: int) -> bool:
        """Is it more than a number that SQLite keeps as it is written?"""
        first, last = self._stripped(first, last)
        if last - first != 1 or self._rewriting.kind(first) != NUMBER:
            return True
        digits = self._rewriting.key(first).replace("_", "").replace(".", "")
        return not digits.isdecimal() or len(digits.strip("0")) > EXACT_DIGITS

    def _called(self, name: str, first: int, last: int, shown: bool) -> list[Action] | None:
        rewriting = self._rewriting
        close = rewriting.partners[first + 1]
        arguments = self._types.reading.parts(first + 2, close)
        if name in _AGGREGATES:
            behind = rewriting.key(close + 1)
            if behind not in ("", "FILTER", "OVER") and close + 1 < last or len(arguments) != 1:
                return None
            return self._aggregate(name, first, close, last, shown)
        if close != last - 1 or not arguments:
            return None
        if name in _ALIKE:
            found = self._branches(arguments, shown)
            if found is None or name in ("COALESCE", "IFNULL", "NULLIF"):
                return found
            return [lambda: self.instead.__setitem__(first, lambda: self._extreme(first)), *found]
        if name == "EXTRACT" and shown and rewriting.key(first + 3) == "FROM":
            return [lambda: self.besides.__setitem__(first, lambda: rewriting.instead.__setitem__(first, "dec_part"))]
        if name not in _FUNCTIONS:
            return None
        found = []
        for span in arguments:
            operand = self._operand(*span)
            if operand is None:
                return None
            found += operand

        def put() -> None:
            rewriting.instead[first] = f"dec_{_FUNCTIONS[name]}"

        return [lambda: self.instead.__setitem__(first, put), *found]

    def _extreme(self, at: int) -> None:
        self._rewriting.instead[at] = "pg_most" if self._rewriting.key(at) == "GREATEST" else "pg_least"
        self._rewriting.instead[at + 1] = "('pg_numeric', "

    def _aggregate(self, name: str, first: int, close: int, last: int, shown: bool) -> list[Action] | None:
        rewriting = self._rewriting
        start = first + 2 + (rewriting.key(first + 2) in ("DISTINCT", "ALL"))
        if rewriting.clause_end(start, frozenset(("ORDER", ","))) != close or start >= close:
            return None
        kind, declared = self._kind(start, close), self._types.declared(start, close - 1)
        if name in ("MIN", "MAX"):
            scale = declared.modifiers[1:2] if declared is not None and declared.name == "numeric" else ()
            if scale and shown:
                put = self._around(first, last - 1, "dec_of(", f", {scale[0]})")
                return [lambda: self.besides.__setitem__(first, put)]
            return self._made(start, close, False)
        if kind in _INTEGERS:
            if name == "AVG" and declared is not None and close == last - 1 and start == first + 2:
                return [lambda: self.instead.__setitem__(first, lambda: self._mean(first, close))]
            return None if name == "SUM" else self._summed(name, first, [])
        if kind != "numeric":
            return None
        if name == "SUM" and declared is not None and declared.modifiers and declared.modifiers[0] <= _COUNTED_DIGITS:
            return self._counted(first, start, close, last, (*declared.modifiers, 0)[1])
        operand = self._operand(start, close)
        return None if operand is None else self._summed(name, first, operand)

    def _summed(self, name: str, first: int, operand: list[Action]) -> list[Action]:
        def put() -> None:
            self._rewriting.instead[first] = f"dec_{name.lower()}"

        return [lambda: self.instead.__setitem__(first, put), *operand]

    def _counted(self, first: int, start: int, close: int, last: int, scale: int) -> list[Action]:
        """``sum(price)`` of a numeric(10, 2): so many hundredths, which SQLite counts."""

        def put() -> None:
            self._rewriting.before(first, "dec_units(")
            self._rewriting.before(start, "CAST(round(")
            self._rewriting.after(close - 1, f" * 1e{scale}) AS INTEGER)")
            self._rewriting.after(last - 1, f", {scale})")

        return [lambda: self.instead.__setitem__(first, put)]

    def _mean(self, first: int, close: int) -> None:
        """``avg(n)`` of a column of integers: SQLite adds and counts them."""
        rewriting = self._rewriting
        column = rewriting.text[rewriting.tokens[first + 2].start : rewriting.tokens[close - 1].end]
        rewriting.instead[first] = "dec_mean(sum"
        rewriting.after(close, f", count({column}))")

    # Casts of numerics to other types, and to floats

    def _cast_away(self, at: int) -> None:
        """``x::int``, ``x::text`` of a numeric: half a unit goes away from zero, and all digits are shown."""
        rewriting = self._rewriting
        try:
            span, place = self._cast_operand(at)
        except StatementError:
            return
        target, _ = read_type(rewriting.text, rewriting.tokens, place)
        if target is None or self._kind(*span) != "numeric":
            return
        if target.name in ("int2", "int4", "int8"):
            self._take(self._made(*span, False))
            self.casts.add(at)
        elif target.name in ("text", "varchar", "bpchar", *_FLOATS) and at not in self.casts:
            self._show(*span)

    def _show(self, first: int, last: int) -> None:
        """A numeric that becomes a text: with all digits of its scale."""
        self._take(self._made(first, last, True) or self._column(*self._stripped(first, last)))

    def _join(self, at: int) -> None:
        """``x || 'EUR'``, ``concat(x, 'EUR')``: all digits are shown there, too."""
        rewriting = self._rewriting
        if rewriting.key(at) != "||":
            spans = self._types.reading.parts(at + 2, rewriting.partners.get(at + 1, at + 2))
        elif rewriting.is_operand(at - 1):
            spans = [(rewriting.arithmetic_before(at), at), (at + 1, rewriting.arithmetic_after(at + 1) + 1)]
        else:
            return
        for span in spans:
            if self._kind(*span) == "numeric":
                self._show(*span)

    def _cast_operand(self, at: int) -> tuple[Span, int]:
        """What the cast at `at` takes, and where its type begins."""
        rewriting = self._rewriting
        if rewriting.key(at) == "::":
            return (rewriting.operand_before(at), at), at + 1
        close = rewriting.partners.get(at + 1, -1)
        as_ = rewriting.clause_end(at + 2, frozenset(("AS",)))
        if rewriting.key(at + 1) != "(" or as_ >= close:
            raise rewriting.error(at)
        return (at + 2, as_), as_ + 1

    def _float(self, first: int, last: int) -> list[Action] | None:
        """An item that is cast to a float may be NaN, which SQLite's REAL cannot be; so may one of an array."""
        first, last = self._stripped(first, last)
        if self._rewriting.key(first) == "ARRAY" and self._rewriting.partners.get(first + 1) == last - 1:
            parts = self._types.reading.parts(first + 2, last - 1)
            return [action for part in parts for action in self._float(*part) or ()]
        cast = self._types.reading.cast_at_end(first, last)
        if cast is None or cast[0] not in _FLOATS:
            return None
        place = cast[1]
        return [lambda: self.casts.add(place)]

    # Comparisons

    def _compare(self, at: int) -> None:
        """Make alike what is compared, where one side computes with numerics."""
        sides = self._sides(at)
        if not any(self._hinted(*side) for side in sides):
            return
        kinds = [self._kind(*side) for side in sides]
        if not _FLOATS.isdisjoint(kinds):
            for side in sides:  # as a text NaN is greater than every number, and equal to itself, as it shall be
                self._take(self._float(*side))
            return
        for side, kind in zip(sides, kinds, strict=True):
            free = side[1] - side[0] == 1 and (
                self._rewriting.kind(side[0]) in (PARAMETER, BIND) or self._rewriting.kind(side[0]) in TEXTS
            )
            if not (kind in _INTEGERS or kind == "numeric" or free or self._is_null(*side)):
                return
        made = [self._made(first, last, False) for first, last in sides]
        computed = [one is not None and self._computes(*side) for side, one in zip(sides, made, strict=True)]
        if not any(computed):
            return
        # What a subquery gives is a column, too.
        columns = [self._types.declared(*self._inside(side)) is not None or len(sides) == 1 for side in sides]
        if columns[0] or (any(columns) and self._rewriting.key(at) != "IN"):
            self._beside_columns(at, sides, made, computed)
            return
        around = []
        actions: list[Action] = []
        for side, one in zip(sides, made, strict=True):
            if one is None and not self._is_null(*side):
                one = self._operand(*side)
                if one is None:
                    return
                around.append((side[0], side[1] - 1, "dec_of(", ")"))
            actions += one or ()
        self._take(actions)
        self.comparisons[at] = Comparison(tuple(around), sides[0][1] - 1)

    def _inside(self, side: Span) -> Span:
        first, last = self._stripped(*side)
        return first, last - 1

    def _beside_columns(
        self, at: int, sides: list[Span], made: list[list[Action] | None], computed: list[bool]
    ) -> None:
        """A column stays what it is, so that an index serves; what is computed becomes a number that compares alike."""
        key = self._rewriting.key(at)
        around = []
        for number, (side, one, computes) in enumerate(zip(sides, made, computed, strict=True)):
            if computes:
                self._take(one)
                # The column is compared with it: on the other side of a comparison that is turned around.
                way = _WAYS.get(key, 0) * (1 if number else -1) if key != "BETWEEN" else (0, 1, -1)[number]
                around.append((side[0], side[1] - 1, "dec_number(", f", {way})" if way else ")"))
        self.comparisons[at] = Comparison(tuple(around), None)

    def _sides(self, at: int) -> list[Span]:
        """The operands of the comparison at `at`; none where they are not all plain to see."""
        rewriting = self._rewriting
        end = at - (rewriting.key(at) in ("BETWEEN", "IN") and rewriting.key(at - 1) == "NOT")
        if not rewriting.is_operand(end - 1) or rewriting.key(end - 1) in ("ROWS", "RANGE", "GROUPS"):
            return []
        first = rewriting.closer_before(end)
        if rewriting.key(first - 1) == "EXISTS" or (rewriting.key(at) == "=" and self._assigns(at)):
            return []
        start = at + 1
        if rewriting.key(at) == "IS":
            start += rewriting.key(start) == "NOT"
            if rewriting.key(start) != "DISTINCT":
                return []
            start += 2
        if rewriting.key(at) == "IN":
            close = rewriting.partners.get(start)
            if rewriting.key(start) != "(" or close is None:
                return []
            if rewriting.key(start + 1) in ("SELECT", "WITH", "VALUES"):
                return [(first, end)]
            return [(first, end), *self._types.reading.parts(start + 1, close)]
        if rewriting.key(start) in ("ANY", "ALL", "SOME", "SYMMETRIC"):
            return []
        last = rewriting.chain_after(start, CLOSER) + 1
        if rewriting.key(at) != "BETWEEN":
            return [(first, end), (start, last)]
        if rewriting.key(last) != "AND":
            return []
        return [(first, end), (start, last), (last + 1, rewriting.chain_after(last + 1, CLOSER) + 1)]

    def _assigns(self, at: int) -> bool:
        """Is it the ``=`` of SET?"""
        rewriting = self._rewriting
        if rewriting.verb not in ("UPDATE", "INSERT"):
            return False
        before = at - 1
        while before >= 0 and rewriting.key(before) not in ("SET", "WHERE", "FROM", "SELECT", "RETURNING", "ON", "("):
            partner = rewriting.partners.get(before, len(rewriting.tokens))
            before = partner - 1 if partner < before else before - 1
        if rewriting.key(before) != "SET":
            return False
        back = at - 1
        while rewriting.kind(back) in NAMES and rewriting.key(back - 1) == ".":
            back -= 2
        return rewriting.key(back - 1) in ("SET", ",") or rewriting.key(at - 1) == ")"


def _hints(rewriting: Rewriting, types: Types | None) -> list[int]:
    """The tokens that may compute with a numeric, or be one."""
    numeric = types is not None and "numeric" in types.given
    return [
        at
        for at, token in enumerate(rewriting.tokens)
        if (token.key in _COMPUTING and not (token.key == "*" and rewriting.key(at - 1) in _BEFORE_STAR))
        or (token.kind == NUMBER and (not token.key.isdecimal() or len(token.key) > EXACT_DIGITS))
        or (numeric and token.kind == PARAMETER)
    ]


#: Before a ``*`` that multiplies nothing.
_BEFORE_STAR: Final = frozenset(("SELECT", ",", "(", ".", "RETURNING", "DISTINCT"))


def asks(rewriting: Rewriting) -> bool:
    """May it compute with numerics? The schema tells."""
    return rewriting.verb in _VERBS and not rewriting.sqlite_order and bool(_hints(rewriting, None))


def find(rewriting: Rewriting, types: Types) -> Exact | None:
    """What of the statement is computed exactly; None where nothing may be."""
    if rewriting.verb not in _VERBS or rewriting.sqlite_order:
        return None
    found = Exact(rewriting, types)
    if not found.hinted:
        return None
    found.find()
    return found
