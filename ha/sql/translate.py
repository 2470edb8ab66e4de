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
from ha.sql import declarations
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
    blanked_comments,
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
    acts: bool = False


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
        if rule is not None and index > rewriting.skip and rewriting.instead.get(index) != "":
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
        self._last: dict[int, str] = {}
        #: Tokens up to here are done.
        self.skip = -1
        #: Functions whose rows were moved into FROM.
        self.rows = 0
        #: The first of those in each SELECT.
        self.leaders: dict[int, str] = {}
        #: Names of those that several calls share.
        self.modules: set[str] = set()
        #: It calls what moves a sequence.
        self.acts = False
        self._partners: dict[int, int] | None = None
        self._keys: set[str] | None = None

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
        elif kind == WORD and key in _LITERAL_TYPES and self.kind(at + 1) == STRING:
            at += 1
        elif kind in (WORD, QUOTED, UNICODE_NAME):
            while self.key(at + 1) == "." and self.kind(at + 2) in (WORD, QUOTED, UNICODE_NAME):
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
            else:
                return at

    def chain_before(self, index: int, operators: frozenset[str]) -> int:
        """Where the left operand of `index` begins, taking in operands joined by any of `operators`."""
        first = self.operand_before(index)
        while self.key(first - 1) in operators and self.is_operand(first - 2):
            first = self.operand_before(first - 1)
        return first

    def chain_after(self, index: int, operators: frozenset[str]) -> int:
        """Where the right operand that begins at `index` ends, taking in operands joined by any of `operators`."""
        last = self.operand_after(index)
        while self.key(last + 1) in operators:
            last = self.operand_after(last + 2)
        return last

    def call(self, first: int, index: int, last: int, function: str, more: str = "") -> None:
        """Make the operator at `index` a call: ``function(left, right, more)``."""
        self.before(first, function + "(")
        self.instead[index] = ","
        self.last(last, f"{more})")

    def clause_end(self, at: int, words: frozenset[str]) -> int:
        """The first token from `at` on that stands on the same level and is one of `words`, closes the level, or is the end."""
        while at < len(self.tokens):
            key = self.key(at)
            if key in words or key in (")", "]"):
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

    def last(self, index: int, words: str) -> None:
        """Put words after a token, behind whatever other rules put there."""
        self._last[index] = self._last.get(index, "") + words

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
        changed: Sequence[int] = sorted({*self.instead, *self._before, *self._after, *self._last})
        if text.count("/*", start, end) > 1:  # perhaps one in another: look into every gap
            changed = range(len(self.tokens))
        elif not changed:
            return Translation(text[start:end], acts=self.acts)
        parts: list[str] = []
        edits: list[tuple[int, int]] = []
        at, length = start, 0
        for index in changed:
            token = self.tokens[index]
            same = _without_nested(text[at : token.start])
            word = self.instead.get(index)
            before = self._before.get(index, "")
            whole = before + (text[token.start : token.end] if word is None else word)
            whole += self._after.get(index, "") + self._last.get(index, "")
            parts += (same, whole)
            length += len(same)
            edits.append((token.start - start, length))
            if before:
                edits.append((token.start - start, length + len(before)))
            length += len(whole)
            at = token.end
            edits.append((at - start, length))
        parts.append(_without_nested(text[at:end]))
        return Translation("".join(parts), self.parameters, tuple(sorted(self.casts.items())), tuple(edits), self.acts)


_CLOSES = {")": "(", "]": "[", "END": "CASE"}
_JSON_CHAIN = frozenset(("->", "->>", "#>", "#>>", "||"))
_SUMS = frozenset(("+", "-", "*", "/", "%"))
_PRODUCTS = frozenset(("*", "/", "%"))
_AFTER_ORDER = frozenset("LIMIT OFFSET FETCH FOR ROWS RANGE GROUPS UNION INTERSECT EXCEPT RETURNING ;".split())
_AFTER_FROM = frozenset(
    "WHERE GROUP HAVING WINDOW ORDER LIMIT OFFSET FETCH FOR UNION INTERSECT EXCEPT RETURNING ; DO".split()
)
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
    _wrap(rewriting, first, index - 1, type_name, after)
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
    if type_name.written in _SQLITE_CASTS and rewriting.key(as_ + 2) != ".":
        return
    rewriting.drop(index, index + 1)
    _wrap(rewriting, index + 2, as_ - 1, type_name, close + 1)
    rewriting.drop(as_, close)


_SQLITE_CASTS = frozenset(
    "INTEGER INT REAL TEXT BLOB NUMERIC BIGINT VARCHAR CHAR FLOAT DOUBLE DECIMAL SMALLINT".split()
)
_REGISTERED = frozenset(
    "bool date timestamp timestamptz time timetz uuid json jsonb interval bytea int2 int4 int8 float4 float8 numeric "
    "bpchar varchar oid regclass regtype regproc regprocedure regnamespace regrole char".split()
)


def _wrap(rewriting: Rewriting, first: int, last: int, type_name: TypeName, after: int) -> None:
    """Put the cast to a type around the tokens from `first` to `last`; what follows the cast begins at `after`."""
    name = type_name.name
    if rewriting.verb.startswith("CREATE"):
        own = declarations.SQLITE_CASTS.get(name)
        rewriting.before(first, "CAST(" if own else "(")
        rewriting.after(last, f" AS {own})" if own else ")")
        return
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
        rewriting.before(first, f"pg_{name}{'' if _is_number(rewriting, first, last, after) else '_name'}(")
        rewriting.after(last, ")")
    elif name in _REGISTERED:
        modifiers = "".join(f", {modifier}" for modifier in type_name.modifiers)
        rewriting.before(first, f"pg_{name}(")
        rewriting.after(last, f"{modifiers})")
    else:
        rewriting.before(first, "(")
        rewriting.after(last, ")")


_COMPARED = frozenset(("=", "<>", "!=", "<", ">", "<=", ">=", "IN"))


def _is_number(rewriting: Rewriting, first: int, last: int, after: int) -> bool:
    """Is the OID meant that a cast to a reg type gives, not the name that is shown for it?

    It is where a name is cast, and where the result is compared or goes on as a number.
    """
    if rewriting.key(after) in ("::", "AS") and rewriting.kind(after + 1) in (WORD, QUOTED):
        again, end = read_type(rewriting.text, rewriting.tokens, after + 1)
        if again is not None and (rewriting.key(after) == "::" or rewriting.key(end) == ")"):
            return again.name not in ("text", "name", "varchar")
    before = first - 1
    while rewriting.key(before) == "(" and rewriting.key(before - 1) == "CAST":
        before -= 2
    if rewriting.key(after) in _COMPARED or rewriting.key(before) in _COMPARED:
        return True
    if rewriting.key(before) in ("SELECT", ",") and rewriting.select_of(first) == 0 and rewriting.kind(first) in TEXTS:
        return False  # an item of the result
    return first == last and rewriting.kind(first) not in (WORD, QUOTED)


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


