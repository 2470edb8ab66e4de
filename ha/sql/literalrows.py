"""Long INSERTs of nothing but literals, seen as a whole: what a dump's longest statements are. [pure]

Their tokens cost half a second for each megabyte, and every rule of translation would leave every word alone. Only the columns' types
may want other values than were written; then the rows become a table of their own, and SQLite makes its columns fit::

    INSERT INTO t VALUES ('1', 'x'), ('2', 'y')
    INSERT INTO t ("a", "b") SELECT pg_int4(column1), column2 FROM (VALUES ('1', 'x'), ('2', 'y'))
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from ha.sql.assignments import function_of, more_arguments
from ha.sql.expressions import Schema
from ha.sql.literals import BITS
from ha.sql.tokens import quoted_name, tokenize, unquoted
from ha.sql.typenames import TypeName, declared_type

#: Shorter texts are cut as all others are.
LENGTH_MIN = 16 * 1024

# Numbers that SQLite reads as they are written: others are for the rule that keeps their digits.
_NUMBER = r"-?(?:\d{1,18}(?![\w.])|(?=[\d.]{3,16}(?![\d.]))\d++\.\d++(?:[eE][-+]?\d{1,2})?(?![\w.]))"
_LITERAL = rf"(?:'[^']*+(?:''[^']*+)*+'|{_NUMBER}|(?i:null|true|false))"
_ROW = rf"\(\s*+{_LITERAL}\s*+(?:,\s*+{_LITERAL}\s*+)*+\)"
_NAME = r'(?:[a-zA-Z_]\w*+|"[^"\0]++")'
_INSERT = re.compile(
    rf"\s*+(?i:insert\s++into)\s++(?P<table>{_NAME})\s*+(?P<names>\(\s*+{_NAME}\s*+(?:,\s*+{_NAME}\s*+)*+\))?\s*+"
    rf"(?P<values>(?i:values)\s*+(?P<row>{_ROW}))\s*+(?:,\s*+{_ROW}\s*+)*+;?\s*+",
    re.ASCII,
)


class LiteralRows(NamedTuple):
    """What such an INSERT says.

    :param names: the columns it names; None if it names none.
    :param width: how many values its first row has.
    :param values: where VALUES stands in its text.
    """

    table: str
    names: tuple[str, ...] | None
    width: int
    values: int


def literal_rows(text: str) -> LiteralRows | None:
    """What `text` says, if it is one; None for anything else."""
    return _read(text) if len(text) >= LENGTH_MIN else None


@lru_cache(maxsize=1)  # asked when it is cut, and when its types are known
def _read(text: str) -> LiteralRows | None:
    if "\0" in text:
        return None
    found = _INSERT.fullmatch(text)
    if found is None:
        return None
    names = found["names"]
    return LiteralRows(
        _named(found["table"])[0],
        tuple(_named(names)) if names is not None else None,
        sum(token.key == "," for token in tokenize(found["row"])) + 1,
        found.start("values"),
    )


def fitted_rows(text: str, rows: LiteralRows, schema: Schema) -> tuple[str, tuple[tuple[int, int], ...]]:
    """`text` for SQLite, its values fitted to the types of their columns, and the edits that made it (as a statement has them).

    :param text: without a semicolon behind it.
    """
    names = rows.names or tuple(schema.columns(rows.table) or ())[: rows.width]
    if len(names) != rows.width:
        return text, ()  # SQLite says what is wrong
    items = [_item(number, schema.column_type(rows.table, name)) for number, name in enumerate(names, 1)]
    listed = "" if rows.names is not None else f"({', '.join(map(quoted_name, names))}) "
    if any("(" in item for item in items):
        words, end = f"{listed}SELECT {', '.join(items)} FROM (", ")"
    else:
        words, end = listed, ""
    at = rows.values
    return text[:at] + words + text[at:] + end, ((at, at), (at, at + len(words)))


def _named(words: str) -> list[str]:
    return [unquoted(words, token) for token in tokenize(words) if token.key not in ("(", ",", ")")]


def _item(number: int, words: str | None) -> str:
    """One column of the rows as its type wants it. Plain integers are looked at by SQLite itself, for a tenth of the time."""
    mark = f"column{number}"
    column = declared_type(words) if words else None
    function = function_of(column) if column is not None else None
    if column is None or function is None:
        return mark
    call = f"{function}({mark}{more_arguments(column)})"
    holds = _holds(column, mark)
    return f"CASE WHEN {holds} THEN {mark} ELSE {call} END" if holds else call


def _holds(column: TypeName, mark: str) -> str:
    """What SQLite can say of a value that surely fits."""
    if column.name in BITS:
        most = 1 << BITS[column.name] - 1
        # Literals have 18 digits at most.
        within = f" AND {mark} BETWEEN {-most} AND {most - 1}" if column.name != "int8" else ""
        return f"typeof({mark}) = 'integer'{within}"
    if column.name in ("float4", "float8"):
        return f"typeof({mark}) IN ('integer', 'real')"
    if column.name in ("varchar", "bpchar") and column.modifiers:
        padded = f" AND substr({mark}, -1) <> ' '" if column.name == "bpchar" else ""
        return f"typeof({mark}) = 'text' AND length({mark}) <= {column.modifiers[0]}{padded}"
    return ""
