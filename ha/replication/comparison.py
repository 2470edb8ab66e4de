"""Do all nodes hold the same? Now and then they hash a slice of their tables at one position of the log, and compare.

A node asks, by a message that is not stored, at the position where it stands, for the slice at which its walk over the tables
has arrived. Whoever is there too, or passes exactly there a moment later, reads that slice in a thread and tells its hashes; who
is elsewhere keeps silent, and the next question is another chance. Nothing is repaired: a difference is said, with table and
position, and its slice is asked for in every other question until equal hashes take it back.

Runs in the reactor's thread; rows are read in deferred threads.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import orjson
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from ha.errors import StatementError
from ha.replication.entry import LogError
from ha.replication.replica import Replica
from ha.sqlite.content import Place, Slice, hash_slice
from ha.sqlite.ledger import read_position
from ha.sqlite.rowchange import packed, unpack

#: How long a node that is behind may take to come to the position that was asked for (seconds).
PASSING_S = 10.0

#: Positions whose hashes are remembered; answers come within seconds.
REMEMBERED = 8


#: Differences that are kept: one is enough to act upon, and each is asked for again.
DIFFERENCES_MAX = 100

#: A position and the slice that is compared there.
Question = tuple[int, Place]


@dataclass(frozen=True, slots=True)
class Difference:
    """Another node holds something else.

    :param place: where the slice begins in which it does.
    """

    node: str
    place: Place
    sentence: str


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
        self._told: OrderedDict[Question, dict[str, dict[str, str]]] = OrderedDict()
        self._nexts: dict[Place, Place] = {}
        self._busy = False
        self._walk = Place()
        self._asked = 0
        self._calls = LoopingCall(self.ask)
        self._calls.clock = clock
        self._listening = wire.subscribe_core(self._subject, self._heard)
        #: By node and the beginning of the slice.
        self._differences: dict[tuple[str, Place], Difference] = {}
        self.compared = 0
        #: How often the walk over all tables came to its end.
        self.walks = 0

    @property
    def differences(self) -> dict[str, str]:
        """Node to what differs there, in a sentence."""
        return {one.node: one.sentence for one in self._differences.values()}

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
        """Ask everybody, ourselves too, for the hashes of a slice at our position."""
        self._asked += 1
        question = self._replica.follower.position, self._place()
        try:
            self._say(question, None)
        except LogError:
            return  # nobody can hear us now
        self._answer(question)

    def _place(self) -> Place:
        """Where the walk has arrived; every other time one where something differed."""
        if self._differences and self._asked % 2:
            places = [one.place for one in self._differences.values()]
            return places[(self._asked // 2) % len(places)]
        return self._walk

    def _say(self, question: Question, tables: dict[str, str] | None) -> None:
        position, place = question
        key, types = packed(place.key)
        body = {"node": self._node, "position": position, "table": place.table, "key": key, "types": types}
        self._wire.publish_core(self._subject, orjson.dumps(body if tables is None else body | {"tables": tables}))

    def _heard(self, subject: str, body: bytes) -> None:
        try:
            said = orjson.loads(body)
            node, position, tables = str(said["node"]), int(said["position"]), said.get("tables")
            place = Place(str(said["table"]), unpack(said["key"], said["types"]) or ())
        except (ValueError, KeyError, TypeError):
            return  # whatever that was, it was none of ours
        if node == self._node:
            return
        if tables is None:
            self._answer((position, place))
        else:
            self._take(node, (position, place), tables)

    def _answer(self, question: Question) -> None:
        if not self._busy and self._replica.follower.failed is None:
            self._busy = True
            done = Deferred.fromCoroutine(self._hash_at(question))
            done.addErrback(lambda failure: self.log.failure("hashing {name} failed", failure, name=self._replica.name))

    async def _hash_at(self, question: Question) -> None:
        position, place = question
        try:
            await self._replica.follower.reached(position, PASSING_S)
            found = await self._read(position, place)
            if found is not None:
                self._nexts = {place: found.next}
                self._take(self._node, question, found.hashes)
                self._say(question, found.hashes)
        except (StatementError, LogError) as error:
            self.log.debug("no hashes of {name} this time: {error}", name=self._replica.name, error=error)
        finally:
            self._busy = False

    async def _read(self, position: int, place: Place) -> Slice | None:
        """The slice, if the file is exactly there; the transaction keeps it there while the thread reads."""
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
            return await database.lanes.long(connection, lambda lent: hash_slice(lent, place))
        finally:
            database.give_back(connection)

    def _take(self, node: str, question: Question, tables: dict[str, str]) -> None:
        """One node's hashes have come: compare them with ours, or ours with all that came before."""
        known = self._told.setdefault(question, {})
        known[node] = tables
        while len(self._told) > REMEMBERED:
            self._told.popitem(last=False)
        ours = known.get(self._node)
        if ours is None:
            return
        for other, theirs in known.items():
            if other != self._node and (node in (other, self._node)):
                self._compare(other, question, ours, theirs)

    def _compare(self, other: str, question: Question, ours: dict[str, str], theirs: dict[str, str]) -> None:
        self.compared += 1
        position, place = question
        if place == self._walk and place in self._nexts:
            self._walk = self._nexts[place]
            self.walks += self._walk == Place()
        different = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
        if not different:
            self._differences.pop((other, place), None)
            return
        sentence = f"{self._replica.name} differs from node {other} at position {position}: {', '.join(different)}"
        if other not in self.differences:
            self.log.critical("{sentence}", sentence=sentence)
        if len(self._differences) < DIFFERENCES_MAX:
            self._differences[other, place] = Difference(other, place, sentence)