def _like(words: str) -> Callable[[Rewriting, int], None]:
    """LIKE and its kin: in PostgreSQL a backslash escapes, unless ESCAPE says otherwise; in SQLite nothing does."""

    def rule(rewriting: Rewriting, index: int) -> None:
        if not rewriting.is_operand(index - 1) and rewriting.key(index - 1) != "NOT":
            return
        if rewriting.key(index) != "LIKE":
            rewriting.instead[index] = words
        pattern = index + 1
        if rewriting.kind(pattern) in TEXTS:
            escaped = "\\" in (literal(rewriting.text, rewriting.tokens[pattern]) or "")
        else:
            escaped = rewriting.kind(pattern) == PARAMETER
        if escaped and rewriting.key(pattern + 1) not in ("ESCAPE", "||", "::", "["):
            rewriting.last(pattern, " ESCAPE '\\'")

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


def _information_schema(rewriting: Rewriting, index: int) -> None:
    """``information_schema.tables``: SQLite finds it in the catalog's database, the schema being part of the name.

    A column is named by the table alone, so the table is given its own name as an alias where it has no other.
    """
    if rewriting.key(index + 1) != "." or rewriting.kind(index + 2) not in (WORD, QUOTED):
        return
    if rewriting.key(index - 1) == ".":
        rewriting.drop(index - 2, index - 1)
    name = unquoted(rewriting.text, rewriting.tokens[index + 2])
    if rewriting.key(index + 3) in (".", "("):
        rewriting.drop(index, index + 1)
        return
    rewriting.drop(index, index + 1)
    rewriting.instead[index + 2] = f'pg_catalog."information_schema.{name}"'
    following = rewriting.key(index + 3)
    named = following == "AS" or (
        rewriting.kind(index + 3) in (WORD, QUOTED) and following not in _AFTER_FROM and following not in _JOINS
    )
    if not named and rewriting.key(index - 1) in ("FROM", "JOIN", ",", "("):
        rewriting.after(index + 2, f" AS {quoted_name(name)}")


def _array(rewriting: Rewriting, index: int) -> None:
    """``ARRAY[…]`` and ``ARRAY(SELECT …)`` as JSON."""
    opening = index + 1
    if (
        rewriting.key(opening) not in ("[", "(")
        or opening not in rewriting.partners
        or rewriting.key(index - 1) == "::"
    ):
        return
    close = rewriting.partners[opening]
    if rewriting.key(opening) == "[":
        rewriting.instead[index] = "json_array"
        rewriting.instead[opening], rewriting.instead[close] = "(", ")"
    elif rewriting.key(opening + 1) in ("SELECT", "WITH", "VALUES"):
        rewriting.instead[index] = ""
        rewriting.instead[opening] = "(WITH pg_rows(pg_element) AS ("
        rewriting.instead[close] = ") SELECT json_group_array(pg_element) FROM pg_rows)"


#: Columns of the catalog whose elements are counted from 0.
_VECTORS = frozenset("INDKEY INDCLASS INDCOLLATION INDOPTION PROARGTYPES CONKEY_VECTOR".split())


def _bracket(rewriting: Rewriting, index: int) -> None:
    """``a[1]``, ``a[1:2]``, and an inner ``[…]`` of ARRAY."""
    if rewriting.kind(index) != "operator" or index not in rewriting.partners or index in rewriting.instead:
        return
    close = rewriting.partners[index]
    if rewriting.key(index - 1) in ("[", ","):
        rewriting.instead[index], rewriting.instead[close] = "json_array(", ")"
        return
    if close == index + 1 or rewriting.verb.startswith(("CREATE", "ALTER")):
        return
    first = rewriting.operand_before(index)
    if rewriting.key(index - 1) == "]" and index - 1 in rewriting.partners:
        first = rewriting.operand_before(rewriting.partners[index - 1])
    colon = rewriting.clause_end(index + 1, frozenset(":"))
    if colon < close:
        rewriting.before(first, "pg_slice(")
        lower = "NULL" if colon == index + 1 else ""
        upper = "NULL" if colon == close - 1 else ""
        rewriting.instead[index], rewriting.instead[colon], rewriting.instead[close] = f",{lower}", f",{upper}", ")"
        return
    rewriting.before(first, "pg_vector_item(" if rewriting.key(index - 1) in _VECTORS else "pg_item(")
    rewriting.instead[index], rewriting.instead[close] = ",", ")"


_ANY_COMPARISONS = frozenset("= <> != < > <= >= LIKE ILIKE ~ ~* ~~".split())


def _any(rewriting: Rewriting, index: int) -> None:
    """``x = ANY (…)``, ``x <> ALL (…)``: of an array or a subquery."""
    operator, opening = rewriting.key(index - 1), index + 1
    if operator not in _ANY_COMPARISONS or rewriting.key(opening) != "(" or opening not in rewriting.partners:
        return
    close = rewriting.partners[opening]
    every = rewriting.key(index) == "ALL"
    inner = rewriting.key(opening + 1)
    word = None
    if operator == "=" and not every:
        word = "IN"
    elif operator in ("<>", "!=") and every:
        word = "NOT IN"
    if word is not None:
        rewriting.instead[index - 1] = word
        rewriting.instead[index] = ""
        if inner in ("SELECT", "WITH", "VALUES"):
            return
        if _is_array(rewriting, opening + 1, close):
            at = opening + 1
            while rewriting.key(at) == "(":
                rewriting.instead[at] = rewriting.instead[rewriting.partners[at]] = ""
                at += 1
            end = rewriting.partners[at + 1]
            rewriting.drop(at, at + 1)
            rewriting.drop(end, close - 1)
            return
        rewriting.instead[opening] = "(SELECT pg_element FROM pg_elements("
        rewriting.last(close, ")")
        return
    if inner in ("SELECT", "WITH", "VALUES"):
        raise rewriting.refuse(index, f"{operator} {rewriting.key(index)} (subquery)", "Use EXISTS or an aggregate.")
    first = rewriting.chain_before(index - 1, _SUMS | _JSON_CHAIN)
    rewriting.before(first, f"(SELECT {'min' if every else 'max'}(")
    rewriting.instead[index] = "pg_element) FROM pg_elements"
    rewriting.last(close, ")")


def _is_array(rewriting: Rewriting, first: int, close: int) -> bool:
    """Do the tokens up to `close` hold ARRAY[…] of single values, with or without parentheses and a cast?"""
    at = first
    while rewriting.key(at) == "(" and rewriting.key(at + 1) in ("(", "ARRAY"):
        at += 1
    if rewriting.key(at) != "ARRAY" or rewriting.key(at + 1) != "[" or at + 1 not in rewriting.partners:
        return False
    end = rewriting.partners[at + 1]
    rest = {rewriting.key(index) for index in range(end + 1, close)}
    return rewriting.key(at + 2) not in ("[", "]") and (
        end + 1 == close or rest <= {")", "::", "[", "]", "TEXT", "INT"} | _TEXT_WORDS
    )


_TEXT_WORDS = frozenset("VARCHAR CHARACTER VARYING INTEGER BIGINT INT4 INT8 NAME OID".split())


