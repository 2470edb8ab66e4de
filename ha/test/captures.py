"""Recorded conversations of real clients with PostgreSQL 15, said again to a server of ours, and the answers compared.

Use: ``replay("psql", connect)`` gives a :class:`Difference` for every statement whose answer is not PostgreSQL's.

What is compared: SQLSTATEs, columns with names, OIDs, sizes, modifiers and whether they belong to a table, tags, and of
statements that read the catalog the rows. A capture keeps the first rows of an answer. OIDs of a client's own objects are
other numbers here; each of PostgreSQL's is paired with the one that is met in its place, for good, and statements that name
one are said with ours. The rows of the client's own tables depend on what came before and are not compared.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from psycopg import pq

CAPTURES: Final = files("ha.test").joinpath("data", "pgwire", "captures")

#: What is not said again: it waits for another connection that cancels it.
_UNSAID: Final = re.compile(r"pg_sleep", re.IGNORECASE)
_CATALOG: Final = re.compile(r"pg_catalog|\bpg_\w+|information_schema|\bcurrent_|\bversion\b|\bSHOW\b", re.IGNORECASE)
#: What a client knew of earlier: the OIDs that stood in RowDescription, which no capture keeps.
_KNOWN: Final = {"pgjdbc": {"16931": "users"}}
#: Below are the system's OIDs.
_FIRST_OID: Final = 16384
_OID: Final = 26
_INT4: Final = 23
#: How a table's column is announced whose declaration SQLite stores more widely than PostgreSQL: int4 as int8, float4 as
#: float8, and their arrays (docs/postgres.rst).
_WIDER: Final = {23: (20, 8), 700: (701, 8), 1007: (1016, -1), 1021: (1022, -1)}
_NUMBER: Final = re.compile(r"\b[1-9][0-9]{4,9}\b")


def base() -> str:
    """The schema that the captures were recorded on."""
    return CAPTURES.joinpath("base.sql").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Difference:
    """One statement whose answer differs.

    :param step: what the client was doing.
    :param what: in which respect: ``error``, ``columns``, ``rows``, ``tag``.
    """

    step: str
    sql: str
    what: str
    wanted: Any
    got: Any

    def __str__(self) -> str:
        text = " ".join(self.sql.split())[:160]
        return f"[{self.step}] {self.what}: {text}\n    PostgreSQL: {self.wanted}\n    here:       {self.got}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What one statement was answered."""

    error: str | None
    columns: tuple[tuple[Any, ...], ...]
    rows: tuple[tuple[str | None, ...], ...]
    tag: str


