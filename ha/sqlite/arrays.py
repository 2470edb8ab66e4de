"""PostgreSQL's arrays and jsonb, on JSON text.

Inside a statement an array is JSON text (``[1,2]``); what a client or a column brings may be PostgreSQL's own
(``{1,2}``), and is read as well. The doors write it as the column's type demands.

https://www.postgresql.org/docs/15/functions-array.html, …/functions-json.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from ha.errors import StatementError
from ha.sql.tokens import BLANKS
from ha.sqlite.casts import json_plain, json_text, text_of

#: Elements of one array: each is a Python object while it is worked on.
ELEMENTS_MAX: Final = 1_000_000
#: How deep arrays nest, as in PostgreSQL.
DEPTH_MAX: Final = 6


def elements(value: Any) -> list[Any]:
    """The elements of an array, in JSON's spelling or PostgreSQL's.

    :raises StatementError: 22P02, it is none.
    """
    if isinstance(value, (int, float)):
        raise malformed(value)
    text = text_of(value).strip(BLANKS)
    if text.startswith("["):
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            raise malformed(value) from None
    elif text.startswith("{") and text.endswith("}"):
        found = _braces(text)
    elif text and all(word.isdecimal() for word in text.split()):
        found = [int(word[:18]) for word in text.split()]  # int2vector and oidvector: "1 2"
    else:
        raise malformed(value)
    if len(found) > ELEMENTS_MAX:
        raise StatementError("54000", "array size exceeds the maximum allowed")
    return list(found)


def malformed(value: Any) -> StatementError:
    return StatementError("22P02", f'malformed array literal: "{text_of(value)[:100]}"')


def _braces(text: str) -> list[Any]:
    stack: list[list[Any]] = []
    word: list[str] = []
    quoted = in_quotes = False  # a letter behind a backslash is as quoted
    at, kept, result = 0, 0, None

    def flush() -> None:
        nonlocal quoted, kept
        spelled = "".join(word)
        plain = spelled[:kept] + spelled[kept:].rstrip(BLANKS)
        if quoted:
            stack[-1].append(plain)
        elif plain:
            stack[-1].append(None if plain.upper() == "NULL" else _typed(plain))
        word.clear()
        quoted, kept = False, 0

    while at < len(text):
        letter = text[at]
        if result is not None:
            raise malformed(text)
        if in_quotes:
            if letter == "\\":
                at += 1
                word.append(text[at : at + 1])
            elif letter == '"':
                in_quotes = False
                kept = len(word)
            else:
                word.append(letter)
        elif letter == '"':
            in_quotes = quoted = True
        elif letter == "\\":
            at += 1
            word.append(text[at : at + 1])
            quoted, kept = True, len(word)
        elif letter in BLANKS and not word and not quoted:
            pass
        elif letter == "{":
            stack.append([])
            if len(stack) > DEPTH_MAX:
                raise StatementError("54000", f"number of array dimensions exceeds the maximum allowed ({DEPTH_MAX})")
        elif letter in ",}":
            flush()
            if letter == "}":
                done = stack.pop()
                if stack:
                    stack[-1].append(done)
                else:
                    result = done
        else:
            word.append(letter)
        at += 1
    if result is None:
        raise malformed(text)
    return result


def _typed(word: str) -> Any:
    """A number where the word is one, written as JSON would; booleans as ``t`` and ``f`` stay text."""
    digits = word[1:] if word[:1] == "-" else word
    if digits.isascii() and digits.isdecimal() and len(digits) < 19 and (digits == "0" or digits[0] != "0"):
        return int(word)
    whole, point, fraction = digits.partition(".")
    if point and whole.isdecimal() and fraction.isdecimal() and digits.isascii() and len(digits) < 16:
        return float(word)
    return word


def dumped(values: list[Any] | dict[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def pg_array(value: Any) -> str | None:
    """An array in any spelling, as JSON."""
    return None if value is None else dumped(elements(value))


def item(value: Any, *indexes: int) -> Any:
    """``value[index]``, counted from 1."""
    if value is None or None in indexes:
        return None
    found: Any = elements(value)
    if not all(isinstance(index, int) or str(index).strip().lstrip("-").isdecimal() for index in indexes):
        raise StatementError("22P02", f'invalid input syntax for type integer: "{indexes[0]}"')
    for index in indexes:
        if not isinstance(found, list) or not 0 < int(index) <= len(found):
            return None
        found = found[int(index) - 1]
    return None if isinstance(found, list) else stored(found)


def vector_item(value: Any, index: int) -> Any:
    """``value[index]`` of an int2vector or oidvector, counted from 0."""
    return item(value, index + 1)


def part(value: Any, first: int | None, last: int | None) -> str | None:
    """``value[first:last]``."""
    if value is None:
        return None
    found = elements(value)
    return dumped(found[max((first or 1) - 1, 0) : len(found) if last is None else max(last, 0)])


def stored(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    return dumped(value) if isinstance(value, (list, dict)) else value


def array_length(value: Any, dimension: int = 1) -> int | None:
    if value is None or dimension < 1:
        return None
    found: Any = elements(value)
    for _ in range(dimension - 1):
        if not found or not isinstance(found[0], list):
            return None
        found = found[0]
    return len(found) or None


def cardinality(value: Any) -> int | None:
    return None if value is None else len(elements(value))


def array_lower(value: Any, dimension: int) -> int | None:
    return None if array_length(value, dimension) is None else 1


def array_to_string(value: Any, delimiter: str, null: str | None = None) -> str | None:
    if value is None or delimiter is None:
        return None
    words = [null if one is None else word(one) for one in elements(value)]
    return delimiter.join(word for word in words if word is not None)


def word(value: Any) -> str:
    if isinstance(value, bool):
        return "t" if value else "f"
    return dumped(value) if isinstance(value, (list, dict)) else text_of(value)


def string_to_array(value: Any, delimiter: str | None, null: str | None = None) -> str | None:
    if value is None:
        return None
    text = text_of(value)
    words = list(text) if delimiter is None else text.split(delimiter) if delimiter else [text]
    if not text:
        words = []
    return dumped([None if null is not None and word == null else word for word in words])


def array_append(value: Any, one: Any) -> str:
    return dumped([*(elements(value) if value is not None else []), one])


def array_prepend(one: Any, value: Any) -> str:
    return dumped([one, *(elements(value) if value is not None else [])])


def array_cat(left: Any, right: Any) -> Any:
    if left is None or right is None:
        return right if left is None else left
    return dumped(elements(left) + elements(right))


def array_remove(value: Any, one: Any) -> str | None:
    return None if value is None else dumped([other for other in elements(value) if other != one])


def each(found: list[Any], change: Callable[[Any], Any]) -> list[Any]:
    """The elements as `change` makes them, inner arrays' too."""
    return [each(one, change) if isinstance(one, list) else change(one) for one in found]


