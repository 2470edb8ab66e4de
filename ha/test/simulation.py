"""Whole nodes over one log in memory, moved step by step by a seed: do they agree, whatever happens?

Each node is a real :class:`~ha.replication.replica.Replica` on a small SQLite file (:mod:`ha.test.machine`), its clients are
those of :mod:`ha.test.workload`. Nothing runs by itself: clocks, threads, clients' pauses and every hop of every message are
steps, and the seed chooses the next one: delay, repetition, lost acknowledgements, publishes that time out and land late,
disconnection, kill and restart between any two steps, clocks that jump (a process may have started before the one before it),
snapshots, a stream that is trimmed behind them, a node that is behind its first message and begins anew from the snapshot, a
fourth node that joins from one, a log that loses its tail (:mod:`ha.test.brokenlog`). Then everything heals, and
:mod:`ha.test.invariants` are asked for.

``python -m ha.test.simulation --seed 1 --count 1000 --processes 2`` runs many; a failure prints its seed, and the same seed is
the same history again.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final

import apsw
from twisted.internet.defer import Deferred

from ha.replication.follower import TOGETHER_S
from ha.replication.groups import Origin
from ha.replication.replica import Parts, Replica
from ha.sqlite.connection import open_visitor, open_writer
from ha.sqlite.database import Database
from ha.sqlite.executor import Lanes
from ha.sqlite.ledger import read_position
from ha.sqlite.restore import part_of, swap
from ha.sqlite.schema import is_settled
from ha.test import invariants, seeds
from ha.test.brokenlog import BrokenLog
from ha.test.fakes import Flight, Network, Stored
from ha.test.invariants import Broken
from ha.test.machine import CLAIM, SUBJECT, Machine, NodeClock, no_functions, template
from ha.test.quiet import logged_failures
from ha.test.steps import SteppedLane
from ha.test.workload import OPENING, Workload

NAMES: Final = ("a", "b", "c")

#: It joins from a snapshot, some time.
JOINER: Final = "d"

#: It reads the log from its beginning, at the end.
FRESH: Final = "fresh"

#: How many steps the seed chooses: rare things need long histories, many orders need many.
STEPS: Final = (130, 190, 260)

#: Of a node's clients, so many at once.
CLIENTS_MAX: Final = 4

#: How far a clock goes at a time (seconds): a turn of the reactor, a turn at the log, a retry, a time-out, everything.
PAUSES_S: Final = (0.0, 0.0, 0.01, 0.01, 0.05, 0.05, 0.1, 0.1, 0.5, 0.5, 2.5, 2.5, 100.0)

#: What the nodes say of themselves, counted over all of their lives.
FIGURES: Final = (
    "applied",
    "groups_stored",
    "transactions_stored",
    "refusals",
    "turns_asked",
    "turns_given",
    "conflicts",
)

#: How long healing may take, on the simulation's clocks (seconds).
HEALING_MAX_S: Final = 900.0


class Simulation:
    """One history.

    :param folder: where its files go.
    :param parts: of which the nodes are made.
    :param restarted: the start of a process in ns, by how many there were; a broken variant gives the same again.
    :param steps: how many the seed chooses before everything heals.
    :param opening: makes the tables that are there from the beginning.
    """

    def __init__(
        self,
        seed: int,
        folder: Path,
        parts: Parts = Parts(),  # noqa: B008
        *,
        restarted: Callable[[int], int] | None = None,
        steps: int | None = None,
        opening: Sequence[str] = OPENING,
    ) -> None:
        self.seed = seed
        self.random = Random(seed)
        self.folder = folder
        self.parts = parts
        #: In a third of the histories each process starts earlier than the one before it, by the clock.
        self.restarted = restarted or (
            (lambda number: 1_000_000 - number) if seed % 3 == 0 else (lambda number: number)
        )
        self.steps = steps if steps is not None else self.random.choice(STEPS)
        self.opening = opening
        self.network = Network()
        self.network.create("cluster", "a", 1, 1)
        if opening:
            self.network.claim(SUBJECT)
        #: In half of the histories every outbox is a long one: only what is met is undone.
        self.long_outboxes = seed % 2 == 1
        self.policy = self.random.choice(("queue", "queue", "queue", "refuse", "refuse", "async"))
        self.machines: dict[str, Machine] = {}
        self.dead: list[Machine] = []
        self.paths: dict[str, Path] = {}
        self.workload = Workload(self.random, self.tell)
        self.broken_log = BrokenLog(self)
        #: The log's epoch; the file at the position of its claim, where that is not a template.
        self.epoch = 1
        self.base: Path | None = None
        self.names = list(NAMES)
        #: The newest snapshot and its position; what was trimmed behind one.
        self.snapshot: tuple[Path, int] | None = None
        self.trimmed: list[Stored] = []
        #: What it reached: faults, what became of transactions, figures of the nodes.
        self.happened: Counter[str] = Counter()
        self._files = 0
        self._starts = 0

    # Life and death

    def start(self, name: str) -> Machine:
        """Start a node on the file that its last life left."""
        self._starts += 1
        path = self.paths.get(name)
        if self.broken_log.has_left_behind(name) or (self.trimmed and path is None and name != FRESH):
            return self.restore(name)
        if path is None:
            path = self.paths[name] = self._new_copy(name)
        clock, lane, log = NodeClock(), SteppedLane(), self.network.join(name)
        database = Database("a.db", path, SUBJECT, Lanes(lane, 1e9), clock, register=no_functions)
        replica = Replica(
            database,
            log,
            Origin(name, self.restarted(self._starts)),
            clock,
            epoch=self.epoch,
            timeout_s=2.0,
            queues=self.policy != "refuse",
            asynchronous=self.policy == "async",
            parts=self.parts,
            now=clock.seconds,
        )
        if self.long_outboxes:
            replica.outbox.inline_messages = 0
        machine = self.machines[name] = Machine(name, path, clock, lane, log, replica)
        log.on_connection_change.append(lambda connected: self._connection_changed(machine))
        replica.follower.on_lost = lambda reason: self._lost(machine)
        replica.follower.start()
        self.broken_log.look(machine)
        self.tell(f"{name} starts at {replica.follower.position}, outbox {replica.outbox.count}")
        return machine

    def kill(self, name: str) -> None:
        """As kill -9: what the file holds at this moment is all that is left; what was sent is on its way."""
        machine = self.machines.pop(name)
        machine.alive = False
        self.dead.append(machine)
        self._count(machine)
        path = self._new_path(name)
        for suffix in ("", "-wal"):
            if Path(f"{machine.path}{suffix}").exists():
                shutil.copyfile(f"{machine.path}{suffix}", f"{path}{suffix}")
        self.paths[name] = path
        network, log = self.network, machine.log
        log.connected, log.closed = False, True
        log.on_connection_change.clear()
        network.logs.remove(log)
        for flight in [*network.flights, *network.silent]:
            if flight.log is log:
                machine.unheard.append(flight.answer)
                flight.answer = Deferred()
                flight.answer.addErrback(lambda failure: None)
        network.silent = [flight for flight in network.silent if flight.log is not log]
        for feed in [feed for feed in network.feeds if feed.log is log]:
            feed.stop()
        for listener in network.listeners:
            if listener.log is log:
                listener.stop()
        for outcome in machine.running.values():
            outcome.state = "unknown"
        self.tell(f"{name} is killed")

    def _connection_changed(self, machine: Machine) -> None:
        machine.replica.follower.forget_arrived()
        if not self.broken_log.look(machine):
            machine.replica.outbox.drain_soon()

    # Snapshots, and what they are for

    def _lost(self, machine: Machine) -> None:
        """Its place is not in the stream any more. Until it begins anew, the log counts as out of reach."""
        if not self.broken_log.look(machine):
            machine.lost = True
            machine.log.cut()

    def photograph(self, machine: Machine) -> None:
        """Make a snapshot of what the node has committed, if nothing waits there."""
        path = self._new_path("snapshot")
        source, target = apsw.Connection(str(machine.path)), apsw.Connection(str(path))
        try:
            with target.backup("main", source, "main") as backup:
                backup.step()
        finally:
            source.close()
            target.close()
        source = open_visitor(str(path), register=no_functions)
        try:
            settled, position = is_settled(source), read_position(source, SUBJECT)
        finally:
            source.close()
        if settled and position > (self.snapshot[1] if self.snapshot else 0):
            self.snapshot = path, position
            self.happened["snapshots"] += 1
            self.tell(f"snapshot of {machine.name} at {position}")

    def trim(self) -> None:
        """Remove from the stream what the newest snapshot holds, but for its own last message."""
        stream = self.network.stream
        if self.snapshot is not None and stream is not None:
            # As upkeep does: not under a feed, which would not notice.
            feeds = [one for one in self.network.feeds if one.log.connected and one.begun and one.pending]
            end = min([self.snapshot[1], *(one.reached for one in feeds)])
            before = list(stream.stored)
            if stream.remove(lambda one: one.entry.sequence < end):
                self.trimmed += [one for one in before if one.entry.sequence < end]
                self.happened["trimmings"] += 1
                self.tell(f"trimmed below {end}")

    def restore(self, name: str) -> Machine:
        """The node begins from the newest snapshot; its outbox and its conflicts go along."""
        assert self.snapshot is not None
        if name in self.machines:
            self.kill(name)
        path = self.paths.setdefault(name, self._new_path(name))
        shutil.copyfile(self.snapshot[0], part_of(path))
        swap(path, keep=False)
        self.broken_log.left_behind.discard(name)
        self.happened["restored"] += 1
        self.tell(f"{name} is restored")
        return self.start(name)

    def join(self) -> None:
        """The fourth node comes."""
        if self.snapshot is not None and JOINER not in self.names:
            self.names.append(JOINER)
            self.restore(JOINER)
            self.happened["joined"] += 1

    def begin_from(self, file: Path) -> None:
        """A log begins anew from this file."""
        self.base = self._new_path("base")
        shutil.copyfile(file, self.base)
        self.snapshot = self.base, CLAIM
        self.trimmed = []

    def _new_path(self, name: str) -> Path:
        self._files += 1
        return self.folder / f"{name}{self._files}.db"

    def _new_copy(self, name: str) -> Path:
        path = self._new_path(name)
        shutil.copyfile(self.base or template(self.folder.parent, self.opening), path)
        return path

    def tell(self, text: str) -> None:
        """For whoever looks at a failure."""
        self.network.events.append(text)

    def _count(self, machine: Machine) -> None:
        figures = machine.replica.status()
        self.happened.update({what: figures[what] for what in FIGURES})

    def close(self) -> None:
        """Let go of every file."""
        for machine in [*self.machines.values(), *self.dead]:
            machine.alive = False
            machine.replica.follower.stop()
            machine.replica.database.close()
        self.machines.clear()
        self.dead.clear()

    # Steps

    def play(self) -> None:
        """The whole history.

        :raises Broken: an invariant does not hold.
        """
        with logged_failures() as failures:
            for name in NAMES:
                self.start(name)
            self.rest()
            for _ in range(self.steps):
                self.step()
            self.heal()
            if self.workload.errors or failures:
                raise Broken("\n".join([*self.workload.errors, *failures]))
            self.check()

    def step(self) -> None:
        """The next thing that happens: a chance that the dice give, or the next one if it cannot be; else what comes by itself."""
        roll, bound = self.random.randrange(1000), 0
        for share, chance in CHANCES:
            bound += share
            if roll < bound and chance(self):
                return
        if steps := self.possible():
            self.random.choice(steps)()

    def possible(self) -> list[Callable[[], Any]]:
        """All that can happen next by itself."""
        steps: list[Callable[[], Any]] = [step.take for step in self.network.steps()]
        for machine in self.machines.values():
            if machine.lost:
                steps.append(lambda name=machine.name: self.restore(name))
            if machine.lane.waiting:
                steps.append(machine.lane.step)
            if machine.clock.is_due:
                steps.append(lambda clock=machine.clock: clock.advance(0))
            elif machine.replica.follower.pausing:
                steps.append(lambda clock=machine.clock: clock.advance(TOGETHER_S))
            steps += [lambda machine=machine, pause=pause: self._go_on(machine, pause) for pause in machine.thinking]
        return steps

    @staticmethod
    def _go_on(machine: Machine, pause: Deferred[None]) -> None:
        machine.thinking.remove(pause)
        pause.callback(None)

    # Chances: each says whether it could be taken

    def _somebody(self) -> Machine | None:
        return self.machines.get(self.random.choice(self.names))

    def _crash_or_restart(self) -> bool:
        gone = [name for name in self.names if name not in self.machines]
        if gone and self.random.random() < 0.7:
            self.start(self.random.choice(gone))
            self.happened["restarts"] += 1
        elif self.machines:
            self.kill(self.random.choice(sorted(self.machines)))
            self.happened["kills"] += 1
        return True

    def _trim_or_join(self) -> bool:
        if self.broken_log.is_broken:
            return False
        self.trim()
        if self.random.random() < 0.5:
            self.join()
        return True

    def _photograph(self) -> bool:
        machine = self._somebody()
        if machine is None or self.broken_log.is_broken:
            return False
        self.photograph(machine)
        return True

    def _cut_or_mend(self) -> bool:
        if not self.network.logs:
            return False
        log = self.random.choice(self.network.logs)
        if any(one.log is log and (one.lost or one.stands_still) for one in self.machines.values()):
            return False
        if log.connected and self.random.random() < 0.4:
            log.cut()
            self.happened["cuts"] += 1
        else:
            log.mend()
        return True

    def _break_or_decide(self) -> bool:
        if self.broken_log.is_broken:
            self.broken_log.decide()
            return True
        return self.seed % 4 == 0 and self.broken_log.lose_tail()

    def _forget_ids(self) -> bool:
        self.network.forget_ids()
        return True

    def _hear_nothing(self) -> bool:
        """What was lost is given up by who waits for it."""
        return self._on_one_of(self.network.silent, "lost answers", Flight.time_out)

    def _time_out(self) -> bool:
        """It is given up, and may arrive yet."""
        return self._on_one_of(self.network.flights, "late arrivals", Flight.time_out)

    def _lose(self) -> bool:
        return self._on_one_of(self.network.flights, "lost", Flight.lose)

    def _repeat(self) -> bool:
        arriving = [one for one in self.network.flights if one.kind == "arrive"]
        return self._on_one_of(arriving, "repeated", Flight.repeat)

    def _on_one_of(self, flights: Sequence[Flight], what: str, act: Callable[[Flight], None]) -> bool:
        if flights:
            act(self.random.choice(flights))
            self.happened[what] += 1
        return bool(flights)

    def _client(self) -> bool:
        machine = self._somebody()
        if machine is None or len(machine.running) >= CLIENTS_MAX:
            return False
        self.workload.client(machine)
        return True

    def _time_passes(self) -> bool:
        machine = self._somebody()
        if machine is not None:
            machine.clock.advance(self.random.choice(PAUSES_S))
        return machine is not None

    # Healing

    def heal(self) -> None:
        """Everybody is there and connected, and everything comes to rest."""
        self.tell("heal")
        if self.broken_log.is_broken:
            self.broken_log.decide()
        for name in self.names:
            if name not in self.machines:
                self.start(name)
        for machine in self.machines.values():
            if not machine.lost and not machine.stands_still:
                machine.log.mend()
        self.rest()

    def rest(self) -> None:
        """:raises Broken: it does not come to rest."""
        passed = 0.0
        while passed < HEALING_MAX_S:
            steps = self.possible()
            if steps:
                steps[0]()
            elif self.network.silent:
                self.network.silent[0].time_out()
            elif self.is_settled():
                return
            else:
                for machine in self.machines.values():
                    machine.clock.advance(0.25)
                passed += 0.25
        state = {name: machine.replica.status() for name, machine in self.machines.items()}
        waiting = [outcome for machine in self.machines.values() for outcome in machine.running.values()]
        raise Broken(f"nothing moves any more: {state}, {waiting}, {self.workload.errors}")

    def is_settled(self) -> bool:
        """Whether everything is done and applied."""
        assert self.network.stream is not None
        last = self.network.stream.last_of(SUBJECT)
        return all(
            not machine.lost
            and not machine.running
            and not machine.thinking
            and machine.replica.outbox.count == 0
            and machine.replica.follower.position == last
            for machine in self.machines.values()
        )

    # Invariants

    def check(self) -> None:
        """:raises Broken: the first that does not hold."""
        found = {name: self.contents(machine) for name, machine in self.machines.items()}
        stream = self.network.stream
        assert stream is not None
        stream.stored[:0] = self.trimmed
        found[FRESH] = self.contents(self._fresh())
        invariants.all_hold_the_same(found)
        once = open_writer(str(self._new_copy("once")), synchronous="NORMAL", register=no_functions)
        try:
            invariants.each_message_counts_once(found["a"], once, stream.entries(SUBJECT))
        finally:
            once.close(True)
        connection, outcomes = self.machines["a"].replica.database.writer, self.workload.outcomes
        with connection.guard.trusted():
            queued = self.policy != "refuse"
            invariants.nothing_acknowledged_is_missing(connection, outcomes)
            invariants.increments_add_up(connection, outcomes, queued=queued)
            if not (queued and self.happened["logs begun anew"]):
                invariants.no_insert_is_overwritten(connection, self._kept_images(), outcomes, queued=queued)
            invariants.file_is_intact(connection)
        for machine in self.machines.values():
            self._count(machine)
        for outcome in outcomes:
            self.happened[f"{outcome.state} {outcome.sqlstate}".strip()] += 1

    @staticmethod
    def contents(machine: Machine) -> dict[str, Any]:
        """What the node holds."""
        return invariants.contents(machine.replica.database.writer)

    def _fresh(self) -> Machine:
        fresh = self.start(FRESH)
        while steps := self.possible():
            steps[0]()
        return fresh

    def _kept_images(self) -> str:
        images = []
        for machine in self.machines.values():
            for reason, image in machine.replica.database.writer.execute("SELECT reason, image FROM ha_conflicts"):
                self.happened[f"lost: {reason}"] += 1
                images.append(image or "")
        return "".join(images)


#: Of 1,000 steps so many are each of these; the others are what happens by itself.
CHANCES: Final[tuple[tuple[int, Callable[[Simulation], bool]], ...]] = (
    (12, Simulation._crash_or_restart),
    (8, Simulation._break_or_decide),
    (4, Simulation._trim_or_join),
    (6, Simulation._photograph),
    (13, Simulation._cut_or_mend),
    (10, Simulation._forget_ids),
    (30, Simulation._hear_nothing),
    (15, Simulation._time_out),
    (15, Simulation._lose),
    (20, Simulation._repeat),
    (90, Simulation._client),
    (77, Simulation._time_passes),
)


def failure(seed: int, folder: Path, **options: Any) -> str | None:
    """What goes wrong in the history of `seed`, or None."""
    return one(seed, folder, **options).failure


def one(seed: int, folder: Path, *, tell: bool = False, **options: Any) -> seeds.Report:
    """Play the history of `seed`.

    :param tell: print every event.
    """
    inner = Path(tempfile.mkdtemp(dir=folder))
    simulation = Simulation(seed, inner, **options)
    reason = None
    try:
        simulation.play()
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
    finally:
        simulation.close()
        shutil.rmtree(inner)
    if tell:
        print("\n".join(simulation.network.events))
    return seeds.Report(reason, simulation.happened)


def main(arguments: list[str]) -> int:
    """Run histories; 1 when one fails."""
    parser = argparse.ArgumentParser(prog="python -m ha.test.simulation", description=__doc__)
    seeds.add_options(parser)
    parser.add_argument("--tell", action="store_true", help="print every event")
    options = parser.parse_args(arguments)
    played = seeds.play_as_told(partial(one, tell=options.tell), options)
    print(played)
    print(", ".join(f"{number} {what}" for what, number in sorted(played.happened.items())))
    return 1 if played.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
