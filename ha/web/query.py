"""SQL over HTTP: a request's commands, run as one transaction, answered as JSON.

A body is one object ``{"sql": ..., "params": ...}`` or an array of them. An array is one transaction: all or nothing.
A single command that answers many rows is sent in slices while it is read; a slow client makes the reading wait.
"""

from __future__ import annotations

import json
import math
import re
from base64 import b64decode
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, NamedTuple, Protocol
from urllib.parse import parse_qsl

import orjson
from twisted.internet.defer import Deferred

from ha.errors import StatementError
from ha.sql.kinds import Kind, Statement
from ha.values import Answer, Parameters, Row, Value
from ha.web.exchange import Exchange
from ha.web.respond import Refusal, encode, encode_columns, encode_result, encode_rows, error_answer, error_object

#: What is left to do of a request that must wait for something.
Waiting = Coroutine[Deferred[Any], Any, None]

#: Commands of one request.
COMMANDS_MAX = 100_000

#: Parameters of one command (PostgreSQL's own limit).
PARAMETERS_MAX = 65_535

#: Rows read before the first byte is sent. Most results are shorter, and leave in one write with a Content-Length.
ROWS_FIRST = 200

#: What is encoded between two turns of the reactor: rows at most, and about so many bytes (half a millisecond).
SLICE_ROWS_MAX = 2_000
SLICE_BYTES = 128 * 1024

#: What makes sense in a request that is a transaction of its own. SET, BEGIN, PREPARE and the like need a session.
_KINDS = frozenset((Kind.SQL, Kind.SCRIPT, Kind.SHOW, Kind.NOTIFY, Kind.NOTHING))

_INT_MIN, _INT_MAX = -(1 << 63), (1 << 63) - 1


class Backend(Protocol):
    """What this door needs of a conversation with a database.

    `options` are those of :func:`read_options`; only what the client said is passed.
    """

    @property
    def seq(self) -> str | None:
        """``<epoch>:<seq>``: the newest position this client wrote or saw; None without a log."""

    def parse(self, text: str) -> tuple[Statement, ...]:
        """Cut a client's text into statements."""

    def execute_at_once(self, statement: Statement, values: Parameters, *, rows_max: int) -> Answer | None:
        """Run one statement if nothing must be waited for; None: nothing was done, :meth:`execute` it."""

    async def execute(self, statement: Statement, values: Parameters, *, rows_max: int, **options: object) -> Answer:
        """Run one statement as a transaction of its own; at most `rows_max` rows come at once, more by ``rest``."""

    async def execute_batch(self, commands: Sequence[tuple[Statement, Parameters]], **options: object) -> list[Answer]:
        """Run statements as one transaction."""

    def cancel(self) -> None:
        """Stop what runs now."""

    def release(self) -> None:
        """The request is done: release everything."""


class Command(NamedTuple):
    """One element of the request."""

    sql: str
    parameters: Parameters


# --- reading the request ----------------------------------------------------------------------------------------