def pg_array_of(value: Any, cast: Callable[[Any], Any]) -> str | None:
    """An array whose elements are each cast."""
    return None if value is None else dumped(each(elements(value), lambda one: None if one is None else cast(one)))


def array_replace(value: Any, old: Any, new: Any) -> str | None:
    """Each element that equals `old` is `new` then, inner arrays' too."""
    if value is None:
        return None
    return dumped(each(elements(value), lambda one: new if one == old else one))


def array_position(value: Any, one: Any) -> int | None:
    if value is None:
        return None
    found = elements(value)
    return found.index(one) + 1 if one in found else None


def array_positions(value: Any, one: Any) -> str | None:
    return None if value is None else dumped([at for at, other in enumerate(elements(value), 1) if other == one])


def array_dims(value: Any) -> str | None:
    if value is None or not elements(value):
        return None
    found: Any = elements(value)
    shown = []
    while isinstance(found, list) and found:
        shown.append(f"[1:{len(found)}]")
        found = found[0]
    return "".join(shown)


def array_fill(value: Any, sizes: Any) -> str | None:
    if sizes is None:
        return None
    made, count = value, 1
    for size in reversed(elements(sizes)):
        count *= int(size)
        if count > ELEMENTS_MAX:
            raise StatementError("54000", "array size exceeds the maximum allowed")
        made = [made] * int(size)
    return dumped(made if isinstance(made, list) else [])


def trim_array(value: Any, count: int) -> str | None:
    if value is None or count is None:
        return None
    found = elements(value)
    if not 0 <= int(count) <= len(found):
        raise StatementError("2202E", f"number of elements to trim must be between 0 and {len(found)}")
    return dumped(found[: len(found) - int(count)])


def array_ndims(value: Any) -> int | None:
    if value is None:
        return None
    depth, found = 0, elements(value)
    while isinstance(found, list) and found:
        depth, found = depth + 1, found[0]
    return depth or None


def overlaps(left: Any, right: Any) -> int | None:
    """``left && right``."""
    if left is None or right is None:
        return None
    other = elements(right)
    return int(any(one in other for one in elements(left)))


# jsonb


def loaded(value: Any) -> Any:
    try:
        return json.loads(value, parse_float=Decimal) if isinstance(value, (str, bytes)) else value
    except (ValueError, RecursionError):
        raise StatementError("22P02", "invalid input syntax for type json") from None


def contains(left: Any, right: Any) -> int | None:
    """``left @> right``, for jsonb and for arrays."""
    if left is None or right is None:
        return None
    return int(_contains(_document(left), _document(right)))


def _document(value: Any) -> Any:
    text = text_of(value).strip()
    if text.startswith("{") and text != "{}":
        try:
            return json.loads(text, parse_float=Decimal)
        except (ValueError, RecursionError):
            return elements(text)
    return loaded(text)


def _contains(left: Any, right: Any) -> bool:
    if isinstance(right, dict):
        return isinstance(left, dict) and all(key in left and _contains(left[key], right[key]) for key in right)
    if isinstance(right, list):
        return isinstance(left, list) and all(any(_contains(one, other) for one in left) for other in right)
    if isinstance(left, list):
        return right in left
    return bool(left == right and isinstance(left, bool) == isinstance(right, bool))


