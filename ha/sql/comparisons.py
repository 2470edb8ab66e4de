"""What is compared, sorted and grouped, where the texts that are kept have another order than the values. [pure]

An interval, a jsonb, an array is a text in SQLite, which compares texts: ``10 days`` before ``9 days``. Where the schema and the words
tell such a type, the operand gets a collation that knows its order (:mod:`ha.sqlite.collations`); SQLite takes it from there
through comparisons, ORDER BY, GROUP BY, DISTINCT, set operations, min, max and windows. A date that is compared with a time
becomes a time first.
"""

from __future__ import annotations

from ha.errors import StatementError
from ha.sql.ranges import BOUNDS, MULTIRANGES, RANGES
from ha.sql.rewriting import AFTER_FROM, CLOSER, Rewriting, elements
from ha.sql.tokens import BIND, COMPOUNDS, NAMES, NUMBER, PARAMETER, TEXTS, WORD, unquoted
from ha.sql.typed import Types
from ha.sql.typenames import SPOKEN

#: How the bounds of a range or multirange are ordered.
RANGE_ORDERS = {
    name: "number" if BOUNDS[name] in ("int4", "int8", "numeric") else "text" for name in (*RANGES, *MULTIRANGES)
}
#: By type: the collation that has its order.
COLLATIONS = {
    "interval": "pg_interval",
    "timetz": "pg_timetz",
    "jsonb": "pg_jsonb",
    "bpchar": "RTRIM",
    "citext": "NOCASE",
    **{name: f"pg_{order}_range" for name, order in RANGE_ORDERS.items()},
    **{f"_{name}": f"pg_{order}_ranges" for name, order in RANGE_ORDERS.items()},
    **dict.fromkeys(("_int2", "_int4", "_int8", "_numeric", "_float4", "_float8", "_bool"), "pg_array"),
    **dict.fromkeys(
        ("_text", "_varchar", "_bpchar", "_date", "_timestamp", "_timestamptz", "_uuid", "_inet", "_cidr"),
        "pg_text_array",
    ),
}
COMPARISONS = frozenset(("=", "<>", "!=", "<", ">", "<=", ">="))
_EXTREMES = frozenset(("MIN", "MAX", "NULLIF"))
_TERM_END = frozenset(
    ("ASC", "DESC", "NULLS", "USING", "ON", ",", "ROWS", "RANGE", "GROUPS", "ORDER", "HAVING", *AFTER_FROM, "INTO")
)
#: Statements without any of these have nothing to compare.
WORDS = COMPARISONS | COMPOUNDS | _EXTREMES | frozenset(("BETWEEN", "IN", "IS", "BY", "DISTINCT", "CASE", "USING"))


def fit(rewriting: Rewriting, types: Types) -> None:
    """Put the collations behind what is compared, and make equal types of unequal times."""
    if rewriting.keys.isdisjoint(WORDS):
        return
    assigned = _assignments(rewriting)
    for at, token in enumerate(rewriting.tokens):
        key = token.key
        if at in assigned or (rewriting.exact is not None and rewriting.exact.compare(at)):
            continue
        try:
            if key in COMPARISONS or key in ("BETWEEN", "IN", "IS"):
                _compare(rewriting, types, at)
            elif key == "BY" and rewriting.key(at - 1) in ("ORDER", "GROUP", "PARTITION"):
                _terms(rewriting, types, at + 1)
            elif key == "CASE" and rewriting.key(at + 1) != "WHEN":
                end = rewriting.clause_end(at + 1, frozenset(("WHEN",)))
                _collate(rewriting, types, at + 1, end - 1)
            elif key in _EXTREMES and rewriting.key(at + 1) == "(" and at + 1 in rewriting.partners:
                first = at + 2 + (rewriting.key(at + 2) == "DISTINCT")
                _collate(rewriting, types, first, rewriting.clause_end(first, frozenset((",", "ORDER"))) - 1)
            elif key == "DISTINCT" and rewriting.key(at - 1) == "(" and rewriting.key(at - 2) not in _EXTREMES:
                _collate(rewriting, types, at + 1, rewriting.clause_end(at + 1, frozenset((",", "ORDER"))) - 1)
            elif key == "SELECT" and _is_set(rewriting, at):
                for item in types.reading.items_between(at, rewriting.clause_end(at + 1, COMPOUNDS | {";"})):
                    if not item.star:
                        _collate(rewriting, types, item.first, item.last - 1)
        except StatementError as error:
            if error.sqlstate != "42601":  # no operand: SQLite will tell
                raise