def _locking(rewriting: Rewriting, index: int) -> None:
    """``FOR UPDATE``: there is one writer, so nothing needs a lock."""
    if rewriting.key(index + 1) not in ("UPDATE", "SHARE", "NO", "KEY") or rewriting.verb.startswith("CREATE"):
        return
    if rewriting.key(index + 1) == "NO" and rewriting.key(index + 2) != "KEY":
        return
    rewriting.drop(index, rewriting.clause_end(index + 1, frozenset(("LIMIT", ";"))) - 1)


def _is_clause(rewriting: Rewriting, index: int) -> bool:
    """Is this LIMIT, OFFSET, FETCH a clause, not a name?"""
    following = rewriting.kind(index + 1) in (NUMBER, PARAMETER, BIND, STRING) or rewriting.key(index + 1) in (
        "(",
        "ALL",
        "NULL",
    )
    return rewriting.is_operand(index - 1) and following


def _offset(rewriting: Rewriting, index: int) -> None:
    """``OFFSET n ROWS`` where no LIMIT stands before it."""
    if not _is_clause(rewriting, index):
        return
    end = rewriting.clause_end(index + 1, frozenset(("LIMIT", "FETCH", "FOR", ";")))
    if rewriting.key(end - 1) in ("ROW", "ROWS"):
        rewriting.instead[end - 1] = ""
    if _after_limit(rewriting, index):
        return
    rewriting.instead[index] = "LIMIT" if rewriting.key(end) in ("LIMIT", "FETCH") else "LIMIT -1 OFFSET"


def _after_limit(rewriting: Rewriting, index: int) -> bool:
    at = index - 1
    while at >= 0 and rewriting.key(at) not in ("(", "SELECT"):
        if rewriting.key(at) == "LIMIT":
            return True
        partner = rewriting.partners.get(at, len(rewriting.tokens))
        at = partner - 1 if partner < at else at - 1
    return False


def _limit(rewriting: Rewriting, index: int) -> None:
    """``LIMIT ALL``, and a LIMIT after an OFFSET."""
    if rewriting.key(index + 1) in ("ALL", "NULL"):
        rewriting.instead[index + 1] = "-1"
    if not _is_clause(rewriting, index):
        return
    for at in range(index - 1, max(index - 8, -1), -1):
        if rewriting.key(at) == "OFFSET" and rewriting.instead.get(at) == "LIMIT":
            rewriting.instead[index] = ","


def _fetch(rewriting: Rewriting, index: int) -> None:
    """``FETCH FIRST n ROWS ONLY``."""
    if rewriting.key(index + 1) not in ("FIRST", "NEXT") or not rewriting.is_operand(index - 1):
        if rewriting.key(index - 1) not in ("ROW", "ROWS") or rewriting.key(index + 1) not in ("FIRST", "NEXT"):
            return
    end = rewriting.clause_end(index + 2, frozenset(("ONLY", "WITH")))
    if rewriting.key(end) != "ONLY":
        raise rewriting.refuse(index, "FETCH FIRST … WITH TIES", "Use FETCH FIRST … ROWS ONLY.")
    after_offset = any(rewriting.instead.get(at) == "LIMIT" for at in range(max(index - 8, 0), index))
    rewriting.instead[index] = "," if after_offset else "LIMIT"
    rows = end - 1
    rewriting.instead[index + 1] = "1" if rows == index + 2 else ""
    rewriting.drop(rows, end)


def _order(rewriting: Rewriting, index: int) -> None:
    """NULLs come last in PostgreSQL's order and first in SQLite's; whoever said which is left alone."""
    if rewriting.sqlite_order or rewriting.key(index + 1) != "BY" or rewriting.verb.startswith("CREATE"):
        return
    if rewriting.key(index - 1) == "(" and rewriting.key(index - 2) == "GROUP":
        return
    stop = _AFTER_ORDER | {","}
    at = index + 2
    while True:
        end = rewriting.clause_end(at, stop)
        if end > at and not (rewriting.key(end - 2) == "NULLS" and rewriting.key(end - 1) in ("FIRST", "LAST")):
            if rewriting.key(end - 2) != "USING":
                rewriting.last(end - 1, " NULLS FIRST" if rewriting.key(end - 1) == "DESC" else " NULLS LAST")
        if rewriting.key(end) != ",":
            return
        at = end + 1


def _sum(rewriting: Rewriting, index: int) -> None:
    """``+``, ``-`` and ``*`` where one side is evidently a time or an interval."""
    if not rewriting.is_operand(index - 1) or index + 1 >= len(rewriting.tokens):
        return
    if not _TIMELY.isdisjoint(rewriting.keys):
        _time_sum(rewriting, index)


def _time_sum(rewriting: Rewriting, index: int) -> None:
    operator = rewriting.key(index)
    try:
        nearest = rewriting.operand_before(index)
        right = rewriting.operand_after(index + 1)
    except StatementError:
        return
    left_kind, right_kind = _timeliness(rewriting, nearest, index - 1), _timeliness(rewriting, index + 1, right)
    if operator in ("*", "/"):
        if left_kind == "interval" or right_kind == "interval":
            if operator == "/":
                raise rewriting.refuse(index, "division of an interval", "Multiply it by a fraction.")
            rewriting.call(rewriting.chain_before(index, _PRODUCTS), index, right, "pg_interval_multiply")
        return
    first = rewriting.chain_before(index, _SUMS)
    last = rewriting.chain_after(index + 1, _PRODUCTS)
    if first < nearest and left_kind is None:
        left_kind = _timeliness(rewriting, first, nearest - 2)
    if right < last and right_kind is None:
        right_kind = _timeliness(rewriting, rewriting.chain_before(last + 1, frozenset()), last)
    if left_kind is None and right_kind is None:
        return
    rewriting.call(first, index, last, "pg_time_add" if operator == "+" else "pg_time_subtract")


_TIMELY = frozenset(
    "INTERVAL DATE TIMESTAMP TIMESTAMPTZ NOW CURRENT_DATE CURRENT_TIMESTAMP LOCALTIMESTAMP CLOCK_TIMESTAMP AGE".split()
)
_TIME_CALLS = frozenset(
    "NOW CLOCK_TIMESTAMP STATEMENT_TIMESTAMP TRANSACTION_TIMESTAMP DATE_TRUNC TO_TIMESTAMP TO_DATE MAKE_DATE".split()
)


def _timeliness(rewriting: Rewriting, first: int, last: int) -> str | None:
    """``time`` or ``interval`` where an operand's words say so."""
    while rewriting.key(first) == "(" and rewriting.partners.get(first) == last:
        first, last = first + 1, last - 1
    key = rewriting.key(first)
    for at in range(last, first, -1):
        if rewriting.key(at - 1) == "::":
            name = rewriting.key(at)
            return "interval" if name == "INTERVAL" else "time" if name in _LITERAL_TYPES else None
        if rewriting.key(at) in (")", "]", "("):
            break
    if key in _LITERAL_TYPES and rewriting.kind(first + 1) == STRING:
        return "interval" if key == "INTERVAL" else "time"
    if key in ("CURRENT_DATE", "CURRENT_TIMESTAMP", "LOCALTIMESTAMP") and first == last:
        return "time"
    if rewriting.key(first + 1) == "(":
        return "time" if key in _TIME_CALLS else "interval" if key in ("MAKE_INTERVAL", "AGE") else None
    return None


