"""Functions and operators that PostgreSQL has once for each type, and SQLite once for all. [pure]

``sum`` of an interval, ``a || b`` of two documents, ``x::text`` of a boolean, ``EXTRACT`` from a time with a zone: what they do depends on
a type that SQLite does not know. Where the schema and the words tell it, the one that PostgreSQL would choose is called; what it
has not is refused with 42883, as there, where SQLite would answer something else than was meant; ``sum(a > 1)`` counts, as SQLite's
clients know it to. A rule here comes just before the token's own.
"""

from __future__ import annotations

from collections.abc import Callable

from ha.errors import StatementError
from ha.sql import comparisons, documents, rangerules
from ha.sql.made import composite
from ha.sql.ranges import RANGES_OF_TIMES
from ha.sql.rewriting import ARITHMETIC, CLOSER, Rewriting, elements
from ha.sql.tokens import STRING, TEXTS, literal, quoted
from ha.sql.typed import Types
from ha.sql.typenames import SPOKEN, read_type

#: A rule for a token, with types at hand.
Rule = Callable[[Rewriting, Types, int], None]

_TIMES_OF_DAY = frozenset(("time", "interval"))
_NO_NUMBERS = frozenset(
    ("text", "varchar", "bpchar", "date", "timestamp", "timestamptz", "uuid", "json", "jsonb", "bytea")
)
_NO_ORDER = frozenset(("json", "jsonb", "uuid", "bytea"))
#: Types whose texts are not what PostgreSQL shows.
_OTHERWISE_SHOWN = frozenset(
    ("bool", "date", "timestamp", "timestamptz", "float4", "float8", "numeric", "jsonb", "bpchar", *RANGES_OF_TIMES)
)
_ADJACENT = CLOSER - {"||"}


def choose(rewriting: Rewriting, types: Types, at: int) -> None:
    """Choose what the token at `at` means, by its operands' types."""
    if rewriting.key(at - 1) == ".":
        return
    try:
        RULES[rewriting.key(at)](rewriting, types, at)
    except StatementError as error:
        if error.sqlstate != "42601":  # no operand: the rules that need one will say so
            raise


def _around(rewriting: Rewriting, first: int, last: int, opening: str, closing: str) -> None:
    """Put words around an argument: beside its comma or bracket, so that whatever else is put around it stays within."""
    rewriting.after(first - 1, opening)
    rewriting.before(last + 1, closing)


def _argument(rewriting: Rewriting, at: int) -> tuple[int, int] | None:
    """The first argument of an aggregate's call: its first and last token, without DISTINCT and ORDER BY."""
    if rewriting.key(at + 1) != "(" or at + 1 not in rewriting.partners:
        return None
    first = at + 2 + (rewriting.key(at + 2) in ("DISTINCT", "ALL"))
    last = rewriting.clause_end(first, frozenset((",", "ORDER"))) - 1
    return (first, last) if last >= first else None


def _undefined(rewriting: Rewriting, at: int, name: str, *kinds: str) -> StatementError:
    shown = ", ".join(SPOKEN.get(kind, kind) for kind in kinds)
    return StatementError(
        "42883",
        f"function {name}({shown}) does not exist",
        hint="No function matches the given name and argument types. You might need to add explicit type casts.",
        position=rewriting.tokens[at].start + 1,
    )


def _sum(rewriting: Rewriting, types: Types, at: int) -> None:
    argument = _argument(rewriting, at)
    kind = types.of(*argument) if argument is not None else None
    name = rewriting.key(at).lower()
    if kind in _TIMES_OF_DAY:
        rewriting.instead[at] = f"pg_{name}_interval"
    elif kind in _NO_NUMBERS and not _is_literal(rewriting, argument):
        raise _undefined(rewriting, at, name, kind or "")


def _extreme(rewriting: Rewriting, types: Types, at: int) -> None:
    argument = _argument(rewriting, at)
    if argument is None or rewriting.clause_end(argument[0], frozenset((",",))) < rewriting.partners[at + 1]:
        return  # SQLite's own min(a, b)
    kind = types.of(*argument)
    if kind in _NO_ORDER and not _is_literal(rewriting, argument):
        raise _undefined(rewriting, at, rewriting.key(at).lower(), kind or "")


