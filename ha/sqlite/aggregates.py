"""PostgreSQL's aggregate functions that SQLite does not have."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any, Final

from ha.errors import StatementError
from ha.sql import spans
from ha.sqlite import intervals, times
from ha.sqlite.casts import text_of

#: Bytes that an aggregate may gather; as connection.VALUE_BYTES_MAX.
GATHERED_MAX: Final = 64 * 1024 * 1024

#: What apsw wants of an aggregate: a state, a step and an end.
Parts = tuple[Any, Callable[..., None], Callable[[Any], Any]]


class Gathered:
    """Values in their order, bounded."""

    __slots__ = ("names", "size", "values")

    def __init__(self) -> None:
        self.values: list[Any] = []
        self.names: list[str] = []
        self.size = 0

    def add(self, value: Any) -> None:
        self.size += 16 + (len(value) if isinstance(value, (str, bytes)) else 0)
        if self.size > GATHERED_MAX:
            raise StatementError("54000", "array size exceeds the maximum allowed")
        self.values.append(value)


def array_agg() -> Parts:
    return Gathered(), _gather, _as_array


def _gather(state: Gathered, value: Any) -> None:
    state.add("\\x" + value.hex() if isinstance(value, bytes) else value)


def _as_array(state: Gathered) -> str | None:
    return json.dumps(state.values, ensure_ascii=False, separators=(",", ":")) if state.values else None


def json_agg() -> Parts:
    return Gathered(), _gather_json, _as_json


def _gather_json(state: Gathered, value: Any) -> None:
    """A value that is JSON text itself stays so: SQLite's subtypes are lost on the way here."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            state.add(json.loads(value))
            return
        except (ValueError, RecursionError):
            pass
    _gather(state, value)


def _as_json(state: Gathered) -> str | None:
    return json.dumps(state.values, ensure_ascii=False) if state.values else None


def json_object_agg() -> Parts:
    return Gathered(), _gather_pair, _as_object


def _gather_pair(state: Gathered, name: Any, value: Any) -> None:
    if name is None:
        raise StatementError("22023", "field name must not be null")
    state.names.append(text_of(name))
    _gather_json(state, value)


def _as_object(state: Gathered) -> str | None:
    return json.dumps(dict(zip(state.names, state.values, strict=True)), ensure_ascii=False) if state.values else None


class Single:
    """One value at most."""

    __slots__ = ("known", "value")

    def __init__(self) -> None:
        self.known = False
        self.value: Any = None


def _only(state: Single, value: Any) -> None:
    if state.known:
        raise StatementError("21000", "more than one row returned by a subquery used as an expression")
    state.known, state.value = True, value


def single() -> Parts:
    """What a scalar subquery gives."""
    return Single(), _only, lambda state: state.value


def gathered() -> Parts:
    """Rows as one value, which :func:`ha.sqlite.series.pg_spread` makes rows of again."""
    return Gathered(), _gather_row, _as_rows


def _gather_row(state: Gathered, *row: Any) -> None:
    state.size += 16 * len(row) + sum(len(one) for one in row if isinstance(one, (str, bytes)))
    state.add([{"x": one.hex()} if isinstance(one, bytes) else one for one in row])


def _as_rows(state: Gathered) -> str:
    return json.dumps(state.values, ensure_ascii=False)


def _gather_known(state: Gathered, value: Any, *more: Any) -> None:
    if value is not None:
        state.add(value)
    if more:
        state.names[:] = [more[0]]


def mode(backward: bool = False) -> Parts:
    """The most frequent value; of several the first in their order."""

    def end(state: Gathered) -> Any:
        counts: dict[Any, int] = {}
        for value in state.values:
            counts[value] = counts.get(value, 0) + 1
        most = max(counts.values(), default=0)
        found = [value for value, count in counts.items() if count == most]
        return (max if backward else min)(found) if found else None

    return Gathered(), _gather_known, end


