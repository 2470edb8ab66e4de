"""Rules for ``ROW(…)``: one value where a value is wanted, several where rows are compared, as SQLite does. [pure]"""

from __future__ import annotations

from ha.sql.made import call, is_made, is_record
from ha.sql.rewriting import Rewriting
from ha.sql.tokens import quoted

_COMPARING = frozenset(("=", "<>", "!=", "<", ">", "<=", ">="))
#: Beside these a ROW(…) is several values, which SQLite compares one by one.
_BESIDE_ROWS = _COMPARING | {"IN", "IS", "NOT", "BETWEEN", "AND", "ISNULL", "NOTNULL"}


def row(rewriting: Rewriting, index: int) -> None:
    """``ROW(…)``: a value, unless it is compared with another."""
    opening = index + 1
    close = rewriting.partners.get(opening)
    if rewriting.key(opening) != "(" or rewriting.key(index - 1) == ".":
        return
    rewriting.instead[index] = ""
    if close is None or rewriting.is_sqlites or rewriting.key(close + 1) in _BESIDE_ROWS:
        return
    before = rewriting.key(index - 1)
    if before in _BESIDE_ROWS:
        if before == "=" and rewriting.ask():
            _beside_composite(rewriting, index, close)
        return
    if before in ("(", ",") and rewriting.key(_opening_of(rewriting, index) - 1) == "IN":
        return
    if rewriting.ask():
        made_row(rewriting, index, close)


def _beside_composite(rewriting: Rewriting, index: int, close: int) -> None:
    """``x = ROW(…)``, where x is a composite value."""
    assert rewriting.types is not None
    first = rewriting.operand_before(index - 1)
    words = rewriting.types.of(first, index - 2)
    if words is not None and is_made(words) and not is_record(words):
        made_row(rewriting, index, close)
        said, after = call(words)
        rewriting.before(index, said)
        rewriting.after(close, after)


def _opening_of(rewriting: Rewriting, index: int) -> int:
    """The bracket that a token stands in."""
    at = index - 1
    while at >= 0 and rewriting.partners.get(at, -1) < index:
        at -= 1
    return at


def made_row(rewriting: Rewriting, first: int, last: int) -> None:
    """``ROW(…)`` or ``(…, …)``, where a value is wanted: of several expressions in brackets, one value."""
    opening = rewriting.partners.get(last, first)
    types = rewriting.types
    if types is None or (opening == first and len(types.reading.parts(opening + 1, last)) < 2):
        return
    words = types.record(opening, last)
    if words is None:
        return
    for begin, end in types.reading.parts(opening + 1, last):  # of rows within it
        if rewriting.key(begin) == "(" and rewriting.partners.get(begin) == end - 1:
            made_row(rewriting, begin, end - 1)
    if opening > first:
        rewriting.instead[first] = "pg_row"
    else:
        rewriting.before(first, "pg_row")
    rewriting.after(opening, quoted(words) + (", " if last > opening + 1 else ""))