def _power(rewriting: Rewriting, index: int) -> None:
    if rewriting.is_operand(index - 1):
        rewriting.call(rewriting.operand_before(index), index, rewriting.operand_after(index + 1), "pow")


def _root(rewriting: Rewriting, index: int) -> None:
    rewriting.instead[index] = "sqrt(" if rewriting.key(index) == "|/" else "cbrt("
    rewriting.last(rewriting.operand_after(index + 1), ")")


def _json_call(function: str, more: str = "") -> Callable[[Rewriting, int], None]:
    """An operator of jsonb or arrays."""

    def rule(rewriting: Rewriting, index: int) -> None:
        if rewriting.is_operand(index - 1):
            first = rewriting.chain_before(index, _JSON_CHAIN)
            rewriting.call(first, index, rewriting.operand_after(index + 1), function, more)

    return rule


def _question(rewriting: Rewriting, index: int) -> None:
    """jsonb's ``?``, ``?|``, ``?&`` between two operands; else SQLite's parameter."""
    if (
        rewriting.key(index) != "?"
        or not rewriting.is_operand(index - 1)
        or rewriting.key(index - 1) in ("LIMIT", "OFFSET")
    ):
        return
    adjacent = (
        rewriting.key(index + 1) in ("|", "&") and rewriting.tokens[index].end == rewriting.tokens[index + 1].start
    )
    operand = index + 1 + adjacent
    if not (
        rewriting.kind(operand) in TEXTS or rewriting.kind(operand) == PARAMETER or rewriting.key(operand) == "ARRAY"
    ):
        return
    function = {"|": "pg_has_any", "&": "pg_has_all"}[rewriting.key(index + 1)] if adjacent else "pg_has_key"
    rewriting.call(rewriting.chain_before(index, _JSON_CHAIN), index, rewriting.operand_after(operand), function)
    if adjacent:
        rewriting.instead[index + 1] = ""


def _similar(rewriting: Rewriting, index: int) -> None:
    if rewriting.key(index + 1) == "TO":
        rewriting.instead[index], rewriting.instead[index + 1] = "REGEXP", "pg_similar("
        rewriting.last(rewriting.operand_after(index + 2), ")")


def _at_zone(rewriting: Rewriting, index: int) -> None:
    if rewriting.key(index + 1) == "TIME" and rewriting.key(index + 2) == "ZONE":
        first, last = rewriting.operand_before(index), rewriting.operand_after(index + 3)
        rewriting.call(first, index, last, "pg_at_zone")
        rewriting.drop(index + 1, index + 2)


def _extract(rewriting: Rewriting, index: int) -> None:
    if rewriting.key(index + 1) == "(" and rewriting.key(index + 3) == "FROM":
        field = rewriting.tokens[index + 2]
        rewriting.instead[index] = "date_part"
        if field.kind == WORD:
            rewriting.instead[index + 2] = quoted(field.key.lower())
        rewriting.instead[index + 3] = ","


def _words_as_commas(function: str, *words: str) -> Callable[[Rewriting, int], None]:
    """``f(a WORD b WORD c)`` as ``function(a, b, c)``."""
    stops = frozenset((*words, ","))

    def rule(rewriting: Rewriting, index: int) -> None:
        opening = index + 1
        if rewriting.key(opening) != "(" or opening not in rewriting.partners:
            return
        close = rewriting.partners[opening]
        at, found = opening + 1, []
        while (at := rewriting.clause_end(at, stops)) < close:
            found.append(at)
            at += 1
        if not found or rewriting.key(found[0]) == ",":
            return
        rewriting.instead[index] = function
        for at in found:
            rewriting.instead[at] = ","
        if rewriting.key(found[0]) == "FOR":  # substring(x FOR n)
            rewriting.instead[found[0]] = ", 1,"
        if function == "substring" and rewriting.kind(found[0] + 1) in TEXTS and len(found) == 1:
            rewriting.instead[index] = "pg_substring"

    return rule


def _trim(rewriting: Rewriting, index: int) -> None:
    """``TRIM(BOTH 'x' FROM y)``."""
    opening = index + 1
    if rewriting.key(opening) != "(" or opening not in rewriting.partners:
        return
    side = rewriting.key(opening + 1)
    from_ = rewriting.clause_end(opening + 1, frozenset(("FROM",)))
    if side in ("BOTH", "LEADING", "TRAILING"):
        rewriting.instead[opening + 1] = ""
    elif from_ >= rewriting.partners[opening]:
        return
    name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(side, "trim")
    if from_ < rewriting.partners[opening] and from_ > opening + 1 + (side in ("BOTH", "LEADING", "TRAILING")):
        rewriting.instead[index] = f"pg_{name}"
        rewriting.instead[from_] = ","
        return
    rewriting.instead[index] = name
    if from_ < rewriting.partners[opening]:
        rewriting.instead[from_] = ""


def _renamed(function: str) -> Callable[[Rewriting, int], None]:
    """A function that SQLite has under another name."""

    def rule(rewriting: Rewriting, index: int) -> None:
        if rewriting.key(index + 1) == "(" and rewriting.key(index - 1) != ".":
            rewriting.instead[index] = function

    return rule


def _format(rewriting: Rewriting, index: int) -> None:
    """format() is SQLite's printf, unless its text asks for what only PostgreSQL's does."""
    if rewriting.key(index + 1) == "(" and rewriting.kind(index + 2) in TEXTS:
        value = literal(rewriting.text, rewriting.tokens[index + 2]) or ""
        if "%I" in value or "%L" in value or "$s" in value:
            rewriting.instead[index] = "pg_format"


def _jsonb_set(rewriting: Rewriting, index: int) -> None:
    """A path ``{a,b}`` is PostgreSQL's; ``$.a.b`` is SQLite's."""
    if rewriting.key(index + 1) == "(" and index + 1 in rewriting.partners:
        comma = rewriting.clause_end(index + 2, frozenset((",",)))
        value = literal(rewriting.text, rewriting.tokens[comma + 1]) if comma + 1 < len(rewriting.tokens) else None
        if value is not None and value.startswith("{"):
            rewriting.instead[index] = "pg_jsonb_set"


def _only(rewriting: Rewriting, index: int) -> None:
    if rewriting.key(index - 1) in ("FROM", "UPDATE", "JOIN", "TABLE", ",") and rewriting.kind(index + 1) in (
        WORD,
        QUOTED,
    ):
        if rewriting.key(index - 1) != "," or rewriting.key(index + 1) not in ("FROM", ","):
            rewriting.instead[index] = ""


def _lateral(rewriting: Rewriting, index: int) -> None:
    """Table-valued functions see what stands before them anyway; subqueries never do."""
    if rewriting.key(index - 1) not in (",", "JOIN", "FROM"):
        return
    if rewriting.key(index + 1) == "(" and not _lateral_values(rewriting, index + 1):
        raise rewriting.refuse(index, "LATERAL", "Write the subquery into the select list, or join with a condition.")
    rewriting.instead[index] = ""


