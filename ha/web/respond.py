"""What goes back to an HTTP client: values as JSON, errors as a status and JSON.

JSON cannot carry all that SQLite holds. A BLOB is ``{"blob": "<base64>"}``, an infinity ``{"real": "Infinity"}`` or
``{"real": "-Infinity"}``, in both directions; integers keep all 64 bits. (NaN does not exist: SQLite makes it NULL.)
"""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Sequence

import orjson

from ha.errors import NotReached, StatementError
from ha.values import Answer, Row

#: Where it is worth trying again, a client should wait so long, in seconds.
RETRY_AFTER = b"Retry-After: 1\r\n"


class Refusal(Exception):
    """The request itself cannot be served; SQL was never asked.

    :param code: a short word for programs; it never changes.
    :param message: a sentence for a person.
    :param headers: lines to add to the head.
    :param close: the rest of the connection cannot be trusted: it is closed after the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        index: int | None = None,
        headers: bytes = b"",
        close: bool = False,
    ) -> None:
        super().__init__(status, code, message)
        self.status = status
        self.code = code
        self.message = message
        self.index = index
        self.headers = headers
        self.close = close

    def body(self) -> bytes:
        """The answer's body."""
        return orjson.dumps(
            {"error": {"message": self.message, "code": self.code, "sqlstate": None, "index": self.index}}
        )


#: SQLSTATE, or its class (two characters), to the status and the code that a program may rely on.
#: 504 is "not done within its time" (57014: nothing was changed; 40003: nobody knows), because clients
#: repeat a request by themselves after 408, and a write must not be repeated unasked.
STATUS = {
    "02": (404, "not_found"),
    "0A": (422, "not_supported"),
    "08": (503, "unreachable"),
    "22": (422, "invalid_value"),
    "23": (422, "constraint_violation"),
    "23502": (422, "not_null_violation"),
    "23503": (422, "foreign_key_violation"),
    "23505": (422, "unique_violation"),
    "23514": (422, "check_violation"),
    "25": (422, "transaction_state"),
    "25006": (503, "read_only"),
    "28": (401, "unauthorized"),
    "3D000": (404, "unknown_database"),
    "40": (409, "conflict"),
    "40003": (504, "outcome_unknown"),
    "42": (422, "invalid_statement"),
    "42501": (403, "forbidden"),
    "42601": (422, "syntax_error"),
    "42703": (422, "unknown_column"),
    "42P01": (422, "unknown_table"),
    "53": (503, "out_of_resources"),
    "53100": (503, "disk_full"),
    "53300": (503, "too_many_connections"),
    "54": (413, "too_large"),
    "55000": (409, "wrong_state"),
    "55P03": (503, "busy"),
    "57014": (504, "cancelled"),
    "57P01": (503, "shutting_down"),
    "57P02": (503, "shutting_down"),
    "57P03": (503, "not_ready"),
    "58": (500, "system_error"),
    "XX": (500, "internal_error"),
}

_OTHERWISE = (422, "statement_error")

#: Nothing was run: it may be asked again, here or of another node.
_BEHIND = (503, "behind")


def status_of(error: StatementError) -> tuple[int, str]:
    """The HTTP status and our code for an error."""
    if isinstance(error, NotReached):
        return _BEHIND
    sqlstate = error.sqlstate
    return STATUS.get(sqlstate) or STATUS.get(sqlstate[:2]) or _OTHERWISE


def error_object(error: StatementError, index: int | None) -> dict[str, object]:
    """The ``error`` member for a statement that failed.

    :param index: which command of the request, where the error does not say itself.
    """
    told: dict[str, object] = {
        "message": error.message,
        "code": status_of(error)[1],
        "sqlstate": error.sqlstate,
        "index": index if error.index is None else error.index,
    }
    for name in ("detail", "hint", "position", "table", "column", "constraint"):
        value = getattr(error, name)
        if value is not None:
            told[name] = value
    return told


def error_answer(error: StatementError, index: int | None) -> tuple[int, bytes, bytes]:
    """Status, additional header lines and body for a statement that failed."""
    status = status_of(error)[0]
    headers = RETRY_AFTER if status == 503 else b""
    return status, headers, encode({"error": error_object(error, index)})


def _marked(value: object) -> object:
    if isinstance(value, bytes | bytearray | memoryview):
        return {"blob": b64encode(value).decode("ascii")}
    raise TypeError(type(value))


def encode(value: object) -> bytes:
    """JSON of `value`, which may hold ``bytes``.

    :raises ha.errors.StatementError: a text that is no text (22021).
    """
    try:
        return orjson.dumps(value, default=_marked)
    except TypeError as reason:
        raise StatementError("22021", f"the result cannot be written as JSON: {reason}") from None


def encode_rows(rows: Sequence[Row]) -> bytes:
    """A JSON array of rows. Costs about 1 µs a row: slice what may be long."""
    encoded = encode(rows)
    return encode(_with_infinities(rows)) if _hides_infinities(encoded, rows) else encoded


def _hides_infinities(encoded: bytes, rows: Sequence[Row]) -> bool:
    """orjson writes infinities as null. To look at every value costs ten times the encoding, so look only where one was written."""
    return b"null" in encoded and any(type(value) is float and math.isinf(value) for row in rows for value in row)


def _with_infinities(rows: Sequence[Row]) -> list[list[object]]:
    return [[_spelled(value) for value in row] for row in rows]


def _spelled(value: object) -> object:
    if type(value) is float and math.isinf(value):
        return {"real": "Infinity" if value > 0 else "-Infinity"}
    return value


def encode_columns(answer: Answer) -> bytes:
    """The names of the answer's columns, in order, equal names kept."""
    assert answer.columns is not None
    return encode([column.name for column in answer.columns])


def encode_result(answer: Answer) -> bytes:
    """One result object: the answer's rows, all of them, or what a write did."""
    if answer.columns is None:
        # last_insert_id is null after a statement that inserted nothing: SQLite would tell of an older one.
        identity = b"null" if answer.last_insert_id is None else b"%d" % answer.last_insert_id
        return b'{"columns":["rows_affected","last_insert_id"],"rows":[[%d,%b]]}' % (answer.affected or 0, identity)
    rows = answer.rows
    told = {"columns": [column.name for column in answer.columns], "rows": rows}
    encoded = encode(told)
    return encode(told | {"rows": _with_infinities(rows)}) if _hides_infinities(encoded, rows) else encoded
