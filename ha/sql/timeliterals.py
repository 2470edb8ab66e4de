"""Literals of dates, times and intervals that a statement leaves in the schema: written as their columns keep them. [pure]

So the schema compares like with like, and calls no function of ours.
"""

from __future__ import annotations

import re
from typing import Final

from ha.errors import StatementError
from ha.sql import spans, timetexts
from ha.sql.calendar import clock_text, date_kept, east_text, moment_kept, stamp_kept
from ha.sql.tokens import STRING, literal, quoted, tokenize
from ha.sql.typenames import TypeName, declared_type

#: What is another time whenever it is read.
_MOVING: Final = frozenset(("now", "today", "tomorrow", "yesterday"))
#: The types that are known here.
KNOWN: Final = frozenset(("date", "timestamp", "timestamptz", "time", "timetz", "interval"))


#: What a literal looks like that is kept otherwise than it is written: before Christ, or after 9999.
_UNUSUAL = re.compile(
    r"\s*(?:\d{4,}-\d{1,2}-\d{1,2}\b.*\bBC|\d{5,7}-\d{1,2}-\d{1,2}(?:[ T][\d:.+\-]*)?)\s*", re.ASCII | re.DOTALL
)


def is_unusual(text: str) -> bool:
    """Is this a date that must not stay in the schema without its type?"""
    return len(text) < 60 and _UNUSUAL.fullmatch(text) is not None


def default(words: str, of_type: str) -> str:
    """``DEFAULT '…'`` of a column declared in these words."""
    kind = declared_type(of_type.strip())
    tokens = tokenize(words)
    if kind is None or kind.name not in KNOWN or len(tokens) != 2 or tokens[1].kind != STRING:
        return words
    return f"DEFAULT {quoted(kept(literal(words, tokens[1]) or '', kind))}"


def kept(text: str, kind: TypeName) -> str:
    """What a column of this type keeps for a literal.

    A time without a zone where one is wanted is in UTC: the schema has no session.

    :raises StatementError: what the type says; 0A000 for a literal whose meaning moves.
    """
    if not _MOVING.isdisjoint(text.lower().split()):
        raise StatementError("0A000", f'"{text}" is not supported in a definition', hint="Call now() or current_date.")
    name, precision = kind.name, kind.modifiers[-1] if kind.modifiers else 6
    if name == "interval":
        fields = spans.fields_of(kind.fields) if kind.fields else ()
        return spans.text_of(*spans.limited(spans.read(text, fields), fields, precision))
    if name == "date":
        return date_kept(timetexts.date_of(text))
    if name in ("time", "timetz"):
        us, east = timetexts.read_clock(text, timetexts.SPOKEN[name])
        clock = clock_text(timetexts.rounded(us, precision))
        return clock if name == "time" else clock + east_text(east or 0)
    us, east = timetexts.read(text, timetexts.SPOKEN[name])
    if name == "timestamp":
        return stamp_kept(timetexts.checked_stamp(timetexts.rounded(us, precision), text))
    return moment_kept(timetexts.checked_stamp(timetexts.rounded(timetexts.to_utc(us, east, None), precision), text))
