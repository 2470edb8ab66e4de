"""Functions on numbers where SQLite gives NULL, or rounds otherwise.

PostgreSQL refuses the square root of a negative number; SQLite says NULL. What is kept in the schema keeps SQLite's ways.

https://www.postgresql.org/docs/15/functions-math.html
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any

from ha.errors import StatementError
from ha.sqlite.casts import invalid, pg_numeric

_WIDE = Context(prec=1000)


def _decimal(value: Any) -> Decimal:
    try:
        return Decimal(f"{value:.15g}" if isinstance(value, float) else str(value).strip())
    except InvalidOperation:
        raise invalid("numeric", value) from None


def _placed(mode: str) -> Callable[[Any, Any], Any]:
    def placed(value: Any, places: Any) -> Any:
        if value is None or places is None:
            return None
        if isinstance(value, float) and not math.isfinite(value):
            return value
        unit = Decimal(1).scaleb(-max(-150, min(int(places), 150)))
        return pg_numeric(_decimal(value).quantize(unit, rounding=mode, context=_WIDE))

    return placed


def round_even(value: Any) -> float | None:
    """A float, rounded to the nearest even number."""
    if value is None:
        return None
    number = float(value)
    return float(round(number)) if math.isfinite(number) else number


def _number(value: Any) -> float:
    try:
        return float(value)
    except ValueError:
        raise invalid("double precision", value) from None


def _checked(compute: Callable[..., float], check: Callable[..., None] | None = None) -> Callable[..., Any]:
    """NULL in, NULL out; what has no value, or none that fits, is refused."""

    def checked(*values: Any) -> Any:
        if None in values:
            return None
        numbers = [_number(value) for value in values]
        if check is not None:
            check(*numbers)
        try:
            found = compute(*numbers)
        except OverflowError:
            raise StatementError("22003", "value out of range: overflow") from None
        except ValueError:
            raise StatementError("22003", "input is out of range") from None
        if math.isinf(found) and not any(map(math.isinf, numbers)):
            raise StatementError("22003", "value out of range: overflow")
        return found

    return checked


def _no_root(value: float) -> None:
    if value < 0:
        raise StatementError("2201F", "cannot take square root of a negative number")


def _no_logarithm(*values: float) -> None:
    for value in values:
        if value == 0:
            raise StatementError("2201E", "cannot take logarithm of zero")
        if value < 0:
            raise StatementError("2201E", "cannot take logarithm of a negative number")


def _no_power(base: float, exponent: float) -> None:
    if base == 0 and exponent < 0:
        raise StatementError("2201F", "zero raised to a negative power is undefined")
    if base < 0 and not exponent.is_integer():
        raise StatementError("2201F", "a negative number raised to a non-integer power yields a complex result")


def mod(left: Any, right: Any) -> Any:
    """The rest of a division, with the sign of what is divided."""
    if left is None or right is None:
        return None
    if not _decimal(right):
        raise StatementError("22012", "division by zero")
    if isinstance(left, int) and isinstance(right, int):
        return int(math.copysign(1, left)) * (abs(left) % abs(right))
    return pg_numeric(_WIDE.remainder(_decimal(left), _decimal(right)))


def cot(value: Any) -> float | None:
    """The cotangent, which has no end at zero."""
    if value is None:
        return None
    tangent = math.tan(_number(value))
    return 1 / tangent if tangent else math.inf


def scale(value: Any) -> int | None:
    """How many digits of the fraction are kept."""
    if value is None:
        return None
    exponent = _decimal(value).as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else None


def random_() -> float:
    """A number from 0 up to 1."""
    return random.random()


#: Name, number of arguments, what computes it.
FUNCTIONS: tuple[tuple[str, int, Callable[..., Any]], ...] = (
    ("pg_round", 2, _placed(ROUND_HALF_UP)),
    ("pg_trunc", 2, _placed(ROUND_DOWN)),
    ("pg_round_even", 1, round_even),
    ("pg_mod", 2, mod),
    ("pg_sqrt", 1, _checked(math.sqrt, _no_root)),
    ("pg_exp", 1, _checked(math.exp)),
    ("pg_ln", 1, _checked(math.log, _no_logarithm)),
    ("pg_log", 1, _checked(math.log10, _no_logarithm)),
    ("pg_log", 2, _checked(lambda base, value: math.log10(value) / math.log10(base), _no_logarithm)),
    ("pg_power", 2, _checked(math.pow, _no_power)),
    ("pg_acos", 1, _checked(math.acos)),
    ("cot", 1, cot),
    ("num_nulls", -1, lambda *values: values.count(None)),
    ("num_nonnulls", -1, lambda *values: len(values) - values.count(None)),
    ("pg_asin", 1, _checked(math.asin)),
    ("pg_xor", 2, lambda left, right: None if left is None or right is None else int(left) ^ int(right)),
    ("scale", 1, scale),
    ("min_scale", 1, scale),
    ("trim_scale", 1, lambda value: value),
)
