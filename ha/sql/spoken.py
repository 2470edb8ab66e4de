"""An expression of the file's in PostgreSQL's words: what CHECK, an index and a generated column are shown with. [pure]

The file keeps SQLite's words, as translation wrote them. Casts become ``::`` again, and parentheses around the whole, of which a
dump that is restored and dumped again would gain a pair each time, are PostgreSQL's own: one around an operator, none around
a call. Spacing, and parentheses inside, are the author's.
"""

from __future__ import annotations

from functools import lru_cache

from ha.errors import StatementError
from ha.sql.tokens import NUMBER, QUOTED, STRING, WORD, Token, tokenize

#: SQLite's casts (``SQLITE_CASTS`` of :mod:`ha.sql.declarations`) as format_type() calls them.
_CASTS = {"INTEGER": "integer", "REAL": "double precision", "NUMERIC": "numeric", "TEXT": "text", "BLOB": "bytea"}
_SINGLE = (NUMBER, STRING, WORD, QUOTED)


@lru_cache(maxsize=4096)
def spoken(expression: str, *, pretty: bool = False) -> str:
    """The expression with what parentheses PostgreSQL would put around the whole.

    :param pretty: without those, and none around a constant that is cast.
    """
    try:
        text = _without_outer(_with_casts(expression, pretty=pretty))
        if pretty:
            text = _with_fewer(text)
        tokens = tokenize(text)
    except StatementError:
        return expression
    return text if pretty or _is_one(tokens) else f"({text})"


def function_of(expression: str) -> str | None:
    """The function, lower case, whose call the whole expression is."""
    try:
        tokens = tokenize(expression)
    except StatementError:
        return None
    if len(tokens) > 2 and tokens[0].kind == WORD and _key(tokens, 1) == "(" and _close(tokens, 1) == len(tokens) - 1:
        return tokens[0].key.lower()
    return None


@lru_cache(maxsize=1024)
def spoken_query(query: str) -> str:
    """A SELECT with PostgreSQL's casts; otherwise as it is."""
    try:
        return _with_casts(query, pretty=False)
    except StatementError:
        return query


def _with_casts(text: str, *, pretty: bool) -> str:
    """``CAST(x AS NUMERIC)`` as ``(x)::numeric``, from the innermost."""
    while True:
        tokens = tokenize(text)
        at = max(
            (at for at, token in enumerate(tokens) if token.key == "CAST" and _key(tokens, at + 1) == "("), default=None
        )
        if at is None:
            return text
        close = _close(tokens, at + 1)
        if close < at + 5 or _key(tokens, close - 2) != "AS" or _key(tokens, close - 1) not in _CASTS:
            return text
        inner = _without_outer(text[tokens[at + 2].start : tokens[close - 3].end])
        kind = _CASTS[tokens[close - 1].key]
        single = len(tokenize(inner)) == 1
        bare = single and (pretty or tokenize(inner)[0].kind == STRING)
        cast = f"{inner}::{kind}" if bare else f"({inner})::{kind}"
        text = text[: tokens[at].start] + cast + text[tokens[close].end :]


def _without_outer(text: str) -> str:
    while True:
        tokens = tokenize(text)
        if len(tokens) < 3 or tokens[0].key != "(" or _close(tokens, 0) != len(tokens) - 1:
            return text.strip()
        text = text[tokens[0].end : tokens[-1].start]


def _with_fewer(text: str) -> str:
    """Without the parentheses that precedence makes needless: of one word that is cast, of a comparison beside AND and OR."""
    while True:
        tokens = tokenize(text)
        found = next((at for at, token in enumerate(tokens) if token.key == "(" and _is_needless(tokens, at)), None)
        if found is None:
            return text
        close = tokens[_close(tokens, found)]
        opening = tokens[found]
        text = text[: opening.start] + text[opening.end : close.start] + text[close.end :]


def _is_needless(tokens: list[Token], opening: int) -> bool:
    close = _close(tokens, opening)
    before, after = _key(tokens, opening - 1), _key(tokens, close + 1)
    if close < 0 or (opening > 0 and tokens[opening - 1].kind in _SINGLE and before not in _LOGICAL):
        return False  # a call, or a text that does not end
    if after == "::":
        return close == opening + 2 and before != "::"
    if (before and before not in _LOGICAL) or (after and after not in _LOGICAL):
        return False
    return before != "NOT" and _outermost(tokens[opening + 1 : close]).isdisjoint(_LOGICAL)


_LOGICAL = frozenset(("AND", "OR", "NOT"))


def _outermost(tokens: list[Token]) -> set[str]:
    depth, keys = 0, set()
    for token in tokens:
        depth += (token.key == "(") - (token.key == ")")
        if depth == 0:
            keys.add(token.key)
    return keys


def _is_one(tokens: list[Token]) -> bool:
    """A name, a literal or a call, with a cast or without."""
    end = len(tokens)
    while end > 2 and _key(tokens, end - 2) == "::":
        end -= 2
    if end == 1:
        return True
    return (
        tokens[0].kind in _SINGLE and _key(tokens, 1) == "(" and _close(tokens, 1) == end - 1 and tokens[0].key != "NOT"
    )


def _key(tokens: list[Token], at: int) -> str:
    return tokens[at].key if 0 <= at < len(tokens) else ""


def _close(tokens: list[Token], opening: int) -> int:
    depth = 0
    for at in range(opening, len(tokens)):
        depth += (tokens[at].key == "(") - (tokens[at].key == ")")
        if depth == 0:
            return at
    return -1
