"""Functions that make JSON of values, which SQLite keeps without their types. [pure]

A boolean is 1, a document and an array are texts in SQLite; in JSON they are ``true``, an object, a list. So each argument goes
with a letter that tells what it is (:data:`MARKS`), by which :mod:`ha.sqlite.documents` writes it.
"""

from __future__ import annotations

from collections.abc import Callable

from ha.sql.naming import name_of
from ha.sql.ranges import RANGES_OF_TIMES
from ha.sql.reading import Item, Scope
from ha.sql.rewriting import Rewriting, elements
from ha.sql.tokens import NUMBER, PARAMETER, TEXTS, quoted, quoted_name, unquoted
from ha.sql.typed import Types
from ha.sql.typenames import declared

#: By type: what its values are in JSON. ``b``ool, ``j``son, ``a``rray, array of bools (``x``), date or ``t``ime without
#: a zone and one with ``z``one, arrays of them (``c``, ``y``), ranges of them (``e``, ``r``), ``n``umber.
MARKS = {
    "bool": "b", "json": "j", "jsonb": "j", "date": "t", "timestamp": "t", "timestamptz": "z", "_bool": "x",
    "_date": "c", "_timestamp": "c", "_timestamptz": "y",
    **{name: "r" if kind == "timestamptz" else "e" for name, kind in RANGES_OF_TIMES.items()},
    "int2": "n", "int4": "n", "int8": "n", "numeric": "n", "float4": "n", "float8": "n", "record": "j",
}  # fmt: skip
#: A text, and what is not known: by its value.
_TEXT, _UNKNOWN = "s", "u"


def mark(rewriting: Rewriting, types: Types, first: int, last: int) -> str:
    """The letter of an argument."""
    if first == last:
        if rewriting.kind(first) in TEXTS or rewriting.kind(first) == PARAMETER:
            return _TEXT if rewriting.kind(first) in TEXTS else _UNKNOWN
        if rewriting.kind(first) == NUMBER:
            return "n"
    return mark_of(types.of(first, last))


def mark_of(kind: str | None) -> str:
    """The letter of a type."""
    if kind is None:
        return _UNKNOWN
    return MARKS.get(kind) or ("a" if kind.startswith("_") else _TEXT)


def _call(rewriting: Rewriting, at: int) -> list[tuple[int, int]] | None:
    if rewriting.key(at + 1) != "(" or at + 1 not in rewriting.partners:
        return None
    return elements(rewriting, at + 1)


def _build(function: str) -> Callable[[Rewriting, Types, int], None]:
    def rule(rewriting: Rewriting, types: Types, at: int) -> None:
        arguments = _call(rewriting, at)
        if arguments is None or (arguments and rewriting.key(arguments[0][0]) == "VARIADIC"):
            return
        marks = "".join(_whole_row(rewriting, types, *pair) or mark(rewriting, types, *pair) for pair in arguments)
        rewriting.instead[at] = function
        rewriting.after(at + 1, f"'{marks}'" + (", " if arguments else ""))

    return rule


def _object(function: str) -> Callable[[Rewriting, Types, int], None]:
    """``json_object('{a,1}')``, ``json_object(keys, values)``: of arrays; else it is SQLite's."""

    def rule(rewriting: Rewriting, types: Types, at: int) -> None:
        arguments = _call(rewriting, at)
        if arguments is None or len(arguments) not in (1, 2):
            return
        if len(arguments) == 1 or (types.of(*arguments[0]) or "").startswith("_"):
            rewriting.instead[at] = function

    return rule


def _value(function: str) -> Callable[[Rewriting, Types, int], None]:
    """Of one value, or a value's name and a value: a function for each letter, so that DISTINCT stays possible."""

    def rule(rewriting: Rewriting, types: Types, at: int) -> None:
        arguments = _call(rewriting, at)
        if not arguments:
            return
        first, last = arguments[-1] if "object" in function else arguments[0]
        first += rewriting.key(first) == "DISTINCT"
        last = rewriting.clause_end(first, frozenset((",", "ORDER"))) - 1
        letter = _whole_row(rewriting, types, first, last) or mark(rewriting, types, first, last)
        rewriting.instead[at] = f"{function}_{letter}"

    return rule


def _whole_row(rewriting: Rewriting, types: Types, first: int, last: int) -> str | None:
    """``row_to_json(t)``: a table's name where a column could stand means its row; it becomes a document here."""
    if first != last or not rewriting.is_operand(first) or rewriting.kind(first) in (*TEXTS, NUMBER, PARAMETER):
        return None
    name = unquoted(rewriting.text, rewriting.tokens[first]).lower()
    scope: Scope | None = types.reading.scope_at(first)
    while scope is not None and name not in scope.tables and name not in scope.derived:
        scope = scope.outer
    if scope is None or types.of(first, last) is not None:
        return None
    columns = _columns(types, scope, name)
    if not columns:
        return None
    marks = "".join("s" + letter for _, letter in columns)
    parts = ", ".join(f"{quoted(column)}, {quoted_name(name)}.{quoted_name(column)}" for column, _ in columns)
    rewriting.instead[first] = f"pg_json_row('{marks}', {parts})"
    return "j"


def _columns(types: Types, scope: Scope, name: str) -> list[tuple[str, str]]:
    """A row's columns, each with its letter."""
    table = scope.tables.get(name)
    if table is not None:
        found = []
        for column in types.schema.columns(table) or ():
            words = types.schema.column_type(table, column)
            found.append((column, mark_of(declared(words)) if words else _UNKNOWN))
        return found
    items, names = scope.derived[name]
    made: list[tuple[str, str]] = []
    for number, item in enumerate(items):
        if item.star:
            inner = types.reading.scopes.get(item.first)
            if inner is None or item.last - item.first > 1 or len(inner.tables) + len(inner.derived) != 1:
                return []
            made += _columns(types, inner, next(iter((*inner.tables, *inner.derived))))
        else:
            shown = names[number] if number < len(names) else name_of(types.reading, item)
            made.append((shown, mark_of(_type(types, item))))
    return made


def _type(types: Types, item: Item) -> str | None:
    return types.of(item.first, item.last - 1)


RULES: dict[str, Callable[[Rewriting, Types, int], None]] = {
    "JSON_BUILD_OBJECT": _build("pg_json_object"),
    "JSONB_BUILD_OBJECT": _build("pg_jsonb_object"),
    "JSON_BUILD_ARRAY": _build("pg_json_array"),
    "JSONB_BUILD_ARRAY": _build("pg_jsonb_array"),
    "JSON_OBJECT": _object("pg_object_of"),
    "JSONB_OBJECT": _object("pg_jsonb_object_of"),
    "TO_JSON": _value("pg_to_json"),
    "ROW_TO_JSON": _value("pg_to_json"),
    "ARRAY_TO_JSON": _value("pg_to_json"),
    "TO_JSONB": _value("pg_to_jsonb"),
    "JSON_AGG": _value("pg_json_agg"),
    "JSONB_AGG": _value("pg_jsonb_agg"),
    "JSON_OBJECT_AGG": _value("pg_json_object_agg"),
    "JSONB_OBJECT_AGG": _value("pg_jsonb_object_agg"),
}
