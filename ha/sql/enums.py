"""Rules for values of enumerations, which PostgreSQL orders as their labels were declared. [pure]

SQLite keeps a label as a text and compares texts. So where order matters (``<``, BETWEEN, ORDER BY, min, greatest), the value gives its
place to a CASE that knows the labels; equality needs no help. A literal or parameter beside such a value must be one of its labels.

The labels stand in the words that SQLite is given, so these rules hold for a client's statement only. In a view they would stay what
they were when the type gets another label: :func:`refuse_stored`.
"""

from __future__ import annotations

from collections.abc import Callable

from ha.errors import StatementError
from ha.sql.clauses import AFTER_ORDER
from ha.sql.made import Enumeration, call, composite, enumeration, invalid, is_made, is_record, name_in
from ha.sql.naming import name_of
from ha.sql.reading import Item
from ha.sql.rewriting import Rewriting, elements
from ha.sql.rowvalues import made_row
from ha.sql.tokens import BIND, COMPOUNDS, NUMBER, OPERATOR, PARAMETER, TEXTS, literal, quoted, quoted_name
from ha.sql.typed import Types
from ha.sql.typenames import read_type

_COMPARING = frozenset(("<", ">", "<=", ">="))
#: Functions that give the least or greatest of their arguments, or of the rows.
_EXTREMES = frozenset(("MIN", "MAX", "GREATEST", "LEAST"))
#: Before an operand they make it part of a larger one, which is no enumeration's.
_JOINING = frozenset(("||", "+", "-", "*", "/", "%", "->", "->>", "."))
#: A parameter, the client's or one of ours in the place of a literal.
_MARKS = (PARAMETER, BIND)
_HINT = "Give it a name with AS, or order by the column."


def fit(rewriting: Rewriting, types: Types) -> None:
    """Write what the statement says of enumerations. To be called before the other rules, whose words then stand around these.

    :raises StatementError: 22P02, a literal is no label; 42883, what is compared is of two types; 0A000.
    """
    if not types.schema.made_types():
        return
    done: set[int] = set()
    for index, token in enumerate(rewriting.tokens):
        key = token.key
        if key in _COMPARING and token.kind == OPERATOR:
            _compare(rewriting, types, index, done)
        elif key == "BETWEEN":
            _between(rewriting, types, index, done)
        elif key == "ORDER" and rewriting.key(index + 1) == "BY":
            _order(rewriting, types, index)
        elif key in _EXTREMES and rewriting.key(index + 1) == "(" and index + 1 in rewriting.partners:
            _extreme(rewriting, types, index, done)
        elif (token.kind in TEXTS or token.kind in _MARKS) and index not in done:
            _beside(rewriting, types, index)


def refuse_stored(rewriting: Rewriting, types: Types) -> None:
    """Refuse what would have to be written otherwise in the definition of a view.

    :param rewriting: one that is made for this question.
    :raises StatementError: 0A000.
    """
    fit(rewriting, types)
    if rewriting.changed:
        raise StatementError(
            "0A000",
            "comparing or ordering values of an enumeration is not supported in a definition",
            hint="Compare and order where the view is read.",
        )


def check_defaults(rewriting: Rewriting, types: Types) -> None:
    """Look at the DEFAULTs of a CREATE TABLE: SQLite puts them into rows without asking anybody.

    :raises StatementError: 22P02, a literal is no label of its column's type.
    """
    opening = next((at for at in range(len(rewriting.tokens)) if rewriting.key(at) == "("), -1)
    for first, last in elements(rewriting, opening) if opening in rewriting.partners else ():
        found, after = read_type(rewriting.text, rewriting.tokens, first + 1)
        one = enumeration(types.made(found.name) or "") if found is not None else None
        for at in range(after, last):
            if one is not None and rewriting.key(at) == "DEFAULT" and rewriting.kind(at + 1) in TEXTS:
                _place(rewriting, one, at + 1)


# Casts and functions


