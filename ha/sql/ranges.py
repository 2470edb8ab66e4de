"""Ranges and multiranges: their types, and the text that PostgreSQL writes for them. [pure]

A range is kept as that text, ``[1,5)`` or ``empty``, in the one form that PostgreSQL makes of all that mean the same, so that equal
ranges are equal texts. How a bound is read and written, the caller says.

https://www.postgresql.org/docs/15/rangetypes.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

from ha.errors import StatementError
from ha.sql.calendar import DAY, DAY_END, date_kept, is_finite, kept_moment
from ha.sql.tokens import BLANKS

#: Each type: of what its bounds are, and its multirange.
RANGES: Final = {
    "int4range": ("int4", "int4multirange"),
    "int8range": ("int8", "int8multirange"),
    "numrange": ("numeric", "nummultirange"),
    "tsrange": ("timestamp", "tsmultirange"),
    "tstzrange": ("timestamptz", "tstzmultirange"),
    "daterange": ("date", "datemultirange"),
}
#: Each multirange's ranges.
MULTIRANGES: Final = {multirange: name for name, (_, multirange) in RANGES.items()}
#: Of what the bounds are, of ranges and of multiranges.
BOUNDS: Final = {name: RANGES[MULTIRANGES.get(name, name)][0] for name in (*RANGES, *MULTIRANGES)}
#: Those whose bounds are not always shown as they are kept.
RANGES_OF_TIMES: Final = {name: kind for name, kind in BOUNDS.items() if kind in ("date", "timestamp", "timestamptz")}
#: Ranges of one multirange, as many as an array has elements.
PARTS_MAX: Final = 1_000_000


class Range(NamedTuple):
    """One range.

    :param lower: its bound in the form in which it is kept; None where it is open.
    :param bounds: ``[`` or ``(``, and ``]`` or ``)``.
    """

    lower: str | None
    upper: str | None
    bounds: str = "[)"
    empty: bool = False


EMPTY: Final = Range(None, None, "()", True)


def malformed(text: str, what: str = "range") -> StatementError:
    return StatementError("22P02", f'malformed {what} literal: "{text[:200]}"')


def read(text: str, bound: Callable[[str], str]) -> Range:
    """A range in PostgreSQL's writing.

    :param bound: makes of a bound's text the one in which it is kept.
    :raises StatementError: 22P02; whatever `bound` raises.
    """
    stripped = text.strip(BLANKS)
    if stripped.lower() == "empty":
        return EMPTY
    if stripped[:1] not in ("[", "(") or stripped[-1:] not in ("]", ")"):
        raise malformed(text)
    parts = _bounds(stripped[1:-1], text)
    lower, upper = (None if part is None else bound(part) for part in parts)
    return Range(lower, upper, stripped[0] + stripped[-1])


def _bounds(inner: str, text: str) -> tuple[str | None, str | None]:
    """Both bounds' texts: quotes around them, doubled quotes and backslashes inside are taken away."""
    found: list[str | None] = []
    word: list[str] = []
    quoted = seen = False
    at = 0
    while at < len(inner):
        letter = inner[at]
        if letter == "\\" and at + 1 < len(inner):
            at += 1
            word.append(inner[at])
        elif letter == '"':
            if quoted and inner[at + 1 : at + 2] == '"':
                at += 1
                word.append('"')
            else:
                quoted, seen = not quoted, True
        elif letter == "," and not quoted:
            found.append("".join(word) if word or seen else None)
            word, seen = [], False
        elif letter in "[]()" and not quoted:
            raise malformed(text)
        else:
            word.append(letter)
        at += 1
    found.append("".join(word) if word or seen else None)
    if quoted or len(found) != 2:
        raise malformed(text)
    return found[0], found[1]


def value(kind: str, bound: str) -> Any:
    """A bound as what it is, to be compared."""
    return int(bound) if kind in ("int4", "int8") else Decimal(bound) if kind == "numeric" else bound


def canonical(one: Range, kind: str) -> Range:
    """The form that PostgreSQL makes of it.

    :param kind: of what its bounds are.
    :raises StatementError: 22000, its bounds are the wrong way round; 22008, there is no next day.
    """
    if one.empty:
        return EMPTY
    lower, upper = one.lower, one.upper
    if kind == "numeric" and not all(bound is None or Decimal(bound).is_finite() for bound in (lower, upper)):
        raise StatementError("0A000", "numeric NaN and Infinity cannot be stored", hint="Leave the bound out.")
    from_, to = one.bounds[0] if lower is not None else "(", one.bounds[1] if upper is not None else ")"
    if lower is not None and upper is not None and value(kind, lower) > value(kind, upper):
        raise StatementError("22000", "range lower bound must be less than or equal to range upper bound")
    if kind in _NEXT:
        if lower is not None and from_ == "(":
            lower, from_ = _NEXT[kind](lower), "["
        if upper is not None and to == "]":
            upper, to = _NEXT[kind](upper), ")"
    if lower is not None and upper is not None:
        least, most = value(kind, lower), value(kind, upper)
        if least > most or (least == most and from_ + to != "[]"):
            return EMPTY
    return Range(lower, upper, from_ + to)