def _lateral_values(rewriting: Rewriting, opening: int) -> bool:
    """``LATERAL (SELECT a, b) AS v(x, y)``: without a FROM it is one row, which a table-valued function can give."""
    close = rewriting.partners.get(opening, -1)
    if rewriting.key(opening + 1) != "SELECT" or rewriting.clause_end(opening + 2, _AFTER_FROM | {"FROM"}) != close:
        return False
    alias = close + 1 + (rewriting.key(close + 1) == "AS")
    names = rewriting.partners.get(alias + 1, -1)
    if rewriting.key(alias + 1) != "(" or names < 0:
        return False
    columns = _listed_names(rewriting, alias + 1)
    if len(columns) != _commas(rewriting, opening + 2, close) + 1 or len(columns) > 4:
        return False
    rewriting.instead[opening] = "pg_row("
    rewriting.instead[opening + 1] = ""
    rewriting.drop(alias + 1, names)
    values = [f"value{'' if number == 0 else number + 1}" for number in range(len(columns))]
    shown = unquoted(rewriting.text, rewriting.tokens[alias])
    _rename_references(rewriting, opening, close, shown, columns, values, None)
    return True


def _listed_names(rewriting: Rewriting, opening: int) -> list[str]:
    """The names in a bracket."""
    return [
        unquoted(rewriting.text, rewriting.tokens[one])
        for one in range(opening + 1, rewriting.partners[opening])
        if rewriting.kind(one) in (WORD, QUOTED)
    ]


def _distinct(rewriting: Rewriting, index: int) -> None:
    if rewriting.key(index + 1) == "ON" and rewriting.key(index - 1) == "SELECT" and rewriting.key(index + 2) == "(":
        raise rewriting.refuse(
            index,
            "SELECT DISTINCT ON",
            "Use row_number() OVER (PARTITION BY …) in a subquery, and keep the rows numbered 1.",
        )


def _collate(rewriting: Rewriting, index: int) -> None:
    """PostgreSQL's collations all compare bytes here, as its own "C" does."""
    at = index + 1
    if rewriting.key(at + 1) == ".":
        at += 2
        rewriting.drop(index + 1, at)
        rewriting.instead[at] = "BINARY"
    elif rewriting.kind(at) == QUOTED and rewriting.text[rewriting.tokens[at].start] == '"':
        name = unquoted(rewriting.text, rewriting.tokens[at])
        if name.upper() not in ("NOCASE", "RTRIM", "BINARY"):
            rewriting.drop(index + 1, at - 1)
            rewriting.instead[at] = "BINARY"


#: Words before INDEX where it is a command's.
_BEFORE_INDEX = frozenset("CREATE UNIQUE DROP ALTER REINDEX USING".split())


def _plain_word(rewriting: Rewriting, index: int) -> None:
    """A name that SQLite reserves and PostgreSQL does not; pandas calls a column ``index``."""
    if rewriting.key(index - 1) not in _BEFORE_INDEX:
        rewriting.instead[index] = quoted_name(unquoted(rewriting.text, rewriting.tokens[index]))


def _unknown(rewriting: Rewriting, index: int) -> None:
    if rewriting.key(index - 1) in ("IS", "NOT") and rewriting.key(index + 1) != ".":
        rewriting.instead[index] = "NULL"


def _row(rewriting: Rewriting, index: int) -> None:
    if rewriting.key(index + 1) == "(" and rewriting.key(index - 1) != ".":
        rewriting.instead[index] = ""


def _precision(rewriting: Rewriting, index: int) -> None:
    """``CURRENT_TIMESTAMP(3)``."""
    if rewriting.key(index + 1) == "(" and rewriting.kind(index + 2) == NUMBER and rewriting.key(index + 3) == ")":
        rewriting.drop(index + 1, index + 3)


def _operator(rewriting: Rewriting, index: int) -> None:
    """``OPERATOR(pg_catalog.~)`` is the operator."""
    if rewriting.key(index + 1) != "(" or index + 1 not in rewriting.partners or not rewriting.is_operand(index - 1):
        return
    close = rewriting.partners[index + 1]
    name = rewriting.key(close - 1)
    words = {
        "~": "REGEXP",
        "!~": "NOT REGEXP",
        "~*": "REGEXP '(?i)' ||",
        "!~*": "NOT REGEXP '(?i)' ||",
        "~~": "LIKE",
        "!~~": "NOT LIKE",
    }
    rewriting.drop(index, close)
    rewriting.instead[index] = words.get(name, name)
    rewriting.instead[close - 1] = ""


def _alias_columns(rewriting: Rewriting, index: int) -> None:
    """``(SELECT …) AS v(a, b)`` in FROM: SQLite names columns in a common table expression only."""
    at = index + 1 + (rewriting.key(index + 1) == "AS")
    if rewriting.key(at + 1) != "(" or rewriting.kind(at) not in (WORD, QUOTED) or index not in rewriting.partners:
        return
    opening, names = rewriting.partners[index], at + 1
    if names not in rewriting.partners or rewriting.key(opening + 1) not in ("SELECT", "VALUES", "WITH"):
        return
    if opening in rewriting.instead:
        return
    if rewriting.key(opening - 1) not in ("FROM", "JOIN", "LATERAL") and not _in_from(rewriting, opening - 1):
        return
    end = rewriting.partners[names]
    if any(rewriting.key(one) != "," and rewriting.kind(one) not in (WORD, QUOTED) for one in range(names + 1, end)):
        return
    alias = rewriting.text[rewriting.tokens[at].start : rewriting.tokens[at].end]
    listed = rewriting.text[rewriting.tokens[names].start : rewriting.tokens[end].end]
    rewriting.instead[opening] = f"(WITH {alias}{listed} AS ("
    rewriting.instead[index] = f") SELECT * FROM {alias})"
    rewriting.drop(names, end)


def _after_bracket(rewriting: Rewriting, index: int) -> None:
    if rewriting.key(index + 1) == ".":
        _field(rewriting, index)
    else:
        _alias_columns(rewriting, index)


#: Functions that give rows of one column.
_ROW_FUNCTIONS = frozenset(
    "GENERATE_SERIES GENERATE_SUBSCRIPTS UNNEST REGEXP_SPLIT_TO_TABLE REGEXP_MATCHES STRING_TO_TABLE JSON_OBJECT_KEYS "
    "JSONB_OBJECT_KEYS JSON_ARRAY_ELEMENTS JSONB_ARRAY_ELEMENTS JSON_ARRAY_ELEMENTS_TEXT JSONB_ARRAY_ELEMENTS_TEXT".split()
)


def _row_function(rewriting: Rewriting, index: int) -> None:
    """generate_series() and its kin, in FROM and in a select list."""
    opening = index + 1
    if rewriting.key(opening) != "(" or opening not in rewriting.partners:
        return
    before = index - 1
    while rewriting.key(before) == "." or rewriting.key(before) == "PG_CATALOG":
        before -= 1
    if rewriting.key(before) in ("FROM", "JOIN", "LATERAL") or _in_from(rewriting, before):
        _row_function_in_from(rewriting, index, rewriting.partners[opening])
    else:
        _row_function_in_list(rewriting, index, rewriting.partners[opening])


