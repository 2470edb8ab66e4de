"""Exact decimals: what PostgreSQL computes with ``numeric``, digit by digit.

SQLite has no such type: its sums of fractions are binary, and exact to some fifteen digits. Where a PostgreSQL client's statement
computes with numerics, the translation (:mod:`ha.sql.exact`) calls these. They take what a column of numeric holds (an integer, a
REAL, of which fifteen digits count) or a text of digits, and give a text with the digits that PostgreSQL would show: its display
scale is part of the value. ``NaN`` and the infinities are such texts, too.

Promises: nothing is rounded where PostgreSQL would not round; what it cannot hold is refused with 22003; a text of digits is compared
by its value through the collation ``pg_numeric``, never as a text.

https://www.postgresql.org/docs/15/datatype-numeric.html
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Final

from ha.errors import StatementError
from ha.sql.calendar import DAY
from ha.sqlite import times
from ha.sqlite.casts import invalid

#: Digits before and behind the point that PostgreSQL's numeric may have.
WHOLE_MAX: Final = 131_072
SCALE_MAX: Final = 16_383
#: A quotient, a root or a logarithm has at least so many significant digits, and at most so many behind the point.
SIGNIFICANT_MIN: Final = 16
RESULT_SCALE_MAX: Final = 1_000
#: Places that round() and trunc() count to, either way.
PLACES_MAX: Final = 2_000
#: Beyond e to this power, nothing is computed.
EXPONENT_MAX: Final = 6_000
#: Digits in which PostgreSQL counts: its numbers have the base 10,000.
_LIMB: Final = 4

# No traps: infinity less infinity is NaN, as there.
_WIDE: Final = Context(prec=4 * (WHOLE_MAX + SCALE_MAX), rounding=ROUND_HALF_UP, Emin=-999_999, Emax=999_999, traps=[])
_LOG10_E: Final = 0.434294481903252
_WORDS: Final = {
    "nan": Decimal("NaN"),
    **dict.fromkeys(("infinity", "inf", "+infinity", "+inf"), Decimal("Infinity")),
    **dict.fromkeys(("-infinity", "-inf"), Decimal("-Infinity")),
}
_ONE: Final = Decimal(1)
_NAN: Final = Decimal("NaN")


def overflow() -> StatementError:
    return StatementError("22003", "value overflows numeric format")


def _no_division() -> StatementError:
    return StatementError("22012", "division by zero")


def number(value: Any) -> Decimal:
    """The number that an integer, a REAL or a text means.

    :raises StatementError: 22P02, it is none; 22003, it has more digits than PostgreSQL holds.
    """
    if value.__class__ is int:
        return Decimal(value)
    if value.__class__ is float:
        # Of a float fifteen digits count, as in PostgreSQL: the rest is what computing in binary has left.
        return Decimal(f"{value:.15g}")
    text = value if isinstance(value, str) else str(value)
    try:
        if "_" in text or not text.isascii():
            raise invalid("numeric", value)
        found = Decimal(text)
    except InvalidOperation:
        found = _NAN
    if found.is_finite():
        if found.adjusted() >= WHOLE_MAX or scale_of(found) > SCALE_MAX:
            raise overflow()
        return found
    known = _WORDS.get(text.strip().lower())
    if known is None:
        raise invalid("numeric", value)
    return known


def written(found: Decimal) -> str:
    """A number's digits, as many as its scale says.

    :raises StatementError: 22003.
    """
    if not found.is_finite():
        return "NaN" if found.is_nan() else "Infinity" if found > 0 else "-Infinity"
    if found.adjusted() >= WHOLE_MAX:
        raise overflow()
    text = f"{found:f}"
    return text[1:] if text[0] == "-" and not found else text


def scale_of(found: Decimal) -> int:
    """How many digits a number shows behind its point."""
    exponent = found.as_tuple().exponent
    return -exponent if isinstance(exponent, int) and exponent < 0 else 0


def _scaled(found: Decimal, scale: int, rounding: str = ROUND_HALF_UP) -> Decimal:
    """With so many digits behind the point; fewer than none are zeros before it."""
    if not found.is_finite():
        return found
    rounded = found.quantize(_ONE.scaleb(-scale), rounding, _WIDE)
    return rounded if scale >= 0 else rounded.quantize(_ONE, context=_WIDE)


def _strict(compute: Callable[..., Decimal]) -> Callable[..., str | None]:
    """A function of SQL's: NULL gives NULL, values are numbers, the result is a text."""

    def called(*values: Any) -> str | None:
        if None in values:
            return None
        return written(compute(*map(number, values)))

    return called


