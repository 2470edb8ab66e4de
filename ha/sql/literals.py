"""Literals of no type yet: ``'t'``, ``'2026-01-01'``, which are what stands beside them. [pure]

PostgreSQL reads a quoted literal as the type of the column it is compared with; SQLite compares texts. Where the schema
tells that type, the literal is written as the value that the column holds, or given to the cast that makes it so, and
refuses what is none. A literal that is already what the column holds stays as it is.
"""

from __future__ import annotations

import re

from ha.sql import timeliterals
from ha.sql.ranges import MULTIRANGES, RANGES
from ha.sql.rewriting import LITERAL_TYPES, OTHER_LITERAL_TYPES, Rewriting
from ha.sql.tokens import TEXTS, literal
from ha.sql.typed import Types

#: Types that are kept in a form of their own, in arrays, too.
TIMES = ("date", "timestamp", "timestamptz", "time", "timetz", "interval")
#: By type: the cast that reads a text.
CASTS = {
    "bool": "pg_bool", "int2": "pg_int2", "int4": "pg_int4", "int8": "pg_int8", "float4": "pg_float8", "float8": "pg_float8",
    "numeric": "pg_numeric", "uuid": "pg_uuid", "date": "pg_date", "timestamp": "pg_timestamp",
    "timestamptz": "pg_timestamptz", "time": "pg_time", "timetz": "pg_timetz", "interval": "pg_interval", "bytea": "pg_bytea",
    "inet": "pg_inet", "cidr": "pg_cidr", "tid": "pg_tid",
    **{"_" + name: f"pg__{name}" for name in TIMES},
    **{prefix + name: f"pg_{prefix}{name}" for name in (*RANGES, *MULTIRANGES) for prefix in ("", "_")},
}  # fmt: skip

_INTEGER = re.compile(r"-?\d{1,19}", re.ASCII)
_DECIMAL = re.compile(r"-?\d{1,15}|(?=-?[\d.]{2,16}\Z)-?\d+\.\d+", re.ASCII)
_DAY = r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])"
_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d"
#: Texts that are kept as they are, by type.
KEPT = {
    "uuid": re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "date": re.compile(_DAY, re.ASCII),
    "timestamp": re.compile(rf"{_DAY} {_CLOCK}", re.ASCII),
    "timestamptz": re.compile(rf"{_DAY} {_CLOCK}\+00:00", re.ASCII),
    "time": re.compile(_CLOCK, re.ASCII),
}
#: What an integer type holds.
BITS = {"int2": 16, "int4": 32, "int8": 64}
_AFTER_ROWS = frozenset(("ON", "RETURNING", ";"))
_TRUE = frozenset(("t", "true", "y", "yes", "on", "1"))
_FALSE = frozenset(("f", "false", "n", "no", "off", "0"))


def ask(rewriting: Rewriting, index: int) -> None:
    """A quoted literal: the schema may know better what it is.

    :raises StatementError: 0A000, it would stay in the schema as no column keeps it.
    """
    rewriting.ask()
    if rewriting.is_stored and rewriting.key(index - 1) != "DEFAULT" and index not in rewriting.instead:
        if rewriting.key(index + 1) != "::" and timeliterals.is_unusual(
            literal(rewriting.text, rewriting.tokens[index]) or ""
        ):
            raise rewriting.refuse(
                index, "a date before Christ or after 9999 without its type in a definition", "Write date '…'."
            )


def fit(rewriting: Rewriting, types: Types) -> None:
    """Write the statement's literals as their neighbours' types want them."""
    rows_end = -1
    for index, token in enumerate(rewriting.tokens):
        if token.key == "VALUES" and rewriting.verb == "INSERT":
            rows_end = rewriting.clause_end(index + 1, _AFTER_ROWS)
        if token.kind not in TEXTS:
            continue
        if index < rows_end and rewriting.key(index - 1) in ("(", ",") and rewriting.key(index + 1) in (",", ")"):
            continue  # a value of its own, which the assignment makes fit
        if rewriting.key(index + 1) in ("::", "[") or rewriting.key(index - 1) == "AS":
            continue
        if rewriting.key(index - 1) in LITERAL_TYPES | OTHER_LITERAL_TYPES and rewriting.kind(index - 1) == "word":
            continue
        found = types.beside(index)
        if found in CASTS:
            put(rewriting, index, found)


def put(rewriting: Rewriting, index: int, type_name: str) -> None:
    """Make the literal at `index` a value of a type in :data:`CASTS`."""
    value = literal(rewriting.text, rewriting.tokens[index])
    assert value is not None
    plain = written(value, type_name)
    if plain is not None:
        # 'f'INNER JOIN is two words, and 0INNER one.
        apart = rewriting.text[rewriting.tokens[index].end :][:1].isalnum()
        rewriting.instead[index] = plain + " " if apart else plain
    elif type_name not in KEPT or not KEPT[type_name].fullmatch(value):
        rewriting.before(index, f"{CASTS[type_name]}(")
        rewriting.after(index, ")")


def written(value: str, type_name: str) -> str | None:
    """A number or a boolean as SQLite writes it; None where the cast must look."""
    if type_name in BITS:
        if holds(value, type_name):
            return value
    elif type_name in ("numeric", "float4", "float8"):
        if _DECIMAL.fullmatch(value):
            return value
    elif type_name == "bool":
        word = value.strip().lower()
        return "1" if word in _TRUE else "0" if word in _FALSE else None
    return None


def holds(digits: str, type_name: str) -> bool:
    """Is it an integer, and one that an integer type holds?"""
    most = 1 << BITS[type_name] - 1
    return _INTEGER.fullmatch(digits) is not None and -most <= int(digits) < most
