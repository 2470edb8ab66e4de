"""The bench's own driver, a process of its own: ``python -m ha.bench.load`` reads one job and prints one result.

It writes the protocols' bytes itself and looks only for the ends of answers, so that it costs as little as Python can.
"""

from __future__ import annotations

import asyncio
import json
import random
import struct
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass

from ha.bench.processes import PATIENCE_S, environment
from ha.bench.report import Timing, timing
from ha.bench.workloads import SEED_ROWS, Workload


@dataclass(frozen=True, slots=True)
class Job:
    """What the driver is told."""

    door: str
    port: int
    database: str
    sql: str
    clients: int
    seconds: float


class PostgresConnection:
    """A client that knows simple queries, and of the answers only where they end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, job: Job) -> PostgresConnection:
        """Log in with the default user and password."""
        connection = cls(*await asyncio.open_connection("127.0.0.1", job.port))
        words = b"user\0ha\0database\0" + job.database.encode() + b"\0\0"
        connection._writer.write(struct.pack("!ii", 8 + len(words), 196608) + words)
        tag, body = await connection._message()
        if (tag, body) == (b"R", struct.pack("!i", 3)):  # cleartext password
            connection._writer.write(b"p" + struct.pack("!i", 7) + b"ha\0")
        if not await connection._ready():
            raise SystemExit("the node refused the login")
        return connection

    async def _message(self) -> tuple[bytes, bytes]:
        head = await self._reader.readexactly(5)
        return head[:1], await self._reader.readexactly(int.from_bytes(head[1:], "big") - 4)

    async def _ready(self) -> bool:
        good = True
        while True:
            tag, _ = await self._message()
            if tag == b"E":
                good = False
            elif tag == b"Z":
                return good

    def ask(self, sql: str) -> None:
        """Send a statement, and do not wait for its answer."""
        body = sql.encode() + b"\0"
        self._writer.write(b"Q" + struct.pack("!i", 4 + len(body)) + body)

    async def do(self, sql: str) -> bool:
        """One statement; whether it was done."""
        self.ask(sql)
        return await self._ready()

    def close(self) -> None:
        """Hang up without a word, as clients do that die."""
        self._writer.transport.abort()


class HttpConnection:
    """A client that keeps its connection, and reads of an answer only status and length."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, job: Job) -> HttpConnection:
        """No greeting is needed."""
        return cls(*await asyncio.open_connection("127.0.0.1", job.port))

    async def do(self, sql: str) -> bool:
        """One statement; whether it was done."""
        body = json.dumps({"sql": sql}).encode()
        self._writer.write(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        if b"transfer-encoding: chunked" in head:
            while int((await self._reader.readuntil(b"\r\n")).strip(), 16):
                await self._reader.readuntil(b"\r\n")
            await self._reader.readexactly(2)
        else:
            await self._reader.readexactly(int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0]))
        return head.startswith(b"http/1.1 200")


async def measure(open_one: Callable[[], Awaitable[PostgresConnection | HttpConnection]], job: Job) -> Timing:
    """Let all clients do it, each one operation after the other, for as long as the job says."""
    connections = [await open_one() for _ in range(job.clients)]
    latencies: list[float] = []
    errors = 0
    start = time.perf_counter()
    end = start + job.seconds

    async def client(connection: PostgresConnection | HttpConnection) -> None:
        nonlocal errors
        keys = random.Random(id(connection))
        before = time.perf_counter()
        while before < end:
            good = await connection.do(job.sql.replace("{key}", str(keys.randint(1, SEED_ROWS))))
            after = time.perf_counter()
            if good:
                latencies.append(after - before)
            else:
                errors += 1
            before = after

    await asyncio.gather(*map(client, connections))
    return timing(latencies, time.perf_counter() - start, errors)


def drive(workload: Workload, port: int, database: str, clients: int, seconds: float) -> Timing:
    """Let that many clients do it for that long, in another process."""
    job = Job(workload.door, port, database, workload.sql, clients, seconds)
    done = subprocess.run(
        [sys.executable, "-m", "ha.bench.load", json.dumps(asdict(job))],
        env=environment(),
        stdout=subprocess.PIPE,
        check=True,
        timeout=seconds + PATIENCE_S,
    )
    return Timing(**json.loads(done.stdout))


def main(words: list[str]) -> None:
    """One job in, one result out, both JSON."""
    job = Job(**json.loads(words[0]))
    kind = PostgresConnection if job.door == "postgres" else HttpConnection
    print(json.dumps(asdict(asyncio.run(measure(lambda: kind.open(job), job)))))


if __name__ == "__main__":
    main(sys.argv[1:])
