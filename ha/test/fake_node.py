"""A node, its backends and an HTTP client for tests of the HTTP door: no sockets, no SQLite, time stands still.

The backends keep the real one's contract as far as the door can see it, and write down what was asked of them in `said`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from io import BytesIO
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from ha.auth import Entrance
from ha.errors import StatementError
from ha.metrics import Metrics
from ha.sql.kinds import Statement
from ha.sql.statements import split
from ha.values import Answer, Column, Parameters, Row
from ha.web.site import Site


def selected(rows: list[Row], *names: str, rest: Any = None) -> Answer:
    """The answer to a SELECT."""
    return Answer("SELECT", tuple(Column(name) for name in names), rows, rest=rest)


class FakeRest:
    """Rows that come later: batches, or an error, in order."""

    def __init__(self, *batches: list[Row] | StatementError) -> None:
        self.batches = list(batches)
        self.asked: list[int] = []
        self.closed = 0

    async def next(self, rows_max: int) -> tuple[list[Row], bool]:
        self.asked.append(rows_max)
        batch = self.batches.pop(0)
        if isinstance(batch, StatementError):
            raise batch
        return batch, not self.batches

    def close(self) -> None:
        self.closed += 1


class FakeBackend:
    """Answers what its node was told to."""

    def __init__(self, node: FakeNode, database: str, user: str) -> None:
        self.node = node
        self.said: list[tuple[Any, ...]] = [("connect", database, user)]
        self.seq: str | None = "e1:7"

    def parse(self, text: str) -> tuple[Statement, ...]:
        return split(text)

    def execute_at_once(self, statement: Statement, values: Parameters, *, rows_max: int) -> Answer | None:
        answer = self.node.answers.get(statement.text)
        if statement.verb != "SELECT" or answer is None or isinstance(answer, Deferred):
            return None
        self.said.append(("execute", statement.text, values, {}))
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def execute(self, statement: Statement, values: Parameters, *, rows_max: int, **options: object) -> Answer:
        self.said.append(("execute", statement.text, values, options))
        return await self._answer(statement.text)

    async def execute_batch(self, commands: Sequence[tuple[Statement, Parameters]], **options: object) -> list[Answer]:
        self.said.append(("batch", [(one.text, values) for one, values in commands], options))
        answers = []
        for index, (statement, _) in enumerate(commands):
            try:
                answers.append(await self._answer(statement.text))
            except StatementError as error:
                error.index = index
                raise
        return answers

    async def _answer(self, text: str) -> Answer:
        answer = self.node.answers.get(text, Answer("INSERT", affected=1, last_insert_id=3))
        if isinstance(answer, Deferred):
            answer = await answer
        if isinstance(answer, Exception):
            raise answer
        return answer

    def cancel(self) -> None:
        self.said.append(("cancel",))
        waiting = self.node.waiting
        if waiting is not None and not waiting.called:
            waiting.errback(StatementError("57014", "cancelled"))

    def release(self) -> None:
        self.said.append(("close",))


class FakeCopy:
    """A copy in memory."""

    def __init__(self, content: bytes) -> None:
        self.file = BytesIO(content)
        self.size = len(content)
        self.seq: str | None = "e1:9"
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


class FakeNode:
    """Two databases.

    :ivar answers: statement text to the answer, the error or the Deferred of either; else a row was inserted.
    :ivar waiting: a Deferred in `answers` that cancelling fails.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.waiting: Deferred[Answer] | None = None
        self.backends: list[FakeBackend] = []
        self.copies: list[FakeCopy] = []
        self.content = b"SQLite format 3\0" + bytes(1000)
        self.copy_error: Exception | None = None
        self.reasons: list[str] = []
        self.noticed: list[str] = []
        self.removed: list[str] = []

    def connect(self, database: str, user: str, *, remote: object, dialect: str) -> FakeBackend:
        if database not in self.databases():
            raise StatementError("3D000", f'database "{database}" does not exist')
        self.backends.append(FakeBackend(self, database, user))
        return self.backends[-1]

    def databases(self) -> list[str]:
        return ["first.db", 'sec"ond ü.db']

    def database_status(self, database: str) -> dict[str, object]:
        return {"name": database, "size": 4096}

    async def open_copy(self, database: str) -> FakeCopy:
        if self.copy_error is not None:
            raise self.copy_error
        self.copies.append(FakeCopy(self.content))
        return self.copies[-1]

    async def conflicts(self, database: str, after: int) -> list[dict[str, object]]:
        return [{"id": number, "table": "t"} for number in (1, 2) if number > after and database == "first.db"]

    async def conflict(self, database: str, number: int) -> dict[str, object] | None:
        return {"id": number, "values": [b"x"]} if number == 1 else None

    async def restore_conflict(self, database: str, number: int) -> dict[str, object]:
        if number != 1:
            raise StatementError("02000", f"there is no conflict {number}")
        return {"id": number}

    async def skip(self, database: str, position: int) -> None:
        if position != 7:
            raise StatementError("55000", f"{database} stands still before position 7")

    async def make_snapshot(self, database: str) -> dict[str, object]:
        return {"database": database, "position": 9}

    async def open_snapshot(self, database: str) -> FakeCopy | None:
        return await self.open_copy(database) if database == "first.db" else None

    async def notices(self) -> list[str]:
        """What a test says."""
        return self.noticed

    def readiness(self) -> list[str]:
        return self.reasons

    def status(self) -> dict[str, object]:
        return {"name": "node-1", "large": 2**62}

    async def replications(self) -> list[dict[str, object]]:
        return [{"name": "reader", "pending": 3}]

    async def remove_replication(self, name: str) -> bool:
        self.removed.append(name)
        return name == "reader"