class Replay:
    """One client's capture.

    :ivar said: how many statements were said.
    :ivar read: how many of them read the catalog.
    """

    def __init__(self, client: str, connect: Callable[[], pq.PGconn]) -> None:
        self._connect = connect
        self._capture = json.loads(CAPTURES.joinpath(f"{client}.json").read_text(encoding="utf-8"))
        self._connection: pq.PGconn | None = None
        self._oids: dict[str, str] = {}
        self.said = 0
        self.read = 0

    def differences(self) -> Iterator[Difference]:
        """Say everything in its order."""
        for step in self._capture["steps"]:
            statements = step["statements"]
            if any(one.get("msg") in ("SSLRequest", "StartupMessage") for one in statements):
                self._reconnect()
            for at, one in enumerate(statements):
                sql = one.get("sql") if one["proto"] != "msg" else None
                if sql is None:
                    sql = one.get("reuse_of") if one.get("reuse_of") in ("COMMIT", "ROLLBACK", "BEGIN") else None
                if sql is not None and not _UNSAID.search(sql):
                    self.said += 1
                    self.read += bool(_CATALOG.search(sql))
                    data = [later["data"] for later in statements[at + 1 :] if later.get("msg") == "F CopyData"]
                    yield from self._compare(step["step"], sql, one, self._ask(sql, one, data))
        if self._connection is not None:
            self._connection.finish()

    def _reconnect(self) -> None:
        if self._connection is not None:
            self._connection.finish()
        self._connection = self._connect()
        for theirs, name in _KNOWN.get(self._capture["client"], {}).items():
            found = self._connection.exec_(f"SELECT '{name}'::regclass::oid".encode()).get_value(0, 0)
            self._oids[theirs] = (found or b"").decode()

    # Asking

    def _ask(self, sql: str, one: dict[str, Any], data: list[Any]) -> list[Answer]:
        if self._connection is None:
            self._reconnect()
        connection = self._connection
        assert connection is not None
        text = _NUMBER.sub(lambda found: self._oids.get(found[0], found[0]), sql).encode()
        bind = one.get("bind")
        if one["proto"] == "extended" and bind is None:
            prepared = connection.prepare(b"", text, one.get("param_oids") or None)
            described = connection.describe_prepared(b"") if not _failed(prepared) else prepared
            return [_answer(described)]
        if one["proto"] == "extended":
            assert bind is not None
            said = bind["params"]
            kinds = [*(one.get("param_oids") or []), *([0] * len(said))][: len(said)]
            given = [self._parameter(value) for value in said]
            # A client sends a number as the smallest type that holds it, and our OIDs are larger than PostgreSQL's first.
            kinds = [
                _INT4 if _grown(value, data) else kind for value, data, kind in zip(said, given, kinds, strict=True)
            ]
            formats = bind["param_formats"] or [0]
            formats = formats * len(given) if len(formats) == 1 else formats
            connection.send_query_params(text, given, param_types=kinds, param_formats=formats or None)
        else:
            connection.send_query(text)
        return list(self._answers(connection, data))

    def _parameter(self, value: Any) -> bytes | None:
        if value is None:
            return None
        if isinstance(value, dict):
            data = bytes.fromhex(value["hex"])
            number = self._oids.get(str(int.from_bytes(data, "big")))
            return data if number is None else int(number).to_bytes(max(len(data), 4), "big")
        return self._oids.get(value, value).encode()

    def _answers(self, connection: pq.PGconn, data: list[Any]) -> Iterator[Answer]:
        while (result := connection.get_result()) is not None:
            if result.status == pq.ExecStatus.COPY_IN:
                for piece in data:
                    connection.put_copy_data(bytes.fromhex(piece["hex"]) if isinstance(piece, dict) else piece.encode())
                connection.put_copy_end()
            elif result.status == pq.ExecStatus.COPY_OUT:
                while connection.get_copy_data(0)[0] > 0:
                    pass
            else:
                yield _answer(result)

    # Comparing

    def _compare(self, step: str, sql: str, one: dict[str, Any], answers: list[Answer]) -> Iterator[Difference]:
        wanted = [*_merged(one["results"])]
        for at, expected in enumerate(wanted):
            if at >= len(answers):
                yield Difference(step, sql, "tag", expected.get("tag"), None)
                return
            got = answers[at]
            code = expected["error"]["C"] if expected.get("error") else None
            if got.error != code and (got.error or "")[:5] != code:
                yield Difference(step, sql, "error", code, got.error)
                return
            if code is not None:
                continue
            columns = tuple(
                (name, oid, size, modifier, bool(table)) for name, oid, size, modifier, _, table in expected["cols"]
            )
            if got.columns != columns and got.columns != tuple(map(_widened, columns)):
                yield Difference(step, sql, "columns", *_unequal(columns, got.columns))
            elif _CATALOG.search(sql):
                yield from self._rows(step, sql, one, expected, got)
                yield from self._tag(step, sql, expected, got)
            elif _words(got.tag) != _words(expected.get("tag") or got.tag):
                yield Difference(step, sql, "tag", expected.get("tag"), got.tag)

    def _tag(self, step: str, sql: str, expected: dict[str, Any], got: Answer) -> Iterator[Difference]:
        if expected.get("tag") and got.tag != expected["tag"]:
            yield Difference(step, sql, "tag", expected["tag"], got.tag)

    def _rows(
        self, step: str, sql: str, one: dict[str, Any], expected: dict[str, Any], got: Answer
    ) -> Iterator[Difference]:
        if any(one.get("bind", {}).get("result_formats", ())):
            return
        ordered = "ORDER BY" in _outermost(sql).upper()
        left = list(got.rows)
        for theirs in map(tuple, expected["rows"]):
            ours = next((row for row in left[: 1 if ordered else None] if self._same(theirs, row, got.columns)), None)
            if ours is None:
                yield Difference(step, sql, "rows", theirs, left[0] if left else None)
                return
            left.remove(ours)

    def _same(self, theirs: tuple[Any, ...], ours: tuple[Any, ...], columns: tuple[tuple[Any, ...], ...]) -> bool:
        return len(theirs) == len(ours) and all(
            a == b or (column[1] == _OID and self._paired(a, b)) or (isinstance(a, str) and self._translated(a) == b)
            for a, b, column in zip(theirs, ours, columns, strict=True)
        )

    def _paired(self, theirs: Any, ours: Any) -> bool:
        if theirs is None or ours is None or int(theirs) < _FIRST_OID or int(ours) < _FIRST_OID:
            return False
        return self._oids.setdefault(theirs, ours) == ours

    def _translated(self, text: str) -> str:
        return _NUMBER.sub(lambda found: self._oids.get(found[0], found[0]), text)


