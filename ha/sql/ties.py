"""``FETCH FIRST n ROWS WITH TIES``, unfolded: the rows whose rank is not above n. [pure]"""

from __future__ import annotations

from ha.errors import StatementError
from ha.sql.compounds import beginning
from ha.sql.naming import name_of
from ha.sql.reading import Item, term_end
from ha.sql.rewriting import AFTER_FROM, Rewriting
from ha.sql.tokens import COMPOUNDS, NAMES, NUMBER, quoted_name, unquoted
from ha.sql.typed import Types

_HINT = "Use rank() in a subquery."


def unfold_ties(rewriting: Rewriting, types: Types) -> None:
    """All that a statement has, those of subqueries first.

    :raises StatementError: 42601, there is no ORDER BY; 0A000.
    """
    for at in range(len(rewriting.tokens) - 1, -1, -1):
        if rewriting.key(at) == "TIES" and rewriting.key(at - 1) == "WITH":
            _unfold(rewriting, types, at)


def _unfold(rewriting: Rewriting, types: Types, ties: int) -> None:
    first = beginning(rewriting, ties)
    order = rewriting.clause_end(first, frozenset(("ORDER",)))
    if order >= ties:
        raise StatementError("42601", "WITH TIES cannot be specified without ORDER BY clause")
    terms_end = rewriting.clause_end(order, frozenset(("OFFSET", "FETCH", "LIMIT")))
    fetch = rewriting.clause_end(order, frozenset(("FETCH",)))
    end = ties + 1
    offset = rewriting.clause_end(order, frozenset(("OFFSET",)))
    skipped = "0"
    if rewriting.key(offset) == "OFFSET":
        last = rewriting.clause_end(offset + 1, frozenset(("ROW", "ROWS", "FETCH", "FOR", ";")))
        skipped = _words(rewriting, offset + 1, last)
        if offset > ties:
            end = last + (rewriting.key(last) in ("ROW", "ROWS"))
    rows = rewriting.clause_end(fetch, frozenset(("ROW", "ROWS")))
    count = _words(rewriting, fetch + 2, rows) if rows > fetch + 2 else "1"
    items = types.reading.items_between(first, order)
    names = _names(types, items)
    if names is None or not names:
        raise rewriting.refuse(ties, "WITH TIES of *", _HINT)
    shown = [f"ha_{number} AS {quoted_name(name)}" for number, name in enumerate(names, 1)]
    one = rewriting.key(first) == "SELECT" and rewriting.key(rewriting.clause_end(first, COMPOUNDS)) not in COMPOUNDS
    marks = [f"ha_{number}" for number in range(1, len(names) + 1)]
    ordered = []
    for start, stop in types.reading.parts(order + 2, terms_end):
        last = term_end(rewriting.key, start, stop)
        mark = _item(rewriting, items, start, last)
        if mark is None:
            if not one or rewriting.key(first + 1) == "DISTINCT":
                raise rewriting.refuse(start, "WITH TIES ordered by what is not selected", _HINT)
            mark = f"ha_{len(marks) + 1}"
            marks.append(mark)
            items_end = rewriting.clause_end(first + 1, AFTER_FROM | {"FROM"})
            rewriting.last(items_end - 1, f", {_words(rewriting, start, last)} AS {mark}")
        ordered.append(" ".join([mark, _words(rewriting, last, stop)]))
    by = ", ".join(ordered)
    rewriting.first(
        first,
        f"SELECT {', '.join(shown)} FROM (SELECT *, rank() OVER (ORDER BY {by}) AS ha_rank, "
        f"row_number() OVER (ORDER BY {by}) AS ha_row FROM (",
    )
    rewriting.forget(order, end - 1)
    rewriting.instead[order] = (
        f") AS ha_all({', '.join(marks)})) AS ha_ties WHERE ha_rank <= ({skipped}) + ({count}) AND ha_row > ({skipped}) ORDER BY ha_row"
    )


def _names(types: Types, items: list[Item]) -> list[str] | None:
    names: list[str] = []
    for item in items:
        columns = types.starred(item) if item.star else [name_of(types.reading, item)]
        if columns is None:
            return None
        names += columns
    return names


def _item(rewriting: Rewriting, items: list[Item], first: int, last: int) -> str | None:
    """The mark of the item that a term of ORDER BY means, by its number, its name or its words."""
    if any(item.star for item in items):
        return None
    if last - first == 1 and rewriting.kind(first) == NUMBER and rewriting.key(first).isdecimal():
        return f"ha_{rewriting.key(first)}" if 0 < int(rewriting.key(first)[:9]) <= len(items) else None
    name = unquoted(rewriting.text, rewriting.tokens[first]) if rewriting.kind(first) in NAMES else None
    words = [rewriting.key(at) for at in range(first, last)]
    for number, item in enumerate(items, 1):
        if last - first == 1 and item.alias == name and name is not None:
            return f"ha_{number}"
    for number, item in enumerate(items, 1):
        if [rewriting.key(at) for at in range(item.first, item.last)] == words:
            return f"ha_{number}"
    return None


def _words(rewriting: Rewriting, first: int, last: int) -> str:
    """The client's words from a token to before another."""
    tokens = rewriting.tokens
    return rewriting.text[tokens[first].start : tokens[last - 1].end] if first < last else ""
