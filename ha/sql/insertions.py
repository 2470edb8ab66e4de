"""INSERTs of one row that is nothing but parameters: what programs say again and again with other values. [pure]"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

#: Texts that are remembered.
TEXTS_KEPT = 1024

#: Longer ones are not looked at: each parameter is a column, and rows of so many are rare.
TEXT_MAX = 16 * 1024

_NAME = r'(?:"(?:[^"]|"")+"|[a-z_]\w*+)'
_FORM = re.compile(
    rf"\s*+INSERT\s++INTO\s++({_NAME})\s*+(?:\(\s*+({_NAME}(?:\s*+,\s*+{_NAME})*+)\s*+\))?\s*+"
    r"VALUES\s*+\(\s*+(\?\d*+(?:\s*+,\s*+\?\d*+)*+)\s*+\)\s*+;?\s*+",
    re.IGNORECASE | re.ASCII,
)
_NAMES = re.compile(_NAME, re.IGNORECASE | re.ASCII)


class Insertion(NamedTuple):
    """Its parts.

    :param columns: those that it names; empty: all of the table's.
    :param width: how many parameters it has, in the order of the columns.
    """

    table: str
    columns: tuple[str, ...]
    width: int


def plain_insertion(sql: str) -> Insertion | None:
    """What `sql` inserts into; None if it says anything more, or it another way."""
    return _plain_insertion(sql) if len(sql) <= TEXT_MAX else None


@lru_cache(TEXTS_KEPT)
def _plain_insertion(sql: str) -> Insertion | None:
    form = _FORM.fullmatch(sql)
    if form is None:
        return None
    table, columns, marks = form.groups()
    numbers = [mark.strip()[1:] for mark in marks.split(",")]
    if any(numbers) and numbers != [str(number) for number in range(1, len(numbers) + 1)]:
        return None
    return Insertion(_plain(table), tuple(map(_plain, _NAMES.findall(columns or ""))), len(numbers))


def _plain(name: str) -> str:
    return name[1:-1].replace('""', '"') if name[0] == '"' else name