def _in_from(rewriting: Rewriting, at: int) -> bool:
    if rewriting.key(at) != ",":
        return False
    while at >= 0:
        key = rewriting.key(at)
        if key in ("FROM", "JOIN", "USING"):
            return True
        if key in ("SELECT", "(", "WHERE", "BY", "SET", "VALUES", "RETURNING"):
            return False
        partner = rewriting.partners.get(at, len(rewriting.tokens))
        at = partner - 1 if partner < at else at - 1
    return False


def _row_function_in_from(rewriting: Rewriting, index: int, close: int) -> None:
    name = rewriting.key(index).lower()
    at = close + 1
    ordinality = rewriting.key(at) == "WITH" and rewriting.key(at + 1) == "ORDINALITY"
    if ordinality:
        rewriting.drop(at, at + 1)
        at += 2
    has_as = rewriting.key(at) == "AS"
    at += has_as
    alias, columns = None, []
    if rewriting.kind(at) in (WORD, QUOTED) and (has_as or rewriting.key(at) not in _AFTER_FROM | _JOINS):
        alias = unquoted(rewriting.text, rewriting.tokens[at])
        if rewriting.key(at + 1) == "(" and at + 1 in rewriting.partners:
            columns = _listed_names(rewriting, at + 1)
            rewriting.drop(at + 1, rewriting.partners[at + 1])
    if alias is None and "VALUE" in rewriting.keys:
        return  # SQLite's own name for the column
    count = 1 + _commas(rewriting, index + 2, close) if name == "unnest" else 1
    values = [f"value{'' if number == 0 else number + 1}" for number in range(count)]
    if not columns:
        columns = [alias or name] if count == 1 else values
    shown = [f"{value} AS {quoted_name(column)}" for value, column in zip(values, columns, strict=False)]
    if ordinality:
        word = columns[count] if len(columns) > count else "ordinality"
        shown.append(f"row_number() OVER () AS {quoted_name(word)}")
    if _refers(rewriting, index + 2, close):
        counted = (columns[count] if len(columns) > count else "ordinality") if ordinality else None
        _rename_references(rewriting, index, close, alias or name, columns[:count], values, counted)
        if alias is None:
            rewriting.last(close, f" AS {quoted_name(name)}")
        return
    rewriting.before(index, f"(SELECT {', '.join(shown)} FROM ")
    rewriting.last(close, ")" if alias is not None else f") AS {quoted_name(name)}")


_JOINS = frozenset("JOIN LEFT RIGHT FULL INNER CROSS NATURAL ON USING WITH AS LATERAL".split())


def _commas(rewriting: Rewriting, at: int, close: int) -> int:
    count = 0
    while (at := rewriting.clause_end(at, frozenset((",",)))) < close:
        count, at = count + 1, at + 1
    return count


def _refers(rewriting: Rewriting, first: int, last: int) -> bool:
    """Does an argument name a column? Then the call must stay beside its table: SQLite's subqueries in FROM see no neighbours."""
    for at in range(first, last):
        if rewriting.kind(at) == QUOTED:
            return True
        if rewriting.kind(at) == WORD and rewriting.key(at + 1) != "(" and rewriting.key(at) not in _CONSTANT_WORDS:
            if rewriting.key(at - 1) not in ("::", ".") or rewriting.key(at + 1) == ".":
                return True
    return False


_CONSTANT_WORDS = frozenset(
    "ARRAY NULL TRUE FALSE DATE TIMESTAMP TIMESTAMPTZ INTERVAL CURRENT_DATE CURRENT_TIMESTAMP AS".split()
)


def _rename_references(
    rewriting: Rewriting,
    index: int,
    close: int,
    alias: str,
    columns: list[str],
    values: list[str],
    ordinality: str | None,
) -> None:
    """Leave a call that refers to its neighbours where it is, and name its columns as the module does."""
    names = {column.lower(): value for column, value in zip(columns, values, strict=False)}
    if ordinality:
        if rewriting.key(index) != "UNNEST":
            raise rewriting.refuse(index, "WITH ORDINALITY of a column")
        names[ordinality.lower()] = "ordinality"
    first, last = rewriting.level_of(index)
    if _is_star(rewriting, first):
        _name_star(rewriting, first, index, alias, names)
    for at in range(first, last):
        token = rewriting.tokens[at]
        if index <= at <= close + 2 or token.kind not in (WORD, QUOTED) or rewriting.key(at + 1) in ("(", "."):
            continue
        if rewriting.instead.get(at) == "":
            continue
        word = unquoted(rewriting.text, token).lower()
        if word in names:
            if rewriting.key(at - 1) == "AS":
                continue
            dotted = rewriting.key(at - 1) == "." and rewriting.key(at - 2).lower() == alias.lower()
            if dotted:
                rewriting.instead[at] = names[word]
            elif rewriting.key(at - 1) != ".":
                rewriting.instead[at] = f"{quoted_name(alias)}.{names[word]}"


def _is_star(rewriting: Rewriting, select: int) -> bool:
    return [rewriting.key(select + one) for one in range(3)] == ["SELECT", "*", "FROM"]


def _name_star(rewriting: Rewriting, select: int, index: int, alias: str, names: dict[str, str]) -> None:
    """``SELECT * FROM t, unnest(t.a) AS u(x)``: the star of the module would show its own names."""
    others = []
    at = select + 3
    while at < index:
        end = min(rewriting.clause_end(at, frozenset((",",))), index)
        if end > at and rewriting.kind(end - 1) in (WORD, QUOTED):
            others.append(rewriting.text[rewriting.tokens[end - 1].start : rewriting.tokens[end - 1].end] + ".*")
        at = end + 1
    own = [f"{quoted_name(alias)}.{value} AS {quoted_name(name)}" for name, value in names.items()]
    rewriting.instead[select + 1] = ", ".join([*others, *own])


def _expand_array(rewriting: Rewriting, index: int) -> None:
    """``(information_schema._pg_expandarray(v)).n`` and ``.x`` in a select list: the elements and their numbers, from FROM.

    Called bare it gives both, which ``(result.keys).x`` takes apart.
    """
    opening = index + 1
    select = rewriting.select_of(index)
    close = rewriting.partners.get(opening, -1)
    bracket = index - 1
    while rewriting.key(bracket) in (".", "INFORMATION_SCHEMA"):
        bracket -= 1
    in_brackets = rewriting.key(bracket) == "(" and rewriting.partners.get(bracket) == close + 1
    if in_brackets:
        select = rewriting.select_of(bracket - 1)
    if close < 0 or select < 0 or rewriting.key(select) != "SELECT":
        return
    argument = rewriting.text[rewriting.tokens[opening].end : rewriting.tokens[close].start]
    name = f"pg_keys{select}"
    begin = bracket if in_brackets else bracket + 1
    if name not in rewriting.modules:
        rewriting.modules.add(name)
        from_ = rewriting.clause_end(select + 1, frozenset(("FROM",)))
        end = rewriting.clause_end(from_ + 1, _AFTER_FROM)
        rewriting.last(end - 1, f", unnest({argument}) AS {name}")
    field = rewriting.key(close + 3) if in_brackets and rewriting.key(close + 2) == "." else ""
    last = close + 3 if field else close
    words = {"N": f"{name}.ordinality", "X": f"{name}.value"}.get(
        field, f"json_object('x', {name}.value, 'n', {name}.ordinality)"
    )
    rewriting.drop(begin, last)
    rewriting.instead[begin] = words
    rewriting.skip = last