def _is_literal(rewriting: Rewriting, argument: tuple[int, int] | None) -> bool:
    return argument is not None and argument[0] == argument[1] and rewriting.kind(argument[0]) in TEXTS


def _greatest(rewriting: Rewriting, types: Types, at: int) -> None:
    if rewriting.key(at + 1) != "(" or at + 1 not in rewriting.partners:
        return
    for first, last in elements(rewriting, at + 1):
        collation = comparisons.COLLATIONS.get(types.of(first, last) or "")
        if collation is not None:
            rewriting.instead[at] = "pg_most" if rewriting.key(at) == "GREATEST" else "pg_least"
            rewriting.after(at + 1, f"'{collation}', ")
            return


def _minus(rewriting: Rewriting, types: Types, at: int) -> None:
    """``-i`` of an interval; ``document - key``."""
    if not rewriting.is_operand(at - 1):
        last = rewriting.operand_after(at + 1)
        if types.of(at + 1, last) == "interval" and rewriting.key(at - 1) not in _ADJACENT:
            rewriting.instead[at] = "pg_interval_multiply("
            rewriting.last(last, ", -1)")
        return
    first = rewriting.chain_before(at, _DOCUMENT_CHAIN)
    if types.of(first, at - 1) == "jsonb":
        rewriting.call(first, at, rewriting.operand_after(at + 1), "pg_jsonb_delete")


_DOCUMENT_CHAIN = frozenset(("->", "->>", "#>", "#>>", "||", "-", "#-"))
_JOINED_CHAIN = _DOCUMENT_CHAIN | ARITHMETIC


def _joined(rewriting: Rewriting, types: Types, at: int) -> None:
    """``a || b``: of texts, documents, arrays."""
    if rewriting.key(at + 1) == "ARRAY" and rewriting.key(at + 2) == "(":
        return  # its rule takes the column before it
    first, last = rewriting.chain_before(at, _JOINED_CHAIN), rewriting.arithmetic_after(at + 1)
    left, right = types.of(first, at - 1), types.of(at + 1, last)
    untyped_left, untyped_right = (_is_literal(rewriting, pair) for pair in ((first, at - 1), (at + 1, last)))
    if "jsonb" in (left, right) and (left == right or untyped_left or untyped_right or None in (left, right)):
        rewriting.call(first, at, last, "pg_jsonb_concat")
        return
    if "bytea" in (left, right) and {left, right} <= {"bytea", None} | (
        {"text"} if untyped_left or untyped_right else set()
    ):
        rewriting.call(first, at, last, "pg_bytea_concat")
        return
    is_left, is_right = (left or "").startswith("_"), (right or "").startswith("_")
    if is_left or is_right:
        if is_left and (is_right or untyped_right or right is None):
            rewriting.call(first, at, last, "array_cat")
        elif is_left:
            rewriting.call(first, at, last, "array_append")
        elif left is None or untyped_left:
            rewriting.call(first, at, last, "array_cat")
        else:
            rewriting.call(first, at, last, "array_prepend")
        return
    if not (_is_text(left) or untyped_left or _is_text(right) or untyped_right):
        return
    nearest = rewriting.arithmetic_before(at)
    if rewriting.key(nearest - 1) not in CLOSER:
        _show(rewriting, types, nearest, at - 1)
    if rewriting.key(last + 1) not in _ADJACENT:
        _show(rewriting, types, at + 1, last)


def _show(rewriting: Rewriting, types: Types, first: int, last: int) -> None:
    """Let an operand have PostgreSQL's text, around whatever else becomes of it."""
    kind = _shown_kind(types, first, last)
    if kind is not None:
        rewriting.first(first, "pg_shown(")
        rewriting.behind(last, f", {quoted(kind)})")


def _is_text(kind: str | None) -> bool:
    return kind in _TEXTS or kind is None


def _member(rewriting: Rewriting, types: Types, at: int) -> None:
    """``document -> key`` of a jsonb."""
    first = rewriting.chain_before(at, _DOCUMENT_CHAIN)
    if types.of(first, at - 1) == "jsonb" and not rewriting.is_stored:
        rewriting.call(first, at, rewriting.operand_after(at + 1), "pg_jsonb_get")


