"""Records as PostgreSQL writes them: ``(1,"a b",)``. [pure]

https://www.postgresql.org/docs/15/rowtypes.html#id-1.5.7.24.6
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ha.errors import StatementError
from ha.sql.tokens import BLANKS

_QUOTED = re.compile(rf'[(),"\\{BLANKS}]')


def malformed(text: str, detail: str) -> StatementError:
    """22P02: this is no record."""
    return StatementError("22P02", f'malformed record literal: "{text[:200]}"', detail=detail)


def read(text: str) -> list[str | None]:
    """The fields of a record, None for NULL.

    :raises StatementError: 22P02.
    """
    at = len(text) - len(text.lstrip(BLANKS))
    if text[at : at + 1] != "(":
        raise malformed(text, "Missing left parenthesis.")
    fields: list[str | None] = []
    letters: list[str] = []
    at += 1
    quoted = inside = False
    while at < len(text):
        letter = text[at]
        if letter == "\\":
            at += 1
            letters.append(text[at : at + 1])
            quoted = True
        elif letter == '"':
            if inside and text[at + 1 : at + 2] == '"':
                at += 1
                letters.append('"')
            else:
                inside = not inside
                quoted = True
        elif letter in ",)" and not inside:
            fields.append("".join(letters) if letters or quoted else None)
            letters, quoted = [], False
            if letter == ")":
                if text[at + 1 :].strip(BLANKS):
                    raise malformed(text, "Junk after right parenthesis.")
                return fields
        else:
            letters.append(letter)
        at += 1
    raise malformed(text, "Unexpected end of input.")


def write(fields: Sequence[str | None]) -> str:
    """The record of these fields."""
    return f"({','.join(map(_written, fields))})"


def _written(field: str | None) -> str:
    if field is None:
        return ""
    if field and _QUOTED.search(field) is None:
        return field
    return '"' + field.replace("\\", "\\\\").replace('"', '""') + '"'


def fitting(text: str, count: int) -> list[str | None]:
    """As :func:`read`, for a type of so many fields.

    :raises StatementError: 22P02.
    """
    fields = read(text)
    if count == 0 and fields == [None]:
        return []
    if len(fields) != count:
        raise malformed(text, "Too few columns." if len(fields) < count else "Too many columns.")
    return fields
