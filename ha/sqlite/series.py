"""Functions that give rows: generate_series, unnest and their kin, as table-valued functions.

A generator function with its columns is all that one is; :class:`Module` shows it to SQLite. They are innocuous, so that
views may use them.

The number of rows is not bounded here: a statement that asks for too many meets its time-out and its client's patience,
as with any other query.
"""

from __future__ import annotations

import json
import weakref
from collections.abc import Callable, Iterator
from datetime import tzinfo
from typing import Any, Final

import apsw

from ha.errors import StatementError
from ha.sql import spans, zones
from ha.sqlite import arrays, explaining, intervals, patterns, times
from ha.sqlite.casts import json_plain, json_text, key_order, text_of
from ha.sqlite.times import Moment

#: What stands for an argument that was not given; NULL is an argument.
_ABSENT: Final = "\x00"
#: Arguments that a table-valued function takes.
ARGUMENTS_MAX: Final = 4
#: Arrays that unnest() takes, and items of a row: Django's bulk_create gives one for each field of its model.
ARRAYS_MAX: Final = 100
#: What the planner is told: enough to put real tables first.
ROWS_ESTIMATED: Final = 1000


def generate_series(
    start: Any = _ABSENT, stop: Any = _ABSENT, step: Any = _ABSENT, *, zone: str = "UTC"
) -> Iterator[tuple[Any]]:
    """Numbers, or times an interval apart.

    :param zone: by whose clock times with a zone go; a date is midnight there.
    """
    if start == _ABSENT or stop == _ABSENT:
        raise StatementError("42883", "function generate_series() needs a start and a stop")
    if start is None or stop is None or step is None:
        return
    if isinstance(start, str) and not _number(start):
        yield from _times(start, stop, step, times.zone_or_utc(zone))
        return
    at, stop = _numeric(start), _numeric(stop)
    step = 1 if step == _ABSENT else _numeric(step)
    if step == 0:
        raise StatementError("22023", "step size cannot equal zero")
    while at <= stop if step > 0 else at >= stop:
        yield (at,)
        at += step


def _number(text: str) -> bool:
    return text.strip().lstrip("-").replace(".", "", 1).isdecimal()


def _numeric(value: Any) -> Any:
    if isinstance(value, str):
        return float(value) if "." in value else int(value)
    return value


def _times(start: str, stop: Any, step: Any, zone: tzinfo | None) -> Iterator[tuple[str]]:
    """Dates, too, are times with a zone, and those go by the clock of a place."""
    span = intervals.interval(step)
    if not spans.order_of(span):
        raise StatementError("22023", "step size cannot equal zero")
    first, last = times.moment(start), times.moment(stop)
    placed = first.east is not None or last.east is not None or not first.clock
    if not first.is_finite or not last.is_finite:
        raise StatementError("22008", "timestamp out of range")
    if placed:
        first, last = (one if one.east is None else Moment(zones.to_local(one.utc, zone)) for one in (first, last))
    at, backward = first, spans.order_of(span) < 0
    count = 0
    while at.us >= last.us if backward else at.us <= last.us:
        yield (times.written(Moment(zones.from_local(at.us, zone), 0) if placed else at),)
        count += 1
        # From the start each time: a month after 31 January is 28 February, two are 31 March.
        at = times.moved(first, spans.Interval(*(part * count for part in span)))


def generate_subscripts(value: Any = None, dimension: Any = 1, backward: Any = 0) -> Iterator[tuple[int]]:
    """The indexes of an array."""
    length = arrays.array_length(value, int(dimension or 1)) if value is not None else None
    # An int2vector, written "1 2", counts from 0.
    base = 0 if isinstance(value, int) or str(value)[:1] not in ("[", "{") else 1
    for index in range(length or 0):
        yield (base + ((length or 0) - 1 - index if backward else index),)


def unnest(*given: Any) -> Iterator[tuple[Any, ...]]:
    """The elements of arrays, side by side."""
    columns = [[] if one is None or one == _ABSENT else _flat(arrays.elements(one)) for one in given]
    for at in range(max(map(len, columns), default=0)):
        yield (at + 1, *(arrays.stored(column[at]) if at < len(column) else None for column in columns))


def _flat(elements: list[Any]) -> list[Any]:
    """An array's elements, whatever its dimensions."""
    if not any(isinstance(one, list) for one in elements):
        return elements
    return [inner for one in elements for inner in (_flat(one) if isinstance(one, list) else [one])]


def pg_row(*given: Any) -> Iterator[tuple[Any, ...]]:
    """Its arguments, as one row."""
    yield tuple(None if one == _ABSENT else one for one in given)


def pg_spread(value: Any = None) -> Iterator[tuple[Any, ...]]:
    """The rows that :func:`ha.sqlite.aggregates.gathered` made one value of."""
    for row in json.loads(value) if value is not None else ():
        yield tuple(bytes.fromhex(one["x"]) if one.__class__ is dict else one for one in row)


