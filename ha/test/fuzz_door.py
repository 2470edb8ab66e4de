"""A long campaign of garbage at the PostgreSQL door, before a node's own backend: one process, one seed, as many inputs as wanted::

    python -m ha.test.fuzz_door SEED INPUTS

Each input is a few turns of a client that has logged in, well formed or with messages and bytes moved, lost, changed or made up,
cut into pieces. After each, the connection must have answered or ended in order, a Sync must still be answered, no answer may be
XX000 and nothing may have been logged as a bug; now and then the world is made anew, and the memory must not have grown. What is
found is printed with the bytes that did it, and the process ends with 1.
"""

from __future__ import annotations

import gc
import random
import shutil
import struct
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from time import monotonic, process_time
from typing import Any

from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from ha.backend import Backend
from ha.postgres.answers import ErrorResponse, ReadyForQuery
from ha.postgres.messages import CopyData, CopyDone
from ha.postgres.questions import Bind, Close, CopyFail, Describe, Execute, Flush, FunctionCall, Parse, Query, Sync
from ha.postgres.server import Factory
from ha.test.clients import Served
from ha.test.pgclient import Client

#: Inputs before the world is made anew.
INPUTS_PER_WORLD = 1_500
#: CPU seconds after which an input is told of as slow.
SLOW_S = 0.5
#: How long a statement may take (virtual time), after which a connection that is still busy is stuck.
STATEMENT_TIMEOUT_S = 5.0

