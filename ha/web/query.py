"""SQL over HTTP: a request's commands, run as one transaction, answered as JSON.

A body is one object ``{"sql": ..., "params": ...}`` or an array of them. An array is one transaction: all or nothing.
A single command that answers many rows is sent in slices while it is read; a client that is slow makes the reading wait.
"""

from __future__ import annotations

import json
import math
import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qsl

import orjson

from ha.errors import StatementError
from ha.sql.statements import Kind, Statement
from ha.values import Answer, Parameters, Value
from ha.web.exchange import Exchange
from ha.web.respond import Refusal, encode, encode_columns, encode_result, encode_rows, error_answer, error_object

#: Commands of one request.
COMMANDS_MAX = 100_000

#: Parameters of one command (PostgreSQL's own limit).
PARAMETERS_MAX = 65_535

#: Rows read before the first byte is sent. Most results are shorter, and leave in one write with a Content-Length.
ROWS_FIRST = 200

#: Rows of a later slice, at most, and the size that a slice should have, in bytes: the reactor encodes it in under 1 ms.
ROWS_MAX = 2_000
SLICE_BYTES = 128 * 1024

#: What makes sense in a request that is a transaction of its own. SET, BEGIN, PREPARE and their like belong to a session.
_KINDS = frozenset((Kind.SQL, Kind.SHOW, Kind.NOTIFY, Kind.NOTHING, Kind.REFUSED))

_EMPTY_RESULT = b'{"columns":[],"rows":[]}'

_INT_MIN, _INT_MAX = -(1 << 63), (1 << 63) - 1


class Backend(Protocol):
    """What this door needs of a conversation with a database."""

    @property
    def seq(self) -> str | None:
        """``<epoch>:<seq>``: the newest position this client wrote or saw."""

    def parse(self, text: str) -> tuple[Statement, ...]: ...

    async def execute(self, statement: Statement, values: Parameters, **options: object) -> Answer: ...

    async def execute_batch(
        self, commands: Sequence[tuple[Statement, Parameters]], **options: object
    ) -> list[Answer]: ...

    def cancel(self) -> None: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Command:
    """One element of the request."""

    sql: str
    parameters: Parameters


# --- reading the request -------------------------------------------------------------------------------------


def read_commands(body: bytes | bytearray) -> tuple[list[Command], bool]:
    """The commands of a body, and whether it was an array of them.

    :raises Refusal: it is not what it should be.
    """
    try:
        parsed = orjson.loads(body)
    except ValueError as reason:
        raise Refusal(400, "bad_json", f"the body is not JSON: {reason}") from None
    if type(parsed) is dict:
        return [_command(parsed, None, body)], False
    if type(parsed) is not list:
        raise Refusal(400, "bad_shape", 'the body must be {"sql": ..., "params": ...} or an array of such objects')
    if len(parsed) > COMMANDS_MAX:
        raise Refusal(413, "too_large", f"a request may have {COMMANDS_MAX} commands at most")
    return [_command(one, index, body) for index, one in enumerate(parsed)], True


def _command(given: object, index: int | None, body: bytes | bytearray) -> Command:
    if type(given) is not dict:
        raise Refusal(400, "bad_shape", 'a command must be an object {"sql": ..., "params": ...}', index=index)
    sql = given.get("sql")
    if type(sql) is not str:
        raise Refusal(400, "bad_shape", '"sql" must be a string', index=index)
    parameters = given.get("params")
    if len(given) > (1 if parameters is None and "params" not in given else 2):
        unknown = next(key for key in given if key not in ("sql", "params"))
        raise Refusal(
            400, "bad_shape", f'a command has "sql" and "params", not {json.dumps(unknown[:100])}', index=index
        )
    if parameters is None:
        return Command(sql, ())
    if type(parameters) is list:
        values: list[object] = parameters
    elif type(parameters) is dict:
        values = list(parameters.values())
    else:
        raise Refusal(400, "bad_shape", '"params" must be an array or an object', index=index)
    if len(values) > PARAMETERS_MAX:
        raise Refusal(413, "too_large", f"a command may have {PARAMETERS_MAX} parameters at most", index=index)
    if all(type(value) is str or value is None for value in values):
        return Command(sql, parameters)  # the usual case costs one look
    try:
        read = [_value(value, body) for value in values]
    except ValueError as reason:
        raise Refusal(400, "bad_value", str(reason), index=index) from None
    return Command(sql, read if type(parameters) is list else dict(zip(parameters, read, strict=True)))


