"""Values of enumerations: a text is a label of its type, or refused; what is said of a value that is none of a domain.

The type comes as the words that tell all of it, so these functions ask nobody; the translation writes them where a client's cast,
assignment or comparison wants a label.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ha.errors import StatementError
from ha.sql import made
from ha.sqlite.arrays import dumped, each, elements
from ha.sqlite.casts import text_of


def pg_enum(value: Any, words: str) -> str | None:
    """A label of an enumeration; by the words of its arrays, an array of labels.

    :param words: see :mod:`ha.sql.made`.
    :raises StatementError: 22P02, it is none.
    """
    if value is None:
        return None
    one = made.enumeration(words.removeprefix("_"))
    assert one is not None
    if words[0] != "_":
        return _label(value, one)
    return dumped(each(elements(value), lambda item: None if item is None else _label(item, one)))


def _label(value: Any, one: made.Enumeration) -> str:
    text = text_of(value)
    if text not in one.labels:
        raise made.invalid(one, text)
    return text


def pg_enum_range(first: Any, last: Any, words: str) -> str:
    """The labels from one to another, as an array; NULL leaves that end open."""
    one = made.enumeration(words)
    assert one is not None
    start = 0 if first is None else one.labels.index(_label(first, one))
    end = len(one.labels) if last is None else one.labels.index(_label(last, one)) + 1
    return dumped(list(one.labels[start:end]))


def pg_domain_null(domain: str) -> None:
    """:raises StatementError: 23502, always."""
    raise StatementError("23502", f"domain {domain} does not allow null values")


def pg_domain_violated(domain: str, check: str) -> None:
    """:raises StatementError: 23514, always."""
    raise violated(domain, check)


def violated(domain: str, check: str) -> StatementError:
    """23514: a condition of a domain does not hold."""
    return StatementError("23514", f'value for domain {domain} violates check constraint "{check}"', constraint=check)


#: Name, number of arguments, what computes it.
FUNCTIONS: Final[tuple[tuple[str, int, Callable[..., Any]], ...]] = (
    ("pg_enum", 2, pg_enum),
    ("pg_enum_range", 3, pg_enum_range),
    ("pg_domain_null", 1, pg_domain_null),
    ("pg_domain_violated", 2, pg_domain_violated),
)
