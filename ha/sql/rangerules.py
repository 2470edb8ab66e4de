"""Rules for operators and functions whose operand is a range; the types must be known. [pure]

What SQLite's texts cannot answer is refused: ``a * b`` of two ranges would be a number.
"""

from __future__ import annotations

from collections.abc import Callable

from ha.sql.ranges import MULTIRANGES, RANGES
from ha.sql.rewriting import Rewriting
from ha.sql.typed import Types

#: Ranges and multiranges.
NAMES = frozenset((*RANGES, *MULTIRANGES))
_ASKED = {"@>": "pg_range_contains", "<@": "pg_range_contained", "&&": "pg_range_overlaps"}


def _operands(rewriting: Rewriting, types: Types, at: int) -> tuple[int, int, str | None, str | None]:
    """First and last token of both operands, and their types."""
    first, last = rewriting.operand_before(at), rewriting.operand_after(at + 1)
    return first, last, types.of(first, at - 1), types.of(at + 1, last)


def ask(rewriting: Rewriting, types: Types, at: int) -> None:
    """``@>``, ``<@``, ``&&``."""
    first, last, left, right = _operands(rewriting, types, at)
    kind = left if left in NAMES else right if right in NAMES else None
    if kind is not None:
        rewriting.call(first, at, last, _ASKED[rewriting.key(at)], f", '{kind}'")


def refuse(rewriting: Rewriting, types: Types, at: int) -> None:
    """``*``, ``+``, ``-``, ``<<``, ``>>``.

    :raises StatementError: 0A000, an operand is a range.
    """
    if not rewriting.is_operand(at - 1):
        return
    _, _, left, right = _operands(rewriting, types, at)
    if left in NAMES or right in NAMES:
        raise rewriting.refuse(
            at, f"operator {rewriting.key(at)} of ranges", "Compute with their bounds: lower(), upper()."
        )


def bound(rewriting: Rewriting, types: Types, at: int) -> None:
    """``lower(x)``, ``upper(x)``: of a text SQLite's own."""
    close = rewriting.partners.get(at + 1)
    if rewriting.key(at + 1) == "(" and close is not None and types.of(at + 2, close - 1) in NAMES:
        rewriting.instead[at] = f"pg_range_{rewriting.key(at).lower()}"
        rewriting.before(close, f", '{types.of(at + 2, close - 1)}'")


RULES: dict[str, Callable[[Rewriting, Types, int], None]] = {
    **dict.fromkeys(_ASKED, ask),
    **dict.fromkeys(("*", "+", "<<", ">>"), refuse),
    "LOWER": bound,
    "UPPER": bound,
}