def _value(given: object, body: bytes | bytearray) -> Value:
    """A parameter's value from its JSON.

    :raises ValueError: SQLite has no such value.
    """
    if type(given) is int:
        if not _INT_MIN <= given <= _INT_MAX:
            raise ValueError("an integer does not fit in 64 bits")
        return given
    if type(given) is float:
        # orjson reads an integer beyond 64 bits as a float. Only such a value can be one, so only then the body is read
        # a second time, by the reader that can tell.
        if abs(given) >= _INT_MAX and given.is_integer():
            json.loads(body, parse_int=_int64)
        return given
    if given is None or type(given) is str:
        return given
    if type(given) is bool:
        return int(given)
    if type(given) is dict and len(given) == 1:
        ((mark, content),) = given.items()
        if mark == "blob" and type(content) is str:
            try:
                return b64decode(content, validate=True)
            except (Base64Error, ValueError):
                raise ValueError('{"blob": ...} does not hold base64') from None
        if mark == "real" and content in _REALS:
            return _REALS[content]
    raise ValueError('a value must be null, a number, a string, {"blob": "<base64>"} or {"real": "Infinity"}')


_REALS: dict[str, float | None] = {"Infinity": math.inf, "-Infinity": -math.inf, "NaN": None}


def _int64(digits: str) -> int:
    if len(digits) > 20 or not _INT_MIN <= int(digits) <= _INT_MAX:
        raise ValueError("an integer does not fit in 64 bits")
    return int(digits)


_ISOLATION = frozenset(("read committed", "repeatable read", "serializable"))
_CONSISTENCY = frozenset(("local", "session", "linearizable"))
_SEQ = re.compile(r"[0-9A-Za-z_.-]{1,64}:[0-9]{1,19}")
_TIMEOUT = re.compile(r"([0-9]{1,7}(?:\.[0-9]{1,6})?)(ms|s|m|)")
_SECONDS_OF = {"ms": 0.001, "s": 1.0, "m": 60.0, "": 1.0}


def read_options(query: bytes, seq: Sequence[bytes] | None) -> dict[str, object]:
    """What the URL's query and the ``X-HA-Seq`` header ask for, as keyword arguments for the backend.

    ``isolation``, ``consistency``, ``timeout_s`` (seconds) and ``seq``; only what was said is there.

    :raises Refusal: a name or a value that is none of ours.
    """
    options: dict[str, object] = {}
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, max_num_fields=10)
    except ValueError:
        raise Refusal(400, "bad_option", "the URL's query cannot be read") from None
    for name, value in pairs:
        if name in options or (name == "timeout" and "timeout_s" in options):
            raise Refusal(400, "bad_option", f"{name} stands twice in the URL's query")
        if name == "isolation" and (level := re.sub("[-_+ ]", " ", value).lower()) in _ISOLATION:
            options[name] = level
        elif name == "consistency" and value in _CONSISTENCY:
            options[name] = value
        elif name == "timeout" and (match := _TIMEOUT.fullmatch(value)) is not None:
            options["timeout_s"] = float(match[1]) * _SECONDS_OF[match[2]]
        elif name in ("isolation", "consistency", "timeout"):
            raise Refusal(400, "bad_option", f"{name}={value[:100]} has no meaning")
        else:
            raise Refusal(400, "bad_option", f"there is no option {name[:100]}")
    if seq is not None:
        position = seq[0].decode("ascii", "replace")
        if len(seq) != 1 or _SEQ.fullmatch(position) is None:
            raise Refusal(400, "bad_option", "X-HA-Seq must be what an earlier answer said, <epoch>:<sequence>")
        options["seq"] = position
        # Who sends a position back means it, and need not say so a second time.
        options.setdefault("consistency", "session")
    return options


def _statement(backend: Backend, sql: str) -> Statement | None:
    """The one statement in a command's text; None when there is nothing to do.

    :raises StatementError: several, or one that only a session could mean.
    """
    statements = backend.parse(sql)
    if len(statements) != 1:
        statements = tuple(one for one in statements if one.kind is not Kind.EMPTY)
        if not statements:
            return None
        if len(statements) > 1:
            raise StatementError(
                "42601",
                "a command holds several statements",
                hint="Send each as a command of its own: an array of commands is one transaction.",
                position=statements[1].offset + 1,
            )
    statement = statements[0]
    if statement.kind is Kind.EMPTY:
        return None
    if statement.kind not in _KINDS:
        raise StatementError(
            "0A000",
            f"{statement.verb} has no meaning over HTTP",
            hint="A request is one transaction, and nothing of it outlives it.",
        )
    return statement


