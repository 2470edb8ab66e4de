"""``FROM t TABLESAMPLE BERNOULLI (10) REPEATABLE (42)``: some of a table's rows, chosen by chance. [pure]

SQLite has no pages that could be skipped, so SYSTEM chooses single rows as well. With REPEATABLE, chance is what the seed makes of a row's
key: the same rows, as long as they are there.
"""

from __future__ import annotations

from ha.errors import StatementError
from ha.sql.rewriting import Rewriting, elements
from ha.sql.tokens import NAMES, quoted_name, unquoted

_METHODS = frozenset(("bernoulli", "system"))


def sampled(rewriting: Rewriting, index: int) -> None:
    """The word TABLESAMPLE, behind a table and its name.

    :raises StatementError: 42601, 42704, no such method; 2202H, 0A000, it has no rows of its own.
    """
    first, last, name = _table(rewriting, index)
    if first < 0 or rewriting.kind(index + 1) not in NAMES or rewriting.key(index + 2) != "(":
        return
    method = unquoted(rewriting.text, rewriting.tokens[index + 1])
    if method not in _METHODS:
        place = rewriting.tokens[index + 1].start + 1
        raise StatementError("42704", f"tablesample method {method} does not exist", position=place)
    types = rewriting.needed(index, "TABLESAMPLE here", "Choose rows with WHERE random() < 0.1.")
    close = rewriting.partners.get(index + 2, -1)
    if close <= index + 3:
        raise rewriting.error(max(close, index + 3))
    count = len(elements(rewriting, index + 2))
    if count != 1:
        raise StatementError("2202H", f"tablesample method {method} requires 1 argument, not {count}")
    given = rewriting.translated(index + 3, close - 1)
    if rewriting.key(close + 1) == "REPEATABLE":
        opening = close + 2
        close = rewriting.partners.get(opening, -1)
        if rewriting.key(opening) != "(" or close <= opening + 1:
            raise rewriting.error(opening)
        seed = rewriting.translated(opening + 1, close - 1)
        table = unquoted(rewriting.text, rewriting.tokens[last])
        key = types.schema.row_key(table) if types is not None else ("rowid",)
        if not key and types is not None and types.schema.columns(table) is not None:
            message = "TABLESAMPLE clause can only be applied to tables and materialized views"
            raise StatementError("0A000", message, position=rewriting.tokens[first].start + 1)
        given = ", ".join((given, seed, *key))
    rewriting.before(first, "(SELECT * FROM ")
    rewriting.last(last, f" WHERE pg_sampled({given}))")
    if name == last:
        rewriting.last(last, f" AS {quoted_name(unquoted(rewriting.text, rewriting.tokens[name]))}")
    rewriting.drop(index, close)
    rewriting.skip = close


def _table(rewriting: Rewriting, index: int) -> tuple[int, int, int]:
    """The table before `index`: where its words begin and end, and the name that the rest of the statement calls it by."""
    name = last = index - 1
    if rewriting.key(last - 1) == "AS":
        last -= 2
    elif rewriting.kind(last - 1) in NAMES and rewriting.key(last - 1) not in ("FROM", "JOIN", "ONLY", "LATERAL"):
        last -= 1
    if rewriting.kind(last) not in NAMES or rewriting.kind(name) not in NAMES:
        return -1, -1, -1
    first = last
    while rewriting.key(first - 1) == "." and rewriting.kind(first - 2) in NAMES:
        first -= 2
    return first, last, name