def pg_elements(value: Any = None) -> Iterator[tuple[Any]]:
    """The elements of an array to compare with; the column's name meets no other's."""
    if value is None:  # what is compared with it is unknown
        yield (None,)
        return
    for one in _flat(arrays.elements(value)):
        yield (arrays.stored(one),)


def regexp_split_to_table(value: Any = None, pattern: Any = None, flags: Any = "") -> Iterator[tuple[str]]:
    if value is not None and pattern is not None:
        for part in patterns.split_by(text_of(value), text_of(pattern), flags or ""):
            yield (part,)


def string_to_table(value: Any = None, delimiter: Any = None) -> Iterator[tuple[str]]:
    if value is not None:
        for part in json.loads(arrays.string_to_array(value, delimiter) or "[]"):
            yield (part,)


def regexp_matches(value: Any = None, pattern: Any = None, flags: Any = "") -> Iterator[tuple[str]]:
    if value is None or pattern is None:
        return
    expression = patterns.compiled(text_of(pattern), (flags or "").replace("g", ""))
    for match in expression.finditer(text_of(value)):
        yield (arrays.dumped(list(match.groups()) or [match.group(0)]),)
        if "g" not in (flags or ""):
            return
        if "g" not in (flags or ""):
            return


def json_object_keys(value: Any = None) -> Iterator[tuple[str]]:
    if value is not None:
        found = arrays.loaded(value)
        if not isinstance(found, dict):
            raise StatementError("22023", "cannot call json_object_keys on a scalar or an array")
        for key in found:
            yield (key,)


def json_array_elements(value: Any = None) -> Iterator[tuple[str]]:
    for one in _listed(value):
        yield (json_text(one),)


def json_array_elements_text(value: Any = None) -> Iterator[tuple[Any]]:
    for one in _listed(value):
        yield (json_plain(one),)


def _listed(value: Any) -> list[Any]:
    found = [] if value is None else arrays.loaded(value)
    if not isinstance(found, list):
        raise StatementError("22023", "cannot extract elements from a scalar or an object")
    return found


def pg_json_each(value: Any = None) -> Iterator[tuple[str, str]]:
    for key, one in _object(value).items():
        yield key, json_text(one)


def pg_jsonb_each(value: Any = None) -> Iterator[tuple[str, str]]:
    """In jsonb's order."""
    for key, one in _in_order(value):
        yield key, json_text(one, ordered=True)


def jsonb_each_text(value: Any = None) -> Iterator[tuple[str, Any]]:
    for key, one in _in_order(value):
        yield key, json_plain(one, ordered=True)


def jsonb_object_keys(value: Any = None) -> Iterator[tuple[str]]:
    for key, _ in _in_order(value):
        yield (key,)


def _object(value: Any) -> dict[str, Any]:
    found = {} if value is None else arrays.loaded(value)
    if not isinstance(found, dict):
        raise StatementError("22023", "cannot deconstruct a scalar or an array")
    return found


def _in_order(value: Any) -> list[tuple[str, Any]]:
    return sorted(_object(value).items(), key=lambda pair: key_order(pair[0]))


def json_each_text(value: Any = None) -> Iterator[tuple[str, Any]]:
    for key, one in _object(value).items():
        yield key, json_plain(one)


_VALUES: Final = ("value", *(f"value{number}" for number in range(2, ARRAYS_MAX + 1)))

#: Name, columns, what gives the rows.
_FUNCTIONS: tuple[tuple[str, tuple[str, ...], Callable[..., Iterator[Any]]], ...] = (
    ("generate_subscripts", ("value",), generate_subscripts),
    ("unnest", ("ordinality", *_VALUES), unnest),
    ("pg_elements", ("pg_element",), pg_elements),
    ("pg_row", _VALUES, pg_row),
    ("pg_spread", _VALUES, pg_spread),
    ("regexp_split_to_table", ("value",), regexp_split_to_table),
    ("string_to_table", ("value",), string_to_table),
    ("regexp_matches", ("value",), regexp_matches),
    ("json_object_keys", ("value",), json_object_keys),
    ("jsonb_object_keys", ("value",), jsonb_object_keys),
    ("pg_json_each", ("key", "value"), pg_json_each),
    ("pg_jsonb_each", ("key", "value"), pg_jsonb_each),
    ("json_array_elements", ("value",), json_array_elements),
    ("jsonb_array_elements", ("value",), json_array_elements),
    ("json_array_elements_text", ("value",), json_array_elements_text),
    ("jsonb_array_elements_text", ("value",), json_array_elements_text),
    ("json_each_text", ("key", "value"), json_each_text),
    ("jsonb_each_text", ("key", "value"), jsonb_each_text),
)


