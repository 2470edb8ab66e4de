"""Names without quotes in small letters, where a definition gives them. [pure]

PostgreSQL's catalog has them so, and clients ask it for them so. SQLite finds a name however it is written, but keeps and shows it as
it was written first.
"""

from __future__ import annotations

from ha.sql.rewriting import Rewriting
from ha.sql.tokens import WORD, unquoted


def fold_name(rewriting: Rewriting, at: int) -> int:
    """The name that begins at `at`, with the schema before it; the token after it."""
    _fold(rewriting, at)
    while rewriting.key(at + 1) == ".":
        at += 2
        _fold(rewriting, at)
    return at + 1


def fold_element(rewriting: Rewriting, first: int, last: int, *, of_table: bool) -> None:
    """The names that a column or a table's constraint gives, and those that its keys refer to."""
    if not of_table:
        _fold(rewriting, first)
    for at in range(first, last):
        if rewriting.kind(at) != WORD:
            continue
        key, after = rewriting.key(at), at + 1
        if key == "CONSTRAINT":
            _fold(rewriting, after)
        elif key == "REFERENCES":
            after = fold_name(rewriting, after)
        elif key not in ("KEY", "UNIQUE"):
            continue
        if rewriting.key(after) == "(":
            fold_list(rewriting, after)


def fold_list(rewriting: Rewriting, opening: int) -> None:
    """The names in a bracket."""
    for at in range(opening + 1, rewriting.partners.get(opening, opening)):
        _fold(rewriting, at)


def _fold(rewriting: Rewriting, at: int) -> None:
    if rewriting.kind(at) == WORD and at not in rewriting.instead:
        token = rewriting.tokens[at]
        folded = unquoted(rewriting.text, token)
        if folded != rewriting.text[token.start : token.end]:
            rewriting.instead[at] = folded