class Body:
    """A request's body while it is read.

    :param text: JSON in UTF-8.
    """

    def __init__(self, text: bytes | bytearray) -> None:
        self._text = text
        self._integers_fit = False

    def commands(self) -> tuple[list[Command], bool]:
        """The commands, and whether they stood in an array.

        :raises Refusal: the body is not what it should be.
        """
        try:
            parsed = orjson.loads(self._text)
        except ValueError as reason:
            raise Refusal(400, "bad_json", f"the body is not JSON: {reason}") from None
        if type(parsed) is dict:
            return [self._command(parsed, None)], False
        if type(parsed) is not list:
            raise Refusal(400, "bad_shape", 'the body must be {"sql": ..., "params": ...} or an array of such objects')
        if len(parsed) > COMMANDS_MAX:
            raise Refusal(413, "too_large", f"a request may have {COMMANDS_MAX} commands at most")
        # Most batches say the same again and again, and what is said without values is one command.
        plain: dict[str, Command] = {}
        commands: list[Command] = []
        for index, one in enumerate(parsed):
            sql = one.get("sql") if type(one) is dict and len(one) == 1 else None
            command = plain.get(sql) if type(sql) is str else None
            if command is None:
                command = self._command(one, index)
                if type(sql) is str:
                    plain[sql] = command
            commands.append(command)
        return commands, True

    def _command(self, given: object, index: int | None) -> Command:
        if type(given) is not dict:
            raise Refusal(400, "bad_shape", 'a command must be an object {"sql": ..., "params": ...}', index=index)
        sql = given.get("sql")
        if type(sql) is not str:
            raise Refusal(400, "bad_shape", '"sql" must be a string', index=index)
        if len(given) > ("params" in given) + 1:
            unknown = next(key for key in given if key not in ("sql", "params"))
            shown = json.dumps(unknown[:100])
            raise Refusal(400, "bad_shape", f'a command has "sql" and "params", not {shown}', index=index)
        parameters = given.get("params")
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
        try:
            read = [self._value(value) for value in values]
        except ValueError as reason:
            raise Refusal(400, "bad_value", str(reason), index=index) from None
        return Command(sql, read if type(parameters) is list else dict(zip(parameters, read, strict=True)))

    def _value(self, given: object) -> Value:
        """A parameter's value from its JSON.

        :raises ValueError: SQLite has no such value.
        """
        if type(given) is str or given is None:
            return given
        if type(given) is int:
            return _int64(given)
        if type(given) is float:
            if abs(given) >= _INT_MAX:
                self._check_integers()
            return given
        if type(given) is bool:
            return int(given)
        if type(given) is dict and len(given) == 1:
            ((mark, content),) = given.items()
            if mark == "blob" and type(content) is str:
                try:
                    return b64decode(content, validate=True)
                except ValueError:
                    raise ValueError('{"blob": ...} does not hold base64') from None
            if mark == "real" and type(content) is str and content in _REALS:
                return _REALS[content]
        raise ValueError('a value must be null, a number, a string, {"blob": "<base64>"} or {"real": "Infinity"}')

    def _check_integers(self) -> None:
        """Make sure that no great float stood in the text as an integer.

        orjson reads an integer beyond 64 bits as a float. So when there is a float of that size, the body is read once
        more, by the slower reader that can tell.

        :raises ValueError: one did.
        """
        if not self._integers_fit:
            try:
                json.loads(self._text, parse_int=_parsed_int64)
            except RecursionError:
                raise ValueError("nested too deeply") from None
            self._integers_fit = True


_REALS: dict[str, float | None] = {"Infinity": math.inf, "-Infinity": -math.inf, "NaN": None}


def _int64(number: int) -> int:
    if not _INT_MIN <= number <= _INT_MAX:
        raise ValueError("an integer does not fit in 64 bits")
    return number


def _parsed_int64(digits: str) -> int:
    return _int64(int(digits) if len(digits) <= 20 else _INT_MAX + 1)


_ISOLATION = frozenset(("read committed", "repeatable read", "serializable"))
_CONSISTENCY = frozenset(("local", "session", "linearizable"))
_SEQ = re.compile(r"[0-9A-Za-z_.-]{1,64}:[0-9]{1,19}")
_TIMEOUT = re.compile(r"([0-9]{1,7}(?:\.[0-9]{1,6})?)(ms|s|m|)")
_SECONDS_OF = {"ms": 0.001, "s": 1.0, "m": 60.0, "": 1.0}


