"""Statements of more parameters than SQLite was built for. [pure]

PostgreSQL's protocol counts a statement's parameters in 16 bits; SQLite's usual build takes half as many. Beyond that, the only
parameter is the row of all values, and each mark asks for its own::

    SELECT $1, …, $40000        SELECT pg_parameter(?1, 1), …, pg_parameter(?1, 40000)
"""

from __future__ import annotations

from typing import Final

from ha.sql.rewriting import Rewriting
from ha.sql.tokens import PARAMETER

#: SQLITE_MAX_VARIABLE_NUMBER of SQLite's usual build (https://www.sqlite.org/limits.html).
BOUND_MAX: Final = 32_766


def carry(rewriting: Rewriting) -> None:
    """Ask for each parameter in the row of all, if they are too many. After all rules: what they put in a mark's place stays."""
    tokens, instead = rewriting.tokens, rewriting.instead
    if len(tokens) <= BOUND_MAX and rewriting.parameters <= BOUND_MAX:
        return
    marks = [index for index, token in enumerate(tokens) if token.key == "?" and index not in instead]
    if len(marks) > BOUND_MAX:
        rewriting.parameters = len(marks)
        for number, index in enumerate(marks, 1):
            instead[index] = _asked(number)
    elif rewriting.parameters > BOUND_MAX:
        for index, token in enumerate(tokens):
            if token.kind == PARAMETER and instead.get(index) == f"?{token.key[1:]}":
                instead[index] = _asked(int(token.key[1:]))


def _asked(number: int) -> str:
    return f"pg_parameter(?1, {number})"
