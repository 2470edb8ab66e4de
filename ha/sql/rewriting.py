"""One statement being rewritten: what its tokens say, and what the rules have noted about them. [pure]

Rules (see :mod:`ha.sql.translate`) ask for keys, partners and operands, and say what to write in a token's place, before it or
after it. They look at tokens, not at a tree; those that need an operand find it by its brackets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from ha.errors import StatementError
from ha.sql.kinds import Part
from ha.sql.reading import Reading, begins_no_clause
from ha.sql.tokens import (
    BIND,
    BITS,
    BLOB,
    NAMES,
    NUMBER,
    PARAMETER,
    QUOTED,
    STRING,
    TEXTS,
    UNICODE_NAME,
    WORD,
    Token,
    blanked_comments,
    quoted_name,
)
from ha.sql.typed import Types
from ha.sql.typenames import read_literal, read_type

#: `$65536` and beyond are refused, as in PostgreSQL's protocol, whose count of parameters has 16 bits.
PARAMETERS_MAX = 65535


class Exact(Protocol):
    """What of a statement is computed digit by digit: :mod:`ha.sql.exact`."""

    #: Casts to numeric that keep all digits, and the others that take notice, by their ``::``, CAST or type.
    casts: set[int]
    #: Parameters whose values are wanted with all their digits, by number.
    parameters: set[int]

    def takes(self, index: int) -> bool:
        """Do what is to be done at a token; is its own rule left out?"""

    def compare(self, index: int) -> bool:
        """Make alike what the comparison at a token compares, if it is one of numerics."""

    def is_text(self, first: int, last: int) -> bool:
        """Is the expression from token `first` to token `last` a text of digits?"""


class Translation(NamedTuple):
    """What came out; see :class:`ha.sql.kinds.Statement` for the fields."""

    sql: str
    parameters: int = 0
    casts: tuple[tuple[int, str], ...] = ()
    edits: tuple[tuple[int, int], ...] = ()
    acts: bool = False
    asks: bool = False
    asks_types: bool = False
    parts: tuple[Part, ...] = ()
    objects: bool = False
    exact: tuple[int, ...] = ()


class Rewriting:
    """What the rules have noted about one statement.

    A rule is called with the rewriting and its token's index. `instead` replaces a token, `before` and `after` put words
    around one. Rules come in the tokens' order; of two that put words before the same token, the later is the outer one.
    """

    def __init__(
        self,
        text: str,
        tokens: Sequence[Token],
        verb: str,
        sqlite_order: bool,
        translate: Callable[..., Translation],
        types: Types | None = None,
    ) -> None:
        self.text = text
        self.tokens = tokens
        self.verb = verb
        self.sqlite_order = sqlite_order
        self._several: dict[int, int] | None = None
        #: :func:`ha.sql.translate.translate`, for a part that goes elsewhere.
        self.translate = translate
        #: What the schema tells; None the first time.
        self.types = types
        #: What is computed digit by digit, where that was looked for.
        self.exact: Exact | None = None
        #: It has words that only the schema can make clear.
        self.asks = False
        self.parameters = 0
        self.casts: dict[int, str] = {}
        self.instead: dict[int, str] = {}
        self._first: dict[int, str] = {}
        self._before: dict[int, str] = {}
        self._after: dict[int, str] = {}
        self._last: dict[int, str] = {}
        self._behind: dict[int, str] = {}
        #: Words behind a term, around whose parts there may be more to come: tokens and words.
        self.endings: list[tuple[int, str]] = []
        #: Tokens up to here are done.
        self.skip = -1
        #: Functions whose rows were moved into FROM.
        self.rows = 0
        #: The first of those in each SELECT.
        self.leaders: dict[int, str] = {}
        #: Names of those that several calls share.
        self.modules: set[str] = set()
        #: It calls what moves a sequence, or writes a large object.
        self.acts = False
        #: It calls what knows of large objects.
        self.objects = False
        #: What an INSERT selects ends in a WHERE of ours, so that no ON CONFLICT is taken for a join's.
        self.closed = False
        #: The words between SELECTs that were looked at.
        self.joins: set[int] = set()
        #: The queries of WITH that write.
        self.parts: list[Part] = []
        #: Calls of pg_typeof so far.
        self.typeofs = 0
        self._partners: dict[int, int] | None = None
        self._keys: set[str] | None = None
        self._reading: Reading | None = None
        #: Of a comma, whether it stands in a list of values: what was found once tells of the next one behind it.
        self.values: dict[int, bool] = {}

    # What rules ask

    def key(self, index: int) -> str:
        """A token's key, "" outside of the statement."""
        return self.tokens[index].key if 0 <= index < len(self.tokens) else ""

    def kind(self, index: int) -> str:
        return self.tokens[index].kind if 0 <= index < len(self.tokens) else ""

    @property
    def keys(self) -> set[str]:
        """The keys of all tokens."""
        if self._keys is None:
            self._keys = {token.key for token in self.tokens}
        return self._keys

    @property
    def reading(self) -> Reading:
        """The tokens read as a query: made once, whether the schema is at hand or not."""
        if self._reading is None:
            self._reading = self.types.reading if self.types is not None else Reading(self.text, self.tokens)
        return self._reading

    @property
    def partners(self) -> dict[int, int]:
        """Each bracket's other one, both ways, and each CASE's END."""
        if self._partners is None and self.types is not None:
            self._partners = self.types.reading.partners
        if self._partners is None:
            self._partners = found = {}
            open_: list[int] = []
            for index, token in enumerate(self.tokens):
                key = token.key
                if key in ("(", "[", "CASE"):
                    open_.append(index)
                elif key in _CLOSES and open_ and self.tokens[open_[-1]].key == _CLOSES[key]:
                    found[index] = open_.pop()
                    found[found[index]] = index
        return self._partners

    @property
    def _starts(self) -> dict[int, int]:
        """By the last word of a type behind ``::``, or of a typed literal, where there are several: the ``::``, or its first word."""
        if self._several is None:
            self._several = found = {}
            for index, token in enumerate(self.tokens):
                if token.key == "::":
                    _, after = read_type(self.text, self.tokens, index + 1)
                    if after > index + 2:
                        found[after - 1] = index
                elif token.kind == WORD and token.key in LITERAL_TYPES and self.key(index - 1) not in (".", "::", "AS"):
                    literal = read_literal(self.text, self.tokens, index)
                    if literal is not None and literal[2] > index + 2:
                        found[literal[2] - 1] = index
        return self._several

    def operand_before(self, index: int) -> int:
        """Where the operand begins that ends before token `index`: a literal, a name, a call, a bracket, CASE … END.

        :raises StatementError: 42601 if none stands there.
        """
        at = index - 1
        while True:
            if at in self._starts:  # x::double precision, interval '1' day
                at = self._starts[at]
                if self.key(at) == "::":
                    at -= 1
                    continue
                return at
            key, kind = self.key(at), self.kind(at)
            if key in (")", "END"):
                if at not in self.partners:
                    raise self.error(index)
                at = self.partners[at]
                if key == ")" and self.kind(at - 1) in (WORD, QUOTED) and self.key(at - 1) not in NOT_CALLED:
                    at = self._name_before(at - 1)
                elif key == ")" and self.key(at - 1) in ("FILTER", "OVER"):
                    at = at - 1
                    at -= 1
                    continue
            elif key == "]":
                if at not in self.partners:
                    raise self.error(index)
                at = self.partners[at]
                if self.key(at - 1) == "ARRAY":
                    return at - 1
                at -= 1
                continue
            elif kind in NAMES:
                at = self._name_before(at)
                if self.key(at - 1) == "::":  # x::int::text: what was cast is the operand
                    at -= 2
                    continue
            elif kind in TEXTS or kind in (NUMBER, PARAMETER, BIND, BLOB, BITS):
                if kind == STRING and self.key(at - 1) in _BEFORE_LITERALS:
                    at -= 1
            else:
                raise self.error(index)
            if self.key(at - 1) == "::":
                at -= 2
                continue
            return at

    def operand_after(self, index: int) -> int:
        """The last token of the operand that begins at `index`: a literal, a name, a call, a bracket, casts behind it.

        :raises StatementError: 42601 if none stands there.
        """
        at = index
        while self.key(at) in ("-", "+", "~") and at == index:
            at += 1
        key, kind = self.key(at), self.kind(at)
        if key in ("(", "CASE"):
            at = self.partners.get(at, -1)
        elif key == "ARRAY" and self.key(at + 1) in ("[", "("):
            at = self.partners.get(at + 1, -1)
        elif kind == WORD and key in LITERAL_TYPES and (found := read_literal(self.text, self.tokens, at)):
            at = found[2] - 1
        elif kind == WORD and key in _BEFORE_LITERALS and self.kind(at + 1) == STRING:
            at += 1
        elif kind in NAMES:
            while self.key(at + 1) == "." and self.kind(at + 2) in NAMES:
                at += 2
            if self.key(at + 1) == "(":
                at = self.partners.get(at + 1, -1)
        elif not (kind in TEXTS or kind in (NUMBER, PARAMETER, BIND, BLOB, BITS)):
            raise self.error(index)
        if at < 0:
            raise self.error(index)
        while True:
            if self.key(at + 1) == "[" and at + 1 in self.partners:
                at = self.partners[at + 1]
            elif self.key(at + 1) == "::":
                _, after = read_type(self.text, self.tokens, at + 2)
                if after <= at + 2:
                    raise self.error(at + 2)
                at = after - 1
            elif self.key(at + 1) in ("OVER", "FILTER") and self.key(at) == ")" and self.key(at + 2) == "(":
                at = self.partners.get(at + 2, at + 2)
            elif self.key(at + 1) == "OVER" and self.key(at) == ")" and self.kind(at + 2) in (WORD, QUOTED):
                at += 2
            else:
                return at

    def chain_before(self, index: int, operators: frozenset[str]) -> int:
        """Where the left operand of `index` begins, taking in operands joined by any of `operators`."""
        first = self.operand_before(index)
        while self.key(first - 1) in operators and self.is_operand(first - 2):
            first = self.operand_before(first - 1)
        return first

    def arithmetic_before(self, index: int) -> int:
        """Where what is computed before the operator `index` begins; where its operand does, if nothing is computed there."""
        return self._signed_before(index, ARITHMETIC)

    def closer_before(self, index: int) -> int:
        """Where the expression begins that ends before the comparison at `index`."""
        return self._signed_before(index, CLOSER)

    def _signed_before(self, index: int, operators: frozenset[str]) -> int:
        first = self.chain_before(index, operators)
        while self.key(first - 1) in ("-", "+") and not self.is_operand(first - 2):
            first -= 1
            if self.key(first - 1) in operators and self.is_operand(first - 2):
                first = self.chain_before(first - 1, operators)
        return first

    def chain_after(self, index: int, operators: frozenset[str]) -> int:
        """Where the right operand that begins at `index` ends, taking in operands joined by any of `operators`."""
        last = self.operand_after(index)
        while self.key(last + 1) in operators:
            last = self.operand_after(last + 2)
        return last

    def arithmetic_after(self, index: int) -> int:
        """Where what is computed from the operand at `index` on ends."""
        return self.chain_after(index, ARITHMETIC)

    def call(self, first: int, index: int, last: int, function: str, more: str = "") -> None:
        """Make the operator at `index` a call: ``function(left, right, more)``."""
        self.before(first, function + "(")
        self.instead[index] = ","
        self.last(last, f"{more})")

    def clause_end(self, at: int, words: frozenset[str]) -> int:
        """The first token from `at` on that stands on the same level and is one of `words`, closes the level, or is the end."""
        while at < len(self.tokens):
            key = self.key(at)
            if key in (")", "]") or (key in words and not begins_no_clause(self.key, at)):
                return at
            partner = self.partners.get(at, -1)
            at = partner + 1 if partner > at else at + 1
        return at

    def select_of(self, index: int) -> int:
        """The SELECT (or another first word) that the token stands in, on its own level; -1 if there is none."""
        at = index
        while at >= 0:
            key = self.key(at)
            if key in ("SELECT", "INSERT", "UPDATE", "DELETE", "VALUES"):
                return at
            if key in ("(", "["):
                return -1
            partner = self.partners.get(at, len(self.tokens))
            at = partner - 1 if partner < at else at - 1
        return -1

    def level_of(self, index: int) -> tuple[int, int]:
        """The SELECT that a token stands in: its first token, and the one after its last."""
        first = max(self.select_of(index), 0)
        opening = first - 1
        while opening >= 0 and self.partners.get(opening, -1) < index:
            opening -= 1
        return first, self.partners.get(opening, len(self.tokens)) if opening >= 0 else len(self.tokens)

    def _name_before(self, at: int) -> int:
        """The first token of a name with dots whose last part is `at`."""
        while self.key(at - 1) == "." and self.kind(at - 2) in NAMES:
            at -= 2
        return at

    def is_operand(self, index: int) -> bool:
        """Can the token end an operand (so that what follows is an infix operator)?"""
        key, kind = self.key(index), self.kind(index)
        if key in (")", "]", "END"):
            return True
        if kind == WORD:
            return key not in _NOT_OPERANDS
        return kind in TEXTS or kind in (NUMBER, PARAMETER, BIND, BLOB, BITS, QUOTED, UNICODE_NAME)

    @property
    def is_stored(self) -> bool:
        """Does the statement define something that stays in the schema? That must be SQLite's, and mean what it says there."""
        return self.verb.startswith(("CREATE", "ALTER"))

    @property
    def changed(self) -> bool:
        """Has any rule noted something?"""
        return any((self.instead, self._first, self._before, self._after, self._last, self._behind))

    def ask(self) -> bool:
        """Is the schema at hand? If not, the statement shall be translated again with it, where it may be."""
        if self.types is None and not self.sqlite_order and not self.is_stored:
            self.asks = True
        return self.types is not None

    def needed(self, index: int, what: str, hint: str) -> Types | None:
        """What the schema tells, without which `what` cannot be said; None: the statement is translated again with it.

        :raises StatementError: 0A000, it never will be.
        """
        if not self.ask() and not self.asks:
            raise self.refuse(index, what, hint)
        return self.types

    @property
    def is_sqlites(self) -> bool:
        """Must the words mean what they mean to SQLite: in what stays in the schema, and at SQLite's own door?"""
        return self.sqlite_order or self.is_stored

    def error(self, index: int) -> StatementError:
        """The syntax error at a token."""
        if index >= len(self.tokens):
            return StatementError("42601", "syntax error at end of input", position=self.tokens[-1].end + 1)
        token = self.tokens[index]
        shown = self.text[token.start : token.end]
        return StatementError("42601", f'syntax error at or near "{shown}"', position=token.start + 1)

    def refuse(self, index: int, what: str, hint: str | None = None) -> StatementError:
        return StatementError("0A000", f"{what} is not supported", hint=hint, position=self.tokens[index].start + 1)

    def translated(self, first: int, last: int) -> str:
        """SQLite's words for a part of the statement, translated apart; its parameters count."""
        tokens = self.tokens[first : last + 1]
        made = self.translate(
            self.text, tokens, tokens[0].start, tokens[-1].end, verb="", sqlite_order=self.sqlite_order
        )
        self.parameters = max(self.parameters, made.parameters)
        self.casts.update(made.casts)
        return made.sql

    # What rules say

    def before(self, index: int, words: str) -> None:
        self._before[index] = words + self._before.get(index, "")

    def first(self, index: int, words: str) -> None:
        """Put words before a token, before whatever other rules put there."""
        self._first[index] = words + self._first.get(index, "")

    def said_before(self, index: int) -> str:
        """What was put before a token so far."""
        return self._before.get(index, "")

    def after(self, index: int, words: str) -> None:
        self._after[index] = self._after.get(index, "") + words

    def last(self, index: int, words: str) -> None:
        """Put words after a token, behind whatever other rules put there."""
        self._last[index] = self._last.get(index, "") + words

    def behind(self, index: int, words: str) -> None:
        """Put a clause after the expression that a token ends, and after whatever rules yet to come put around it."""
        self._behind[index] = self._behind.get(index, "") + words

    def name(self, index: int, name: str) -> None:
        """Give the item of a select list that ends with this token a name."""
        self.last(index, f" AS {quoted_name(name)}")

    def drop(self, first: int, last: int) -> None:
        """Leave out the tokens from `first` to `last`, both included."""
        for index in range(first, last + 1):
            self.instead[index] = ""

    def forget(self, first: int, last: int) -> None:
        """Leave out tokens, and whatever was put around them."""
        self.drop(first, last)
        for index in range(first, last + 1):
            for words in (self._before, self._after, self._last, self._behind):
                words.pop(index, None)

    def parameter(self, index: int) -> int:
        """The number of the ``$n`` at `index`."""
        number = int(self.tokens[index].key[1:]) if len(self.tokens[index].key) < 8 else PARAMETERS_MAX + 1
        if not 0 < number <= PARAMETERS_MAX:
            raise StatementError(
                "42P02", f"there is no parameter {self.tokens[index].key}", position=self.tokens[index].start + 1
            )
        return number

    def written(self, start: int, end: int) -> Translation:
        """The whole statement again, with what was noted."""
        text = self.text
        changed: Sequence[int] = sorted(
            {*self.instead, *self._first, *self._before, *self._after, *self._last, *self._behind}
        )
        if text.count("/*", start, end) > 1:  # perhaps one in another: look into every gap
            changed = range(len(self.tokens))
        elif not changed:
            return Translation(text[start:end], acts=self.acts, asks=self.asks, objects=self.objects)
        parts: list[str] = []
        edits: list[tuple[int, int]] = []
        at, length = start, 0
        for index in changed:
            token = self.tokens[index]
            same = _without_nested(text[at : token.start])
            word = self.instead.get(index)
            before = self._first.get(index, "") + self._before.get(index, "")
            whole = before + (text[token.start : token.end] if word is None else word)
            whole += self._after.get(index, "") + self._last.get(index, "") + self._behind.get(index, "")
            parts += (same, whole)
            length += len(same)
            edits.append((token.start - start, length))
            if before:
                edits.append((token.start - start, length + len(before)))
            length += len(whole)
            at = token.end
            edits.append((at - start, length))
        parts.append(_without_nested(text[at:end]))
        casts = tuple(sorted(self.casts.items()))
        return Translation(
            "".join(parts),
            self.parameters,
            casts,
            tuple(edits),
            self.acts,
            self.asks,
            self.typeofs > 0,
            tuple(self.parts),
            self.objects,
            tuple(self.exact.parameters) if self.exact is not None else (),
        )