# Casts


def dec_of(value: Any, scale: int | None = None) -> str | None:
    """The digits of a number; those of a column that has a scale, as many as it says."""
    if value is None:
        return None
    found = number(value)
    return written(found if scale is None else _scaled(found, scale))


def dec_cast(value: Any, precision: int | None = None, scale: int = 0) -> str | None:
    """``x::numeric``, ``x::numeric(precision, scale)``."""
    if value is None:
        return None
    found = number(value)
    if precision is None:
        return written(found)
    if found.is_infinite():
        raise StatementError(
            "22003",
            "numeric field overflow",
            detail=f"A field with precision {precision}, scale {scale} cannot hold an infinite value.",
        )
    found = _scaled(found, scale)
    if found and found.is_finite() and found.adjusted() >= precision - scale:
        most = f"10^{precision - scale}" if precision != scale else "1"
        raise StatementError(
            "22003",
            "numeric field overflow",
            detail=f"A field with precision {precision}, scale {scale} must round to an absolute value less than {most}.",
        )
    return written(found)


def dec_units(units: Any, scale: int) -> str | None:
    """What so many hundredths, thousandths … are together: the sum of a column that has a scale."""
    return None if units is None else written(Decimal(units).scaleb(-scale, _WIDE))


def dec_integer(value: Any) -> Any:
    """The nearest whole number, of two equally near that further from zero, for the integer type that takes it."""
    if value is None:
        return None
    found = number(value)
    if not found.is_finite():
        raise StatementError("0A000", f"cannot convert {'NaN' if found.is_nan() else 'infinity'} to integer")
    whole = _scaled(found, 0)
    return int(whole) if -(1 << 63) <= whole < 1 << 63 else math.copysign(math.inf, whole)


def dec_number(value: Any, way: int = 0) -> Any:
    """What SQLite compares as PostgreSQL would compare the number with any value of a column.

    A column holds integers of 64 bits, and REALs that mean fifteen digits. A number with more lies between two of those: then it is
    the REAL beside it on its side, which none of them is. NaN is a text, and so greater than every number, as in PostgreSQL.

    :param way: of two integers between which there is no REAL, take the greater one (1), the less (-1), or what equals nothing (0).
    """
    if value is None or value.__class__ in (int, float):
        return value
    found = number(value)
    if found.is_nan():
        return "NaN"
    if found.is_infinite():
        return math.inf if found > 0 else -math.inf
    if -(1 << 63) <= found < 1 << 63:
        if found == found.to_integral_value(context=_WIDE):
            return int(found)
        if found.copy_abs() > 1 << 52:
            return int(found.to_integral_value(ROUND_CEILING if way > 0 else ROUND_FLOOR, _WIDE)) if way else b""
    near = float(found)
    if math.isinf(near):
        return near
    kept = Decimal(f"{near:.15g}")
    if kept == found:
        return near
    return math.nextafter(near, math.inf if found > kept else -math.inf) if float(kept) == near else near


# Arithmetic


def _mul(left: Decimal, right: Decimal) -> Decimal:
    product = _WIDE.multiply(left, right)
    return _scaled(product, SCALE_MAX) if product.is_finite() and scale_of(product) > SCALE_MAX else product


def _weight(found: Decimal) -> tuple[int, int]:
    """The place of a number's first digit to the base 10,000, and that digit."""
    if not found:
        return 0, 0
    weight = found.adjusted() // _LIMB
    return weight, int(found.copy_abs().scaleb(-_LIMB * weight, _WIDE))


def _div(left: Decimal, right: Decimal) -> Decimal:
    """A quotient of sixteen significant digits at least (src/backend/utils/adt/numeric.c, select_div_scale)."""
    if left.is_nan() or right.is_nan():
        return _NAN
    if not right:
        raise _no_division()
    if not left.is_finite() or not right.is_finite():
        return Decimal(0) if left.is_finite() else _WIDE.divide(left, right)
    (weight, first), (weight_right, first_right) = _weight(left), _weight(right)
    places = weight - weight_right - (first <= first_right)
    scale = max(SIGNIFICANT_MIN - places * _LIMB, scale_of(left), scale_of(right), 0)
    return _quotient(left, right, min(scale, RESULT_SCALE_MAX))


