"""Numbers as PostgreSQL writes them, in text and in binary, and which of them SQLite can keep. [pure]"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from math import isfinite
from struct import Struct, unpack_from

from ha.errors import StatementError
from ha.postgres.pgtypes import FLOAT4, NUMERIC, out_of_range, unfit
from ha.values import Value


def float_text(value: float) -> str:
    """The shortest text that reads back as the same number, in PostgreSQL's writing (``3``, ``1e+15``, ``-0``)."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    text = repr(value)
    if text.endswith(".0"):
        text = text[:-2]
    mantissa, e, exponent = text.partition("e")
    if e:
        return text
    # Python changes to an exponent at 1e16, PostgreSQL at 1e15.
    digits = mantissa.lstrip("-")
    if len(digits.partition(".")[0]) > 15:
        sign = "-" if value < 0 else ""
        whole, _, fraction = digits.partition(".")
        figures = (whole + fraction).rstrip("0")
        return f"{sign}{figures[0]}{'.' + figures[1:] if len(figures) > 1 else ''}e+{len(whole) - 1:02d}"
    return text


FLOAT4_LAYOUT = Struct("!f")


def float4_text(value: float) -> str:
    """The shortest text that reads back as the same 32-bit number."""
    if not isfinite(value) or value == 0:
        return float_text(value)
    try:
        narrow = FLOAT4_LAYOUT.unpack(FLOAT4_LAYOUT.pack(value))[0]
    except OverflowError:
        raise out_of_range(FLOAT4, value) from None
    for digits in range(1, 10):
        text = f"{value:.{digits}g}"
        if FLOAT4_LAYOUT.unpack(FLOAT4_LAYOUT.pack(float(text)))[0] == narrow:
            break
    return float_text(float(text))


def decimal_of(value: Value) -> Decimal:
    """An exact decimal of what a column holds.

    :raises StatementError: 22P02.
    """
    if isinstance(value, float):
        # Fifteen digits count, as where PostgreSQL makes a numeric of a float: the rest is what computing in binary has left.
        return Decimal(f"{value:.15g}")
    try:
        return Decimal(value.strip() if isinstance(value, str) else value)  # type: ignore[arg-type]
    except (InvalidOperation, TypeError, ValueError):
        raise unfit(NUMERIC, value) from None


#: Digits before and behind the point that numeric(1000, 1000) may have, and a column of SQLite's may hold.
_WIDE = Context(prec=2000, rounding=ROUND_HALF_UP)


def numeric_text(value: Value, typmod: int) -> str:
    """A number with the digits its type modifier asks for."""
    number = decimal_of(value)
    if not number.is_finite():
        return "NaN" if number.is_nan() else "Infinity" if number > 0 else "-Infinity"
    if typmod >= 4:
        scale = (typmod - 4) & 0x7FF
        number = number.quantize(Decimal(1).scaleb(-scale), context=_WIDE)
    return f"{number:f}"


_NUMERIC_HEAD = Struct("!HhHh")


def numeric_binary(value: Value, typmod: int) -> bytes:
    """Digits in base 10,000 (src/backend/utils/adt/numeric.c, numeric_send)."""
    text = numeric_text(value, typmod)
    if text in ("NaN", "Infinity", "-Infinity"):
        return _NUMERIC_HEAD.pack(0, 0, {"NaN": 0xC000, "Infinity": 0xD000, "-Infinity": 0xF000}[text], 0)
    sign = 0x4000 if text[0] == "-" else 0
    whole, _, fraction = text.lstrip("-").partition(".")
    scale = len(fraction)
    whole = whole.lstrip("0")
    whole = "0" * (-len(whole) % 4) + whole
    fraction += "0" * (-len(fraction) % 4)
    digits = [int((whole + fraction)[at : at + 4]) for at in range(0, len(whole) + len(fraction), 4)]
    weight = len(whole) // 4 - 1
    while digits and digits[0] == 0:
        del digits[0]
        weight -= 1
    while digits and digits[-1] == 0:
        del digits[-1]
    if not digits:
        weight = sign = 0
    if len(digits) > 65535 or scale > 16383:
        raise out_of_range(NUMERIC, text[:40])
    return _NUMERIC_HEAD.pack(len(digits), weight, sign, scale) + b"".join(d.to_bytes(2, "big") for d in digits)


def numeric_from_binary(raw: bytes) -> str:
    """What PostgreSQL would write for these digits in base 10,000."""
    count, weight, sign, scale = _NUMERIC_HEAD.unpack_from(raw)
    if sign >= 0xC000:
        return {0xC000: "NaN", 0xD000: "Infinity", 0xF000: "-Infinity"}[sign]
    digits = unpack_from(f"!{count}H", raw, 8)
    figures = "".join(f"{d:04d}" for d in digits)
    point = (weight + 1) * 4
    if point <= 0:
        whole, fraction = "0", "0" * -point + figures
    else:
        figures = figures.ljust(point, "0")
        whole, fraction = figures[:point], figures[point:]
    text = whole.lstrip("0") or "0"
    if scale:
        text += "." + fraction[:scale].ljust(scale, "0")
    return ("-" if sign == 0x4000 else "") + text


def kept_exactly(text: str) -> Value:
    """A decimal as the number SQLite would make of it, if that is the same number.

    :raises StatementError: 22P02 no number; 22003 more digits than can be kept.
    """
    number = decimal_of(text)
    if not number.is_finite():
        return numeric_text(text, -1)
    if number == number.to_integral_value() and -(1 << 63) <= number < 1 << 63:
        return int(number)
    nearest = float(number)
    if isfinite(nearest) and decimal_of(nearest) == number:
        return nearest
    raise StatementError(
        "22003",
        "numeric value has more digits than can be kept exactly",
        detail=f'"{text[:60]}" cannot be stored as a 64-bit integer or floating-point number without a change.',
        hint="Use a column of type text for longer numbers.",
    )