def _shown_kind(types: Types, first: int, last: int) -> str | None:
    """The type of an operand whose text is not what SQLite would print; None of all others."""
    kind = types.of(first, last)
    return kind if kind in _OTHERWISE_SHOWN or (kind or "").startswith("_") or composite(kind or "") else None


def _shown_arguments(rewriting: Rewriting, types: Types, at: int) -> None:
    """concat and format use each type's own text, where a boolean is ``t``."""
    if rewriting.key(at + 1) == "(" and at + 1 in rewriting.partners:
        for first, last in elements(rewriting, at + 1):
            kind = _shown_kind(types, first, last)
            if kind is not None:
                _around(rewriting, first, last, "pg_put(", f", {quoted(kind)})")


#: Types whose casts from a time with a zone ask where the session is.
_LOCAL = frozenset(("date", "timestamp", "time", "timetz"))
_TEXTS = frozenset(("text", "varchar", "bpchar", "name"))


def _cast(rewriting: Rewriting, types: Types, at: int) -> None:
    """``x::text``, ``x::date``."""
    is_call = rewriting.key(at) != "::"
    if is_call:
        if rewriting.key(at + 1) != "(" or at + 1 not in rewriting.partners:
            return
        place = rewriting.clause_end(at + 2, frozenset(("AS",))) + 1
        first, last = at + 2, place - 2
        if place > rewriting.partners[at + 1]:
            return
    else:
        first, last, place = rewriting.operand_before(at), at - 1, at + 1
    target, _ = read_type(rewriting.text, rewriting.tokens, place)
    if target is None or rewriting.is_stored:
        return
    opening = closing = None
    if target.name in _TEXTS:
        kind = "bytea" if types.of(first, last) == "bytea" else _shown_kind(types, first, last)
        if first == last and rewriting.key(first) in ("TRUE", "FALSE"):
            rewriting.instead[first] = quoted(rewriting.key(first).lower())
        elif kind is not None:
            opening, closing = "pg_shown(", f", {quoted(kind)})"
    elif target.name == "time" and types.of(first, last) == "interval":
        opening, closing = "pg_clock_add('00:00:00', ", ")"
    elif target.name in _LOCAL and types.of(first, last) == "timestamptz":
        opening, closing = "pg_local(", ")"
    if opening is None or closing is None:
        return
    if is_call and last > first:
        _around(rewriting, first, last, opening, closing)
    else:  # of a single token the brackets go, and the cast's words stand beside it
        rewriting.before(first, opening)
        rewriting.after(last, closing)


#: What EXTRACT has not of a type.
_NOT_OF = {
    "date": frozenset("HOUR MINUTE SECOND MILLISECONDS MICROSECONDS TIMEZONE TIMEZONE_HOUR TIMEZONE_MINUTE".split()),
    "time": frozenset(
        "DAY MONTH YEAR QUARTER WEEK DOW DOY ISODOW ISOYEAR DECADE CENTURY MILLENNIUM JULIAN TIMEZONE".split()
    ),
}


def _unit(rewriting: Rewriting, at: int, kind: str | None) -> None:
    """A unit that values of a type do not have, which only the type can tell.

    :raises StatementError: 0A000.
    """
    if kind == "date" and rewriting.kind(at) == STRING:
        return  # date_part takes it for a timestamp
    unit = (
        literal(rewriting.text, rewriting.tokens[at]) or "" if rewriting.kind(at) == STRING else rewriting.key(at)
    ).upper()
    if unit in _NOT_OF.get(kind or "", ()):
        shown = "time without time zone" if kind == "time" else kind
        raise StatementError("0A000", f'unit "{unit.lower()}" not supported for type {shown}')


