"""PostgreSQL's words, said in SQLite's. [pure]

One pass over a statement's tokens: where a rule knows the token, it notes what to write in its place, before it or
after it. Everything else is copied as it stands, so a statement without a word of PostgreSQL's comes out unchanged, byte for byte.

Rules look at tokens, not at a tree; those that need an operand find it by its brackets. They may only leave alone or
refuse what they do not see through, never guess.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ha.errors import StatementError
from ha.sql.tokens import (
    BIND,
    BITS,
    BLOB,
    DOLLAR,
    ESCAPED,
    NUMBER,
    PARAMETER,
    QUOTED,
    STRING,
    TEXTS,
    UNICODE,
    UNICODE_NAME,
    WORD,
    Token,
    literal,
    quoted,
    quoted_name,
    unquoted,
)
from ha.sql.typenames import TypeName, read_type

#: `$65536` and beyond are refused, as in PostgreSQL's protocol, whose count of parameters has 16 bits.
PARAMETERS_MAX = 65535


class Translation(NamedTuple):
    """What came out; see :class:`ha.sql.kinds.Statement` for the fields."""

    sql: str
    parameters: int = 0
    casts: tuple[tuple[int, str], ...] = ()
    edits: tuple[tuple[int, int], ...] = ()


def translate(
    text: str, tokens: Sequence[Token], start: int, end: int, *, verb: str = "SELECT", sqlite_order: bool = False
) -> Translation:
    """SQLite's words for one statement.

    :param text: the whole text; the statement is ``text[start:end]``, and `tokens` are its own.
    :param verb: its command tag, which decides where a rule holds.
    :raises StatementError: 0A000 for what SQLite cannot do, 42601 for what PostgreSQL could not read either.
    """
    rewriting = Rewriting(text, tokens, verb, sqlite_order)
    by_key, by_kind = _BY_KEY.get, _BY_KIND.get
    index = 0
    for index, token in enumerate(tokens):
        rule = by_key(token.key) or by_kind(token.kind)
        if rule is not None:
            rule(rewriting, index)
    return rewriting.written(start, end)


class Rewriting:
    """What the rules have noted about one statement.

    A rule is called with the rewriting and its token's index. `instead` replaces a token, `before` and `after` put words
    around one. Rules come in the tokens' order; of two that put words before the same token, the later is the outer one.
    """

    def __init__(self, text: str, tokens: Sequence[Token], verb: str, sqlite_order: bool) -> None:
        self.text = text
        self.tokens = tokens
        self.verb = verb
        self.sqlite_order = sqlite_order
        self.parameters = 0
        self.casts: dict[int, str] = {}
        self.instead: dict[int, str] = {}
        self._before: dict[int, str] = {}
        self._after: dict[int, str] = {}
        self._partners: dict[int, int] | None = None

    # What rules ask

    def key(self, index: int) -> str:
        """A token's key, "" outside of the statement."""
        return self.tokens[index].key if 0 <= index < len(self.tokens) else ""

    def kind(self, index: int) -> str:
        return self.tokens[index].kind if 0 <= index < len(self.tokens) else ""

    @property
    def partners(self) -> dict[int, int]:
        """Each bracket's other one, both ways, and each CASE's END."""
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

    def operand_before(self, index: int) -> int:
        """Where the operand begins that ends before token `index`: a literal, a name, a call, a bracket, CASE … END.

        :raises StatementError: 42601 if none stands there.
        """
        at = index - 1
        while True:
            key, kind = self.key(at), self.kind(at)
            if key in (")", "END"):
                if at not in self.partners:
                    raise self.error(index)
                at = self.partners[at]
                if key == ")" and self.kind(at - 1) in (WORD, QUOTED) and self.key(at - 1) not in _NOT_CALLED:
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
            elif kind in (WORD, QUOTED, UNICODE_NAME):
                at = self._name_before(at)
                if self.key(at - 1) == "::":  # x::int::text: what was cast is the operand
                    at -= 2
                    continue
            elif kind in TEXTS or kind in (NUMBER, PARAMETER, BIND, BLOB, BITS):
                if kind == STRING and self.key(at - 1) in _LITERAL_TYPES:
                    at -= 1
            else:
                raise self.error(index)
            if self.key(at - 1) == "::":
                at -= 2
                continue
            return at

    def _name_before(self, at: int) -> int:
        """The first token of a name with dots whose last part is `at`."""
        while self.key(at - 1) == "." and self.kind(at - 2) in (WORD, QUOTED, UNICODE_NAME):
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

    def error(self, index: int) -> StatementError:
        """The syntax error at a token."""
        if index >= len(self.tokens):
            return StatementError("42601", "syntax error at end of input", position=self.tokens[-1].end + 1)
        token = self.tokens[index]
        shown = self.text[token.start : token.end]
        return StatementError("42601", f'syntax error at or near "{shown}"', position=token.start + 1)

    def refuse(self, index: int, what: str, hint: str | None = None) -> StatementError:
        return StatementError("0A000", f"{what} is not supported", hint=hint, position=self.tokens[index].start + 1)

    # What rules say

    def before(self, index: int, words: str) -> None:
        self._before[index] = words + self._before.get(index, "")

    def after(self, index: int, words: str) -> None:
        self._after[index] = self._after.get(index, "") + words

    def drop(self, first: int, last: int) -> None:
        """Leave out the tokens from `first` to `last`, both included."""
        for index in range(first, last + 1):
            self.instead[index] = ""

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
        if not (self.instead or self._before or self._after):
            return Translation(_without_nested(text[start:end]))
        parts: list[str] = []
        edits: list[tuple[int, int]] = []
        at, length = start, 0
        for index in sorted({*self.instead, *self._before, *self._after}):
            token = self.tokens[index]
            same = _without_nested(text[at : token.start])
            word = self.instead.get(index)
            whole = self._before.get(index, "") + (text[token.start : token.end] if word is None else word)
            whole += self._after.get(index, "")
            parts += (same, whole)
            length += len(same)
            edits.append((token.start - start, length))
            length += len(whole)
            at = token.end
            edits.append((at - start, length))
        parts.append(_without_nested(text[at:end]))
        return Translation("".join(parts), self.parameters, tuple(sorted(self.casts.items())), tuple(edits))


