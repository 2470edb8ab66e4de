"""Rules for ``+``, ``-``, ``*``, ``/`` and ``%``: times and intervals, and division by zero. [pure]"""

from __future__ import annotations

from ha.errors import StatementError
from ha.sql.expressions import TIMES
from ha.sql.rewriting import LITERAL_TYPES, Rewriting
from ha.sql.tokens import NUMBER, PARAMETER, QUOTED, STRING, WORD

SUMS = frozenset(("+", "-", "*", "/", "%"))


_PRODUCTS = frozenset(("*", "/", "%"))


def sum_(rewriting: Rewriting, index: int) -> None:
    """``+``, ``-`` and ``*`` where one side is evidently a time or an interval."""
    if not rewriting.is_operand(index - 1) or index + 1 >= len(rewriting.tokens):
        return
    if not _TIMELY.isdisjoint(rewriting.keys) or _may_be_timely(rewriting, index):
        _time_sum(rewriting, index)


def _may_be_timely(rewriting: Rewriting, index: int) -> bool:
    """Is a column or a call among the operands, whose type the schema may tell?"""
    named = any(
        rewriting.kind(at) in (WORD, QUOTED, PARAMETER) or rewriting.key(at) in ("(", ")", "]")
        for at in (index - 1, index + 1)
    )
    return named and rewriting.ask()


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
            function = "pg_interval_divide" if operator == "/" else "pg_interval_multiply"
            first = rewriting.chain_before(index, _PRODUCTS)
            if rewriting.key(first - 1) not in ("IN", "EXISTS"):
                rewriting.call(first, index, right, function)
        return
    first = rewriting.chain_before(index, SUMS)
    if rewriting.key(first - 1) in ("IN", "EXISTS"):
        return
    last = rewriting.chain_after(index + 1, _PRODUCTS)
    if first < nearest and left_kind is None:
        left_kind = _timeliness(rewriting, first, nearest - 2)
    if right < last and right_kind is None:
        right_kind = _timeliness(rewriting, rewriting.chain_before(last + 1, frozenset()), last)
    if left_kind is None and right_kind is None:
        return
    kinds = [_type(rewriting, first, index - 1), _type(rewriting, index + 1, last)]
    if kinds[0] in _CLOCKS and kinds[1] == "interval":
        rewriting.call(first, index, last, "pg_clock_add" if operator == "+" else "pg_clock_subtract")
    else:
        function = "pg_time_add" if operator == "+" else "pg_time_subtract"
        if "timestamptz" in kinds and kinds[0] != kinds[1]:
            # The zone comes first: behind the operand, which may be a product, its closing bracket would stand in the product's place.
            rewriting.before(first, f"{function}_in(pg_zone(), ")
            rewriting.instead[index] = ","
            rewriting.last(last, ")")
        else:
            rewriting.call(first, index, last, function)


_CLOCKS = frozenset(("time", "timetz"))


def _type(rewriting: Rewriting, first: int, last: int) -> str | None:
    return rewriting.types.of(first, last) if rewriting.types is not None else None


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
            return "interval" if name == "INTERVAL" else "time" if name in LITERAL_TYPES else None
        if rewriting.key(at) in (")", "]", "("):
            break
    if key in LITERAL_TYPES and rewriting.kind(first + 1) == STRING:
        return "interval" if key == "INTERVAL" else "time"
    if key in ("CURRENT_DATE", "CURRENT_TIMESTAMP", "LOCALTIMESTAMP") and first == last:
        return "time"
    if rewriting.key(first + 1) == "(":
        known = "time" if key in _TIME_CALLS else "interval" if key in ("MAKE_INTERVAL", "AGE") else None
        if known is not None or rewriting.types is None:
            return known
    if rewriting.types is None:
        return None
    found = rewriting.types.of(first, last)
    return "interval" if found == "interval" else "time" if found in TIMES else None


def quotient(rewriting: Rewriting, index: int) -> None:
    """Division, unless a rule for times took or refused it."""
    sum_(rewriting, index)
    if rewriting.instead.get(index) is None:
        divided(rewriting, index)


def divided(rewriting: Rewriting, index: int) -> None:
    """``a / b``, ``a % b``: 22012 where SQLite gives NULL. Only in a statement; what is kept in the schema stays SQLite's."""
    if rewriting.sqlite_order or rewriting.verb.startswith(("CREATE", "ALTER")) or not rewriting.is_operand(index - 1):
        return
    try:
        last = rewriting.operand_after(index + 1)
    except StatementError:
        return
    if rewriting.key(index) == "/":
        _exact(rewriting, index, last)
    if last == index + 1 and rewriting.kind(last) == NUMBER and rewriting.key(last).strip("0._"):
        return  # a number that is not zero
    rewriting.first(index + 1, "pg_divisor(")
    rewriting.last(last, ")")


def _exact(rewriting: Rewriting, index: int, last: int) -> None:
    """A quotient of numerics has a fraction; SQLite, which may hold them as integers, would cut it off."""
    if not rewriting.ask():
        return
    assert rewriting.types is not None
    first = rewriting.operand_before(index)
    if rewriting.key(first - 1) in ("^", "IN", "EXISTS"):
        return  # it belongs to that
    if {rewriting.types.of(first, index - 1), rewriting.types.of(index + 1, last)} & _FRACTIONAL:
        rewriting.first(first, "CAST(")
        rewriting.last(index - 1, " AS REAL)")


_FRACTIONAL = {"numeric", "float4", "float8"}
