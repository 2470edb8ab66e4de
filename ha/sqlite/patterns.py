"""PostgreSQL's functions that search by patterns: regular expressions, SIMILAR TO, and LIKE as GLOB.

Regular expressions are RE2's (google-re2), which takes time linear in the text whatever the pattern; what it cannot do
(back references, look-around) is refused. PostgreSQL's own spellings ``\\m``, ``\\M``, ``\\y`` are translated.

https://www.postgresql.org/docs/15/functions-matching.html
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable
from typing import Any, Final

import re2

from ha.errors import StatementError
from ha.sql.operators import globbed
from ha.sqlite.casts import text_of
from ha.sqlite.texts import bounded, strict

#: Bytes of a regular expression, and of the automata RE2 may build for it.
PATTERN_MAX: Final = 8 * 1024
PATTERN_MEMORY_MAX: Final = 4 * 1024 * 1024
#: Expressions kept compiled.
PATTERNS_KEPT: Final = 256
#: Matches that one call gives at most.
MATCHES_MAX: Final = 100_000


@functools.lru_cache(maxsize=PATTERNS_KEPT)
def compiled(pattern: str, flags: str = "") -> Any:
    """A regular expression of PostgreSQL's, ready to search with.

    :raises StatementError: 2201B, it is none, or one that takes more than linear time.
    """
    if len(pattern) > PATTERN_MAX:
        raise StatementError("2201B", "invalid regular expression: too long")
    options = re2.Options()
    options.max_mem = PATTERN_MEMORY_MAX
    options.log_errors = False
    options.never_nl = False
    options.one_line = False
    while pattern.startswith(("(?i)", "***:", "***=")):
        if pattern.startswith("***="):
            pattern = re2.escape(pattern[4:])
            break
        flags += "i" * (pattern[1] == "?")
        pattern = pattern[4:]
    if "q" in flags:
        pattern = re2.escape(pattern)
    options.case_sensitive = "i" not in flags
    options.dot_nl = "n" not in flags and "p" not in flags
    pattern = re.sub(r"\\([mMyYAZ])", _own_escape, pattern)
    if "n" in flags or "w" in flags:
        pattern = f"(?m){pattern}"
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        raise StatementError(
            "2201B",
            f"invalid regular expression: {_said(error)}",
            hint="Back references and look-around are not supported.",
        ) from None


def _said(error: Exception) -> str:
    said = error.args[0] if error.args else error
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)


def _own_escape(match: re.Match[str]) -> str:
    return {"m": r"\b", "M": r"\b", "y": r"\b", "Y": r"\B", "A": r"\A", "Z": r"\z"}[match.group(1)]


def regexp(pattern: Any, value: Any) -> int | None:
    """``value REGEXP pattern``: SQLite calls it the other way around."""
    if pattern is None or value is None:
        return None
    return int(compiled(text_of(pattern)).search(text_of(value)) is not None)


def regexp_replace(value: Any, pattern: Any, new: Any, flags: str = "") -> str:
    return regexp_replace_nth(value, pattern, new, 1, 0 if "g" in flags else 1, flags)


def _expanded(new: str, match: Any) -> str:
    def one(found: re.Match[str]) -> str:
        which = found.group(1)
        if which == "&":
            return str(match.group(0))
        if which.isdecimal():
            return (match.group(int(which)) or "") if int(which) <= len(match.groups()) else ""
        return which

    return re.sub(r"\\(.)", one, new) if "\\" in new else new


def regexp_match(value: Any, pattern: Any, flags: str = "") -> str | None:
    match = compiled(text_of(pattern), flags).search(text_of(value))
    if match is None:
        return None
    return json.dumps(list(match.groups()) or [match.group(0)], ensure_ascii=False)


def regexp_count(value: Any, pattern: Any, start: int = 1, flags: str = "") -> int:
    return sum(1 for _ in compiled(text_of(pattern), flags).finditer(text_of(value)[int(start) - 1 :]))


def regexp_like(value: Any, pattern: Any, flags: str = "") -> int:
    return int(compiled(text_of(pattern), flags).search(text_of(value)) is not None)


def _nth(value: Any, pattern: Any, start: int, number: int, flags: str) -> Any:
    """The n-th match from a place on, counted from 1."""
    if int(start) < 1 or int(number) < 1:
        raise StatementError("22023", 'invalid value for parameter "start" or "N"')
    found = compiled(text_of(pattern), flags).finditer(text_of(value), int(start) - 1)
    return next((match for place, match in enumerate(found, 1) if place == int(number)), None)


def regexp_substr(
    value: Any, pattern: Any, start: int = 1, number: int = 1, flags: str = "", part: int = 0
) -> str | None:
    match = _nth(value, pattern, start, number, flags)
    if match is None or int(part) > len(match.groups()):
        return None
    found = match.group(int(part))
    return None if found is None else str(found)


def regexp_instr(
    value: Any, pattern: Any, start: int = 1, number: int = 1, end: int = 0, flags: str = "", part: int = 0
) -> int:
    match = _nth(value, pattern, start, number, flags)
    if match is None or int(part) > len(match.groups()):
        return 0
    return int(match.end(int(part)) if end else match.start(int(part))) + 1


def regexp_replace_nth(value: Any, pattern: Any, new: Any, start: int, number: int = 0, flags: str = "") -> str:
    """regexp_replace from a place on: the n-th match, or all of them if that is 0."""
    expression = compiled(text_of(pattern), flags.replace("g", ""))
    text, new = text_of(value), text_of(new)
    parts, at, size = [], 0, 0
    for place, match in enumerate(expression.finditer(text, int(start) - 1), 1):
        if number and place != number:
            continue
        piece = text[at : match.start()] + _expanded(new, match)
        parts.append(piece)
        size += len(piece)
        bounded(size)
        at = match.end()
        if number:
            break
    return "".join(parts) + text[at:]


def regexp_split_to_array(value: Any, pattern: Any, flags: str = "") -> str:
    return json.dumps(split_by(text_of(value), text_of(pattern), flags), ensure_ascii=False)


def split_by(text: str, pattern: str, flags: str = "") -> list[str]:
    """The parts of `text` between the matches; an empty match splits between letters."""
    parts, at = [], 0
    for match in compiled(pattern, flags).finditer(text):
        if match.end() == match.start() and (match.start() == at or match.start() == len(text)):
            continue
        parts.append(text[at : match.start()])
        at = match.end()
        if len(parts) > MATCHES_MAX:
            raise StatementError("54000", "too many matches")
    return [*parts, text[at:]]


def substring_regexp(value: Any, pattern: Any) -> str | None:
    """``substring(value from pattern)``: the first group, or the whole match."""
    match = compiled(text_of(pattern)).search(text_of(value))
    if match is None:
        return None
    return str(match.group(0)) if not match.groups() else match.group(1)


def similar(pattern: Any) -> str:
    """The regular expression for the pattern of ``value SIMILAR TO pattern``."""
    parts, at, text = [], 0, text_of(pattern)
    while at < len(text):
        letter = text[at]
        if letter == "\\" and at + 1 < len(text):
            parts.append(re2.escape(text[at + 1]))
            at += 1
        else:
            parts.append({"%": ".*", "_": ".", ".": r"\.", "^": r"\^", "$": r"\$"}.get(letter, letter))
        at += 1
    return f"^(?:{''.join(parts)})$"


def pg_glob(pattern: Any, escape: Any = "\\") -> str | None:
    """A LIKE pattern as GLOB's, which tells upper from lower case."""
    return None if pattern is None or escape is None else globbed(text_of(pattern), text_of(escape))