def _quotient(left: Decimal, right: Decimal, scale: int) -> Decimal:
    """Rounded once, half away from zero."""
    divisor = right.copy_abs()
    whole, rest = _WIDE.divmod(left.copy_abs().scaleb(scale, _WIDE), divisor)
    if _WIDE.add(rest, rest) >= divisor:
        whole = _WIDE.add(whole, _ONE)
    return (whole if left.is_signed() == right.is_signed() else whole.copy_negate()).scaleb(-scale, _WIDE)


def _mod(left: Decimal, right: Decimal) -> Decimal:
    if left.is_nan() or right.is_nan():
        return _NAN
    if not right:
        raise _no_division()
    if left.is_infinite():
        return _NAN
    if right.is_infinite():
        return left
    return _scaled(_WIDE.remainder(left, right), max(scale_of(left), scale_of(right)))


def _whole_quotient(left: Decimal, right: Decimal) -> Decimal:
    if left.is_finite() and right.is_finite() and right:
        return _WIDE.divide_int(left, right)
    return _div(left, right)


# Rounding


def _placed(rounding: str) -> Callable[..., str | None]:
    def placed(value: Any, places: Any = 0) -> str | None:
        if value is None or places is None:
            return None
        return written(_scaled(number(value), max(-PLACES_MAX, min(int(places), PLACES_MAX)), rounding))

    return placed


def _whole(rounding: str) -> Callable[[Decimal], Decimal]:
    return lambda found: _scaled(found, 0, rounding)


def _sign(found: Decimal) -> Decimal:
    return found if found.is_nan() else Decimal((found > 0) - (found < 0))


# Roots, powers, logarithms


def _result_scale(weight: int, *numbers: Decimal) -> int:
    """Of a result whose first digit stands at this place: sixteen significant digits, and no less than went in."""
    return min(max(SIGNIFICANT_MIN - weight, *map(scale_of, numbers), 0), RESULT_SCALE_MAX)


def _near(weight: int, scale: int) -> Context:
    """Digits enough to round a result to its scale."""
    return Context(prec=max(weight, 0) + scale + 12, rounding=ROUND_HALF_UP, Emin=-999_999, Emax=999_999, traps=[])