def read_options(query: bytes, seq: Sequence[bytes] | None) -> dict[str, object]:
    """What the URL's query and the ``X-HA-Seq`` header ask for, as keyword arguments for the backend.

    ``isolation`` (``read committed``, ``repeatable read``, ``serializable``), ``consistency`` (``local``, ``session``,
    ``linearizable``), ``timeout_s`` and ``seq``; only what was said is there.

    :raises Refusal: a name or a value that is none of ours.
    """
    options: dict[str, object] = {}
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, max_num_fields=10)
    except ValueError:
        raise Refusal(400, "bad_option", "the URL's query cannot be read") from None
    if len({name for name, _ in pairs}) < len(pairs):
        raise Refusal(400, "bad_option", "an option stands twice in the URL's query")
    for name, value in pairs:
        if name == "isolation" and (level := re.sub("[-_]", " ", value).lower()) in _ISOLATION:
            options["isolation"] = level
        elif name == "consistency" and value in _CONSISTENCY:
            options["consistency"] = value
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
    if statement.kind is Kind.REFUSED:
        assert isinstance(statement.argument, tuple)
        sqlstate, message, hint = statement.argument
        raise StatementError(sqlstate, message, hint=hint)
    if statement.kind not in _KINDS:
        raise StatementError(
            "0A000",
            f"{statement.verb} has no meaning over HTTP",
            hint="A request is one transaction, and nothing of it outlives it.",
        )
    return statement


# --- running it -------------------------------------------------------------------------------------------------

#: The answer to a command that holds no statement.
_NOTHING_DONE = Answer("", columns=())


def serve_query(exchange: Exchange, connect: Callable[[], Backend]) -> Waiting | None:
    """Run an exchange's commands and answer.

    :param connect: makes the backend; it is released here, whatever happens.
    :returns: None when that is done, as it is after most reads; else what does the rest. It raises
        :class:`ha.web.exchange.ClientGone` when the client did not wait for the answer.
    :raises Refusal: the request is wrong.
    :raises ha.errors.StatementError: `connect` failed.
    """
    query = exchange.uri.partition(b"?")[2]
    seq = exchange.headers.get(b"X-Ha-Seq")
    options = read_options(query, seq) if query or seq is not None else {}
    commands, is_array = Body(exchange.take_body()).commands()
    backend = connect()
    waiting = None
    try:
        if len(commands) == 1:
            waiting = _run_one(exchange, backend, commands[0], is_array, options)
        else:
            waiting = _run_all(exchange, backend, commands, options)
    finally:
        if waiting is None:
            backend.release()
    return waiting and _finish(exchange, backend, waiting)


async def _finish(exchange: Exchange, backend: Backend, waiting: Waiting) -> None:
    """What is left of a request that must wait."""
    exchange.on_gone = backend.cancel
    try:
        await waiting
    finally:
        exchange.on_gone = None
        backend.release()


def _run_one(
    exchange: Exchange, backend: Backend, command: Command, is_array: bool, options: dict[str, object]
) -> Waiting | None:
    try:
        statement = _statement(backend, command.sql)
        if statement is None:
            answer: Answer | None = _NOTHING_DONE
        elif options:
            answer = None
        else:
            answer = backend.execute_at_once(statement, command.parameters, rows_max=ROWS_FIRST)
    except StatementError as error:
        exchange.seq = backend.seq
        _fail(exchange, error, 0 if is_array else None)
        return None
    if answer is None:
        assert statement is not None
        return _execute(exchange, backend, statement, command.parameters, is_array, options)
    exchange.seq = backend.seq
    return _deliver_one(exchange, answer, is_array)


async def _execute(
    exchange: Exchange,
    backend: Backend,
    statement: Statement,
    values: Parameters,
    is_array: bool,
    options: dict[str, object],
) -> None:
    try:
        answer = await backend.execute(statement, values, rows_max=ROWS_FIRST, **options)
    except StatementError as error:
        exchange.seq = backend.seq
        _fail(exchange, error, 0 if is_array else None)
        return
    exchange.seq = backend.seq
    waiting = _deliver_one(exchange, answer, is_array)
    if waiting is not None:
        await waiting


