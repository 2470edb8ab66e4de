"""Literals lifted out of a client's text: texts that differ in nothing else become one statement. [pure]

::

    lift("SELECT a FROM t WHERE id = 4711")   # the statement of "SELECT a FROM t WHERE id = ?1", and (4711,)

Many clients write their values into the text, so that every text is new, and all that is known by its text (translation,
inference, SQLite's prepared statement, whether it was long) would be found out again each time: eight times the price of running it.

Promises: what is lifted means the same as a parameter of no type. Lifted are whole numbers that are compared, or that an UPDATE counts a
column up by, and whole numbers and plain strings that are whole values of an INSERT, where the column's type makes fit what it is
given. Everything in whose place a literal may say more than its value stays: a result's columns, ORDER BY, casts, other sums,
strings beside a column whose type they take, definitions. A text is lifted only together with its whole statement, and a shape
only if our own rules treat it with marks as they treated its literals. Where anything is doubtful, nothing is lifted.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from ha.errors import StatementError
from ha.sql.kept import Kept
from ha.sql.kinds import Kind, Statement
from ha.sql.statements import literal_position, split
from ha.values import Value

#: Longer texts are data: their statement is not worth keeping.
LIFTED_TEXT_MAX = 4096
#: Texts whose statement is remembered; a client that repeats itself costs a look-up.
TEXTS_KEPT = 2048
#: Shapes that are remembered.
SHAPES_KEPT = 4096

#: Stands for a literal in a shape; no client can send it.
_MARK = "\0"
_NUMBER = r"(?:(?<!-)-)?\d{1,18}+(?![\w.])"
_STRING = r"'[^']*+(?:''[^']*+)*+'"
#: The rest of a text must hold nothing in which a literal could hide or mean more: quotes, comments, casts, parameters, several
#: statements. A quote that is left over is a string that stays, or shows that one was lifted at the wrong end.
_DOUBTFUL = re.compile(
    r"""['"`\[\\$?:@#;]|--|/\*|=>|(?i:\b(?:collate|escape|over|union|intersect|except|conflict)\b)"""
)
#: A number that stays, and may be another each time: as many shapes would be translated twice and never come again. So a shape that has
#: one is lifted when it comes the second time.
_RESTLESS = re.compile(r"(?i:(?<!limit\s))(?<![\w.])\d{2,}")
_PARAMETER = re.compile(r"\?(\d+)")
#: Faults of values, which are told with the place of the literal.
_VALUE_FAULTS = frozenset(("22P02", "22007", "22008", "22003"))


class _Rule(NamedTuple):
    """What is lifted from the statements of one verb.

    :param literals: finds what may be one, and what stands before it. It looks no closer than it must: a pattern that begins with
        one character out of a few is found several times as fast as one that knows all about it.
    :param before: what must stand before each mark; asked once for each shape, as the next.
    :param shape: where the marks may stand.
    """

    literals: re.Pattern[str]
    before: re.Pattern[str]
    shape: re.Pattern[str]


def _rule(literals: str, before: str, shape: str) -> _Rule:
    return _Rule(re.compile(literals), re.compile(before + r"\s*\Z"), re.compile(shape, re.IGNORECASE | re.DOTALL))


#: A number that is compared, also behind AND and BETWEEN as programs write them. What looks like a comparison may be the end of an
#: arrow: JSON's, or a named argument's.
_COMPARED = (rf"([=<>DN]\s*+)({_NUMBER})", r"(?:(?<![-=>])[=<>]|(?<=[<>!=])=|\b(?:AND|BETWEEN)\s)")
#: A number that a column is counted up by: what SQLite makes of a sum depends on both values alone. The word before it is a name, and not
#: the head of ``1e-5``.
_SUMMED = r"(?<![\w.])(?:[A-Za-z_]\w*\.)?[A-Za-z_]\w*\s*[-+*]"
_NO_MARK_BEHIND_RETURNING = r"(?!.*\breturning\b.*\0)"
#: There a sum may be an index's expression, or another's equal, and only as it stands.
_NO_SUM_BEHIND_WHERE = r"(?!.*\b(?:where|select)\b.*[-+*]\s*\0)"
_RULES = {
    "SELECT": _rule(*_COMPARED, r"[^\0]*\bwhere\b.*"),
    "DELETE": _rule(*_COMPARED, rf"{_NO_MARK_BEHIND_RETURNING}[^\0]*\bwhere\b.*"),
    "UPDATE": _rule(
        rf"([=<>DN+*-]\s*+)({_NUMBER})",
        f"(?:{_COMPARED[1]}|{_SUMMED})",
        rf"{_NO_MARK_BEHIND_RETURNING}{_NO_SUM_BEHIND_WHERE}[^\0]*\bset\b.*",
    ),
    "INSERT": _rule(
        rf"([(,]\s*+)({_STRING}|{_NUMBER})(?=\s*+[,)])",
        r"[(,]",
        # Values and nothing else: no calls, no subqueries, in which a literal is an argument.
        rf"{_NO_MARK_BEHIND_RETURNING}insert\s+into\s+[\w.]+\s*(?:\([\w\s,]*\)\s*)?values\s*[^(]*(?:\([^()]*\)[^()]*)*",
    ),
}