#: Name, number of arguments, what computes it.
FUNCTIONS: tuple[tuple[str, int, Callable[..., Any]], ...] = (
    ("regexp", 2, regexp),
    ("pg_glob", 1, pg_glob),
    ("pg_glob", 2, pg_glob),
    *(
        (name, count, strict(function))
        for name, count, function in (
            ("regexp_replace", 3, regexp_replace),
            ("regexp_replace", 4, regexp_replace),
            ("regexp_match", 2, regexp_match),
            ("regexp_match", 3, regexp_match),
            ("regexp_count", 2, regexp_count),
            ("regexp_count", 3, regexp_count),
            ("regexp_count", 4, regexp_count),
            ("regexp_like", 2, regexp_like),
            ("regexp_like", 3, regexp_like),
            ("regexp_substr", 2, regexp_substr),
            ("regexp_substr", 3, regexp_substr),
            ("regexp_substr", 4, regexp_substr),
            ("regexp_substr", 5, regexp_substr),
            ("regexp_substr", 6, regexp_substr),
            ("regexp_instr", 2, regexp_instr),
            ("regexp_instr", 3, regexp_instr),
            ("regexp_instr", 4, regexp_instr),
            ("regexp_instr", 5, regexp_instr),
            ("regexp_instr", 6, regexp_instr),
            ("regexp_instr", 7, regexp_instr),
            ("regexp_replace", 5, regexp_replace_nth),
            ("regexp_replace", 6, regexp_replace_nth),
            ("regexp_split_to_array", 2, regexp_split_to_array),
            ("regexp_split_to_array", 3, regexp_split_to_array),
            ("pg_substring", 2, substring_regexp),
            ("pg_similar", 1, similar),
        )
    ),
)