def _end(rewriting: Rewriting, at: int) -> int:
    """The end of the level that a token stands on."""
    return rewriting.clause_end(at, frozenset((";",)))


def _is_set(rewriting: Rewriting, select: int) -> bool:
    """Are this SELECT's rows told apart?"""
    before = rewriting.key(select - 1)
    if (
        rewriting.key(select + 1) == "DISTINCT"
        or before in COMPOUNDS
        or (before == "ALL" and rewriting.key(select - 2) in COMPOUNDS)
    ):
        return True
    return rewriting.key(rewriting.clause_end(select, COMPOUNDS)) in COMPOUNDS


def _compare(rewriting: Rewriting, types: Types, at: int) -> None:
    end = at - 1  # the left operand's last token
    if rewriting.key(at) in ("BETWEEN", "IN") and rewriting.key(end) == "NOT":
        end -= 1
    if not rewriting.is_operand(end) or rewriting.key(end) in ("ROWS", "RANGE", "GROUPS"):
        return
    first = rewriting.closer_before(end + 1)
    left = _type(rewriting, types, first, end)
    if rewriting.key(first) == "(" and rewriting.partners.get(first) == end and left is None:
        for start, last in elements(rewriting, first):  # (a, b) = (c, d)
            _collate(rewriting, types, start, last)
        return
    start = at + 1
    if rewriting.key(at) == "IS":
        start += rewriting.key(start) == "NOT"
        if rewriting.key(start) != "DISTINCT":
            return
        start += 2
    if rewriting.key(at) == "IN":
        if left in COLLATIONS:
            rewriting.after(end, f" COLLATE {COLLATIONS[left]}")
        elif left is not None and rewriting.key(start) == "(" and rewriting.key(start + 1) not in ("SELECT", "WITH"):
            listed = [(_type(rewriting, types, one, last), one, last) for one, last in elements(rewriting, start)]
            _equalise(rewriting, [(left, first, end), *listed])
        return
    if rewriting.key(start) in ("ANY", "ALL", "SOME"):
        if left in COLLATIONS:
            rewriting.after(end, f" COLLATE {COLLATIONS[left]}")
        return
    last = rewriting.chain_after(start, CLOSER)
    right = _type(rewriting, types, start, last)
    if {left, right} in _BESIDE_CITEXT:
        rewriting.after(end, " COLLATE BINARY")  # both are texts, then
    elif left in COLLATIONS or (right in COLLATIONS and left in (None, "text", "varchar")):
        rewriting.after(end, f" COLLATE {COLLATIONS[left if left in COLLATIONS else right]}")  # type: ignore[index]
    _alike(rewriting, types, at, (left, first, end), (right, start, last))
    operands = [(left, first, end), (right, start, last)]
    if rewriting.key(at) == "BETWEEN" and rewriting.key(last + 1) == "AND":
        upper = rewriting.chain_after(last + 2, CLOSER)
        operands.append((_type(rewriting, types, last + 2, upper), last + 2, upper))
    _equalise(rewriting, operands)


_BESIDE_CITEXT = ({"citext", "text"}, {"citext", "varchar"})
_NUMBERS = frozenset(("int2", "int4", "int8", "numeric", "float4", "float8"))
_TEXTS = frozenset(("text", "varchar", "bpchar"))


def _alike(rewriting: Rewriting, types: Types, at: int, *operands: tuple[str | None, int, int]) -> None:
    """A column of texts is not compared with a number or a boolean: SQLite would find them unequal.

    A boolean beside a number, which PostgreSQL refuses, too, is left: files of SQLite's are full of ``active = 1``, and it means that.

    :raises StatementError: 42883.
    """
    # What SQLite calls a parameter is a number that was lifted out of the text, see ha.sql.lifting.
    operands = tuple(
        ("int4" if first == last and rewriting.kind(first) == BIND else kind, first, last)
        for kind, first, last in operands
    )
    kinds = {kind for kind, _, _ in operands}
    unlike = kinds & _TEXTS and kinds & (_NUMBERS | {"bool"})
    if not unlike or rewriting.key(at) not in COMPARISONS:
        return
    for kind, first, last in operands:
        if (
            kind in _TEXTS | _NUMBERS
            and not _is_stored_column(rewriting, types, first, last)
            and rewriting.kind(first) not in (NUMBER, BIND)
        ):
            return
    shown = [SPOKEN.get(kind or "", kind) for kind, _, _ in operands]
    raise StatementError(
        "42883",
        f"operator does not exist: {shown[0]} {rewriting.key(at)} {shown[1]}",
        hint="No operator matches the given name and argument types. You might need to add explicit type casts.",
        position=rewriting.tokens[at].start + 1,
    )