class Module:
    """A table-valued function for SQLite: columns, then hidden ones that its arguments arrive by.

    One serves every connection. https://www.sqlite.org/vtab.html#tabfunc2

    :param rows: gives the rows for the arguments.
    :param asks: `rows` is given the connection before them.
    """

    def __init__(self, columns: tuple[str, ...], rows: Callable[..., Iterator[Any]], *, asks: bool = False) -> None:
        self.rows = rows
        self.asks = asks
        self.shown = len(columns)
        taken = max(ARGUMENTS_MAX, sum(name.startswith("value") for name in columns))
        hidden = [f'"argument {number}" HIDDEN' for number in range(1, taken + 1)]
        self.schema = f"CREATE TABLE ignored({', '.join((*columns, *hidden))})"

    def register(self, connection: apsw.Connection, name: str) -> None:
        """Let a connection find it by this name."""
        connection.create_module(name, self, use_bestindex_object=True, eponymous_only=True)

    def Connect(self, connection: apsw.Connection, *_: Any) -> tuple[str, Any]:
        connection.vtab_config(apsw.SQLITE_VTAB_INNOCUOUS)
        return self.schema, Table(self, connection)

    Create = Connect

    def ShadowName(self, _: str) -> bool:
        return False


class Table:
    """A module as one connection sees it."""

    def __init__(self, module: Module, connection: apsw.Connection) -> None:
        self.shown = module.shown
        self._module = module
        self._found = weakref.ref(connection)  # the connection holds this, so this must not hold it

    def rows(self, arguments: list[Any]) -> Iterator[Any]:
        if not self._module.asks:
            return self._module.rows(*arguments)
        connection = self._found()
        assert connection is not None
        return self._module.rows(connection, *arguments)

    def BestIndexObject(self, index: apsw.IndexInfo) -> bool:
        given = 0
        for at in range(index.nConstraint):
            number = index.get_aConstraint_iColumn(at) - self.shown
            if number < 0:
                continue
            # An argument that is another table's column can only come after that table: no other plan is right.
            if not index.get_aConstraint_usable(at) or index.get_aConstraint_op(at) != apsw.SQLITE_INDEX_CONSTRAINT_EQ:
                return False
            given |= 1 << number
        place = 0
        for number in range(given.bit_length()):
            for at in range(index.nConstraint):
                if index.get_aConstraint_iColumn(at) - self.shown == number:
                    place += 1
                    index.set_aConstraintUsage_argvIndex(at, place)
                    index.set_aConstraintUsage_omit(at, True)
        index.idxStr = str(given)  # one bit each: a number of SQLite's would hold 31
        index.estimatedRows = ROWS_ESTIMATED
        index.estimatedCost = float(ROWS_ESTIMATED)
        return True

    def Open(self) -> Cursor:
        return Cursor(self)

    def Disconnect(self) -> None:
        pass

    Destroy = Disconnect


class Cursor:
    """One call of a table-valued function."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.rows: Iterator[Any] = iter(())
        self.row: tuple[Any, ...] | None = None
        self.arguments: list[Any] = []
        self.number = 0

    def Filter(self, _: int, bits: str | None, values: tuple[Any, ...]) -> None:
        given = int(bits or 0)
        arguments = iter(values)
        count = given.bit_length()
        self.arguments = [next(arguments) if given >> at & 1 else _ABSENT for at in range(count)]
        self.rows = self.table.rows(self.arguments)
        self.number = 0
        self.Next()

    def Next(self) -> None:
        self.row = next(self.rows, None)
        self.number += 1

    def Eof(self) -> bool:
        return self.row is None

    def Column(self, column: int) -> Any:
        if column < 0:
            return self.number
        assert self.row is not None
        if column >= self.table.shown:  # SQLite compares those after the sixteenth itself, whatever it was told
            return self.arguments[column - self.table.shown]
        return self.row[column] if column < len(self.row) else None

    def Rowid(self) -> int:
        return self.number

    def Close(self) -> None:
        self.rows = iter(())


def _series_here(connection: Any, *arguments: Any) -> Iterator[tuple[Any]]:
    """generate_series() by the clock of who asks."""
    context = getattr(connection, "context", None)
    zone = "UTC" if context is None else context.variables.get("TimeZone")
    return generate_series(*arguments, zone=zone)


#: By the name that SQL calls them.
_MODULES: Final[dict[str, Module]] = {
    "generate_series": Module(("value",), _series_here, asks=True),
    "pg_explain": Module(("plan",), explaining.pg_explain, asks=True),
    **{name: Module(columns, rows) for name, columns, rows in _FUNCTIONS},
}


def register(connection: apsw.Connection) -> None:
    """Give a connection every table-valued function."""
    for name, module in _MODULES.items():
        module.register(connection, name)