def _merged(results: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """A Describe and its Execute stand apart in a capture; here they are one answer."""
    held: dict[str, Any] = {"cols": [], "rows": []}
    for one in results:
        held["cols"] = one.get("cols") or held["cols"]
        held["rows"] = held["rows"] + one.get("rows", [])
        if "tag" in one or one.get("error") or one.get("msg") == "EmptyQueryResponse":
            yield held | {"tag": one.get("tag"), "error": one.get("error")}
            held = {"cols": [], "rows": []}
    if held["cols"]:
        yield held


def _outermost(sql: str) -> str:
    """A text without what stands in parentheses."""
    while (shorter := re.sub(r"\([^()]*\)", "", sql)) != sql:
        sql = shorter
    return sql


def _grown(value: Any, data: bytes | None) -> bool:
    return isinstance(value, dict) and data is not None and 2 * len(data) > len(value["hex"])


def _failed(result: pq.abc.PGresult) -> bool:
    return result.status == pq.ExecStatus.FATAL_ERROR


def _answer(result: pq.abc.PGresult) -> Answer:
    if _failed(result):
        code = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
        return Answer(f"{code} {(result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or b'').decode()}", (), (), "")
    columns = tuple(
        (
            (result.fname(at) or b"").decode(),
            result.ftype(at),
            result.fsize(at),
            result.fmod(at),
            result.ftable(at) != 0,
        )
        for at in range(result.nfields)
    )
    rows = tuple(
        tuple(None if (value := result.get_value(row, at)) is None else value.decode() for at in range(result.nfields))
        for row in range(result.ntuples)
    )
    return Answer(None, columns, rows, (result.command_status or b"").decode())


def _widened(column: tuple[Any, ...]) -> tuple[Any, ...]:
    name, oid, size, modifier, table = column
    return (name, *_WIDER.get(oid, (oid, size)), modifier, table) if table else column


def _words(tag: str) -> str:
    return tag.rstrip("0123456789 ")


def _unequal(wanted: tuple[Any, ...], got: tuple[Any, ...]) -> tuple[Any, Any]:
    """Only what differs, where as many columns came."""
    if len(wanted) != len(got):
        return wanted, got
    pairs = [(a, b) for a, b in zip(wanted, got, strict=True) if a != b]
    return tuple(a for a, _ in pairs), tuple(b for _, b in pairs)


def replay(client: str, connect: Callable[[], pq.PGconn]) -> tuple[Replay, list[Difference]]:
    """A client's capture, and what differed."""
    one = Replay(client, connect)
    return one, list(one.differences())