_CLOSES = {")": "(", "]": "[", "END": "CASE"}
# Words before a bracket that are not a function's name.
_NOT_CALLED = frozenset(
    "ALL AND ANY AS BETWEEN BY CASE DISTINCT ELSE EXCEPT EXISTS FILTER FROM HAVING IN INTERSECT INTO IS LIMIT NOT OFFSET ON OR OVER "
    "RETURNING SELECT SET SOME THEN UNION USING VALUES WHEN WHERE LIKE ILIKE".split()
)
_NOT_OPERANDS = _NOT_CALLED | frozenset(
    "COLLATE DELETE DESC ASC INSERT JOIN LEFT UPDATE WITH GROUP ORDER ESCAPE GLOB REGEXP MATCH ISNULL NOTNULL".split()
) - {"ISNULL", "NOTNULL"}
#: Types that PostgreSQL lets stand before a literal: DATE '2026-01-01'.
_LITERAL_TYPES = frozenset("DATE TIME TIMESTAMP TIMESTAMPTZ TIMETZ INTERVAL".split())


def _without_nested(words: str) -> str:
    """Comments that nest are PostgreSQL's alone: only their place is kept."""
    if words.count("/*") < 2:
        return words
    from ha.sql.tokens import blanked_comments

    return blanked_comments(words)


# Rules


def _parameter(rewriting: Rewriting, index: int) -> None:
    number = rewriting.parameter(index)
    rewriting.parameters = max(rewriting.parameters, number)
    rewriting.instead[index] = f"?{number}"