async def _run_all(
    exchange: Exchange, backend: Backend, commands: Sequence[Command], options: dict[str, object]
) -> None:
    answers = [_NOTHING_DONE] * len(commands)
    work: list[tuple[Statement, Parameters]] = []
    places: list[int] = []  # where in the request each statement of `work` stood: empty commands are not run
    known: dict[str, Statement | None] = {}  # most batches say the same again and again
    index: int | None = None
    try:
        for index, command in enumerate(commands):
            if command.sql not in known:
                known[command.sql] = _statement(backend, command.sql)
            statement = known[command.sql]
            if statement is not None:
                work.append((statement, command.parameters))
                places.append(index)
        index = None
        if work:
            for place, answer in zip(places, await backend.execute_batch(work, **options), strict=True):
                answers[place] = answer
    except StatementError as error:
        exchange.seq = backend.seq
        if index is None and error.index is not None:
            index, error.index = places[error.index], None
        _fail(exchange, error, index)
        return
    exchange.seq = backend.seq
    await _deliver_all(exchange, answers)


def _fail(exchange: Exchange, error: StatementError, index: int | None) -> None:
    status, headers, body = error_answer(error, index)
    exchange.answer(status, body, headers)


# --- the answer -------------------------------------------------------------------------------------------------


#: What stands around the results, by whether the commands stood in an array.
_AROUND = {False: (b"", b""), True: (b'{"results":[', b"]}")}


def _deliver_one(exchange: Exchange, answer: Answer, is_array: bool) -> Waiting | None:
    """Send one result: at once when it is here whole, else in slices."""
    before, after = _AROUND[is_array]
    if answer.rest is not None:
        return _deliver_slices(exchange, [answer], before, after)
    exchange.answer(200, before + encode_result(answer) + after)
    return None


async def _deliver_all(exchange: Exchange, answers: Sequence[Answer]) -> None:
    """Send an array's results: in one piece when they are short, else in slices."""
    before, after = _AROUND[True]
    if any(one.rest is not None for one in answers) or sum([len(one.rows) for one in answers]) > ROWS_FIRST:
        await _deliver_slices(exchange, answers, before, after)
    else:
        exchange.answer(200, before + b",".join([encode_result(one) for one in answers]) + after)


async def _deliver_slices(exchange: Exchange, answers: Sequence[Answer], before: bytes, after: bytes) -> None:
    exchange.begin(200)
    slices = Slices(exchange)
    try:
        exchange.piece(before)
        for number, answer in enumerate(answers):
            if number:
                exchange.piece(b",")
            await slices.send(answer)
        exchange.piece(after)
        exchange.end()
    except StatementError as error:
        # The status is out already, and cannot change. The error stands where the rows would go on, and the connection
        # ends without the answer's end.
        exchange.piece(b'],"error":%b}' % encode(error_object(error, None)))
        exchange.break_off()
    finally:
        for answer in answers:
            if answer.rest is not None:
                answer.rest.close()


class Slices:
    """Long results on their way: slices of rows, each as long as the size of the last one advises."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._rows = ROWS_FIRST

    async def send(self, answer: Answer) -> None:
        """One result object.

        :raises ha.errors.StatementError: the reading failed on the way.
        :raises ha.web.exchange.ClientGone: nobody is there to take it.
        """
        if answer.columns is None:
            self._exchange.piece(encode_result(answer))
            return
        self._exchange.piece(b'{"columns":%b,"rows":[' % encode_columns(answer))
        rows, answer.rows = answer.rows, []
        comma = await self._send_rows(rows, b"")
        last = answer.rest is None
        while not last:
            assert answer.rest is not None
            rows, last = await answer.rest.next(self._rows)
            comma = await self._send_rows(rows, comma)
        self._exchange.piece(b"]}")

    async def _send_rows(self, rows: Sequence[Row], comma: bytes) -> bytes:
        """Send them, `comma` first. What must stand before the next ones is returned."""
        start = 0
        while start < len(rows):
            some = rows[start : start + self._rows]
            start += len(some)
            encoded = encode_rows(some)
            self._exchange.piece(comma + encoded[1:-1])
            self._rows = max(1, min(SLICE_ROWS_MAX, SLICE_BYTES * len(some) // len(encoded)))
            comma = b","
            await self._exchange.room()
        return comma
