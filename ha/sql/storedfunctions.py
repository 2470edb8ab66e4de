"""CREATE FUNCTION: functions that are one query of one value, and what their calls become. [pure]

SQLite keeps no functions, so a call is written out where it stands, before the statement is translated::

    CREATE FUNCTION twice(x int) RETURNS int LANGUAGE sql AS 'SELECT x * 2'
    SELECT twice(a) FROM t              SELECT (((a)::int4 * 2))::int4 AS twice FROM t

Where a query reads tables, or an argument that must be computed once is used more often, the arguments are columns of a row beside it, so
that the query's own columns come before them, as in PostgreSQL::

    (SELECT (SELECT count(*) FROM o WHERE o.c = who) FROM (SELECT (c.id)::int4 AS "who") AS "orders_of")

Kept by :mod:`ha.sqlite.functionviews`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from ha.errors import StatementError
from ha.sql.edits import Edits
from ha.sql.groupedby import AGGREGATES
from ha.sql.tokens import COMPOUNDS, NAMES, NUMBER, PARAMETER, TEXTS, Token, quoted_name, tokenize, unquoted

#: Calls in the bodies of called functions.
DEPTH_MAX: Final = 16
#: Characters of a statement with its calls written out: each may stand for a thousand others.
EXPANDED_MAX: Final = 256 * 1024
#: Arguments of a function: PostgreSQL's limit.
ARGUMENTS_MAX: Final = 100


class Argument(NamedTuple):
    """One argument.

    :param name: empty for one that has none.
    :param words: of its type.
    :param default: the client's words.
    """

    name: str
    words: str
    default: str | None = None


class Function(NamedTuple):
    """One function.

    :param result: the words of its result's type.
    :param query: the SELECT that gives it.
    :param strict: NULL is its answer where an argument is.
    :param volatility: as pg_proc has it, ``v``, ``s`` or ``i``.
    :param language: the one that it was written in, and `source` its words there.
    """

    name: str
    arguments: tuple[Argument, ...]
    result: str
    query: str
    strict: bool = False
    volatility: str = "v"
    language: str = "sql"
    source: str = ""

    @property
    def signature(self) -> str:
        """What tells it from others of its name."""
        return f"{self.name}({', '.join(one.words for one in self.arguments)})"

    @property
    def least(self) -> int:
        """How many arguments a call must have."""
        return sum(one.default is None for one in self.arguments)


def expanded(
    text: str, functions: Mapping[str, Sequence[Function]], void: frozenset[str] = frozenset()
) -> tuple[str, Edits] | None:
    """A statement with its calls of these functions written out; None where it has none.

    :param functions: by their names.
    :param void: parameters, ``$1``, that the client declared to be none: so says JDBC where the result goes.
    :raises StatementError: 42883, none of that name takes these arguments; 0A000, 54001.
    """
    tokens = tokenize(text)
    writer = _Writer(text, tokens, functions, 0, void)
    if not writer.calls:
        return None
    return writer.written(), tuple(writer.edits)


class _Writer:
    """A text whose calls are written out."""

    def __init__(
        self,
        text: str,
        tokens: Sequence[Token],
        functions: Mapping[str, Sequence[Function]],
        depth: int,
        void: frozenset[str] = frozenset(),
    ) -> None:
        self.text = text
        self.tokens = tokens
        self.functions = functions
        self.depth = depth
        self.void = void
        self.edits: list[tuple[int, int]] = []
        self.partners = _partners(tokens)
        self.calls = [at for at in range(len(tokens)) if self._is_call(at)]

    def _key(self, at: int) -> str:
        return self.tokens[at].key if 0 <= at < len(self.tokens) else ""

    def _is_call(self, at: int) -> bool:
        token = self.tokens[at]
        if token.kind not in NAMES or self._key(at + 1) != "(" or at + 1 not in self.partners:
            return False
        if unquoted(self.text, token) not in self.functions:
            return False
        if self._key(at - 1) == "." and self._key(at - 2) != "PUBLIC":
            return False
        before, close = self._key(self._start(at) - 1), self.partners[at + 1]
        if before == "ON" and self._key(0) == "CREATE":
            return False  # an index's table
        is_cte = before in ("WITH", "RECURSIVE", ",") and self._key(close + 1) == "AS" and self._key(close + 2) == "("
        return before not in _NO_CALL and not is_cte

    def _start(self, call: int) -> int:
        """Where a call begins: perhaps with its schema."""
        return call - 2 if self._key(call - 1) == "." else call

    def written(self) -> str:
        """The whole."""
        made = self._range(0, len(self.tokens), top=True)
        return made

    def _range(self, first: int, end: int, *, top: bool = False) -> str:
        """The tokens from `first` up to `end`, whose calls are written out."""
        if first >= end:
            return ""
        parts: list[str] = []
        at, length = self.tokens[first].start, 0
        for call in self.calls:
            if call < first or call >= end or self.tokens[call].start < at:
                continue  # outside, or in another's arguments
            close = self.partners[call + 1]
            start = self.tokens[self._start(call)].start
            own, last = self._call(call, close)
            parts += (self.text[at:start], own)
            length += start - at
            if top:
                self.edits.append((start, self.tokens[first].start + length))
            length += len(own)
            at = self.tokens[last].end
            if top:
                self.edits.append((at, self.tokens[first].start + length))
            if length > EXPANDED_MAX:
                raise StatementError("54001", "calls of functions become too long", hint=_SHORTER)
        parts.append(self.text[at : self.tokens[end - 1].end])
        head = self.text[: self.tokens[first].start] if top else ""
        return head + "".join(parts) + (self.text[self.tokens[end - 1].end :] if top else "")

    def _call(self, call: int, close: int) -> tuple[str, int]:
        """What a call becomes, and the last token that this stands for."""
        token = self.tokens[call]
        name = unquoted(self.text, token)
        named: dict[str, str] = {}
        given: list[str] = []
        for first, end in _elements(self.tokens, self.partners, call + 1):
            value = self._value_at(first, end)
            if end == first + 1 and self._key(first) in self.void:
                continue
            if value > first:
                named[unquoted(self.text, self.tokens[first])] = self._range(value, end)
            elif named:
                raise StatementError(
                    "42601", "positional argument cannot follow named argument", position=self.tokens[first].start + 1
                )
            else:
                given.append(self._range(first, end))
        one = _chosen(self.functions[name], len(given), named, name, token)
        given += [named.get(argument.name, argument.default or "") for argument in one.arguments[len(given) :]]
        made = f"({_value(one, given, self.functions, self.depth)})::{one.result}"
        if self._is_rows(call):
            return self._rows(made, name, close)
        if self.depth == 0 and self._is_item(call, close):
            made += f" AS {quoted_name(name)}"
        return made, close

    def _value_at(self, first: int, end: int) -> int:
        """Where the value of an argument begins, behind its name if it says one."""
        named = self.tokens[first].kind in NAMES and self._key(first + 1) in ("=>", ":=") and first + 2 < end
        return first + 2 if named else first

    def _is_rows(self, call: int) -> bool:
        """Does it stand in FROM?"""
        start = self._start(call)
        if self._key(start - 1) == "JOIN":
            return True
        if self._key(start - 1) != "FROM" or self._key(start - 2) == "DISTINCT":
            return False
        around = next(
            (at for at in range(start, -1, -1) if self._key(at) == "(" and self.partners.get(at, -1) > call), -1
        )
        return self._key(around - 1) not in ("EXTRACT", "SUBSTRING", "TRIM", "OVERLAY")

    def _rows(self, made: str, name: str, close: int) -> tuple[str, int]:
        """The one row of a call in FROM, whose column is called as it is, or as AS says."""
        last, alias, column = close, quoted_name(name), ""
        after = close + 1 + (self._key(close + 1) == "AS")
        if after < len(self.tokens) and self.tokens[after].kind in NAMES and self._key(after) not in _AFTER_ROWS:
            last = after
            alias = quoted_name(unquoted(self.text, self.tokens[after]))
            if self._key(after + 1) == "(" and self.partners.get(after + 1) == after + 3:
                last, column = after + 3, quoted_name(unquoted(self.text, self.tokens[after + 2]))
        return f"(SELECT {made} AS {column or alias}) AS {alias}", last

    def _is_item(self, call: int, close: int) -> bool:
        """Is it a column of the result that says no name?"""
        start = self._start(call)
        if self._key(close + 1) not in _AFTER_ITEM:
            return False
        at = start - 1
        while at >= 0 and self._key(at) not in ("SELECT", "RETURNING", "("):
            at = self.partners[at] - 1 if self._key(at) == ")" and at in self.partners else at - 1
            if self._key(at) in _CLAUSES:
                return False
        return self._key(at) in ("SELECT", "RETURNING") and self._key(start - 1) in (
            "SELECT",
            "RETURNING",
            ",",
            "DISTINCT",
            "ALL",
        )


#: Words before a name with brackets that is no call.
_NO_CALL = frozenset(". INTO TABLE EXISTS UPDATE VIEW INDEX FUNCTION AS REFERENCES".split())
_AFTER_ROWS = frozenset(
    "WHERE GROUP HAVING WINDOW ORDER LIMIT OFFSET FETCH FOR UNION INTERSECT EXCEPT JOIN LEFT RIGHT FULL INNER CROSS NATURAL ON "
    "USING".split()
)
_AFTER_ITEM = frozenset(("", ",", ";", ")", "FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", *COMPOUNDS))
_CLAUSES = frozenset(("FROM", "WHERE", "HAVING", "ON", "SET", "VALUES", "BY", "LIMIT", "OFFSET"))
_SHORTER: Final = "Use a view, or a query with fewer of them."


def _partners(tokens: Sequence[Token]) -> dict[int, int]:
    found: dict[int, int] = {}
    opened: list[int] = []
    for at, token in enumerate(tokens):
        if token.key == "(":
            opened.append(at)
        elif token.key == ")" and opened:
            other = opened.pop()
            found[other], found[at] = at, other
    return found


def _elements(tokens: Sequence[Token], partners: Mapping[int, int], opening: int) -> list[tuple[int, int]]:
    """First token of each argument, and the one behind it."""
    found, first, at = [], opening + 1, opening + 1
    while at < partners[opening]:
        key = tokens[at].key
        if key == "(" and at in partners:
            at = partners[at]
        elif key == "," and not _in_brackets(tokens, first, at):
            found.append((first, at))
            first = at + 1
        at += 1
    if first < partners[opening]:
        found.append((first, partners[opening]))
    return found


def _in_brackets(tokens: Sequence[Token], first: int, at: int) -> bool:
    """Is a list of ARRAY[…] open between two tokens?"""
    keys = [token.key for token in tokens[first:at]]
    return keys.count("[") > keys.count("]")


def _chosen(known: Sequence[Function], count: int, named: Mapping[str, str], name: str, token: Token) -> Function:
    """The function that takes so many arguments, and these behind them.

    :raises StatementError: 42883; 0A000, several do.
    """
    fitting = [one for one in known if count <= len(one.arguments) and _takes(one.arguments[count:], named)]
    if not fitting:
        raise StatementError(
            "42883",
            f"function {name} does not take these {count + len(named)} arguments",
            hint="No function matches the given name and argument types. You might need to add explicit type casts.",
            position=token.start + 1,
        )
    if len(fitting) > 1:
        raise StatementError(
            "0A000",
            f"functions {name} that differ in their arguments' types only are not supported",
            position=token.start + 1,
        )
    return fitting[0]


def _takes(arguments: Sequence[Argument], named: Mapping[str, str]) -> bool:
    """Are these the arguments that are named, and those that need not be?"""
    names = {argument.name for argument in arguments}
    return named.keys() <= names and all(
        argument.name in named or argument.default is not None for argument in arguments
    )


def _value(one: Function, given: Sequence[str], functions: Mapping[str, Sequence[Function]], depth: int) -> str:
    """The expression that a call is."""
    if depth >= DEPTH_MAX:
        raise StatementError(
            "54001", "stack depth limit exceeded", hint=f"Functions may call each other {DEPTH_MAX} deep."
        )
    tokens = tokenize(one.query)
    uses = _uses(one, tokens)
    expression = _is_expression(one, tokens)
    cast = [f"({words})::{argument.words}" for words, argument in zip(given, one.arguments, strict=True)]
    often = [at for at in range(len(given)) if list(uses.values()).count(at) + one.strict > 1]
    if expression and all(_is_plain(given[at]) for at in often):
        words = _again(_filled(one, cast), functions, depth)[len("SELECT") :].strip()
        conditions = " AND ".join(f"{value} IS NOT NULL" for value in cast)
        return f"CASE WHEN {conditions} THEN {words} END" if one.strict and cast else f"({words})"
    for words in given:
        for token in tokenize(words):
            if token.key in AGGREGATES or token.key == "OVER":
                raise StatementError(
                    "0A000",
                    f"an aggregate as an argument of {one.name} is not supported",
                    hint="Compute it in a subquery.",
                )
    named = [f"{quoted_name(one.name)}.{quoted_name(_column(one, at))}" for at in range(len(given))]
    inner = _again(_filled(one, named, numbers=True), functions, depth)
    if not given:
        return f"({inner})"
    columns = ", ".join(f"{value} AS {quoted_name(_column(one, at))}" for at, value in enumerate(cast))
    strict = (
        " AND ".join(f"{quoted_name(_column(one, at))} IS NOT NULL" for at in range(len(given))) if one.strict else ""
    )
    return (
        f"(SELECT ({inner}) FROM (SELECT {columns}) AS {quoted_name(one.name)}{' WHERE ' + strict if strict else ''})"
    )


def _again(query: str, functions: Mapping[str, Sequence[Function]], depth: int) -> str:
    """A body, whose calls are written out in their turn."""
    writer = _Writer(query, tokenize(query), functions, depth + 1)
    return writer.written() if writer.calls else query


def _column(one: Function, at: int) -> str:
    return one.arguments[at].name or f"${at + 1}"


def _uses(one: Function, tokens: Sequence[Token]) -> dict[int, int]:
    """By token, the argument that it means."""
    names = {argument.name: at for at, argument in enumerate(one.arguments) if argument.name}
    found = {}
    for at, token in enumerate(tokens):
        number = _number(one, token)
        if number is not None:
            found[at] = number
        elif (
            token.kind in NAMES and unquoted(one.query, token) in names and tokens[at - 1].key not in (".", "AS", "::")
        ):
            if at + 1 >= len(tokens) or tokens[at + 1].key not in (".", "("):
                found[at] = names[unquoted(one.query, token)]
    return found


def _number(one: Function, token: Token) -> int | None:
    if token.kind != PARAMETER:
        return None
    number = int(token.key[1:]) if len(token.key) < 6 else 0
    if not 0 < number <= len(one.arguments):
        raise StatementError("42P02", f"there is no parameter {token.key}")
    return number - 1


def _is_expression(one: Function, tokens: Sequence[Token]) -> bool:
    """Is it a SELECT of one expression, with no tables whose columns its names could be?"""
    keys = [token.key for token in tokens]
    if any(token.kind in NAMES and unquoted(one.query, token) == one.name for token in tokens):
        return False  # twice.x
    return (
        keys[:1] == ["SELECT"] and _TABLES.isdisjoint(keys) and keys.count("SELECT") == 1 and "AS" not in _outside(keys)
    )


def _outside(keys: Sequence[str]) -> list[str]:
    depth, found = 0, []
    for key in keys:
        depth += (key == "(") - (key == ")")
        if depth == 0:
            found.append(key)
    return found


_TABLES = frozenset(
    ("FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "WINDOW", "DISTINCT", "VALUES", "WITH", *COMPOUNDS)
)


def _is_plain(words: str) -> bool:
    """Is an argument as good twice as once: a literal, a parameter, a column?"""
    tokens = tokenize(words)
    if len(tokens) == 1:
        return tokens[0].kind in (NUMBER, PARAMETER, *TEXTS, *NAMES) or tokens[0].key.startswith("?")
    return bool(tokens) and all(token.kind in NAMES or token.key == "." for token in tokens)


def _filled(one: Function, values: Sequence[str], *, numbers: bool = False) -> str:
    """A function's query with values for its arguments.

    :param numbers: only for ``$n``: names are found by SQLite.
    """
    tokens = tokenize(one.query)
    parts: list[str] = []
    at = 0
    for index, number in _uses(one, tokens).items():
        token = tokens[index]
        if numbers and token.kind != PARAMETER:
            continue
        parts += (one.query[at : token.start], values[number])
        at = token.end
    return "".join(parts) + one.query[at:]
