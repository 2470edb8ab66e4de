"""Do all nodes hold the same? Now and then they hash their tables at one position of the log, and compare.

A node asks, by a message that is not stored, at the position where it stands. Whoever is there too, or passes exactly there a
moment later, reads that state in a thread and tells its hashes; who is elsewhere keeps silent, and the next question is
another chance. Nothing is repaired: a difference is said, with table and position, until equal hashes take it back.

Runs in the reactor's thread; rows are read in deferred threads.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import orjson
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from ha.errors import StatementError
from ha.replication.entry import LogError
from ha.replication.replica import Replica
from ha.sqlite.connection import Connection
from ha.sqlite.content import hash_tables
from ha.sqlite.ledger import read_position

#: How long a node that is behind may take to come to the position that was asked for (seconds).
PASSING_S = 10.0

#: Positions whose hashes are remembered; answers come within seconds.
REMEMBERED = 8


class Comparison:
    """Compares one database with its copies on other nodes.

    :param node: our name.
    :param interval_s: between two questions of ours; 0 asks nothing, and answers others all the same.
    """

    log = Logger()

    def __init__(self, replica: Replica, wire: Any, node: str, clock: Any, interval_s: float) -> None:
        self._replica = replica
        self._wire = wire
        self._node = node
        self._interval_s = interval_s
        self._subject = f"_ha.content.{replica.database.subject}"
        self._told: OrderedDict[int, dict[str, dict[str, str]]] = OrderedDict()
        self._busy = False
        self._calls = LoopingCall(self.ask)
        self._calls.clock = clock
        self._listening = wire.subscribe_core(self._subject, self._heard)
        #: Node to what differs there, in a sentence.
        self.differences: dict[str, str] = {}
        self.compared = 0

    def start(self) -> None:
        """Begin to ask, now and then."""
        if self._interval_s:
            self._calls.start(self._interval_s, now=False)

    def stop(self) -> None:
        """Neither ask nor answer."""
        if self._calls.running:
            self._calls.stop()
        self._listening.stop()

    def ask(self) -> None:
        """Ask everybody, ourselves too, for the hashes at our position."""
        position = self._replica.follower.position
        try:
            self._wire.publish_core(self._subject, orjson.dumps({"node": self._node, "position": position}))
        except LogError:
            return  # nobody can hear us now
        self._answer(position)

    def _heard(self, subject: str, body: bytes) -> None:
        try:
            said = orjson.loads(body)
            node, position, tables = str(said["node"]), int(said["position"]), said.get("tables")
        except (ValueError, KeyError, TypeError):
            return  # whatever that was, it was none of ours
        if node == self._node:
            return
        if tables is None:
            self._answer(position)
        else:
            self._take(node, position, tables)

    def _answer(self, position: int) -> None:
        if not self._busy and self._replica.follower.failed is None:
            self._busy = True
            done = Deferred.fromCoroutine(self._hash_at(position))
            done.addErrback(lambda failure: self.log.failure("hashing {name} failed", failure, name=self._replica.name))

    async def _hash_at(self, position: int) -> None:
        try:
            await self._replica.follower.reached(position, PASSING_S)
            tables = await self._read(position)
            if tables is not None:
                self._take(self._node, position, tables)
                body = {"node": self._node, "position": position, "tables": tables}
                self._wire.publish_core(self._subject, orjson.dumps(body))
        except (StatementError, LogError) as error:
            self.log.debug("no hashes of {name} this time: {error}", name=self._replica.name, error=error)
        finally:
            self._busy = False

    async def _read(self, position: int) -> dict[str, str] | None:
        """The hashes, if the file is exactly there; the transaction keeps it there while the thread reads."""
        database = self._replica.database
        connection = database.borrow()
        if isinstance(connection, Deferred):
            connection = await connection
        try:
            with connection.guard.trusted():
                connection.execute("BEGIN")
            # Nothing turns between these two lines: what is pending is on top of the state at the position.
            if read_position(connection, database.subject) != position or self._replica.outbox.count:
                return None
            work: Callable[[Connection], dict[str, str]] = hash_tables
            return await database.lanes.long(connection, work)
        finally:
            database.give_back(connection)

    def _take(self, node: str, position: int, tables: dict[str, str]) -> None:
        """One node's hashes have come: compare them with ours, or ours with all that came before."""
        known = self._told.setdefault(position, {})
        known[node] = tables
        while len(self._told) > REMEMBERED:
            self._told.popitem(last=False)
        ours = known.get(self._node)
        if ours is None:
            return
        for other, theirs in known.items():
            if other != self._node and (node in (other, self._node)):
                self._compare(other, position, ours, theirs)

    def _compare(self, other: str, position: int, ours: dict[str, str], theirs: dict[str, str]) -> None:
        self.compared += 1
        different = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
        if not different:
            self.differences.pop(other, None)
            return
        sentence = f"{self._replica.name} differs from node {other} at position {position}: {', '.join(different)}"
        if other not in self.differences:
            self.log.critical("{sentence}", sentence=sentence)
        self.differences[other] = sentence