def _text(rewriting: Rewriting, index: int) -> None:
    value = literal(rewriting.text, rewriting.tokens[index])
    assert value is not None
    if "\0" in value:
        raise StatementError(
            "22021", "invalid byte sequence for encoding: 0x00", position=rewriting.tokens[index].start + 1
        )
    rewriting.instead[index] = quoted(value)


def _bits(rewriting: Rewriting, index: int) -> None:
    rewriting.instead[index] = rewriting.tokens[index].key[1:]


def _unicode_name(rewriting: Rewriting, index: int) -> None:
    rewriting.instead[index] = quoted_name(unquoted(rewriting.text, rewriting.tokens[index]))


def _cast(rewriting: Rewriting, index: int) -> None:
    """``x::type``."""
    type_name, after = read_type(rewriting.text, rewriting.tokens, index + 1)
    if type_name is None:
        raise rewriting.error(index + 1)
    first = rewriting.operand_before(index)
    if first == index - 1 and rewriting.kind(first) == PARAMETER:
        rewriting.casts.setdefault(rewriting.parameter(first), type_name.name)
    _wrap(rewriting, first, index - 1, type_name)
    rewriting.drop(index, after - 1)


def _cast_call(rewriting: Rewriting, index: int) -> None:
    """``CAST(x AS type)``: left to SQLite where its own type names are used."""
    if rewriting.key(index + 1) != "(" or index + 1 not in rewriting.partners:
        return
    close = rewriting.partners[index + 1]
    depth, as_ = 0, -1
    for at in range(index + 2, close):
        key = rewriting.key(at)
        depth += (key == "(") - (key == ")")
        if key == "AS" and depth == 0:
            as_ = at
    if as_ < 0:
        return
    type_name, after = read_type(rewriting.text, rewriting.tokens, as_ + 1)
    if type_name is None or after != close:
        return
    if as_ == index + 3 and rewriting.kind(index + 2) == PARAMETER:
        rewriting.casts.setdefault(rewriting.parameter(index + 2), type_name.name)
    if type_name.written in _SQLITE_CASTS:
        return
    rewriting.drop(index, index + 1)
    _wrap(rewriting, index + 2, as_ - 1, type_name)
    rewriting.drop(as_, close)


_SQLITE_CASTS = frozenset(
    "INTEGER INT REAL TEXT BLOB NUMERIC BIGINT VARCHAR CHAR FLOAT DOUBLE DECIMAL SMALLINT".split()
)
_REGISTERED = frozenset(
    "bool date timestamp timestamptz time timetz uuid json jsonb interval bytea int2 int4 int8 float4 float8 numeric "
    "bpchar varchar oid regclass regtype regproc regprocedure regnamespace regrole char".split()
)


def _wrap(rewriting: Rewriting, first: int, last: int, type_name: TypeName) -> None:
    """Put the cast to a type around the tokens from `first` to `last`."""
    name = type_name.name
    if name == "text" or name == "name":
        if first == last and rewriting.key(first) in ("TRUE", "FALSE"):
            rewriting.instead[first] = f"'{rewriting.key(first).lower()}'"
            return
        rewriting.before(first, "CAST(")
        rewriting.after(last, " AS TEXT)")
    elif name.startswith("_") or name in ("int2vector", "oidvector"):
        rewriting.before(first, "pg_array(")
        rewriting.after(last, ")")
    elif name in ("regclass", "regtype", "regproc", "regprocedure", "regnamespace", "regrole"):
        constant = first == last and rewriting.kind(first) not in (WORD, QUOTED)
        rewriting.before(first, f"pg_{name}{'' if constant else '_name'}(")
        rewriting.after(last, ")")
    elif name in _REGISTERED:
        modifiers = "".join(f", {modifier}" for modifier in type_name.modifiers)
        rewriting.before(first, f"pg_{name}(")
        rewriting.after(last, f"{modifiers})")
    else:
        rewriting.before(first, "(")
        rewriting.after(last, ")")