_CLOSES = {")": "(", "]": "[", "END": "CASE"}


# Words before a bracket that are not a function's name.
NOT_CALLED = frozenset(
    "ALL AND ANY AS BETWEEN BY CASE DISTINCT ELSE EXCEPT EXISTS FILTER FROM HAVING IN INTERSECT INTO IS LIMIT NOT OFFSET ON OR OVER "
    "RETURNING SELECT SET SOME THEN UNION USING VALUES WHEN WHERE LIKE ILIKE".split()
)


_NOT_OPERANDS = NOT_CALLED | frozenset(
    "COLLATE DELETE DESC ASC INSERT JOIN LEFT UPDATE WITH GROUP ORDER ESCAPE GLOB REGEXP MATCH ISNULL NOTNULL".split()
) - {"ISNULL", "NOTNULL"}


#: Types that PostgreSQL lets stand before a literal: DATE '2026-01-01'.
LITERAL_TYPES = frozenset("DATE TIME TIMESTAMP TIMESTAMPTZ TIMETZ INTERVAL".split())
#: The others that may: int '1'.
OTHER_LITERAL_TYPES = frozenset(
    "BOOL BOOLEAN INT INTEGER INT2 INT4 INT8 SMALLINT BIGINT NUMERIC DECIMAL FLOAT4 FLOAT8 REAL TEXT VARCHAR JSON JSONB UUID BYTEA INET "
    "CIDR MACADDR OID REGCLASS REGTYPE POINT BOX LINE LSEG PATH POLYGON CIRCLE".split()
)
_BEFORE_LITERALS = LITERAL_TYPES | OTHER_LITERAL_TYPES


AFTER_FROM = frozenset(
    "WHERE GROUP HAVING WINDOW ORDER LIMIT OFFSET FETCH FOR UNION INTERSECT EXCEPT RETURNING ; DO".split()
)


#: Operators of numbers and times; in PostgreSQL they bind closer than all others.
ARITHMETIC = frozenset("+-*/%^")
#: Operators that bind closer than a comparison.
CLOSER = frozenset("+ - * / % ^ || -> ->> #> #>> & | # << >> @> <@ && #-".split())


def _without_nested(words: str) -> str:
    """Comments that nest are PostgreSQL's alone: only their place is kept."""
    if words.count("/*") < 2:
        return words
    return blanked_comments(words)


def elements(rewriting: Rewriting, opening: int) -> list[tuple[int, int]]:
    """The elements of a bracket: first and last token of each.

    :raises StatementError: 42601, the bracket has no end.
    """
    if opening not in rewriting.partners:
        raise rewriting.error(opening)
    close, found, at = rewriting.partners[opening], [], opening + 1
    while at < close:
        end = rewriting.clause_end(at, frozenset((",",)))
        if end > at:
            found.append((at, end - 1))
        at = end + 1
    return found
