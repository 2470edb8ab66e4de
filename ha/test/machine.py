"""One simulated node: a real replica on a small file, whose clock, threads and clients move step by step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import apsw
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from ha.replication.replica import Replica
from ha.sqlite.connection import Connection, open_writer
from ha.sqlite.ledger import write_position
from ha.sqlite.schema import install
from ha.test.steps import SteppedLane

SUBJECT: Final = "s.a_db"

#: Where the message stands with which a database comes into the cluster, see :mod:`ha.replication.join`.
CLAIM: Final = 1


class NodeClock(Clock):
    """A node's clock. What threads would hand over comes at its next turn."""

    def callFromThread(self, work: Callable[..., Any], *arguments: Any) -> None:
        """As the reactor's."""
        self.callLater(0, work, *arguments)

    @property
    def is_due(self) -> bool:
        """Whether something waits only for its turn."""
        return bool(self.calls) and self.calls[0].getTime() <= self.rightNow


@dataclass
class Machine:
    """One node, from a start to a crash."""

    name: str
    path: Path
    clock: NodeClock
    lane: SteppedLane
    log: Any
    replica: Replica
    running: dict[str, Any] = field(default_factory=dict)
    thinking: list[Deferred[None]] = field(default_factory=list)
    #: Answers to it that nobody hears any more. Kept, or what waits for them would be ended in an orderly way.
    unheard: list[Deferred[Any]] = field(default_factory=list)
    alive: bool = True
    #: It is behind the stream's first message.
    lost: bool = False
    #: Its file holds what the log does not: it waits for the operator.
    stands_still: bool = False


def no_functions(connection: Connection) -> None:
    """No client of :mod:`ha.test.workload` calls one, and a history opens some twenty connections."""


def template(folder: Path, opening: Sequence[str]) -> Path:
    """A database with the house's tables; with those of `opening`, if any, at the position of the message that claims it."""
    path = folder / f"template{len(opening)}.db"
    if not path.exists():
        connection = open_writer(str(path), synchronous="NORMAL")
        install(connection)
        for text in opening:
            connection.execute(text)
        with connection.guard.trusted():
            write_position(connection, SUBJECT, CLAIM if opening else 0)
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        connection.close()
    return path