def _typed_literal(rewriting: Rewriting, index: int) -> None:
    """``DATE '2026-01-01'``. SQLite could read a column called date and an alias, so the literal must look the part."""
    if rewriting.kind(index + 1) != STRING or rewriting.key(index - 1) in (".", "::", "AS"):
        return
    value = literal(rewriting.text, rewriting.tokens[index + 1]) or ""
    name = rewriting.key(index).lower()
    if (
        name == "interval"
        or value[:1].isdigit()
        or value.lower() in ("now", "today", "tomorrow", "yesterday", "epoch", "infinity")
    ):
        rewriting.instead[index] = f"pg_{name}("
        rewriting.after(index + 1, ")")


def _instead(words: str) -> Callable[[Rewriting, int], None]:
    def rule(rewriting: Rewriting, index: int) -> None:
        rewriting.instead[index] = words

    return rule


def _infix(words: str) -> Callable[[Rewriting, int], None]:
    """An operator that SQLite spells with words, or means otherwise as a prefix."""

    def rule(rewriting: Rewriting, index: int) -> None:
        if rewriting.is_operand(index - 1):
            rewriting.instead[index] = words

    return rule


def _bare(function: str) -> Callable[[Rewriting, int], None]:
    """PostgreSQL's functions without parentheses."""

    def rule(rewriting: Rewriting, index: int) -> None:
        if rewriting.key(index - 1) in (".", "AS") or rewriting.key(index + 1) in ("(", ".", "="):
            return
        rewriting.instead[index] = function + "()"

    return rule


def _user(rewriting: Rewriting, index: int) -> None:
    """USER alone; where there is a table it may be a column of SQLite's."""
    if not any(token.key in ("FROM", "INTO", "UPDATE", "TABLE") for token in rewriting.tokens):
        _bare("current_user")(rewriting, index)


def _schema(rewriting: Rewriting, index: int) -> None:
    """``public.t``: there is one schema, and SQLite calls it main."""
    if rewriting.key(index + 1) == "." and rewriting.key(index - 1) != ".":
        rewriting.drop(index, index + 1)


def _catalog(rewriting: Rewriting, index: int) -> None:
    """``pg_catalog.f()``: functions have no schema in SQLite; tables keep theirs, an attached database."""
    if rewriting.key(index + 1) == "." and rewriting.key(index + 3) == "(" and rewriting.key(index - 1) != "::":
        rewriting.drop(index, index + 1)


_BY_KIND: dict[str, Callable[[Rewriting, int], None]] = {
    PARAMETER: _parameter,
    ESCAPED: _text,
    UNICODE: _text,
    DOLLAR: _text,
    BITS: _bits,
    UNICODE_NAME: _unicode_name,
}

_BY_KEY: dict[str, Callable[[Rewriting, int], None]] = {
    "::": _cast,
    "CAST": _cast_call,
    "DATE": _typed_literal,
    "TIME": _typed_literal,
    "TIMESTAMP": _typed_literal,
    "TIMESTAMPTZ": _typed_literal,
    "INTERVAL": _typed_literal,
    "ILIKE": _instead("LIKE"),
    "~~": _infix("LIKE"),
    "~~*": _infix("LIKE"),
    "!~~": _infix("NOT LIKE"),
    "!~~*": _infix("NOT LIKE"),
    "~": _infix("REGEXP"),
    "!~": _infix("NOT REGEXP"),
    "~*": _infix("REGEXP '(?i)' ||"),
    "!~*": _infix("NOT REGEXP '(?i)' ||"),
    "CURRENT_USER": _bare("current_user"),
    "SESSION_USER": _bare("session_user"),
    "CURRENT_ROLE": _bare("current_role"),
    "CURRENT_CATALOG": _bare("current_database"),
    "CURRENT_SCHEMA": _bare("current_schema"),
    "LOCALTIMESTAMP": _bare("localtimestamp"),
    "USER": _user,
    "PUBLIC": _schema,
    '"public"': _schema,
    "PG_CATALOG": _catalog,
    '"pg_catalog"': _catalog,
}
