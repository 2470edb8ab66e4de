"""JSON made of SQL's values, in json's and in jsonb's writing.

Each value comes with a letter that tells what it is (``ha.sql.documents.MARKS``): **b**\\ ool, **j**\\ son, **a**\\ rray, array of
bools (**x**), date or **t**\\ ime without a zone, time with a **z**\\ one, arrays (**c**, **y**) and ranges (**e**, **r**) of them,
**n**\\ umber, **s**\\ tring; **u**\\ nknown goes by the value.

https://www.postgresql.org/docs/15/functions-json.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import tzinfo
from decimal import Decimal
from typing import Any, Final

from ha.errors import StatementError
from ha.sql.calendar import DAY, OTHERWISE_SHOWN, date_shown, kept_moment, stamp_shown
from ha.sqlite import arrays, times
from ha.sqlite.aggregates import Gathered, Parts
from ha.sqlite.casts import json_plain, json_text, pg_numeric, text_of

#: The letters there are.
MARKS: Final = "bjaxtzcyernsu"

#: Says where the session is.
Zone = Callable[[], tzinfo | None]


def fragment(letter: str, value: Any, zone: Zone) -> str:
    """A value's JSON text; of a document the text that it is."""
    if value is None:
        return "null"
    if letter == "b":
        return "true" if value else "false"
    if letter == "j":
        return text_of(value)
    if letter in "ax":
        return _array(arrays.elements(value), letter == "x")
    if letter == "t":
        return _string(_time_text(value) or "")
    if letter == "z":
        return _string(times.json_text(times.moment(value), zone()))
    if letter == "c":
        return _array(arrays.each(arrays.elements(value), _time_text), False)
    if letter == "y":
        place = zone()
        return _array(arrays.each(arrays.elements(value), lambda one: _moment_text(one, place)), False)
    if letter in "er":
        return _string(times.ranges_shown(text_of(value), zone() if letter == "r" else None, zoned=letter == "r"))
    if letter == "n" or (letter == "u" and isinstance(value, (int, float))):
        return _number(value)
    return _string(value.hex() if isinstance(value, bytes) else text_of(value))


def _moment_text(value: Any, zone: tzinfo | None) -> str | None:
    return None if value is None else times.json_text(times.moment(value), zone)