# --- running it -----------------------------------------------------------------------------------------------


async def serve_query(exchange: Exchange, connect: Callable[[], Backend]) -> None:
    """Run an exchange's commands and answer.

    :param connect: makes the backend; it is closed here, whatever happens.
    :raises Refusal: the request is wrong.
    :raises ha.web.exchange.ClientGone: the client did not wait for the answer.
    """
    _, _, query = exchange.uri.partition(b"?")
    seq = exchange.headers.get(b"X-Ha-Seq")
    options = read_options(query, seq) if query or seq is not None else {}
    commands, is_array = read_commands(exchange.take_body())
    try:
        backend = connect()
    except StatementError as error:
        _fail(exchange, error, None)
        return
    exchange.on_gone = backend.cancel
    try:
        if len(commands) == 1:
            await _run_one(exchange, backend, commands[0], is_array, options)
        else:
            await _run_all(exchange, backend, commands, options)
    finally:
        exchange.on_gone = None
        await backend.close()


async def _run_one(
    exchange: Exchange, backend: Backend, command: Command, is_array: bool, options: dict[str, object]
) -> None:
    index = 0 if is_array else None
    before, after = (b'{"results":[', b"]}") if is_array else (b"", b"")
    try:
        statement = _statement(backend, command.sql)
        if statement is None:
            answer, result = None, _EMPTY_RESULT
        else:
            answer = await backend.execute(statement, command.parameters, rows_max=ROWS_FIRST, **options)
            result = b"" if answer.rest is not None else encode_result(answer)
    except StatementError as error:
        exchange.seq = backend.seq
        _fail(exchange, error, index)
        return
    exchange.seq = backend.seq
    if answer is not None and answer.rest is not None:
        await _stream(exchange, answer, before, after)
    else:
        exchange.answer(200, before + result + after if is_array else result)


async def _run_all(
    exchange: Exchange, backend: Backend, commands: Sequence[Command], options: dict[str, object]
) -> None:
    work: list[tuple[Statement, Parameters]] = []
    places: list[int] = []  # where in the request each statement of `work` stood: empty commands are not run
    results = [_EMPTY_RESULT] * len(commands)
    index: int | None = None
    try:
        for index, command in enumerate(commands):
            statement = _statement(backend, command.sql)
            if statement is not None:
                work.append((statement, command.parameters))
                places.append(index)
        index = None
        if work:
            for place, answer in zip(places, await backend.execute_batch(work, **options), strict=True):
                results[place] = encode_result(answer)
    except StatementError as error:
        exchange.seq = backend.seq
        if index is None and error.index is not None:
            index, error.index = places[error.index], None
        _fail(exchange, error, index)
        return
    exchange.seq = backend.seq
    exchange.answer(200, b'{"results":[%b]}' % b",".join(results))


def _fail(exchange: Exchange, error: StatementError, index: int | None) -> None:
    status, headers, body = error_answer(error, index)
    exchange.answer(status, body, headers)


async def _stream(exchange: Exchange, answer: Answer, before: bytes, after: bytes) -> None:
    """Send a long result in slices.

    An error that comes after the head can change the status no more: it is written where the rows would go on, and the
    connection is cut, so that no client takes half a result for a whole one.
    """
    rest = answer.rest
    assert rest is not None
    try:
        exchange.begin(200)
        exchange.piece(b'%b{"columns":%b,"rows":[' % (before, encode_columns(answer)))
        rows, last, comma = answer.rows, False, b""
        while True:
            encoded = encode_rows(rows)
            if rows:
                exchange.piece(comma + encoded[1:-1])
                comma = b","
            await exchange.room()
            if last:
                break
            rows, last = await rest.next(_slice_rows(len(rows), len(encoded)))
        exchange.piece(b"]}" + after)
        exchange.end()
    except StatementError as error:
        exchange.piece(b'],"error":%b}' % encode(error_object(error, None)))
        exchange.break_off()
    finally:
        rest.close()


def _slice_rows(rows: int, size: int) -> int:
    """How many rows to read next, from the size of the last ones."""
    if not rows:
        return ROWS_FIRST
    return max(1, min(ROWS_MAX, SLICE_BYTES * rows // size))