def percentile(*, between: bool, backward: bool = False) -> Callable[[], Parts]:
    """The value at a share of the way through all, in their order.

    :param between: percentile_cont, which goes between two of them; percentile_disc takes one that is there.
    """

    def one(values: list[Any], share: Any) -> Any:
        if share is None or not values:
            return None
        at = float(share)
        if not 0 <= at <= 1:
            raise StatementError("22003", f"percentile value {share} is not between 0 and 1")
        if not between:
            return values[max(math.ceil(at * len(values)) - 1, 0)]
        place = at * (len(values) - 1)
        low, high = values[math.floor(place)], values[math.ceil(place)]
        if isinstance(low, str):  # intervals
            step = intervals.pg_interval_multiply(times.pg_time_subtract(high, low), place - math.floor(place))
            return times.pg_time_add(low, step)
        return low + (high - low) * (place - math.floor(place))

    def end(state: Gathered) -> Any:
        values = sorted(state.values, key=_span_or_value if between else _numbers_first)
        if backward:
            values.reverse()
        share = state.names[0] if state.names else None
        if isinstance(share, str) and share[:1] in ("[", "{"):
            shares = (
                json.loads(share) if share[0] == "[" else [float(part) for part in share.strip("{}").split(",") if part]
            )
            return json.dumps([one(values, part) for part in shares])
        return one(values, share)

    return lambda: (Gathered(), _gather_known, end)


def _numbers_first(value: Any) -> tuple[bool, Any]:
    return isinstance(value, str), value


def _span_or_value(value: Any) -> Any:
    return spans.order_of(intervals.interval(value)) if isinstance(value, str) else value


class Truth:
    """Whether all, and any, were true."""

    __slots__ = ("all", "any")

    def __init__(self) -> None:
        self.all: bool | None = None
        self.any: bool | None = None


def _judge(state: Truth, value: Any) -> None:
    if value is not None:
        state.all = bool(value) if state.all is None else state.all and bool(value)
        state.any = bool(state.any) or bool(value)


def bool_and() -> Parts:
    return Truth(), _judge, lambda state: None if state.all is None else int(state.all)


def bool_or() -> Parts:
    return Truth(), _judge, lambda state: None if state.any is None else int(state.any)


class Bits:
    """Numbers joined bit by bit."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: int | None = None


def _bits(join: Callable[[int, int], int]) -> Callable[[], Parts]:
    def step(state: Bits, value: Any) -> None:
        if value is not None:
            state.value = int(value) if state.value is None else join(state.value, int(value))

    return lambda: (Bits(), step, lambda state: state.value)


class Moments:
    """Mean and spread of numbers, or of pairs, by Welford's method."""

    __slots__ = ("count", "cross", "mean_x", "mean_y", "square_x", "square_y")

    def __init__(self) -> None:
        self.count = 0
        self.mean_x = self.mean_y = self.square_x = self.square_y = self.cross = 0.0


def _one(state: Moments, value: Any) -> None:
    if value is not None:
        _pair(state, value, value)


def _pair(state: Moments, y: Any, x: Any) -> None:
    if x is None or y is None:
        return
    x, y = float(x), float(y)
    state.count += 1
    before = x - state.mean_x
    state.mean_x += before / state.count
    state.square_x += before * (x - state.mean_x)
    before_y = y - state.mean_y
    state.mean_y += before_y / state.count
    state.square_y += before_y * (y - state.mean_y)
    state.cross += before * (y - state.mean_y)


def _sample(state: Moments) -> float | None:
    return state.square_x / (state.count - 1) if state.count > 1 else None


def _population(state: Moments) -> float | None:
    return state.square_x / state.count if state.count else None


def _root(value: float | None) -> float | None:
    return None if value is None else math.sqrt(value)


def _correlation(state: Moments) -> float | None:
    spread = state.square_x * state.square_y
    return state.cross / math.sqrt(spread) if spread > 0 else None


def _determination(state: Moments) -> float | None:
    if not state.square_x:
        return None
    return state.cross**2 / (state.square_x * state.square_y) if state.square_y else 1.0


def _intercept(state: Moments) -> float | None:
    return state.mean_y - state.mean_x * state.cross / state.square_x if state.square_x else None