def at_path(value: Any, path: Any, as_text: int) -> Any:
    """``value #> path`` and ``value #>> path``."""
    if value is None or path is None:
        return None
    found = loaded(value)
    for key in elements(path):
        if isinstance(found, dict):
            found = found.get(str(key), _ABSENT)
        elif isinstance(found, list):
            try:
                found = found[int(key)]
            except (ValueError, IndexError):
                found = _ABSENT
        else:
            found = _ABSENT
        if found is _ABSENT:
            return None
    if not as_text:
        return json_text(found)
    return json_plain(found)


_ABSENT: Final = object()


def has_key(value: Any, key: Any) -> int | None:
    """``value ? key``."""
    if value is None or key is None:
        return None
    found = loaded(value)
    return int(str(key) in found if isinstance(found, (dict, list)) else found == key)


def has_any(value: Any, keys: Any) -> int | None:
    """``value ?| keys``."""
    return None if value is None or keys is None else int(any(has_key(value, key) for key in elements(keys)))


def has_all(value: Any, keys: Any) -> int | None:
    """``value ?& keys``."""
    return None if value is None or keys is None else int(all(has_key(value, key) for key in elements(keys)))


def jsonb_set(value: Any, path: Any, new: Any, create: int = 1) -> str | None:
    if value is None or path is None or new is None:
        return None
    document, keys = loaded(value), elements(path)
    found = document
    for depth, key in enumerate(keys):
        last = depth == len(keys) - 1
        if isinstance(found, dict):
            key = str(key)
            if last and (key in found or create):
                found[key] = loaded(new)
            found = found.get(key)
        elif isinstance(found, list) and str(key).lstrip("-").isdecimal():
            index = int(key)
            if last and -len(found) <= index < len(found):
                found[index] = loaded(new)
            elif last and create:
                found.insert(0 if index < 0 else len(found), loaded(new))
            found = found[index] if -len(found) <= index < len(found) else None
        else:
            break
    return json_text(document)


def json_typeof(value: Any) -> str | None:
    if value is None:
        return None
    found = loaded(value)
    names: list[tuple[type, str]] = [(bool, "boolean"), (dict, "object"), (list, "array"), (str, "string")]
    for kind, name in names:
        if isinstance(found, kind):
            return name
    return "null" if found is None else "number"


def strip_nulls(value: Any) -> str | None:
    def stripped(one: Any) -> Any:
        if isinstance(one, dict):
            return {key: stripped(inner) for key, inner in one.items() if inner is not None}
        return [stripped(inner) for inner in one] if isinstance(one, list) else one

    return None if value is None else json_text(stripped(loaded(value)))


def to_json(value: Any) -> str | None:
    return None if value is None else json.dumps(value.hex() if isinstance(value, bytes) else value, ensure_ascii=False)


def any_equal(value: Any, array: Any) -> int | None:
    """``value = ANY (array)`` where it cannot be said with IN."""
    if value is None or array is None:
        return None
    found = elements(array)
    return 1 if value in found else None if None in found else 0


#: Name, number of arguments, what computes it.
FUNCTIONS: tuple[tuple[str, int, Callable[..., Any]], ...] = (
    ("pg_array", 1, pg_array),
    ("pg_item", -1, item),
    ("pg_vector_item", 2, vector_item),
    ("pg_slice", 3, part),
    ("pg_contains", 2, contains),
    ("pg_contained", 2, lambda left, right: contains(right, left)),
    ("pg_overlaps", 2, overlaps),
    ("pg_at_path", 3, at_path),
    ("pg_has_key", 2, has_key),
    ("pg_has_any", 2, has_any),
    ("pg_has_all", 2, has_all),
    ("pg_any", 2, any_equal),
    ("array_length", 2, array_length),
    ("array_upper", 2, array_length),
    ("array_lower", 2, array_lower),
    ("array_ndims", 1, array_ndims),
    ("cardinality", 1, cardinality),
    ("array_to_string", 2, array_to_string),
    ("array_to_string", 3, array_to_string),
    ("string_to_array", 2, string_to_array),
    ("string_to_array", 3, string_to_array),
    ("array_append", 2, array_append),
    ("array_prepend", 2, array_prepend),
    ("array_cat", 2, array_cat),
    ("array_remove", 2, array_remove),
    ("array_replace", 3, array_replace),
    ("array_position", 2, array_position),
    ("array_positions", 2, array_positions),
    ("array_dims", 1, array_dims),
    ("array_fill", 2, array_fill),
    ("trim_array", 2, trim_array),
    ("pg_jsonb_set", -1, jsonb_set),
    ("json_typeof", 1, json_typeof),
    ("jsonb_typeof", 1, json_typeof),
    ("json_strip_nulls", 1, strip_nulls),
    ("jsonb_strip_nulls", 1, strip_nulls),
    ("to_json", 1, to_json),
    ("to_jsonb", 1, to_json),
    ("jsonb_array_length", 1, lambda value: None if value is None else len(loaded(value))),
)