def _next_whole(bits: int) -> Callable[[str], str]:
    def following(bound: str) -> str:
        if int(bound) >= 2 ** (bits - 1) - 1:
            raise StatementError("22003", f"{'integer' if bits == 32 else 'bigint'} out of range")
        return str(int(bound) + 1)

    return following


def _next_day(bound: str) -> str:
    found = kept_moment(bound)
    if found is None:
        raise StatementError("22008", "date out of range")
    if not is_finite(found[0]):
        return bound
    days = found[0] // DAY + 1
    if days >= DAY_END:
        raise StatementError("22008", "date out of range")
    return date_kept(days)


#: What follows a bound, where the type has no values between.
_NEXT: Final = {"int4": _next_whole(32), "int8": _next_whole(64), "date": _next_day}
_PLAIN: Final = frozenset("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-+:_/")


def write(one: Range, shown: Callable[[str], str] = str) -> str:
    """As PostgreSQL writes it.

    :param shown: makes of a kept bound what is shown of it.
    """
    if one.empty:
        return "empty"
    lower, upper = ("" if bound is None else _quoted(shown(bound)) for bound in (one.lower, one.upper))
    return f"{one.bounds[0]}{lower},{upper}{one.bounds[1]}"


def _quoted(text: str) -> str:
    if text and _PLAIN.issuperset(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '""') + '"'


# Multiranges


def split(text: str) -> list[str]:
    """The texts of a multirange's ranges.

    :raises StatementError: 22P02, 54000.
    """
    stripped = text.strip(BLANKS)
    if stripped[:1] != "{" or stripped[-1:] != "}":
        raise malformed(text, "multirange")
    inner, found, start, quoted = stripped[1:-1], [], 0, False
    for at, letter in enumerate(inner):
        if letter == '"':
            quoted = not quoted
        elif letter in "])" and not quoted:
            found.append(inner[start : at + 1].strip(" ,"))
            start = at + 1
    rest = inner[start:].strip(" ,")
    if rest and rest.lower() != "empty":
        raise malformed(text, "multirange")
    if len(found) > PARTS_MAX:
        raise StatementError("54000", "too many ranges")
    return found


def joined(parts: Iterable[Range], kind: str) -> list[Range]:
    """Ranges in their order, those that meet made one."""
    found: list[Range] = []
    for one in sorted((part for part in parts if not part.empty), key=lambda part: _low(part, kind)):
        if found and _meets(found[-1], one, kind):
            found[-1] = _union(found[-1], one, kind)
        else:
            found.append(one)
    return found


def _low(one: Range, kind: str) -> tuple[Any, ...]:
    return (0,) if one.lower is None else (1, value(kind, one.lower), one.bounds[0] == "(")


def _meets(left: Range, right: Range, kind: str) -> bool:
    """Does `right`, which begins no earlier, overlap `left` or touch it?"""
    if left.upper is None or right.lower is None:
        return True
    end, begin = value(kind, left.upper), value(kind, right.lower)
    return bool(begin < end) or bool(begin == end and (left.bounds[1] == "]" or right.bounds[0] == "["))


def _union(left: Range, right: Range, kind: str) -> Range:
    if left.upper is None:
        return left
    longer = right.upper is None or (value(kind, right.upper), right.bounds[1] == "]") > (
        value(kind, left.upper),
        left.bounds[1] == "]",
    )
    return left._replace(upper=right.upper, bounds=left.bounds[0] + right.bounds[1]) if longer else left


def write_all(parts: Sequence[Range], shown: Callable[[str], str] = str) -> str:
    """A multirange as PostgreSQL writes it."""
    return "{" + ",".join([write(one, shown) for one in parts]) + "}"


# Asked of them


def overlap(left: Range, right: Range, kind: str) -> bool:
    """Have they a value in common?"""
    if left.empty or right.empty:
        return False
    if _low(right, kind) < _low(left, kind):
        left, right = right, left
    if left.upper is None or right.lower is None:
        return True
    end, begin = value(kind, left.upper), value(kind, right.lower)
    return bool(begin < end) or bool(begin == end and left.bounds[1] == "]" and right.bounds[0] == "[")


def key(one: Range, kind: str) -> tuple[Any, ...]:
    """What ranges are sorted by: the empty one first, then by lower, then by upper bound."""
    if one.empty:
        return (0,)
    upper = (1,) if one.upper is None else (0, value(kind, one.upper), one.bounds[1] == "]")
    return (1, _low(one, kind), upper)