class Lifted(NamedTuple):
    """A statement, and the values that stood in its text."""

    statement: Statement
    values: tuple[Value, ...]


def lift(text: str) -> Lifted | None:
    """`text` with its literals as parameters; None where it is better read as it stands."""
    return _lift(text) if len(text) <= LIFTED_TEXT_MAX else None


@lru_cache(TEXTS_KEPT)
def _lift(text: str) -> Lifted | None:
    verb = text[:6]
    rule = _RULES.get(verb) or _RULES.get(verb.upper())
    if rule is None:
        return None
    pieces = rule.literals.split(text)
    literals = pieces[2::3]
    if not literals:
        return None
    pieces[2::3] = [_MARK] * len(literals)
    shape = "".join(pieces)
    try:
        statement = _known[shape]
    except KeyError:
        if _RESTLESS.search(shape) and not _comes_again(shape):
            return None
        statement = _statement(shape, rule, text, literals)
        _known.keep(shape, statement)
    if statement is None:
        return None
    # Flat: most of these are numbers, and a call for each takes as long as making one.
    return Lifted(
        statement,
        tuple([int(one) if one[0] != "'" else one[1:-1].replace("''", "'") for one in literals]),
    )


def put_back(error: StatementError, text: str) -> StatementError:
    """`error` of a lifted statement with its position as one in `text`, which it was lifted from."""
    if error.position is None:
        if error.sqlstate in _VALUE_FAULTS:
            error.position = literal_position(split(text)[0], error.message)
        return error
    here = there = 0
    for number, match in enumerate(_RULES[text[:6].upper()].literals.finditer(text), 1):
        start, end = match.span(2)
        there += start - here
        if error.position <= there:
            error.position += start - there
            return error
        here, there = end, there + len(f"?{number}")
        if error.position <= there:
            error.position = start + 1
            return error
    error.position += here - there
    return error


# Statements by shape; None for a shape that is not lifted.
_known: Kept[str, Statement | None] = Kept(SHAPES_KEPT)
# Shapes that were met once and may never come again.
_met: set[str] = set()


def _comes_again(shape: str) -> bool:
    if shape in _met:
        _met.discard(shape)
        return True
    if len(_met) >= SHAPES_KEPT:
        _met.clear()
    _met.add(shape)
    return False


def _statement(shape: str, rule: _Rule, text: str, literals: list[str]) -> Statement | None:
    """The statement of a shape, if nothing stands against it.

    :param text: the first of that shape.
    """
    words = shape.rstrip().removesuffix(";")
    before = words.split(_MARK)[:-1]
    if len(before) != len(literals) or _DOUBTFUL.search(words) or not rule.shape.fullmatch(words):
        return None
    if not all(map(rule.before.search, before)):
        return None
    numbers = iter(range(1, len(literals) + 1))
    try:
        plain, lifted = split(text), split(re.sub(_MARK, lambda _: f"?{next(numbers)}", words))
    except StatementError:
        return None
    if len(plain) != 1 or len(lifted) != 1 or plain[0].kind is not Kind.SQL:
        return None
    again = _PARAMETER.sub(lambda found: literals[int(found[1]) - 1], lifted[0].sql)
    if again != plain[0].sql or (lifted[0].acts, lifted[0].asks) != (plain[0].acts, plain[0].asks):
        return None
    return lifted[0]