class Reply:
    """One HTTP answer, read from the bytes that were written; status 0 when there are none."""

    def __init__(self, data: bytes, *, bodiless: bool = False) -> None:
        head, _, rest = data.partition(b"\r\n\r\n")
        status, *lines = head.decode("ascii").split("\r\n")
        self.head = head
        self.status = int(status.split(" ")[1]) if status else 0
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        self.whole = True
        if bodiless:
            self.body, self.left = b"", rest
        elif self.headers.get("transfer-encoding") == "chunked":
            self.body, self.left, self.whole = _unchunked(rest)
        elif "content-length" in self.headers:
            length = int(self.headers["content-length"])
            self.body, self.left, self.whole = rest[:length], rest[length:], len(rest) >= length
        else:
            self.body, self.left = rest, b""

    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """The body's error."""
        error: dict[str, Any] = self.json()["error"]
        return error


def _unchunked(data: bytes) -> tuple[bytes, bytes, bool]:
    body = b""
    while True:
        size, _, data = data.partition(b"\r\n")
        if not size:
            return body, data, False
        length = int(size, 16)
        if not length:
            return body, data[2:], True
        body, data = body + data[:length], data[length + 2 :]


class Client:
    """One connection to a site."""

    def __init__(self, site: Site, transport: StringTransport | None = None) -> None:
        self.transport: Any = transport or StringTransport()
        self.connection = site.buildProtocol(None)
        self.connection.makeConnection(self.transport)
        self.lost = False

    def send(self, data: bytes, *, cut: int = 0) -> None:
        """Bytes, whole or in pieces of `cut`."""
        for start in range(0, len(data), cut or len(data)):
            self.connection.dataReceived(data[start : start + (cut or len(data))])

    def said(self) -> bytes:
        """What the site has written since it was last asked."""
        data: bytes = self.transport.value()
        self.transport.clear()
        return data

    def ask(self, method: str, path: str, body: bytes | None = None, cut: int = 0, **headers: str) -> Reply:
        """A request and its answer. Underscores in the names of headers stand for dashes."""
        headers.setdefault("Host", "localhost:8080")
        lines = [
            f"{method} {path} HTTP/1.1",
            *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
        ]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b""), cut=cut)
        return Reply(self.said(), bodiless=method == "HEAD")

    def post(self, value: object, path: str = "/", **headers: str) -> Reply:
        """POST `value` as curl does."""
        headers.setdefault("Content_Type", "application/x-www-form-urlencoded")
        return self.ask("POST", path, value if isinstance(value, bytes) else json.dumps(value).encode(), **headers)

    def hang_up(self) -> None:
        """The client closes its side."""
        self.lost = True
        self.connection.connectionLost(Failure(ConnectionDone()))

    @property
    def closing(self) -> bool:
        """Whether the site has begun to close the connection."""
        return bool(self.transport.disconnecting or self.transport.disconnected)


class House:
    """A site with everything around it."""

    def __init__(self, *, entrance: Entrance | None = None, **arguments: Any) -> None:
        self.node = FakeNode()
        self.clock = Clock()
        self.metrics = Metrics()
        self.site = Site(
            self.node, self.metrics, self.clock, entrance=entrance or Entrance(), now=lambda: 0.0, **arguments
        )

    def client(self, transport: StringTransport | None = None) -> Client:
        """A new connection."""
        return Client(self.site, transport)
