"""Where a row lies: PostgreSQL's ``ctid``, here a row's rowid, written ``(block,row)`` as PostgreSQL writes it. [pure]

In statements it is the rowid itself, so that it is compared, sorted and found as one; it is told in two numbers to the client alone.
A rowid of more than 48 bits has no ctid.
"""

from __future__ import annotations

import re

from ha.errors import StatementError

_WRITTEN = re.compile(r"\s*\(\s*(\d{1,10})\s*,\s*(\d{1,5})\s*\)\s*", re.ASCII)


def number_of(text: str) -> int:
    """The rowid that is meant.

    :raises StatementError: 22P02.
    """
    match = _WRITTEN.fullmatch(text)
    if match is None or int(match[1]) >= 1 << 32 or int(match[2]) >= 1 << 16:
        raise StatementError("22P02", f'invalid input syntax for type tid: "{text}"')
    return int(match[1]) << 16 | int(match[2])


def shown(rowid: int) -> str:
    """A rowid as a client sees it.

    :raises StatementError: 22003.
    """
    if not 0 <= rowid < 1 << 48:
        raise StatementError("22003", f"row {rowid} has no ctid")
    return f"({rowid >> 16},{rowid & 0xFFFF})"


def to_binary(rowid: int) -> bytes:
    """As the protocol writes it in binary.

    :raises StatementError: 22003.
    """
    shown(rowid)
    return rowid.to_bytes(6, "big")
