"""The PostgreSQL door without the network: messages fed to a session in this process, and the processor time that each takes.

``python -m ha.bench.inside [--profile] [WORDS ...]`` prints, for the conversations that have one of the words in their names, the best
and the median of many short rounds. A busy machine makes rounds longer and never shorter: compare the best ones. With
``--profile``, where the time goes.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorCore, ISystemHandle
from twisted.internet.task import deferLater, react
from twisted.internet.testing import StringTransport
from zope.interface import implementer

from ha.bench.processes import free_ports
from ha.bench.workloads import SEED_ROWS
from ha.node import Node
from ha.postgres.messages import PROTOCOL_3_0
from ha.postgres.questions import AuthenticationAnswer, Bind, Describe, Execute, Parse, Query, StartupMessage, Sync
from ha.postgres.server import Connection, Factory
from ha.settings import Settings
from ha.tap import install_reactor

DATABASE = "inside.db"

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

#: A name, what must be said before, and what a turn says, given a key.
Conversation = tuple[str, bytes, Callable[[int], bytes]]


def _extended(text: str, *arguments: str) -> bytes:
    return Parse("", text).encode() + _bound("", *arguments)


def _bound(name: str, *arguments: str) -> bytes:
    return Bind("", name, (), tuple(one.encode() for one in arguments)).encode() + _RUN


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
        if data[:1] == b"E":
            raise SystemExit(f"the node refused: {data!r}")
        return len(data)


async def measured(reactor: Any, connection: Connection, says: Callable[[int], bytes], profile: bool) -> list[float]:
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
        while connection.busy:  # the machine was busy with something else for longer than our budget
            await deferLater(reactor, 0.05, lambda: None)
    return took


async def inside(reactor: IReactorCore, words: Sequence[str], profile: bool) -> None:
    """Start a node without doors, log in, talk, stop."""
    with tempfile.TemporaryDirectory(prefix="ha-bench-") as folder:
        settings = Settings(
            databases=(str(Path(folder) / DATABASE),),
            data_dir=str(Path(folder) / "ha-data"),
            http_port=0,
            pg_port=0,
            nats_port=free_ports(1)[0],
            inline_budget_s=BUDGET_S,
        )
        node = Node(settings, reactor)
        await node.start()
        try:
            backend = node.connect(DATABASE, "ha", remote=None)
            for command in _SEEDED:
                await backend.execute(backend.parse(command)[0], ())
            await backend.close()
            factory = Factory(
                lambda database, user: node.connect(database, user, remote=None),
                reactor,  # type: ignore[arg-type]
                check=lambda user, password: True,
            )
            connection: Any = factory.buildProtocol(None)
            connection.makeConnection(Sink())
            connection.dataReceived(StartupMessage(PROTOCOL_3_0, {"user": "ha", "database": DATABASE}).encode())
            connection.dataReceived(AuthenticationAnswer(b"\0").encode())
            for name, before, says in CONVERSATIONS:
                if not words or any(word in name for word in words):
                    connection.dataReceived(before)
                    took = await measured(reactor, connection, says, profile)
                    print(f"{name:24}{min(took):7.1f} µs at best, {statistics.median(took):7.1f} in the middle")
        finally:
            await node.stop()


def main(words: list[str]) -> None:
    """The words of the command line in, a table out."""
    parser = argparse.ArgumentParser(
        prog="python -m ha.bench.inside", description="Measure the door without a network."
    )
    parser.add_argument("--profile", action="store_true", help="say where the time goes")
    parser.add_argument("words", nargs="*", help="only conversations with one of these words in their names")
    told = parser.parse_args(words)
    install_reactor()
    react(lambda reactor: Deferred.fromCoroutine(inside(reactor, told.words, told.profile)))


if __name__ == "__main__":
    main(sys.argv[1:])