def _field(rewriting: Rewriting, index: int) -> None:
    """``(result.keys).x``: a field of a composite value, which is JSON here."""
    opening = rewriting.partners.get(index, -1)
    if rewriting.key(index + 1) != "." or rewriting.kind(index + 2) not in (WORD, QUOTED) or opening < 0:
        return
    if rewriting.kind(opening - 1) in (WORD, QUOTED) and rewriting.key(opening - 1) not in _NOT_CALLED:
        return
    name = unquoted(rewriting.text, rewriting.tokens[index + 2])
    rewriting.before(opening, "json_extract(")
    rewriting.drop(index + 1, index + 2)
    rewriting.last(index, f", {quoted('$.' + quoted_name(name))})")


def _row_function_in_list(rewriting: Rewriting, index: int, close: int) -> None:
    """``SELECT generate_series(1, 3)``: the rows come from FROM."""
    select = rewriting.select_of(index)
    if select < 0 or rewriting.key(select) != "SELECT":
        raise rewriting.refuse(index, f"{rewriting.key(index).lower()}() here", "Put it into FROM.")
    arguments = rewriting.tokens[index + 2 : close]
    if not arguments:
        raise rewriting.error(close)
    given = translate(rewriting.text, arguments, arguments[0].start, arguments[-1].end, verb="", sqlite_order=True)
    rewriting.rows += 1
    name = f"pg_rows{rewriting.rows}"
    leader = rewriting.leaders.setdefault(select, name)
    rewriting.drop(index, close)
    rewriting.instead[index] = f"{name}.value"
    rewriting.parameters = max(rewriting.parameters, given.parameters)
    rewriting.skip = close
    from_ = rewriting.clause_end(select + 1, frozenset(("FROM",)) | _AFTER_FROM)
    word = "FROM"
    end = from_
    if rewriting.key(from_) == "FROM":
        word, end = ",", rewriting.clause_end(from_ + 1, _AFTER_FROM)
    call = f"{rewriting.key(index).lower()}({given.sql}) AS {name}"
    if leader != name:  # several in one list go on together, row by row
        rewriting.last(end - 1, f" LEFT JOIN {call} ON {name}.rowid = {leader}.rowid")
    else:
        rewriting.last(end - 1, f"{'' if word == ',' else ' '}{word} {call}")


def _ancestors(rewriting: Rewriting, index: int) -> None:
    """``pg_partition_ancestors(x) WITH ORDINALITY AS a(relid, depth)``: no table has any, and the names are the module's own."""
    close = rewriting.partners.get(index + 1, index)
    if rewriting.key(close + 1) == "WITH" and rewriting.key(close + 2) == "ORDINALITY":
        rewriting.drop(close + 1, close + 2)
        names = close + 4 + (rewriting.key(close + 3) == "AS")
        if rewriting.key(names) == "(" and names in rewriting.partners:
            rewriting.drop(names, rewriting.partners[names])


def _default(rewriting: Rewriting, index: int) -> None:
    """``VALUES (DEFAULT, …)``: the column is left out."""
    if rewriting.verb == "UPDATE" and rewriting.key(index - 1) == "=":
        raise rewriting.refuse(index, "SET … = DEFAULT", "Write the default's value.")
    if rewriting.verb != "INSERT" or rewriting.key(index + 1) not in (",", ")") or index in rewriting.instead:
        return
    values = next((at for at in range(index) if rewriting.key(at) == "VALUES"), None)
    if values is None or rewriting.key(index - 1) not in (",", "("):
        return
    rows, at = [], values + 1
    while rewriting.key(at) == "(" and at in rewriting.partners:
        rows.append(_elements(rewriting, at))
        at = rewriting.partners[at] + 1
        at += rewriting.key(at) == ","
    left_out = {
        where for where, (first, last) in enumerate(rows[0]) if first == last and rewriting.key(first) == "DEFAULT"
    }
    for row in rows:
        if {
            where for where, (first, last) in enumerate(row) if first == last and rewriting.key(first) == "DEFAULT"
        } != left_out:
            raise rewriting.refuse(index, "DEFAULT in some rows of VALUES only", "Use several INSERTs.")
    if rewriting.key(values - 1) != ")" or values - 1 not in rewriting.partners:
        raise rewriting.refuse(
            index, "DEFAULT in VALUES without a list of columns", "Name the columns, without this one."
        )
    names = rewriting.partners[values - 1]
    if len(left_out) == len(rows[0]):
        if len(rows) > 1:
            raise rewriting.refuse(index, "several rows of DEFAULT only")
        rewriting.drop(names, rewriting.partners[values + 1])
        rewriting.instead[values] = "DEFAULT VALUES"
        return
    for opening in (names, *_openings(rewriting, values + 1)):
        _leave_out(rewriting, _elements(rewriting, opening), left_out)


def _openings(rewriting: Rewriting, at: int) -> list[int]:
    found = []
    while rewriting.key(at) == "(" and at in rewriting.partners:
        found.append(at)
        at = rewriting.partners[at] + 1
        at += rewriting.key(at) == ","
    return found


def _elements(rewriting: Rewriting, opening: int) -> list[tuple[int, int]]:
    """The elements of a bracket: first and last token of each."""
    close, found, at = rewriting.partners[opening], [], opening + 1
    while at < close:
        end = rewriting.clause_end(at, frozenset((",",)))
        found.append((at, end - 1))
        at = end + 1
    return found


def _leave_out(rewriting: Rewriting, elements: list[tuple[int, int]], which: set[int]) -> None:
    kept = False
    for where, (first, last) in enumerate(elements):
        if where in which:
            rewriting.drop(first, last)
            if kept or where == 0:
                pass
        elif not kept:
            kept = True
            continue
    # Commas: one stays between two elements that stay.
    stays = [where for where in range(len(elements)) if where not in which]
    for where in range(len(elements) - 1):
        comma = elements[where][1] + 1
        before = [one for one in stays if one <= where]
        after = [one for one in stays if one > where]
        if not (
            before
            and after
            and before[-1] == where
            or (before and after and where + 1 == after[0] and before[-1] == where)
        ):
            rewriting.instead[comma] = ""


def _overriding(rewriting: Rewriting, index: int) -> None:
    if rewriting.key(index + 1) in ("SYSTEM", "USER") and rewriting.key(index + 2) == "VALUE":
        rewriting.drop(index, index + 2)