def _part(rewriting: Rewriting, types: Types, at: int) -> None:
    """EXTRACT, date_part, to_char, date_trunc: of a time with a zone, where the session is."""
    if rewriting.key(at + 1) != "(" or at + 1 not in rewriting.partners:
        return
    close = rewriting.partners[at + 1]
    if rewriting.key(at) == "EXTRACT":
        first, last = at + 4, close - 1
        if rewriting.key(at + 3) != "FROM":
            return
    else:
        arguments = elements(rewriting, at + 1)
        if len(arguments) != 2:
            return
        first, last = arguments[0 if rewriting.key(at) == "TO_CHAR" else 1]
    if rewriting.key(at) == "EXTRACT":
        _unit(rewriting, at + 2, types.of(first, last))
    elif rewriting.key(at) == "DATE_PART" and rewriting.kind(at + 2) == STRING:
        _unit(rewriting, at + 2, types.of(first, last))
    if rewriting.key(at) == "TO_CHAR" and types.of(first, last) == "date":  # midnight where the session is
        _around(rewriting, first, last, "pg_timestamptz(", ")")
        rewriting.before(rewriting.partners[at + 1], ", pg_zone()")
        return
    if rewriting.key(at) == "TO_CHAR" and types.of(first, last) == "timestamptz":
        rewriting.before(rewriting.partners[at + 1], ", pg_zone()")
        return
    if rewriting.key(at) != "DATE_TRUNC":
        if types.of(first, last) == "timestamptz":
            _around(rewriting, first, last, "pg_local(", ")")
        return
    kind = types.of(first, last)
    if kind == "date":
        _around(rewriting, first, last, "pg_timestamptz(", "), pg_zone()")
        rewriting.instead[at] = "pg_date_trunc"
    elif kind == "timestamptz":
        rewriting.before(last + 1, ", pg_zone()")
        rewriting.instead[at] = "pg_date_trunc"


def _round(rewriting: Rewriting, types: Types, at: int) -> None:
    """A float is rounded to the nearest even number, a numeric away from zero."""
    if rewriting.key(at + 1) != "(" or at + 1 not in rewriting.partners:
        return
    arguments = elements(rewriting, at + 1)
    if len(arguments) == 2:
        rewriting.instead[at] = f"pg_{rewriting.key(at).lower()}"
    elif len(arguments) == 1 and rewriting.key(at) == "ROUND" and types.of(*arguments[0]) in ("float4", "float8"):
        rewriting.instead[at] = "pg_round_even"


def _length(rewriting: Rewriting, types: Types, at: int) -> None:
    """The blanks at the end of a char(n) do not count."""
    argument = _argument(rewriting, at)
    if argument is not None and types.of(*argument) == "bpchar":
        _around(rewriting, *argument, "rtrim(", ", ' ')")


def _subscript(rewriting: Rewriting, types: Types, at: int) -> None:
    """``document['key']``, of a jsonb: what stands at a path of one step."""
    if at not in rewriting.partners or rewriting.key(at - 1) in ("[", ",", "ARRAY") or at in rewriting.instead:
        return
    first, close = rewriting.operand_before(at), rewriting.partners[at]
    if rewriting.is_stored or close == at + 1 or types.of(first, at - 1) != "jsonb":
        return
    rewriting.before(first, "pg_at_path(")
    rewriting.instead[at], rewriting.instead[close] = ", json_array(", "), 0)"


def _age(rewriting: Rewriting, types: Types, at: int) -> None:
    """By the calendar and the clock of where the session is."""
    if rewriting.key(at + 1) == "(" and at + 1 in rewriting.partners:
        for first, last in elements(rewriting, at + 1):
            if types.of(first, last) == "timestamptz":
                _around(rewriting, first, last, "pg_local(", ")")


RULES: dict[str, Rule] = {
    "AGE": _age,
    "[": _subscript,
    "SUM": _sum,
    "AVG": _sum,
    "MIN": _extreme,
    "MAX": _extreme,
    "GREATEST": _greatest,
    "LEAST": _greatest,
    "-": _minus,
    "||": _joined,
    "->": _member,
    "CONCAT": _shown_arguments,
    "CONCAT_WS": _shown_arguments,
    "FORMAT": _shown_arguments,
    "::": _cast,
    "CAST": _cast,
    "EXTRACT": _part,
    "DATE_PART": _part,
    "DATE_TRUNC": _part,
    "TO_CHAR": _part,
    "ROUND": _round,
    "TRUNC": _round,
    "LENGTH": _length,
    "CHAR_LENGTH": _length,
    **documents.RULES,
    **rangerules.RULES,
}
#: Operators that the token's own rule has no more to say about, once they are chosen.
CHOSEN = frozenset(("-", "@>", "<@", "&&"))
#: Statements without any of these have no choice to make.
WORDS = frozenset(RULES)