def _is_stored_column(rewriting: Rewriting, types: Types, first: int, last: int) -> bool:
    """Is it a column of a table of the client's?"""
    if any(rewriting.key(one) != "." and rewriting.kind(one) not in NAMES for one in range(first, last + 1)):
        return False
    scope = types.reading.scope_at(first)
    tables = scope.tables.values()
    name = unquoted(rewriting.text, rewriting.tokens[last])
    return any(
        not table.lower().startswith(("pg_", "information_schema.")) and types.schema.column_type(table, name)
        for table in tables
    )


def _assignments(rewriting: Rewriting) -> frozenset[int]:
    """The ``=`` of ``SET a = x, b = y``, which compare nothing."""
    found = []
    for at, token in enumerate(rewriting.tokens):
        if token.key != "SET" or token.kind != WORD or rewriting.verb not in ("UPDATE", "INSERT", "MERGE"):
            continue
        start = at + 1
        while start < len(rewriting.tokens):
            equals = rewriting.clause_end(start, frozenset(("=",)))
            found.append(equals)
            start = rewriting.clause_end(equals + 1, _SET_END)
            if rewriting.key(start) != ",":
                break
            start += 1
    return frozenset(found)


_SET_END = AFTER_FROM | {",", "FROM", "WHEN"}


def _equalise(rewriting: Rewriting, operands: list[tuple[str | None, int, int]]) -> None:
    """Cast dates and times to the strongest of their types: each operand's type, first and last token."""
    strongest = max((_STRENGTH.get(kind or "", -1) for kind, _, _ in operands), default=-1)
    for kind, first, last in operands:
        if 0 <= _STRENGTH.get(kind or "", strongest) < strongest:
            rewriting.before(first, f"pg_{_TIMES[strongest]}(")
            rewriting.last(last, ")")


_TIMES = ("date", "timestamp", "timestamptz")
_STRENGTH = {name: rank for rank, name in enumerate(_TIMES)}


def _is_untyped(rewriting: Rewriting, first: int, last: int) -> bool:
    """A literal or a parameter takes the other's type by itself."""
    return first == last and (rewriting.kind(first) in TEXTS or rewriting.kind(first) == PARAMETER)


def _type(rewriting: Rewriting, types: Types, first: int, last: int) -> str | None:
    return None if _is_untyped(rewriting, first, last) else types.of(first, last)


def _collate(rewriting: Rewriting, types: Types, first: int, last: int) -> None:
    if last < first or all(rewriting.instead.get(at) == "" for at in range(first, last + 1)):
        return
    found = _collation(rewriting, types, first, last)
    if found is not None and not _is_untyped(rewriting, first, last):
        rewriting.after(last, f" COLLATE {found}")


def _collation(rewriting: Rewriting, types: Types, first: int, last: int) -> str | None:
    """The collation that has the order of an expression's values; None where SQLite has it itself."""
    if rewriting.exact is not None and rewriting.exact.is_text(first, last):
        return "pg_numeric"
    return COLLATIONS.get(types.of(first, last) or "")


def _terms(rewriting: Rewriting, types: Types, at: int) -> None:
    """The terms of ORDER BY, GROUP BY or PARTITION BY."""
    while at < len(rewriting.tokens):
        end = rewriting.clause_end(at, _TERM_END)
        if end > at:
            _term(rewriting, types, at, end - 1)
        comma = rewriting.clause_end(end, frozenset((",", "ROWS", "RANGE", "GROUPS", "ORDER", "HAVING", *AFTER_FROM)))
        if rewriting.key(comma) != ",":
            return
        at = comma + 1


def _term(rewriting: Rewriting, types: Types, first: int, last: int) -> None:
    """A term; a number or an alias means an item of the select list."""
    known = types.of(first, last) if rewriting.kind(first) != NUMBER else None
    found = _collation(rewriting, types, first, last)
    if known is None and first == last and rewriting.select_of(first) >= 0:
        select = rewriting.select_of(first)
        items = types.reading.items_between(select, _end(rewriting, select))
        item = None
        if rewriting.kind(first) == NUMBER:
            place = int(rewriting.key(first)[:9]) if rewriting.key(first).isdecimal() else 0
            if 0 < place <= len(items) and not any(one.star for one in items):
                item = items[place - 1]
        elif rewriting.is_operand(first):
            name = unquoted(rewriting.text, rewriting.tokens[first])
            item = next((one for one in items if one.alias == name), None)
        if item is not None:
            found = _collation(rewriting, types, item.first, item.last - 1)
    if found is not None:
        rewriting.after(last, f" COLLATE {found}")