def cast(rewriting: Rewriting, first: int, last: int, words: str) -> None:
    """``x::mood`` and ``x::mood[]``: a literal that is a label stays as it is.

    :raises StatementError: 22P02.
    """
    one = enumeration(words)
    if one is not None and first == last and rewriting.kind(first) in TEXTS:
        _place(rewriting, one, first)
        return
    if composite(words) is not None and rewriting.key(first) == "(" and rewriting.partners.get(first) == last:
        made_row(rewriting, first, last)
    if words.startswith("_") and composite(words[1:]) is not None and rewriting.key(first) == "ARRAY":
        for begin, end in elements(rewriting, first + 1) if first + 1 in rewriting.partners else ():
            if rewriting.key(begin) == "(" and rewriting.partners.get(begin) == end:
                made_row(rewriting, begin, end)
    before, after = call(words)
    rewriting.before(first, before)
    rewriting.after(last, after)


def support(rewriting: Rewriting, index: int) -> None:
    """``enum_first(x)``, ``enum_last(x)``, ``enum_range(x)``, ``enum_range(x, y)``: only the type of x is asked."""
    close = rewriting.partners.get(index + 1)
    if rewriting.key(index + 1) != "(" or close is None or not rewriting.ask():
        return
    assert rewriting.types is not None
    parts = rewriting.types.reading.parts(index + 2, close)
    kinds = [enumeration(rewriting.types.of(first, last - 1) or "") for first, last in parts]
    one = next((kind for kind in kinds if kind is not None), None)
    name = rewriting.key(index).lower()
    if one is None:
        raise StatementError(
            "42804", "could not determine actual enum type", position=rewriting.tokens[index].start + 1
        )
    if name == "enum_range" and len(parts) == 2:
        rewriting.instead[index] = "pg_enum_range"
        rewriting.last(close - 1, f", {quoted(one.words)}")
        return
    rewriting.forget(index, close)
    if name == "enum_range":
        rewriting.instead[index] = f"pg_enum_range(NULL, NULL, {quoted(one.words)})"
    else:
        rewriting.instead[index] = quoted(one.labels[0 if name == "enum_first" else -1]) if one.labels else "NULL"
    rewriting.skip = close


def _place(rewriting: Rewriting, one: Enumeration, index: int) -> int:
    """Where the literal at `index` stands among the labels, from 1."""
    value = literal(rewriting.text, rewriting.tokens[index])
    assert value is not None
    if value not in one.labels:
        raise invalid(one, value, rewriting.tokens[index].start + 1)
    return one.labels.index(value) + 1


def _beside(rewriting: Rewriting, types: Types, index: int) -> None:
    """A literal or parameter that takes its type from an enumeration or an array of one, or was given it."""
    words = types.of_parameter(index)
    if words is None or not is_made(words):
        if rewriting.key(index + 1) in ("::", "[") or rewriting.key(index - 1) == "AS":
            return
        words = types.beside(index)
    if words is None or not is_made(words):
        return
    one = enumeration(words)
    if one is not None and rewriting.kind(index) in TEXTS:
        _place(rewriting, one, index)
        return
    before, after = call(words)
    rewriting.before(index, before)
    rewriting.after(index, after)


# Comparing


def _compare(rewriting: Rewriting, types: Types, index: int, done: set[int]) -> None:
    try:
        first, last = rewriting.operand_before(index), rewriting.operand_after(index + 1)
    except StatementError:
        return  # a quantified comparison, or none: SQLite tells
    if rewriting.key(first - 1) in _JOINING or rewriting.key(last + 1) in _JOINING:
        return
    sides = [(first, index - 1), (index + 1, last)]
    one = _common(rewriting, types, sides, index)
    if one is None:
        return
    if rewriting.key(index + 1) in ("ANY", "SOME", "ALL"):
        raise rewriting.refuse(index, f"{rewriting.key(index)} {rewriting.key(index + 1)} of an enumeration")
    for start, end in sides:
        _rank(rewriting, one, start, end, done)