def _moments(step: Callable[..., None], end: Callable[[Moments], Any]) -> Callable[[], Parts]:
    return lambda: (Moments(), step, end)


class Spans:
    """Intervals added up; as a window slides, some are taken away again."""

    __slots__ = ("count", "total")

    def __init__(self) -> None:
        self.count = 0
        self.total = spans.Interval()

    def step(self, value: Any) -> None:
        """One more."""
        self._move(value, 1)

    def inverse(self, value: Any) -> None:
        """One less."""
        self._move(value, -1)

    def _move(self, value: Any, sign: int) -> None:
        if value is not None:
            self.count += sign
            self.total = spans.Interval(
                *(a + sign * b for a, b in zip(self.total, intervals.interval(value), strict=True))
            )

    def value(self) -> str | None:
        """Their sum."""
        return intervals.shown(self.total) if self.count else None

    final = value


class MeanSpan(Spans):
    """The mean of intervals."""

    def value(self) -> str | None:
        """Their mean."""
        return intervals.pg_interval_divide(intervals.shown(self.total), self.count) if self.count else None

    final = value


#: Those that windows use, too: name, number of arguments, class.
WINDOWED: tuple[tuple[str, int, type], ...] = (("pg_sum_interval", 1, Spans), ("pg_avg_interval", 1, MeanSpan))

#: Name, number of arguments, what makes its parts.
AGGREGATES: tuple[tuple[str, int, Callable[[], Parts]], ...] = (
    ("array_agg", 1, array_agg),
    ("pg_single", 1, single),
    ("pg_gathered", -1, gathered),
    ("pg_mode", 1, mode),
    ("pg_mode_desc", 1, lambda: mode(True)),
    ("pg_percentile_cont", 2, percentile(between=True)),
    ("pg_percentile_cont_desc", 2, percentile(between=True, backward=True)),
    ("pg_percentile_disc", 2, percentile(between=False)),
    ("pg_percentile_disc_desc", 2, percentile(between=False, backward=True)),
    ("json_agg", 1, json_agg),
    ("jsonb_agg", 1, json_agg),
    ("json_object_agg", 2, json_object_agg),
    ("jsonb_object_agg", 2, json_object_agg),
    ("bool_and", 1, bool_and),
    ("every", 1, bool_and),
    ("bool_or", 1, bool_or),
    ("bit_and", 1, _bits(lambda left, right: left & right)),
    ("bit_or", 1, _bits(lambda left, right: left | right)),
    ("bit_xor", 1, _bits(lambda left, right: left ^ right)),
    ("stddev", 1, _moments(_one, lambda state: _root(_sample(state)))),
    ("stddev_samp", 1, _moments(_one, lambda state: _root(_sample(state)))),
    ("stddev_pop", 1, _moments(_one, lambda state: _root(_population(state)))),
    ("variance", 1, _moments(_one, _sample)),
    ("var_samp", 1, _moments(_one, _sample)),
    ("var_pop", 1, _moments(_one, _population)),
    ("corr", 2, _moments(_pair, _correlation)),
    ("covar_pop", 2, _moments(_pair, lambda state: state.cross / state.count if state.count else None)),
    ("covar_samp", 2, _moments(_pair, lambda state: state.cross / (state.count - 1) if state.count > 1 else None)),
    ("regr_count", 2, _moments(_pair, lambda state: state.count)),
    ("regr_avgx", 2, _moments(_pair, lambda state: state.mean_x if state.count else None)),
    ("regr_avgy", 2, _moments(_pair, lambda state: state.mean_y if state.count else None)),
    ("regr_sxx", 2, _moments(_pair, lambda state: state.square_x if state.count else None)),
    ("regr_syy", 2, _moments(_pair, lambda state: state.square_y if state.count else None)),
    ("regr_sxy", 2, _moments(_pair, lambda state: state.cross if state.count else None)),
    ("regr_r2", 2, _moments(_pair, _determination)),
    ("regr_intercept", 2, _moments(_pair, _intercept)),
    ("regr_slope", 2, _moments(_pair, lambda state: state.cross / state.square_x if state.square_x else None)),
)
