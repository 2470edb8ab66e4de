"""CREATE TABLE whose constraints stand between its columns: PostgreSQL takes them in any order, SQLite behind all columns. [pure]"""

from __future__ import annotations

from collections.abc import Sequence

from ha.sql.edits import Edits
from ha.sql.tokens import WORD, Token

_CONSTRAINTS = frozenset("CONSTRAINT PRIMARY UNIQUE CHECK FOREIGN EXCLUDE".split())


def ordered(text: str, tokens: Sequence[Token], start: int, end: int) -> tuple[str, Edits] | None:
    """The CREATE TABLE ``text[start:end]`` with its constraints last, and where it differs; None where they are."""
    opening = next((at for at, token in enumerate(tokens) if token.key == "("), len(tokens))
    if not any(token.key == "TABLE" for token in tokens[1:opening][:4]) or any(
        token.key in ("AS", "OF", "PARTITION") for token in tokens[:opening]
    ):
        return None
    elements, close = _elements(tokens, opening)
    columns = [one for one in elements if not _is_constraint(tokens[one[0]])]
    constraints = [one for one in elements if _is_constraint(tokens[one[0]])]
    if close < 0 or not constraints or not columns or constraints[0][0] > columns[-1][0]:
        return None
    parts: list[str] = []
    edits: list[tuple[int, int]] = []
    length = 0

    def take(first: int, last: int) -> None:
        nonlocal length
        edits.append((first - start, length))
        parts.append(text[first:last])
        length += last - first
        edits.append((last - start, length))

    take(start, tokens[opening].end)
    for number, (first, last) in enumerate((*columns, *constraints)):
        if number:
            parts.append(", ")
            length += 2
        take(tokens[first].start, tokens[last].end)
    take(tokens[close].start, end)
    return "".join(parts), tuple(edits)


def _is_constraint(token: Token) -> bool:
    return token.kind == WORD and token.key in _CONSTRAINTS


def _elements(tokens: Sequence[Token], opening: int) -> tuple[list[tuple[int, int]], int]:
    """First and last token of each element of the list, and the bracket that closes it; -1 if none does."""
    found: list[tuple[int, int]] = []
    depth, first = 0, opening + 1
    for at in range(opening, len(tokens)):
        key = tokens[at].key
        depth += (key in ("(", "[")) - (key in (")", "]"))
        if (key == "," and depth == 1) or depth == 0:
            if at > first:
                found.append((first, at - 1))
            first = at + 1
        if depth == 0:
            return found, at
    return found, -1
