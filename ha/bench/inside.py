"""The doors without the network: messages fed to a connection in this process, and the processor time that each takes.

``python -m ha.bench.inside [--profile] [--calls] [WORDS ...]`` prints, for the conversations that have one of the words in their names, the
best and the median of many short rounds. A busy machine makes rounds longer and never shorter: compare the best ones. With
``--profile``, where the time goes; with ``--calls``, how many functions a turn calls, Python's own and C's, which is the same on
every machine.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorCore, ISystemHandle
from twisted.internet.task import deferLater, react
from twisted.internet.testing import StringTransport
from zope.interface import implementer

from ha.auth import Entrance
from ha.bench.cluster import DATABASE, without_doors
from ha.bench.workloads import SEED_ROWS
from ha.metrics import Metrics
from ha.node import Node
from ha.postgres.messages import PROTOCOL_3_0
from ha.postgres.questions import AuthenticationAnswer, Bind, Describe, Execute, Parse, Query, StartupMessage, Sync
from ha.postgres.server import Factory
from ha.tap import install_reactor
from ha.web.site import Site

#: Rounds of each conversation, and messages of one.
ROUNDS = 20
TURNS = 500

#: No read of these goes to a thread because other programs took the processor (seconds).
BUDGET_S = 1.0

_SEEDED = (
    "CREATE TABLE seeded (id INTEGER PRIMARY KEY, value TEXT)",
    f"INSERT INTO seeded SELECT i, 'the value of row ' || i FROM generate_series(1, {SEED_ROWS}) AS n(i)",
)
_READ = "SELECT id, value FROM seeded WHERE id = "
_RANGE = "SELECT id, value FROM seeded WHERE id BETWEEN {} AND {}"
_RUN = Describe("P", "").encode() + Execute("", 0).encode() + Sync().encode()

#: A name, what must be said before, and what a turn says, given a key. HTTP is in the names of those that are.
Conversation = tuple[str, bytes, Callable[[int], bytes]]
_HTTP = "HTTP"


def _extended(text: str, *arguments: str) -> bytes:
    return Parse("", text).encode() + _bound("", *arguments)


def _bound(name: str, *arguments: str) -> bytes:
    return Bind("", name, (), tuple(one.encode() for one in arguments)).encode() + _RUN


def _posted(key: int) -> bytes:
    body = b'{"sql": "%b?", "params": [%d]}' % (_READ.encode(), key)
    return b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


CONVERSATIONS: Sequence[Conversation] = (
    ("SELECT 1, simple", b"", lambda key: Query("SELECT 1").encode()),
    ("SELECT 1, extended", b"", lambda key: _extended("SELECT 1")),
    ("SELECT 1, prepared", Parse("one", "SELECT 1").encode() + Sync().encode(), lambda key: _bound("one")),
    ("read by key, simple", b"", lambda key: Query(f"{_READ}{key}").encode()),
    ("read by key, extended", b"", lambda key: _extended(f"{_READ}$1", str(key))),
    (
        "read by key, prepared",
        Parse("key", f"{_READ}$1").encode() + Sync().encode(),
        lambda key: _bound("key", str(key)),
    ),
    ("100 rows, simple", b"", lambda key: Query(_RANGE.format(key, key + 99)).encode()),
    (
        "100 rows, prepared",
        Parse("range", _RANGE.format("$1", "$2")).encode() + Sync().encode(),
        lambda key: _bound("range", str(key), str(key + 99)),
    ),
    (f"read by key, {_HTTP}", b"", _posted),
)


@implementer(ISystemHandle)
class Sink(StringTransport):
    """A transport whose socket takes everything at once."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def getHandle(self) -> Sink:
        return self

    def send(self, data: bytes) -> int:
        """What a socket does."""
        if data[:1] == b"E" or data.startswith(b"HTTP/1.1 4"):
            raise SystemExit(f"the node refused: {data!r}")
        return len(data)