def _using(rewriting: Rewriting, index: int) -> None:
    """``DELETE FROM t USING u WHERE …``."""
    if (
        rewriting.verb != "DELETE"
        or rewriting.select_of(index) < 0
        or rewriting.key(rewriting.select_of(index)) != "DELETE"
    ):
        return
    delete = rewriting.select_of(index)
    start = delete + 2 + (rewriting.key(delete + 2) == "ONLY")
    table = [
        rewriting.text[token.start : token.end]
        for token in rewriting.tokens[start:index]
        if token.key not in ("PUBLIC", ".", "AS")
    ]
    name = table[-1]
    words = " AS ".join(table)
    rewriting.instead[index] = f"WHERE rowid IN (SELECT {name}.rowid FROM {words},"
    rewriting.last(rewriting.clause_end(index + 1, frozenset(("RETURNING", ";"))) - 1, ")")


def _inner_write(rewriting: Rewriting, index: int) -> None:
    """``WITH x AS (INSERT …)``."""
    if (
        rewriting.key(index - 1) == "("
        and rewriting.key(index - 2) in ("AS", "MATERIALIZED")
        and not rewriting.verb.startswith("CREATE")
    ):
        raise rewriting.refuse(
            index, f"{rewriting.key(index)} in WITH", "Use two statements in a transaction, with RETURNING."
        )


def _on_constraint(rewriting: Rewriting, index: int) -> None:
    """``ON CONFLICT ON CONSTRAINT name``."""
    if rewriting.key(index - 1) != "ON" or rewriting.key(index - 2) != "CONFLICT":
        return
    if rewriting.key(index + 3) == "NOTHING":
        rewriting.drop(index - 1, index + 1)
        return
    raise rewriting.refuse(index, "ON CONFLICT ON CONSTRAINT", "Name the constraint's columns: ON CONFLICT (a, b).")


def _select_into(rewriting: Rewriting, index: int) -> None:
    """``SELECT … INTO t FROM …``."""
    select = rewriting.select_of(index)
    if select != 0 or rewriting.key(0) != "SELECT" or rewriting.kind(index + 1) not in (WORD, QUOTED):
        return
    at = index + 1
    while rewriting.key(at) in ("TABLE", "UNLOGGED", "TEMP", "TEMPORARY"):
        at += 1
    end = at
    while rewriting.key(end + 1) == ".":
        end += 2
    name = rewriting.text[rewriting.tokens[end].start : rewriting.tokens[end].end]
    temporary = "TEMP " if rewriting.key(index + 1).startswith("TEMP") else ""
    rewriting.before(0, f"CREATE {temporary}TABLE {name} AS ")
    rewriting.drop(index, end)


def _table_statement(rewriting: Rewriting, index: int) -> None:
    """``TABLE t``."""
    if index == 0:
        rewriting.instead[0] = "SELECT * FROM"


def _quotient(rewriting: Rewriting, index: int) -> None:
    """Division, unless a rule for times took or refused it."""
    _sum(rewriting, index)
    if rewriting.instead.get(index) is None:
        _divided(rewriting, index)


def _divided(rewriting: Rewriting, index: int) -> None:
    """``a / b``, ``a % b``: 22012 where SQLite gives NULL. Only in a statement; what is kept in the schema stays SQLite's."""
    if rewriting.sqlite_order or rewriting.verb.startswith(("CREATE", "ALTER")) or not rewriting.is_operand(index - 1):
        return
    try:
        last = rewriting.operand_after(index + 1)
    except StatementError:
        return
    if last == index + 1 and rewriting.kind(last) == NUMBER and rewriting.key(last).strip("0._"):
        return  # a number that is not zero
    rewriting.before(index + 1, "pg_divisor(")
    rewriting.last(last, ")")


def _notify(rewriting: Rewriting, index: int) -> None:
    """``pg_notify(channel, payload)``: SQLite calls it a read, but it says something."""
    rewriting.acts = rewriting.acts or rewriting.key(index + 1) == "("


def _sequence(rewriting: Rewriting, index: int) -> None:
    """``nextval('s'::regclass)``: sequences are known by name here."""
    if rewriting.key(index + 1) != "(":
        return
    rewriting.acts = rewriting.acts or rewriting.key(index) in ("NEXTVAL", "SETVAL")
    if rewriting.key(index + 3) == "::" and rewriting.key(index + 4) == "REGCLASS":
        rewriting.drop(index + 3, index + 4)


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
    "ARRAY": _array,
    "[": _bracket,
    "ANY": _any,
    "SOME": _any,
    "ALL": _any,
    "FOR": _locking,
    "LIMIT": _limit,
    "OFFSET": _offset,
    "FETCH": _fetch,
    "ORDER": _order,
    "+": _sum,
    "-": _sum,
    "*": _sum,
    "/": _quotient,
    "%": _divided,
    "^": _power,
    "|/": _root,
    "||/": _root,
    "#>": _json_call("pg_at_path", ", 0"),
    "#>>": _json_call("pg_at_path", ", 1"),
    "@>": _json_call("pg_contains"),
    "<@": _json_call("pg_contained"),
    "&&": _json_call("pg_overlaps"),
    "?": _question,
    "SIMILAR": _similar,
    "AT": _at_zone,
    "EXTRACT": _extract,
    "POSITION": _words_as_commas("pg_position", "IN"),
    "SUBSTRING": _words_as_commas("substring", "FROM", "FOR"),
    "OVERLAY": _words_as_commas("overlay", "PLACING", "FROM", "FOR"),
    "TRIM": _trim,
    "JSON_BUILD_OBJECT": _renamed("json_object"),
    "JSONB_BUILD_OBJECT": _renamed("json_object"),
    "JSON_BUILD_ARRAY": _renamed("json_array"),
    "JSONB_BUILD_ARRAY": _renamed("json_array"),
    "FORMAT": _format,
    "JSONB_SET": _jsonb_set,
    "ONLY": _only,
    "LATERAL": _lateral,
    "DISTINCT": _distinct,
    "COLLATE": _collate,
    "UNKNOWN": _unknown,
    "INDEX": _plain_word,
    "TRANSACTION": _plain_word,
    "ROW": _row,
    "CURRENT_TIMESTAMP": _precision,
    "CURRENT_TIME": _precision,
    "OPERATOR": _operator,
    ")": _after_bracket,
    "_PG_EXPANDARRAY": _expand_array,
    **dict.fromkeys(_ROW_FUNCTIONS, _row_function),
    "NEXTVAL": _sequence,
    "PG_NOTIFY": _notify,
    "CURRVAL": _sequence,
    "SETVAL": _sequence,
    "DEFAULT": _default,
    "OVERRIDING": _overriding,
    "USING": _using,
    "INSERT": _inner_write,
    "UPDATE": _inner_write,
    "DELETE": _inner_write,
    "CONSTRAINT": _on_constraint,
    "INTO": _select_into,
    "TABLE": _table_statement,
    "CREATE": declarations.create,
    "LIKE": _like("LIKE"),
    "ILIKE": _like("LIKE"),
    "~~": _like("LIKE"),
    "~~*": _like("LIKE"),
    "!~~": _like("NOT LIKE"),
    "!~~*": _like("NOT LIKE"),
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
    "INFORMATION_SCHEMA": _information_schema,
    '"information_schema"': _information_schema,
    "PG_PARTITION_ANCESTORS": _ancestors,
    "PG_CATALOG": _catalog,
    '"pg_catalog"': _catalog,
}