def _sqrt(found: Decimal) -> Decimal:
    if found.is_nan():
        return found
    if found < 0:
        raise StatementError("2201F", "cannot take square root of a negative number")
    if found.is_infinite():
        return found
    weight = _weight(found)[0] if found else 0
    scale = _result_scale((weight + 1) * _LIMB // 2 - 1, found)
    return _scaled(_near(max(found.adjusted(), 0), scale).sqrt(found), scale)


def _exp(found: Decimal) -> Decimal:
    if not found.is_finite():
        return Decimal(0) if found == -math.inf else found
    weight = int(max(-2000.0, min(float(found) * _LOG10_E, 2000.0)))
    scale = _result_scale(weight, found)
    if found >= EXPONENT_MAX:
        raise overflow()
    if found <= -EXPONENT_MAX:
        return Decimal(0).scaleb(-scale, _WIDE)
    return _scaled(_near(weight, scale).exp(found), scale)


def _logarithm_weight(found: Decimal) -> int:
    """About where the first digit of a natural logarithm stands (estimate_ln_dweight)."""
    if Decimal("0.9") <= found <= Decimal("1.1"):
        beside = _WIDE.subtract(found, _ONE)
        if not beside:
            return 0
        weight, first = _weight(beside)
        return weight * _LIMB + int(math.log10(first))
    weight = _weight(found)[0] - 1  # by two digits to the base 10,000
    digits = int(found.scaleb(-_LIMB * weight, _WIDE))
    near = math.log(digits) + weight * _LIMB * math.log(10)
    return int(math.log10(abs(near)))


def _positive(*numbers: Decimal) -> None:
    for found in numbers:
        if not found.is_nan() and found <= 0:
            shown = "zero" if not found else "a negative number"
            raise StatementError("2201E", f"cannot take logarithm of {shown}")


def _ln(found: Decimal) -> Decimal:
    _positive(found)
    if not found.is_finite():
        return found
    scale = _result_scale(_logarithm_weight(found), found)
    return _scaled(_near(20, scale).ln(found), scale)


def _log(base: Decimal, found: Decimal) -> Decimal:
    if base.is_nan() or found.is_nan():
        return _NAN
    _positive(base, found)
    if base.is_infinite() or found.is_infinite():
        return _NAN if base.is_infinite() and found.is_infinite() else Decimal(0) if base.is_infinite() else found
    if base == 1:
        raise _no_division()
    scale = _result_scale(_logarithm_weight(found) - _logarithm_weight(base), base, found)
    near = _near(40, 2 * scale)
    return _scaled(near.divide(near.ln(found), near.ln(base)), scale)


def _pow(base: Decimal, exponent: Decimal) -> Decimal:
    if not exponent.is_nan() and not exponent and not base.is_nan() and not base.is_finite():
        return _ONE
    if base.is_nan() or exponent.is_nan():
        return _ONE if (base == 1 or (not exponent.is_nan() and not exponent)) else _NAN
    if base == 1 and exponent.is_infinite():
        return _ONE
    whole = exponent.is_infinite() or exponent == exponent.to_integral_value(context=_WIDE)
    if not base and exponent < 0:
        raise StatementError("2201F", "zero raised to a negative power is undefined")
    if base < 0 and not whole:
        raise StatementError("2201F", "a negative number raised to a non-integer power yields a complex result")
    if base.is_infinite() or exponent.is_infinite():
        return _endless_power(base, exponent)
    if whole and abs(exponent) < 1 << 31:
        return _whole_power(base, int(exponent))
    if not base:
        return Decimal(0).scaleb(-SIGNIFICANT_MIN, _WIDE)
    # As there, the weight is told by a logarithm of eight digits or so.
    places = max(8 - _logarithm_weight(base), 0)
    weight = float(_scaled(_WIDE.multiply(exponent, _scaled(base.copy_abs().ln(Context(prec=30)), places)), places))
    if abs(weight) > EXPONENT_MAX / 3 * 3.01:
        if weight > 0:
            raise overflow()
        return Decimal(0).scaleb(-RESULT_SCALE_MAX, _WIDE)
    weight = int(weight * _LOG10_E)
    scale = _result_scale(weight, base, exponent)
    near = _near(weight + 20, scale)
    found = near.exp(near.multiply(exponent, near.ln(base.copy_abs())))
    return _scaled(found.copy_negate() if base < 0 and _is_odd(exponent) else found, scale)


def _endless_power(base: Decimal, exponent: Decimal) -> Decimal:
    """Where one of them is infinite."""
    if exponent.is_infinite():
        size = base.copy_abs()
        if size == 1:
            return _ONE
        return Decimal("Infinity") if (size > 1) == (exponent > 0) else Decimal(0)
    if exponent < 0:
        return Decimal(0)
    return base if base > 0 or _is_odd(exponent) else base.copy_negate()


def _is_odd(whole: Decimal) -> bool:
    return bool(_WIDE.remainder(whole, Decimal(2)))


def _whole_power(base: Decimal, exponent: int) -> Decimal:
    scale = min(max(SIGNIFICANT_MIN, scale_of(base)), RESULT_SCALE_MAX)
    if not exponent:
        return _scaled(_ONE, scale)
    if not base:
        return Decimal(0).scaleb(-scale, _WIDE)
    weight = exponent * (base.adjusted() + math.log10(float(base.copy_abs().scaleb(-base.adjusted(), _WIDE))))
    if weight > WHOLE_MAX:
        raise overflow()
    if weight + 1 < -RESULT_SCALE_MAX:
        return Decimal(0).scaleb(-scale, _WIDE)
    return _scaled(_near(int(weight) + 20, scale).power(base, exponent), scale)


# Aggregates


class Sum:
    """Numbers added up; as a window slides, some are taken away again."""

    __slots__ = ("count", "scales", "total", "unbounded")

    def __init__(self) -> None:
        self.count = 0
        self.total = Decimal(0)
        #: How many of them have how many digits behind the point: the sum has as many as the most.
        self.scales: dict[int, int] = {}
        #: NaN and the infinities, by their texts.
        self.unbounded: dict[str, int] = {}

    def step(self, value: Any) -> None:
        """One more."""
        self._move(value, 1)

    def inverse(self, value: Any) -> None:
        """One less."""
        self._move(value, -1)

    def _move(self, value: Any, by: int) -> None:
        if value is None:
            return
        found = number(value)
        self.count += by
        if not found.is_finite():
            text = written(found)
            self.unbounded[text] = self.unbounded.get(text, 0) + by
            return
        scale = scale_of(found)
        self.scales[scale] = self.scales.get(scale, 0) + by
        self.total = _WIDE.add(self.total, found) if by > 0 else _WIDE.subtract(self.total, found)

    def _sum(self) -> Decimal:
        for text, count in self.unbounded.items():
            if count:
                others = any(more for other, more in self.unbounded.items() if other != text)
                return _NAN if others else _WORDS[text.lower()]
        return _scaled(self.total, max((scale for scale, count in self.scales.items() if count), default=0))

    def value(self) -> str | None:
        """Their sum."""
        return written(self._sum()) if self.count else None

    final = value


class Mean(Sum):
    """The mean of numbers."""

    __slots__ = ()

    def value(self) -> str | None:
        """Their mean."""
        return written(_div(self._sum(), Decimal(self.count))) if self.count else None

    final = value


def dec_mean(total: Any, count: Any) -> str | None:
    """The mean of so many numbers, by their sum."""
    return None if total is None else written(_div(number(total), Decimal(count)))


# Order


@lru_cache(4096)
def _key(text: str) -> Decimal | None:
    try:
        return number(text)
    except StatementError:
        return None


def compare(left: str, right: str) -> int:
    """Their order by value: NaN after all numbers, and what is no number after that, as a text."""
    if left == right:
        return 0
    first, second = _key(left), _key(right)
    if first is None or second is None:
        return (left > right) - (left < right) if first is second else 1 if first is None else -1
    if first.is_nan() or second.is_nan():
        return first.is_nan() - second.is_nan()
    return (first > second) - (first < second)


def dec_part(field: Any, value: Any) -> str | None:
    """EXTRACT: a Julian day's fraction is a quotient, the rest has its own number of places."""
    found = times.extracted(field, value)
    if found is None or field.lower() not in _JULIAN or not found.isdigit() or not times.moment(value).clock:
        return found
    return f"{Decimal(found) + _div(Decimal(times.moment(value).us % DAY), Decimal(DAY)):f}"


_JULIAN: Final = ("julian", "j", "jd")


#: Name, number of arguments, what computes it.
FUNCTIONS: tuple[tuple[str, int, Callable[..., Any]], ...] = (
    ("dec_of", 1, dec_of),
    ("dec_of", 2, dec_of),
    ("dec_cast", -1, dec_cast),
    ("dec_units", 2, dec_units),
    ("dec_integer", 1, dec_integer),
    ("dec_number", 1, dec_number),
    ("dec_number", 2, dec_number),
    ("dec_add", 2, _strict(_WIDE.add)),
    ("dec_sub", 2, _strict(_WIDE.subtract)),
    ("dec_mul", 2, _strict(_mul)),
    ("dec_div", 2, _strict(_div)),
    ("dec_mod", 2, _strict(_mod)),
    ("dec_whole", 2, _strict(_whole_quotient)),
    ("dec_pow", 2, _strict(_pow)),
    ("dec_neg", 1, _strict(lambda found: found.copy_negate())),
    ("dec_abs", 1, _strict(lambda found: found.copy_abs())),
    ("dec_sign", 1, _strict(_sign)),
    ("dec_round", 1, _placed(ROUND_HALF_UP)),
    ("dec_round", 2, _placed(ROUND_HALF_UP)),
    ("dec_trunc", 1, _placed(ROUND_DOWN)),
    ("dec_trunc", 2, _placed(ROUND_DOWN)),
    ("dec_ceil", 1, _strict(_whole(ROUND_CEILING))),
    ("dec_floor", 1, _strict(_whole(ROUND_FLOOR))),
    ("dec_sqrt", 1, _strict(_sqrt)),
    ("dec_exp", 1, _strict(_exp)),
    ("dec_ln", 1, _strict(_ln)),
    ("dec_log", 1, _strict(lambda found: _log(Decimal(10), found))),
    ("dec_log", 2, _strict(_log)),
    ("dec_mean", 2, dec_mean),
    ("dec_part", 2, dec_part),
)
#: Those that windows use, too: name, number of arguments, class.
WINDOWED: tuple[tuple[str, int, type], ...] = (("dec_sum", 1, Sum), ("dec_avg", 1, Mean))