STATEMENTS = [
    "", ";", "SELECT 1", "SELECT $1, $2", "SELECT * FROM t", "INSERT INTO t VALUES (1,'x')", "SELECT nosuch", "SELECT 1; SELECT 2", "BEGIN",
    "COMMIT", "ROLLBACK", "SAVEPOINT s", "ROLLBACK TO s", "RELEASE s", "COPY t FROM STDIN", "COPY t TO STDOUT",
    "COPY t FROM STDIN (FORMAT binary)", "COPY t FROM STDIN (FORMAT csv)", "COPY (SELECT a FROM t) TO STDOUT (FORMAT binary)",
    "DECLARE c CURSOR FOR SELECT * FROM t", "DECLARE c CURSOR WITH HOLD FOR SELECT * FROM t", "FETCH 2 FROM c", "FETCH BACKWARD 1 c",
    "MOVE ABSOLUTE -1 IN c", "CLOSE c", "CLOSE ALL", "PREPARE a AS SELECT $1", "EXECUTE a(1)", "DEALLOCATE a", "DISCARD ALL",
    "SET application_name = 'x'", "SHOW all", "LISTEN x", "NOTIFY x, 'y'", "UPDATE t SET a = a RETURNING *", "SELECT 'abc",
    "SELECT a::int4, b || 'x', now(), $1::date + $2::interval FROM t WHERE a = ANY($3)",
    "INSERT INTO t(a,b) VALUES ($1,$2) ON CONFLICT DO NOTHING RETURNING a",
    "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid=c.oid WHERE c.relname OPERATOR(pg_catalog.~) '^(t)$'",
    "SELECT array[1,2,3][2], '{1,2}'::int[], x FROM generate_series(1,3) AS x", "CREATE TEMP TABLE z(a varchar(3)[])", "DROP TABLE IF EXISTS z",
    "SELECT E'\\x41', $$a$$, U&'\\0041'", "WITH q AS (SELECT 1 AS a) SELECT * FROM q WHERE a BETWEEN 0 AND 3 ORDER BY 1 LIMIT 1",
    "SELECT CASE WHEN a > 1 THEN 'x' ELSE b END FROM t GROUP BY 1 HAVING count(*) > 0", "SET ha.integer_oid = int4", "EXPLAIN SELECT 1",
    "DELETE FROM t WHERE a IN (SELECT a FROM t) AND b LIKE 'x%'", "SELECT set_config('a.b','c',false), current_setting('TimeZone')",
    "SELECT 10/(10-n) FROM generate_series(1,20) AS n", "INSERT INTO t SELECT n, 'y' FROM generate_series(1,3) AS n", "DELETE FROM t",
    "SELECT pg_terminate_backend(pg_backend_pid())", "SELECT pg_advisory_lock(1)", "SELECT '[1,5)'::int4range, '1 day'::interval, '{}'::jsonb",
]  # fmt: skip
NAMES = ["", "a", "b", "c"]
OIDS = [0, 16, 17, 20, 23, 25, 1700, 1082, 1114, 1184, 1186, 3802, 3904, 1001, 1007, 2950, 99999]
VALUES = [b"1", b"x", b"2020-01-01", b"{1,2}", b"t", b"NaN", b"1e400", b"1 day", b"", b"\xff\xfe", b"[1,2)", b'{"a":1}']
PIECES = [b"1\tx\n", b"\\.\n", b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\0\2", b'"', b"\xff\xff"]


class Garbage:
    """What a client says, by chance.

    :param chance: all of it comes from here.
    """

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def said(self) -> bytes:
        """One input."""
        chance = self._chance
        if chance.random() < 0.3:
            parts = [self._message() for _ in range(chance.randint(1, 8))]
        else:
            parts = [one for _ in range(chance.randint(1, 3)) for one in self._turn()]
        return self._spoiled([one.encode() for one in parts])

    def _some(self, make: Callable[[], Any], most: int = 3) -> tuple[Any, ...]:
        return tuple(make() for _ in range(self._chance.choice([0, 0, *range(1, most + 1)])))

    def _formats(self) -> tuple[int, ...]:
        return self._some(lambda: self._chance.choice([-1, 0, 1, 2]))

    def _value(self) -> bytes | None:
        kind = self._chance.random()
        if kind < 0.2:
            return None
        if kind < 0.5:
            return self._chance.choice(VALUES)
        return self._chance.randbytes(self._chance.choice([0, 1, 2, 4, 4, 8, 8, 12, 16, 20]))

    def _parse(self, name: str) -> Parse:
        chance = self._chance
        return Parse(name, chance.choice(STATEMENTS), self._some(lambda: chance.choice(OIDS)))

    def _call(self) -> FunctionCall:
        """lo_creat, lo_open, lowrite, now(), or nothing that there is."""
        number = self._chance.choice([957, 952, 955, 1299, 3])
        return FunctionCall(number, self._formats(), self._some(self._value), self._chance.choice([0, 1]))

    def _message(self) -> Any:
        """One message of any kind."""
        chance = self._chance
        name = chance.choice(NAMES)
        kind = chance.randrange(12)
        if kind < 2:
            return Query(chance.choice(STATEMENTS))
        if kind < 5:
            return self._parse(name)
        if kind < 7:
            return Bind(name, chance.choice(NAMES), self._formats(), self._some(self._value), self._formats())
        if kind == 7:
            return Describe(chance.choice("SP"), name)
        if kind == 8:
            return Execute(name, chance.choice([0, 0, 1, 2]))
        if kind == 9:
            piece = chance.choice([*PIECES, chance.randbytes(9)])
            return chance.choice(
                [Close(chance.choice("SP"), name), CopyData(piece), CopyFail("x"), self._call(), CopyDone()]
            )
        return chance.choice([Sync(), Sync(), Sync(), Flush()])

    def _turn(self) -> list[Any]:
        """What a library would say."""
        chance = self._chance
        if chance.random() < 0.25:
            return [Query(chance.choice(STATEMENTS))]
        name = chance.choice(["", "", "", "a"])
        said: list[Any] = [self._parse(name)]
        if chance.random() < 0.4:
            said.append(Describe("S", name))
        results = chance.choice([(), (0,), (1,), self._formats()])
        said.append(Bind("", name, self._formats()[:1], self._some(self._value), results))
        if chance.random() < 0.6:
            said.append(Describe("P", ""))
        said.append(Execute("", chance.choice([0, 0, 1, 2])))
        if name:
            said.append(Close("S", name))
        if chance.random() < 0.2:
            said += [CopyData(b"1\tx\n"), CopyDone()]
        said.append(chance.choice([Sync(), Sync(), Sync(), Flush()]))
        return said

    def _spoiled(self, parts: list[bytes]) -> bytes:
        """The bytes of these messages, one of them perhaps lost, said twice, or wrong."""
        chance = self._chance
        kind = chance.randrange(10)
        if kind == 2:
            chance.shuffle(parts)
        elif kind == 3:
            del parts[chance.randrange(len(parts))]
        elif kind == 4:
            parts.insert(chance.randrange(len(parts) + 1), chance.choice(parts))
        data = bytearray(b"".join(parts))
        if not data:
            return b"\0"
        at = chance.randrange(len(data))
        if kind == 5:
            for _ in range(chance.randint(1, 4)):
                data[chance.randrange(len(data))] = chance.randrange(256)
        elif kind == 6:
            del data[at:]
        elif kind == 7:
            del data[at : at + chance.randint(1, 8)]
        elif kind == 8:
            data[at:at] = chance.randbytes(chance.randint(1, 8))
        elif kind == 9:
            starts = [sum(map(len, parts[:which])) for which in range(len(parts))]
            at = chance.choice(starts)
            length = chance.choice([0, 3, 4, 5, -1, 2**31 - 1, 2**30, len(data), chance.randrange(100)])
            data[at + 1 : at + 5] = struct.pack("!i", length)
        return bytes(data)


class World(SynchronousTestCase):
    """One database behind one door."""

    def __init__(self, folder: str) -> None:
        super().__init__()
        self._folder = folder
        self.served = Served(self)
        self._factory = Factory(self._connect, Clock(), check=lambda user, password: True)
        self._pid = 0
        client = self.client()
        client.connection.dataReceived(Query("CREATE TABLE t(a integer, b text)").encode())
        self.served.settle()
        client.leave()

    def runTest(self) -> None:
        """A case for the sake of what it cleans up."""

    def mktemp(self) -> str:
        return tempfile.mkdtemp(dir=self._folder) + "/data"

    def _connect(self, database: str, user: str) -> Backend:
        self._pid += 1
        served = self.served
        return Backend(
            served.replica,
            user=user,
            pid=self._pid,
            clock=served.clock,
            statement_timeout_s=STATEMENT_TIMEOUT_S,
            idle_timeout_s=30.0,
        )

    def client(self) -> Client:
        """A client that has logged in."""
        client = Client(self._factory)
        client.login()
        return client

    def close(self) -> None:
        """Nothing of it is left."""
        self.served.settle()
        self.doCleanups()


class Campaign:
    """Inputs one after the other, and what was found.

    :ivar found: each with the bytes that did it.
    :ivar codes: the SQLSTATEs that were answered.
    """

    def __init__(self, seed: int, folder: str) -> None:
        self._chance = random.Random(seed)
        self._garbage = Garbage(self._chance)
        self._folder = folder
        self._world = World(folder)
        self._inputs = 0
        self._client: Client | None = None
        self._logged: list[Any] = []
        self.found: list[tuple[str, bytes]] = []
        self.slow = 0
        self.codes: Counter[str] = Counter()

    def heard_log(self, event: Any) -> None:
        """The log's call."""
        if event.get("log_failure") is not None or event.get("isError"):
            self._logged.append(event)

    def step(self) -> None:
        """One input."""
        data = self._garbage.said()
        began = process_time()
        try:
            wrong = self._say(data)
        except Exception:
            wrong = traceback.format_exc()
            self._client = None
        if self._logged:
            wrong = f"{wrong or ''} logged: {self._logged[0]}"
            self._logged.clear()
        if process_time() - began > SLOW_S:
            self.slow += 1
            print(f"slow, {process_time() - began:.1f} s: {data[:300]!r}", flush=True)
        if wrong:
            self.found.append((wrong, data))
            print(f"found {wrong}: {data!r}", flush=True)
        self._inputs += 1
        if self._inputs % INPUTS_PER_WORLD == 0:
            self._leave()
            self._world.close()
            self._world = World(self._folder)
            gc.collect()

    def _leave(self) -> None:
        if self._client is not None:
            self._client.leave()
            self._client = None
            self._world.served.settle()

    def _say(self, data: bytes) -> str | None:
        """Feed one input; what is wrong afterwards, or None."""
        served = self._world.served
        client = self._client = self._client or self._world.client()
        connection = client.connection
        piece = self._chance.choice([1, 7, 50, 5000])
        for at in range(0, len(data), piece):
            if client.transport.disconnecting:
                break
            connection.dataReceived(data[at : at + piece])
        if connection.busy:
            served.settle()
        if connection.busy:
            served.pass_time(STATEMENT_TIMEOUT_S + 1)
            if connection.busy:
                self._leave()
                return "stuck"
        heard = client.received()
        session = connection._session
        if client.transport.disconnecting or session.phase.value not in ("ready", "skipping") or session.buffered:
            self._leave()
        else:
            connection.dataReceived(Sync().encode())
            if connection.busy:
                served.settle()
            answer = client.received()
            if not answer or not isinstance(answer[-1], ReadyForQuery):
                self._leave()
                return f"a Sync was answered with {answer}"
            heard += answer
            if self._chance.random() < 0.3:
                self._leave()
        errors = [message for message in heard if isinstance(message, ErrorResponse)]
        self.codes.update(message.sqlstate for message in errors)
        return next((message.message for message in errors if message.sqlstate == "XX000"), None)


def resident_mib() -> int:
    """This process's memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 >> 20


def main(seed: int, inputs: int) -> int:
    """The campaign of one seed.

    :returns: the exit status.
    """
    folder = tempfile.mkdtemp(prefix="ha-fuzz-")
    campaign = Campaign(seed, folder)
    globalLogPublisher.addObserver(campaign.heard_log)
    began, cpu = monotonic(), process_time()
    first = 0
    try:
        for done in range(1, inputs + 1):
            campaign.step()
            if done == 2 * INPUTS_PER_WORLD:
                first = resident_mib()
            if done % 50_000 == 0 or done == inputs:
                print(
                    f"seed {seed}: {done} inputs in {monotonic() - began:.0f} s ({process_time() - cpu:.0f} s of CPU), "
                    f"{len(campaign.found)} found, {campaign.slow} slow, {first} to {resident_mib()} MiB, "
                    f"{campaign.codes.most_common(30)}",
                    flush=True,
                )
    finally:
        globalLogPublisher.removeObserver(campaign.heard_log)
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if campaign.found else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