def _time_text(value: Any) -> str | None:
    """A date, or a timestamp without a zone."""
    if value is None:
        return None
    text = text_of(value)
    found = kept_moment(text) if text[:1] in OTHERWISE_SHOWN else None
    if found is None:
        return text.replace(" ", "T", 1)
    return stamp_shown(found[0], between="T") if found[1] else date_shown(found[0] // DAY)


def _number(value: Any) -> str:
    if isinstance(value, float):
        return json.dumps(int(value)) if value.is_integer() and abs(value) < 1e15 else json.dumps(value)
    return text_of(pg_numeric(value)) if isinstance(value, str) else str(value)


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _array(found: list[Any], of_bools: bool) -> str:
    parts = []
    for one in found:
        if isinstance(one, list):
            parts.append(_array(one, of_bools))
        elif of_bools and one is not None:
            parts.append("true" if one in (1, "t", "true") else "false")
        else:
            parts.append(json.dumps(one, ensure_ascii=False))
    return f"[{','.join(parts)}]"


def normal(value: Any) -> str | None:
    """A document as jsonb writes it."""
    if value is None:
        return None
    try:
        return json_text(json.loads(text_of(value), parse_float=Decimal), ordered=True)
    except (ValueError, RecursionError):
        raise StatementError("22P02", "invalid input syntax for type json") from None


def _pairs(marks: str, values: tuple[Any, ...], zone: Zone) -> Iterable[tuple[str, str]]:
    if len(values) % 2:
        raise StatementError("22023", "argument list must have even number of elements")
    for at in range(0, len(values), 2):
        if values[at] is None:
            raise StatementError("22023", f"argument {at + 1}: key must not be null")
        yield _string(text_of(values[at])), fragment(marks[at + 1], values[at + 1], zone)


def builders(zone: Zone) -> list[tuple[str, int, Callable[..., Any]]]:
    """The functions that make one document: name, number of arguments, what computes it."""

    def json_object(marks: str, *values: Any) -> str:
        return "{" + ", ".join(f"{key} : {value}" for key, value in _pairs(marks, values, zone)) + "}"

    def json_row(marks: str, *values: Any) -> str:
        return "{" + ",".join(f"{key}:{value}" for key, value in _pairs(marks, values, zone)) + "}"

    def json_array(marks: str, *values: Any) -> str:
        return "[" + ", ".join([fragment(*pair, zone) for pair in zip(marks, values, strict=True)]) + "]"

    def single(letter: str, *, binary: bool) -> Callable[[Any], str | None]:
        def to_json(value: Any) -> str | None:
            if value is None:
                return None
            made = fragment(letter, value, zone)
            return normal(made) if binary else made

        return to_json

    rows: list[tuple[str, int, Callable[..., Any]]] = [
        ("pg_json_object", -1, json_object),
        ("pg_json_row", -1, json_row),
        ("pg_json_array", -1, json_array),
        ("pg_jsonb_object", -1, lambda *given: normal(json_object(*given))),
        ("pg_jsonb_array", -1, lambda *given: normal(json_array(*given))),
    ]
    for letter in MARKS:
        rows.append((f"pg_to_json_{letter}", 1, single(letter, binary=False)))
        rows.append((f"pg_to_jsonb_{letter}", 1, single(letter, binary=True)))
    return rows


def gatherers(zone: Zone) -> list[tuple[str, int, Callable[[], Parts]]]:
    """The aggregates that make one document: name, number of arguments, what makes its parts."""

    def listing(letter: str, *, binary: bool) -> Callable[[], Parts]:
        def step(state: Gathered, value: Any) -> None:
            state.add(fragment(letter, value, zone))

        def end(state: Gathered) -> str | None:
            made = f"[{', '.join(state.values)}]"
            return None if not state.values else normal(made) if binary else made

        return lambda: (Gathered(), step, end)

    def naming(letter: str, *, binary: bool) -> Callable[[], Parts]:
        def step(state: Gathered, name: Any, value: Any) -> None:
            if name is None:
                raise StatementError("22023", "field name must not be null")
            state.add(f"{_string(text_of(name))} : {fragment(letter, value, zone)}")

        def end(state: Gathered) -> str | None:
            made = f"{{ {', '.join(state.values)} }}"
            return None if not state.values else normal(made) if binary else made

        return lambda: (Gathered(), step, end)

    rows: list[tuple[str, int, Callable[[], Parts]]] = []
    for letter in MARKS:
        for kind, binary in (("json", False), ("jsonb", True)):
            rows.append((f"pg_{kind}_agg_{letter}", 1, listing(letter, binary=binary)))
            rows.append((f"pg_{kind}_object_agg_{letter}", 2, naming(letter, binary=binary)))
    return rows


# jsonb's operators


def concat(left: Any, right: Any) -> str | None:
    """``left || right``: two objects become one, anything else a list."""
    if left is None or right is None:
        return None
    first, second = arrays.loaded(left), arrays.loaded(right)
    if isinstance(first, dict) and isinstance(second, dict):
        return json_text({**first, **second}, ordered=True)
    listed = [*(first if isinstance(first, list) else [first]), *(second if isinstance(second, list) else [second])]
    return json_text(listed, ordered=True)


def delete(value: Any, key: Any) -> str | None:
    """``value - key``: a name, a place, or an array of names."""
    if value is None or key is None:
        return None
    found = arrays.loaded(value)
    if not isinstance(found, (dict, list)):
        raise StatementError("22023", "cannot delete from scalar")
    if isinstance(key, int):
        if isinstance(found, dict):
            raise StatementError("22023", "cannot delete from object using integer index")
        if -len(found) <= key < len(found):
            del found[key]
        return json_text(found, ordered=True)
    names = set(map(str, arrays.elements(key))) if key[:1] in ("[", "{") and key[-1:] in ("]", "}") else {key}
    if isinstance(found, dict):
        return json_text({name: one for name, one in found.items() if name not in names}, ordered=True)
    return json_text([one for one in found if not (isinstance(one, str) and one in names)], ordered=True)


def delete_path(value: Any, path: Any) -> str | None:
    """``value #- path``."""
    if value is None or path is None:
        return None
    document, keys = arrays.loaded(value), arrays.elements(path)
    found = document
    for depth, key in enumerate(keys):
        place = _place(found, key)
        if place is None:
            break
        if depth == len(keys) - 1:
            del found[place]
        else:
            found = found[place]
    return json_text(document, ordered=True)


def _place(found: Any, key: Any) -> Any:
    """Where a key leads in an object or an array; None if nowhere."""
    if isinstance(found, dict):
        return str(key) if str(key) in found else None
    if isinstance(found, list) and str(key).lstrip("-").isdecimal():
        return int(key) if -len(found) <= int(key) < len(found) else None
    return None


def get(value: Any, key: Any) -> Any:
    """``value -> key``, of a jsonb."""
    found, known = _got(value, key)
    return json_text(found, ordered=True) if known else None


def get_text(value: Any, key: Any) -> str | None:
    """``value ->> key``: what is no string comes as its JSON text."""
    found, known = _got(value, key)
    return json_plain(found) if known else None


def _got(value: Any, key: Any) -> tuple[Any, bool]:
    if value is None or key is None:
        return None, False
    found = arrays.loaded(value)
    if isinstance(found, dict):
        return (found[key], True) if isinstance(key, str) and key in found else (None, False)
    if isinstance(found, list) and isinstance(key, int) and -len(found) <= key < len(found):
        return found[key], True
    return None, False


def path(value: Any, *keys: Any) -> Any:
    """``json_extract_path(value, …)``."""
    return None if value is None or None in keys else arrays.at_path(value, json.dumps([str(key) for key in keys]), 0)


def path_text(value: Any, *keys: Any) -> Any:
    """``json_extract_path_text(value, …)``."""
    return None if value is None or None in keys else arrays.at_path(value, json.dumps([str(key) for key in keys]), 1)


def pretty(value: Any) -> str | None:
    """jsonb_pretty."""
    return None if value is None else "".join(_pretty(arrays.loaded(normal(value)), 0))


def _pretty(value: Any, depth: int) -> Iterable[str]:
    inner, outer = "    " * (depth + 1), "    " * depth
    if isinstance(value, dict):
        yield "{\n"
        for number, (name, one) in enumerate(value.items()):
            yield f"{'' if number == 0 else ',' + chr(10)}{inner}{_string(name)}: "
            yield from _pretty(one, depth + 1)
        yield f"{chr(10) if value else ''}{outer}}}"
    elif isinstance(value, list):
        yield "[\n"
        for number, one in enumerate(value):
            yield f"{'' if number == 0 else ',' + chr(10)}{inner}"
            yield from _pretty(one, depth + 1)
        yield f"{chr(10) if value else ''}{outer}]"
    else:
        yield json_text(value)


def insert(value: Any, path: Any, new: Any, after: int = 0) -> str | None:
    """jsonb_insert."""
    if value is None or path is None or new is None:
        return None
    document, keys = arrays.loaded(value), arrays.elements(path)
    found = document
    for key in keys[:-1]:
        place = _place(found, key)
        if place is None:
            return json_text(document, ordered=True)
        found = found[place]
    key = keys[-1] if keys else None
    if isinstance(found, dict):
        if str(key) in found:
            raise StatementError(
                "22023", "cannot replace existing key", hint="Try using the function jsonb_set to replace key value."
            )
        found[str(key)] = arrays.loaded(new)
    elif isinstance(found, list) and str(key).lstrip("-").isdecimal():
        at = int(str(key))
        at = max(at + len(found), 0) if at < 0 else min(at, len(found))
        found.insert(at + (1 if after and at < len(found) else 0), arrays.loaded(new))
    return json_text(document, ordered=True)


def object_of(names: Any, values: Any = None) -> str | None:
    """json_object(text[]) and json_object(keys, values)."""
    if names is None:
        return None
    found = arrays.elements(names)
    if values is None:
        if any(isinstance(one, list) for one in found):
            pairs = [tuple(one) for one in found]
        elif len(found) % 2:
            raise StatementError("2202E", "array must have even number of elements")
        else:
            pairs = list(zip(found[::2], found[1::2], strict=True))
    else:
        pairs = list(zip(found, arrays.elements(values), strict=False))
    parts = [f"{_string(text_of(name))} : {'null' if one is None else _string(text_of(one))}" for name, one in pairs]
    return "{" + ", ".join(parts) + "}"


#: Name, number of arguments, what computes it.
FUNCTIONS: tuple[tuple[str, int, Callable[..., Any]], ...] = (
    ("pg_jsonb_concat", 2, concat),
    ("pg_jsonb_delete", 2, delete),
    ("pg_jsonb_delete_path", 2, delete_path),
    ("pg_jsonb_get", 2, get),
    ("pg_json_text", 2, get_text),
    ("json_extract_path", -1, path),
    ("jsonb_extract_path", -1, path),
    ("json_extract_path_text", -1, path_text),
    ("jsonb_extract_path_text", -1, path_text),
    ("jsonb_pretty", 1, pretty),
    ("pg_jsonb_insert", 3, insert),
    ("pg_jsonb_insert", 4, insert),
    ("pg_object_of", 1, object_of),
    ("pg_object_of", 2, object_of),
    ("pg_jsonb_object_of", 1, lambda names: normal(object_of(names))),
    ("pg_jsonb_object_of", 2, lambda names, values: normal(object_of(names, values))),
)