def _between(rewriting: Rewriting, types: Types, index: int, done: set[int]) -> None:
    operand = index - (rewriting.key(index - 1) == "NOT")
    low = index + 1 + (rewriting.key(index + 1) in ("SYMMETRIC", "ASYMMETRIC"))
    try:
        first = rewriting.operand_before(operand)
        middle = rewriting.operand_after(low)
        high = middle + 2
        sides = [(first, operand - 1), (low, middle), (high, rewriting.operand_after(high))]
    except StatementError:
        return
    one = _common(rewriting, types, sides, index)
    if one is not None and rewriting.key(middle + 1) == "AND":
        for start, end in sides:
            _rank(rewriting, one, start, end, done)


def _common(rewriting: Rewriting, types: Types, sides: list[tuple[int, int]], index: int) -> Enumeration | None:
    """The enumeration whose values are compared; None if they are others.

    :raises StatementError: 42883, they are of two types; 0A000, rows of them are compared.
    """
    found: list[str | None] = []
    for first, last in sides:
        bare = first == last and (rewriting.kind(first) in TEXTS or rewriting.kind(first) in _MARKS)
        found.append(None if bare or rewriting.key(first) == "NULL" else types.of(first, last))
        if found[-1] is None and not bare and rewriting.partners.get(first) == last:
            for start, end in types.reading.parts(first + 1, last):
                if is_made(types.of(start, end - 1) or ""):
                    raise rewriting.refuse(
                        index, "comparing rows with values of an enumeration", "Compare them one by one."
                    )
    words = next((one for one in found if one is not None and is_made(one)), None)
    if words is None or any(one is not None and is_record(one) for one in found):
        return None  # rows of several values SQLite compares itself
    if any(one not in (None, words) for one in found):
        shown = [_shown(one) for one in found if one is not None]
        raise StatementError(
            "42883",
            f"operator does not exist: {f' {rewriting.key(index)} '.join(shown[:2])}",
            hint="No operator matches the given name and argument types. You might need to add explicit type casts.",
            position=rewriting.tokens[index].start + 1,
        )
    one = enumeration(words)
    if one is None:
        raise rewriting.refuse(index, "comparing composite values, or arrays of a type that was made, by their order")
    return one


def _shown(words: str) -> str:
    return name_in(words) or "record" if is_made(words) else words


def _rank(rewriting: Rewriting, one: Enumeration, first: int, last: int, done: set[int]) -> None:
    """Make the value from token `first` to token `last` its place among the labels."""
    if first == last and rewriting.kind(first) in TEXTS:
        rewriting.instead[first] = str(_place(rewriting, one, first))
        done.add(first)
        return
    if first == last and rewriting.kind(first) in _MARKS:
        rewriting.before(first, "pg_enum(")
        rewriting.after(first, f", {quoted(one.words)})")
        done.add(first)
    before, after = one.rank
    rewriting.first(first, before)
    rewriting.last(last, after)


def _extreme(rewriting: Rewriting, types: Types, index: int, done: set[int]) -> None:
    """``min(x)`` and ``greatest(x, y)``: of places, and the label there."""
    close = rewriting.partners[index + 1]
    start = index + 2 + (rewriting.key(index + 2) in ("DISTINCT", "ALL"))
    parts = [(first, last - 1) for first, last in types.reading.parts(start, close)]
    if not parts:
        return
    one = _common(rewriting, types, parts, index)
    if one is None:
        return
    for first, last in parts:
        _rank(rewriting, one, first, last, done)
    end = close
    while rewriting.key(end + 1) in ("FILTER", "OVER"):
        end = rewriting.partners.get(end + 2, end + 2)
    before, after = one.ranked
    rewriting.before(index, before)
    rewriting.after(end, after)


# Ordering


def _order(rewriting: Rewriting, types: Types, index: int) -> None:
    stop = AFTER_ORDER | {","}
    at = index + 2
    while True:
        end = rewriting.clause_end(at, stop)
        last = end - 1
        if rewriting.key(last - 1) == "NULLS":
            last -= 2
        last -= rewriting.key(last) in ("ASC", "DESC")
        last -= 2 * (rewriting.key(last - 1) == "USING")
        if last >= at:
            _order_by(rewriting, types, index, at, last)
        if rewriting.key(end) != ",":
            return
        at = end + 1


