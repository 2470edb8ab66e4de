"""The log loses its tail: its server begins again from an old store, and some nodes hold what is not in it any more.

What must hold then, as :mod:`ha.replication.join` has it: a node whose file is beyond the log's end, or finds another message at its
position, stands still when it is connected again; others go on. The operator decides: the node that was furthest
when it happened begins the log anew from its file, under a new epoch, and the others begin from its snapshot, each with what waited in its
own outbox. Then nothing is missing that was acknowledged but what went into the log since, which is given up. Who begins from a
snapshot that holds a message of its own outbox already cannot tell any more which version that overwrote.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ha.replication.change import decode
from ha.replication.follower import CannotApply
from ha.sqlite.connection import open_visitor
from ha.sqlite.ledger import read_position
from ha.sqlite.schema import Membership
from ha.sqlite.visit import adopt
from ha.test.machine import CLAIM, SUBJECT, Machine, no_functions

if TYPE_CHECKING:
    from ha.test.simulation import Simulation


class BrokenLog:
    """What is wrong with one history's log, if anything is.

    :ivar left_behind: nodes whose files are of a log that was given up.
    """

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._furthest = ""
        self._after = 0
        self.left_behind: set[str] = set()

    @property
    def is_broken(self) -> bool:
        """Some node holds what the log does not, and nobody has decided yet."""
        return bool(self._furthest)

    def has_left_behind(self, name: str) -> bool:
        """Whether the node's file is of a log that was given up."""
        return name in self.left_behind

    def lose_tail(self) -> bool:
        """The server dies, and comes back from an old store. False if there is nothing to lose."""
        simulation, network = self._simulation, self._simulation.network
        stream = network.stream
        assert stream is not None
        last = stream.last_of(SUBJECT)
        least = max(stream.first_of(SUBJECT), simulation.snapshot[1] if simulation.snapshot is not None else CLAIM)
        # What a thread is putting into a file goes there, too; a node looks again then (Member._join, which has no part here).
        if last <= least or any(machine.lane.waiting for machine in simulation.machines.values()):
            return False
        after = simulation.random.randrange(least, last)
        for flight in list(network.flights):
            flight.lose()
        network.core.clear()
        for log in network.logs:
            if log.connected:
                log.cut()
        network.lose_tail(after)
        simulation.happened["tails lost"] += 1
        # Positions of different epochs do not compare.
        positions = {name: self._position(name) for name in simulation.names if name not in self.left_behind}
        furthest = max(positions, key=lambda name: positions[name])
        simulation.tell(f"the log ends at {after}, after {last}; the nodes are at {positions}")
        if positions[furthest] > after:
            self._furthest, self._after = furthest, after
        return True

    def _position(self, name: str) -> int:
        simulation = self._simulation
        if name in simulation.machines:
            return simulation.machines[name].replica.follower.position
        connection = open_visitor(str(simulation.paths[name]), register=no_functions)
        try:
            return read_position(connection, SUBJECT)
        finally:
            connection.close()

    def look(self, machine: Machine) -> bool:
        """Whether the node, which is connected again, finds that the log is not its own; then it stands still."""
        if self.is_broken and machine.log.connected and not machine.stands_still and not self._is_its_own(machine):
            machine.stands_still = True
            position = machine.replica.follower.position
            machine.replica.follower.failed = CannotApply(position, "the log has lost its tail")
            machine.log.cut()
            self._simulation.happened["stood still"] += 1
            self._simulation.tell(f"{machine.name} stands still at {position}")
        return machine.stands_still

    def _is_its_own(self, machine: Machine) -> bool:
        """See ``Joining._at``."""
        stream, position = self._simulation.network.stream, machine.replica.follower.position
        assert stream is not None
        if stream.last_of(SUBJECT) < position:
            return False
        entry = stream.first(SUBJECT, position)
        if entry is None or entry.sequence != position or position == CLAIM:
            return True
        message = decode(entry.body)
        connection = machine.replica.database.writer
        with connection.guard.trusted():
            known = connection.execute(
                "SELECT last_group FROM ha_origins WHERE node = ? AND process_id = ?",
                (message.node, message.process_id),
            ).get
        return known is not None and message.group <= known

    def _give_up_what_came_since(self) -> None:
        stream = self._simulation.network.stream
        assert stream is not None
        given_up = b"".join(entry.body for entry in stream.entries(SUBJECT, self._after + 1))
        for outcome in self._simulation.workload.outcomes:
            if outcome.state == "acknowledged" and f'"{outcome.token}"'.encode() in given_up:
                outcome.state = "given up"

    def decide(self) -> None:
        """The operator's word: the log begins anew from the file that was furthest, and all others from there."""
        simulation, network = self._simulation, self._simulation.network
        running = [name for name in simulation.names if name in simulation.machines]
        for name in running:
            simulation.kill(name)
        first, self._furthest = self._furthest, ""
        self._give_up_what_came_since()
        simulation.epoch += 1
        for flight in list(network.flights):
            network.drop(flight)
        network.stream = None
        network.create("cluster", first, simulation.epoch, 1)
        network.claim(SUBJECT)
        adopt(simulation.paths[first], SUBJECT, Membership("s", "cluster", simulation.epoch), CLAIM)
        simulation.begin_from(simulation.paths[first])
        self.left_behind = set(simulation.names) - {first}
        simulation.happened["logs begun anew"] += 1
        simulation.tell(f"the log begins anew from {first}")
        for name in (first, *(name for name in running if name != first)):
            simulation.start(name)