async def measured(reactor: Any, connection: Any, says: Callable[[int], bytes], profile: bool) -> list[float]:
    """Microseconds of a turn, for each round."""
    keys = random.Random(1)
    took = []
    for number in range(ROUNDS):
        turns = [says(keys.randint(1, SEED_ROWS - 100)) for _ in range(TURNS)]
        profiler = cProfile.Profile() if profile and number == ROUNDS - 1 else None
        if profiler is not None:
            profiler.enable()
        before = time.process_time()
        for turn in turns:
            connection.dataReceived(turn)
        took.append(1e6 * (time.process_time() - before) / TURNS)
        if profiler is not None:
            profiler.disable()
            pstats.Stats(profiler).sort_stats("tottime").print_stats(40)
        while getattr(connection, "busy", False):  # the machine was busy with something else for longer than our budget
            await deferLater(reactor, 0.05, lambda: None)
    return took


def counted(connection: Any, says: Callable[[int], bytes]) -> tuple[float, float]:
    """Calls of a turn: of functions in Python, and in C."""
    seen: Counter[str] = Counter()

    def count(frame: object, event: str, argument: object) -> None:
        seen[event] += 1

    turns = [says(key) for key in range(1, TURNS + 1)]
    sys.setprofile(count)
    try:
        for turn in turns:
            connection.dataReceived(turn)
    finally:
        sys.setprofile(None)
    return seen["call"] / TURNS, seen["c_call"] / TURNS


def logged_in(node: Node, reactor: Any) -> Any:
    """A connection to the PostgreSQL door."""
    factory = Factory(
        lambda database, user: node.premises.connect(database, user, remote=None),
        reactor,
        check=lambda user, password: True,
    )
    connection: Any = factory.buildProtocol(None)
    connection.makeConnection(Sink())
    connection.dataReceived(StartupMessage(PROTOCOL_3_0, {"user": "ha", "database": DATABASE}).encode())
    connection.dataReceived(AuthenticationAnswer(b"\0").encode())
    return connection


def connected(node: Node, reactor: Any) -> Any:
    """A connection to the HTTP door."""
    connection: Any = Site(cast(Any, node.premises), Metrics(), reactor, entrance=Entrance()).buildProtocol(None)
    connection.makeConnection(Sink())
    return connection


async def inside(reactor: IReactorCore, words: Sequence[str], profile: bool, calls: bool) -> None:
    """Start a node without doors, log in, talk, stop."""
    with without_doors(inline_budget_s=BUDGET_S) as settings:
        node = Node(settings, reactor)
        await node.start()
        try:
            backend = node.premises.connect(DATABASE, "ha", remote=None)
            for command in _SEEDED:
                await backend.execute(backend.parse(command)[0], ())
            await backend.close()
            connection = logged_in(node, reactor)
            posting = connected(node, reactor)
            for name, before, says in CONVERSATIONS:
                if not words or any(word in name for word in words):
                    asked = posting if _HTTP in name else connection
                    asked.dataReceived(before)
                    took = await measured(reactor, asked, says, profile)
                    print(f"{name:24}{min(took):7.1f} µs at best, {statistics.median(took):7.1f} in the middle", end="")
                    print(", {:.0f} calls and {:.0f} of C's".format(*counted(asked, says)) if calls else "")
        finally:
            await node.stop()


def main(words: list[str]) -> None:
    """The words of the command line in, a table out."""
    parser = argparse.ArgumentParser(
        prog="python -m ha.bench.inside", description="Measure the doors without a network."
    )
    parser.add_argument("--profile", action="store_true", help="say where the time goes")
    parser.add_argument("--calls", action="store_true", help="count the calls of a turn")
    parser.add_argument("words", nargs="*", help="only conversations with one of these words in their names")
    told = parser.parse_args(words)
    install_reactor()
    react(lambda reactor: Deferred.fromCoroutine(inside(reactor, told.words, told.profile, told.calls)))


if __name__ == "__main__":
    main(sys.argv[1:])