def _order_by(rewriting: Rewriting, types: Types, order: int, first: int, last: int) -> None:
    """One term of an ORDER BY: an expression, or a number or a name of the result's."""
    select = rewriting.select_of(order)
    item = _meant(rewriting, types, select, order, first) if first == last and select >= 0 else None
    found = types.of(first, last) if item is None else types.of(item.first, item.last - 1)
    if found is None or not is_made(found) or is_record(found):
        return
    one = enumeration(found)
    if one is None:
        raise rewriting.refuse(first, "ordering by composite values, or by arrays of a type that was made,")
    if select >= 0:
        if any(rewriting.key(at) in COMPOUNDS for at in types.reading.level(select, order)) or _united_before(
            rewriting, select
        ):
            raise rewriting.refuse(
                first, "ordering a UNION by an enumeration", "Order a query of it: SELECT * FROM (…) ORDER BY …"
            )
        if rewriting.key(select + 1) == "DISTINCT" and rewriting.key(select + 2) == "ON":
            raise rewriting.refuse(first, "SELECT DISTINCT ON ordered by an enumeration")
    if item is not None:
        rewriting.instead[first] = _term(rewriting, types, item, first)
    before, after = one.rank
    rewriting.first(first, before)
    rewriting.last(last, after)


def _united_before(rewriting: Rewriting, select: int) -> bool:
    return rewriting.key(select - 1) in COMPOUNDS or rewriting.key(select - 2) in COMPOUNDS


def _meant(rewriting: Rewriting, types: Types, select: int, order: int, at: int) -> Item | None:
    """The item of the result that a number or a name in ORDER BY means."""
    items = types.reading.items_between(select, order)
    if rewriting.kind(at) == NUMBER:
        number = int(rewriting.key(at)) if rewriting.key(at).isdecimal() else 0
        if any(item.star for item in items):
            if is_made(_of_star(types, items, select, number) or ""):
                raise rewriting.refuse(at, "ordering by the number of an enumeration behind *", _HINT)
            return None
        return items[number - 1] if 0 < number <= len(items) else None
    if not types.reading.is_name(at):
        return None
    name = types.reading.plain(at).lower()
    return next((item for item in items if not item.star and name_of(types.reading, item).lower() == name), None)


def _of_star(types: Types, items: list[Item], select: int, number: int) -> str | None:
    """The type of a column that is counted through ``*``; of a few tables, in their order."""
    scope = types.reading.scope_at(select + 1)
    columns = [(table, column) for table in scope.tables.values() for column in types.schema.columns(table) or ()]
    if len(items) > 1:  # what comes before it is not counted here: any of them may be meant
        found = (types.column(table, column) for table, column in columns)
        return next((one.name for one in found if one is not None and is_made(one.name)), None)
    if not 0 < number <= len(columns):
        return None
    column = types.column(*columns[number - 1])
    return column.name if column is not None else None


def _term(rewriting: Rewriting, types: Types, item: Item, at: int) -> str:
    """What to write for an item in a term of ORDER BY."""
    if all(types.reading.is_name(one) or rewriting.key(one) == "." for one in range(item.first, item.last)):
        return rewriting.text[rewriting.tokens[item.first].start : rewriting.tokens[item.last - 1].end]
    if item.alias is None:
        raise rewriting.refuse(at, "ordering by the number of an expression of an enumeration", _HINT)
    name = quoted_name(item.alias)
    scope = types.reading.scope_at(item.first)
    if any(types.schema.column_type(table, item.alias) is not None for table in scope.tables.values()):
        raise rewriting.refuse(
            at, f"ordering by {name}, which is a column's name too,", "Give the expression another name."
        )
    return name


#: By the function's name, for :mod:`ha.sql.translate`.
RULES: dict[str, Callable[[Rewriting, int], None]] = dict.fromkeys(("ENUM_FIRST", "ENUM_LAST", "ENUM_RANGE"), support)
