"""The bench's own driver, a process of its own: ``python -m ha.bench.load`` reads one job and prints one result.

It writes the protocols' bytes itself and looks only for the ends of answers, so that it costs as little as Python can.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from ha.bench.pgsocket import Address, Connection, message
from ha.bench.processes import PATIENCE_S, environment
from ha.bench.report import Timing, timing
from ha.bench.template import Template
from ha.bench.workloads import KEY_MAX

#: Different keys that requests are made for before the clock runs. SQLite, too, sees no more texts than these.
KEYS = 500


@dataclass(frozen=True, slots=True)
class Job:
    """What the driver is told: where, what, by how many, for how long.

    :param statements: see :class:`ha.bench.workloads.Workload`.
    :param address: for PostgreSQL; else `template` says how.
    """

    statements: tuple[tuple[int, str], ...]
    batch: int
    clients: int
    seconds: float
    address: Address | None = None
    template: Template | None = None

    @classmethod
    def read(cls, text: str) -> Job:
        """From JSON."""
        plain: dict[str, Any] = json.loads(text)
        for name, kind in (("address", Address), ("template", Template)):
            if plain[name] is not None:
                plain[name] = kind(**plain[name])
        return cls(**plain)


@dataclass(slots=True)
class Tally:
    """What all clients of a job have seen."""

    end: float = 0.0
    latencies: list[float] = field(default_factory=list)
    errors: int = 0


class Client(asyncio.Protocol):
    """One client: one request after the other until the time is over.

    :param draw: gives the next request's bytes.
    """

    transport: asyncio.Transport

    def __init__(self, draw: Callable[[], bytes], tally: Tally) -> None:
        self._draw = draw
        self._tally = tally
        self._left = b""
        self._asked_at = 0.0
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Its socket."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """The server should not have done that."""
        if not self.over.done():
            self.over.set_exception(exc or ConnectionError("the server hung up"))

    def ask(self) -> None:
        """The next request."""
        self._asked_at = time.perf_counter()
        self.transport.write(self._draw())

    def data_received(self, data: bytes) -> None:
        """A piece of the answer."""
        data = self._left + data if self._left else data
        good = self.ended(data)
        if good is None:
            self._left = data
            return
        self._left = b""
        now = time.perf_counter()
        if good:
            self._tally.latencies.append(now - self._asked_at)
        else:
            self._tally.errors += 1
        if now < self._tally.end:
            self.ask()
        elif not self.over.done():
            self.over.set_result(None)

    def ended(self, data: bytes) -> bool | None:
        """Whether the answer is whole: None if it is not, else whether it is a good one."""
        raise NotImplementedError


class PostgresClient(Client):
    """Simple queries."""

    def ended(self, data: bytes) -> bool | None:
        at, size, good = 0, len(data), True
        while at + 5 <= size:
            tag = data[at]
            at += 1 + int.from_bytes(data[at + 1 : at + 5], "big")
            if tag == 0x5A and at <= size:  # Z, ReadyForQuery
                return good
            if tag == 0x45:  # E, ErrorResponse
                good = False
        return None


class HttpClient(Client):
    """A connection that is kept; of an answer only status and length are read.

    :ivar error: what stands only in the bodies of errors.
    """

    error = b""

    def ended(self, data: bytes) -> bool | None:
        head, found, body = data.partition(b"\r\n\r\n")
        if not found:
            return None
        head = head.lower()
        if b"transfer-encoding: chunked" in head:
            if not body.endswith(b"0\r\n\r\n"):
                return None
        elif len(body) < int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0]):
            return None
        return head.startswith(b"http/1.1 200") and self.error not in body


def requests(job: Job) -> list[list[bytes]]:
    """For each unit of weight of each statement the requests to draw from."""
    drawn: list[list[bytes]] = []
    for weight, sql in job.statements:
        keys = random.sample(range(1, KEY_MAX + 1), KEYS) if "{key}" in sql else [0]
        texts = [sql.replace("{key}", str(key)) for key in keys]
        if job.template is not None:
            octets = [job.template.request(text, job.batch) for text in texts]
        else:
            octets = [message(b"Q", text.encode() + b"\0") for text in texts]
        drawn += [octets] * weight
    return drawn


async def measure(job: Job) -> Timing:
    """Let all clients do it, each one operation after the other, for as long as the job says."""
    loop = asyncio.get_running_loop()
    choices = requests(job)
    tally = Tally()

    def draw() -> bytes:
        return random.choice(random.choice(choices))

    clients: list[Client] = []
    kept: list[Connection] = []  # their sockets close with them
    for _ in range(job.clients):
        client: Client
        if job.address is not None:
            logged_in = Connection(job.address)
            kept.append(logged_in)
            logged_in.socket.setblocking(False)
            _, client = await loop.create_connection(lambda: PostgresClient(draw, tally), sock=logged_in.socket)
        else:
            assert job.template is not None
            where = job.template.host, job.template.port
            _, http = await loop.create_connection(lambda: HttpClient(draw, tally), *where)
            http.error = job.template.error.encode()
            client = http
        clients.append(client)
    start = time.perf_counter()
    tally.end = start + job.seconds
    for client in clients:
        client.ask()
    await asyncio.gather(*[client.over for client in clients])
    return timing(tally.latencies, time.perf_counter() - start, tally.errors)


def begin(job: Job) -> subprocess.Popen[bytes]:
    """Start the driver's process; :func:`result` waits for it."""
    words = [sys.executable, "-m", "ha.bench.load", json.dumps(asdict(job))]
    return subprocess.Popen(words, env=environment(), stdout=subprocess.PIPE)


def result(process: subprocess.Popen[bytes], seconds: float) -> Timing:
    """What it saw.

    :raises SystemExit: it could not.
    """
    try:
        said, _ = process.communicate(timeout=seconds + PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        raise SystemExit("the driver did not end in time") from None
    if process.returncode:
        raise SystemExit(f"the driver ended with status {process.returncode}")
    return Timing(**json.loads(said))


def main(words: list[str]) -> None:
    """One job in, one result out, both JSON."""
    print(json.dumps(asdict(asyncio.run(measure(Job.read(words[0]))))))


if __name__ == "__main__":
    main(sys.argv[1:])
