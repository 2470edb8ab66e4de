"""Whole nodes over one log in memory, moved step by step by a seed: do they agree, whatever happens?

Each node is a real :class:`~ha.replication.replica.Replica` on a small SQLite file. Nothing runs by itself: clocks,
threads, clients' pauses and every hop of every message are steps, and the seed chooses the next one: delay, repetition, lost
acknowledgements, publishes that time out and land late, disconnection, kill and restart between any two steps, clocks that jump
(a process may have started before the one before it), snapshots, a stream that is trimmed behind them, a node that is behind its
first message and begins anew from the snapshot, a fourth node that joins from one. Then everything heals, and the invariants at the end of ``docs/replication.rst`` are asked for.

``python -m ha.test.simulation --seed 1 --count 1000`` runs many; a failure prints its seed, and the same seed is the
same history again.
"""

from __future__ import annotations

import argparse
import gc
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import apsw
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import globalLogBeginner, globalLogPublisher

from ha.block import Block
from ha.errors import StatementError
from ha.replication.change import Command, decode
from ha.replication.committer import Work
from ha.replication.conflicts import READ_COMMITTED, REPEATABLE_READ, SERIALIZABLE
from ha.replication.groups import Origin
from ha.replication.replica import Parts, Replica
from ha.sqlite import images, wholerow
from ha.sqlite import tables as schema
from ha.sqlite.connection import Connection, open_visitor, open_writer
from ha.sqlite.database import Database
from ha.sqlite.executor import Cancellation, Lanes
from ha.sqlite.faults import translate
from ha.sqlite.fitting import put_what_fits
from ha.sqlite.ledger import read_position
from ha.sqlite.restore import part_of, swap
from ha.sqlite.schema import install, is_settled
from ha.test.fakes import Network, Stored
from ha.test.filenode import equal
from ha.test.steps import SteppedLane

SUBJECT = "s.a_db"
NAMES = ("a", "b", "c")

#: It joins from a snapshot, some time.
JOINER = "d"

OPENING = (
    "CREATE TABLE journal (token TEXT PRIMARY KEY, node TEXT)",
    "CREATE TABLE counter (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)",
    "INSERT INTO counter VALUES (1, 0), (2, 0), (3, 0)",
    "CREATE TABLE item (id INTEGER PRIMARY KEY, token TEXT NOT NULL, u INTEGER UNIQUE)",
    "CREATE TABLE serial (id INTEGER PRIMARY KEY AUTOINCREMENT, token TEXT)",
    "CREATE TABLE pair (a TEXT, b INTEGER, c INTEGER UNIQUE, d TEXT, PRIMARY KEY (a, b), UNIQUE (d, b)) WITHOUT ROWID",
    "CREATE TABLE loose (x, y)",
    "CREATE TABLE keyed (k TEXT PRIMARY KEY, u INTEGER UNIQUE, v)",
    "CREATE TABLE extra (a, b UNIQUE)",
)

#: Counters: by transactions that run again by themselves; by interactive ones that must not lose any; by others.
BY_ITSELF, CAREFUL, CARELESS = 1, 2, 3

#: It reads the log from its beginning, at the end.
FRESH = "fresh"

#: How long healing may take, on the simulation's clocks (seconds).
HEALING_MAX_S = 900.0


class Broken(Exception):
    """An invariant does not hold; the text says which."""


class NodeClock(Clock):
    """A node's clock. What threads would hand over comes at its next turn."""

    def callFromThread(self, work: Callable[..., Any], *arguments: Any) -> None:
        """As the reactor's."""
        self.callLater(0, work, *arguments)

    @property
    def is_due(self) -> bool:
        """Whether something waits only for its turn."""
        return any(call.getTime() <= self.seconds() for call in self.getDelayedCalls())


@dataclass(slots=True)
class Outcome:
    """What became of one client's transaction."""

    token: str
    node: str
    kind: str
    counter: int = 0
    inserted: bool = False
    state: str = "running"  # acknowledged, refused, unknown
    error: str = ""


@dataclass
class Machine:
    """One node, from a start to a crash."""

    name: str
    path: Path
    clock: NodeClock
    lane: SteppedLane
    log: Any
    replica: Replica
    running: dict[str, Outcome] = field(default_factory=dict)
    thinking: list[Deferred[None]] = field(default_factory=list)
    #: Answers to it that nobody hears any more. Kept, or what waits for them would be ended in an orderly way.
    unheard: list[Deferred[Any]] = field(default_factory=list)
    alive: bool = True
    #: It is behind the stream's first message.
    lost: bool = False


class Simulation:
    """One history.

    :param folder: where its files go.
    :param parts: of which the nodes are made.
    :param restarted: the start of a process in ns, by how many there were; a broken variant gives the same again.
    """

    def __init__(
        self,
        seed: int,
        folder: Path,
        parts: Parts = Parts(),  # noqa: B008
        *,
        restarted: Callable[[int], int] | None = None,
        steps: int = 260,
    ) -> None:
        self.seed = seed
        self.random = Random(seed)
        self.folder = folder
        self.parts = parts
        #: In a third of the histories each process starts earlier than the one before it, by the clock.
        self.restarted = restarted or (
            (lambda number: 1_000_000 - number) if seed % 3 == 0 else (lambda number: number)
        )
        self.steps = steps
        self.network = Network()
        self.network.create("cluster", "a", 1, 1)
        #: In half of the histories every outbox is a long one: only what is met is undone.
        self.long_outboxes = seed % 2 == 1
        self.policy = self.random.choice(("queue", "queue", "queue", "refuse", "refuse", "async"))
        self.machines: dict[str, Machine] = {}
        self.dead: list[Machine] = []
        self.paths: dict[str, Path] = {}
        self.outcomes: list[Outcome] = []
        self.errors: list[str] = []
        self.told: list[str] = []
        self.names = list(NAMES)
        #: The newest snapshot and its position; what was trimmed behind one.
        self.snapshot: tuple[Path, int] | None = None
        self.trimmed: list[Stored] = []
        self.happened: Counter[str] = Counter()
        self._files = 0
        self._starts = 0

    # Life and death

    def start(self, name: str) -> Machine:
        """Start a node on the file that its last life left."""
        self._starts += 1
        path = self.paths.get(name)
        if self.trimmed and path is None and name != FRESH:
            return self.restore(name)
        if path is None:
            path = self._new_path(name)
            shutil.copyfile(template(self.folder.parent), path)
            self.paths[name] = path
        clock, lane, log = NodeClock(), SteppedLane(), self.network.join(name)
        database = Database("a.db", path, SUBJECT, Lanes(lane, 1e9), clock)
        replica = Replica(
            database,
            log,
            Origin(name, self.restarted(self._starts)),
            clock,
            epoch=1,
            timeout_s=2.0,
            queues=self.policy != "refuse",
            asynchronous=self.policy == "async",
            parts=self.parts,
            now=clock.seconds,
        )
        if self.long_outboxes:
            replica.outbox.inline_messages = 0
        machine = self.machines[name] = Machine(name, path, clock, lane, log, replica)
        log.on_connection_change.append(lambda connected: replica.outbox.drain_soon())
        replica.follower.on_lost = lambda reason: self._lost(machine)
        replica.follower.start()
        self.tell(f"{name} starts at {replica.follower.position}, outbox {replica.outbox.count}")
        return machine

    def kill(self, name: str) -> None:
        """As kill -9: what the file holds at this moment is all that is left; what was sent is on its way."""
        machine = self.machines.pop(name)
        machine.alive = False
        self.dead.append(machine)
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

    # Snapshots, and what they are for

    def _lost(self, machine: Machine) -> None:
        """Its place is not in the stream any more. Until it begins anew, the log counts as out of reach."""
        machine.lost = True
        machine.log.cut()

    def photograph(self, machine: Machine) -> None:
        """Make a snapshot of what the node has committed, if nothing waits there."""
        path = self._new_path("snapshot")
        source, target = open_visitor(str(machine.path)), apsw.Connection(str(path))
        try:
            with target.backup("main", source, "main") as backup:
                backup.step()
        finally:
            source.close()
            target.close()
        source = open_visitor(str(path))
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
        self.happened["restored"] += 1
        self.tell(f"{name} is restored")
        return self.start(name)

    def join(self) -> None:
        """The fourth node comes."""
        if self.snapshot is not None and JOINER not in self.names:
            self.names.append(JOINER)
            self.restore(JOINER)
            self.happened["joined"] += 1

    def _new_path(self, name: str) -> Path:
        self._files += 1
        return self.folder / f"{name}{self._files}.db"

    def tell(self, text: str) -> None:
        """For whoever looks at a failure."""
        self.told.append(text)
        self.network.events.append(text)

    # Clients

    def run(self, machine: Machine, outcome: Outcome, coroutine: Any) -> None:
        """Start a client's transaction, and note what became of it."""
        self.outcomes.append(outcome)
        machine.running[outcome.token] = outcome

        def answered(result: Any) -> None:
            machine.running.pop(outcome.token, None)
            if machine.alive:
                outcome.state = "acknowledged"
                self.tell(f"{machine.name} acknowledged {outcome.token}")

        def failed(failure: Any) -> None:
            machine.running.pop(outcome.token, None)
            if not machine.alive:
                return
            error = failure.value
            outcome.error = str(error)
            if not isinstance(error, StatementError):
                self.errors.append(f"{outcome.token}: {failure.getTraceback()}")
            outcome.state = "unknown" if getattr(error, "sqlstate", "") == "40003" else "refused"
            self.tell(f"{machine.name} {outcome.state} {outcome.token}: {error}")

        Deferred.fromCoroutine(coroutine).addCallbacks(answered, failed)

    def client(self, machine: Machine) -> None:
        """A client does something."""
        random = self.random
        token = f"t{len(self.outcomes)}"
        outcome = Outcome(token, machine.name, "")
        journal = f"INSERT INTO journal VALUES ('{token}', '{machine.name}')"
        roll = random.random()
        if roll < 0.06:
            outcome.kind = "definition"
            self.run(machine, outcome, self.autocommit(machine, [journal, self.definition()]))
        elif roll < 0.22:
            outcome.kind, outcome.counter = "increment", BY_ITSELF
            texts = [journal, f"UPDATE counter SET n = n + 1 WHERE id = {BY_ITSELF}"]
            self.run(machine, outcome, self.autocommit(machine, texts))
        elif roll < 0.40:
            outcome.kind, outcome.inserted = "insert", True
            self.run(machine, outcome, self.autocommit(machine, [journal, self.insert(token)]))
        elif roll < 0.72:
            outcome.kind = "batch"
            texts = [journal, *(self.churn() for _ in range(random.randint(1, 4)))]
            self.run(machine, outcome, self.autocommit(machine, texts))
        else:
            level = random.choice((READ_COMMITTED, READ_COMMITTED, REPEATABLE_READ, SERIALIZABLE))
            outcome.kind = level
            outcome.inserted = random.random() < 0.3
            texts = [journal, *(self.churn() for _ in range(random.randint(0, 3)))]
            if random.random() < 0.05:
                texts.append(self.definition())
            if outcome.inserted:
                texts.append(self.insert(token))
            random.shuffle(texts)
            if level != READ_COMMITTED and random.random() < 0.5:
                outcome.counter = CAREFUL
            self.run(machine, outcome, self.interactive(machine, outcome, level, texts))

    async def autocommit(self, machine: Machine, texts: list[str]) -> None:
        """Statements whose text is held: they run as often as it takes."""
        capture = machine.replica.database.capture

        def run(connection: Connection) -> None:
            for text in texts:
                execute(connection, capture, text)

        await machine.replica.submit(Work(run, alone=self.random.random() < 0.1))

    async def interactive(self, machine: Machine, outcome: Outcome, level: str, texts: list[str]) -> None:
        """A block, with pauses in which anything may happen."""
        replica, random = machine.replica, self.random
        block = Block(replica, explicit=True, isolation=level)
        try:
            if outcome.counter:
                n = await self._read(block, f"SELECT n FROM counter WHERE id = {CAREFUL}")
                texts = [*texts, f"UPDATE counter SET n = {n + 1} WHERE id = {CAREFUL}"]
            for text in texts:
                await self.think(machine)
                opened = await block.write_transaction("write", random.choice((None, 1.0)), Cancellation())
                await opened.run(
                    lambda connection, text=text: execute(connection, replica.database.capture, text),
                    writes=True,
                    bounded=random.random() < 0.8,
                )
            await self.think(machine)
            if random.random() < 0.08:
                raise StatementError("40000", "the client has changed its mind")
            await block.commit()
        finally:
            if machine.alive:
                block.roll_back()

    async def _read(self, block: Block, sql: str) -> Any:
        reader = await block.reader()
        assert reader is not None
        block.tables.add("counter")
        return reader.execute(sql).get

    def think(self, machine: Machine) -> Deferred[None]:
        """A client's pause."""
        pause: Deferred[None] = Deferred()
        machine.thinking.append(pause)
        return pause

    # Statements

    def insert(self, token: str) -> str:
        """A plain INSERT: no other may ever overwrite it, or only knowingly."""
        random = self.random
        if random.random() < 0.3:
            return f"INSERT INTO serial (token) VALUES ('{token}')"
        return f"INSERT INTO item VALUES ({random.randint(1, 40)}, '{token}', {random.choice(('NULL', random.randint(1, 30)))})"

    def churn(self) -> str:
        """Anything but plain INSERTs into the tables that are watched."""
        random = self.random
        small = [random.randint(1, 6) for _ in range(5)]
        a, b, c, d, e = small
        word = random.choice(("'x'", "'y'", "'z'", "NULL", "7", "1.5", "x'00'"))
        return random.choice(
            (
                f"INSERT INTO pair (a, b, c, d) VALUES ('{a}', {b}, {c}, '{d}')",
                f"REPLACE INTO pair (a, b, c, d) VALUES ('{a}', {b}, {c}, '{d}')",
                f"INSERT INTO pair (a, b, c, d) VALUES ('{a}', {b}, {c}, '{d}') ON CONFLICT DO NOTHING",
                f"UPDATE OR REPLACE pair SET c = {c}, b = {b} WHERE a = '{a}'",
                f"UPDATE pair SET d = '{d}' WHERE b = {b}",
                f"DELETE FROM pair WHERE c > {c}",
                f"INSERT INTO loose (x, y) VALUES ({a}, {word})",
                f"INSERT INTO loose (x, y) VALUES ({a}, {word})",
                f"UPDATE loose SET y = {word} WHERE x = {b}",
                f"DELETE FROM loose WHERE x = {c}",
                f"INSERT INTO keyed (k, u, v) VALUES ('{a}', {b}, {word})",
                f"INSERT OR REPLACE INTO keyed (k, u, v) VALUES ('{a}', {b}, {word})",
                f"INSERT INTO keyed (k, u, v) VALUES ('{a}', {b}, {c}) ON CONFLICT (k) DO UPDATE SET v = v + {d}",
                f"INSERT INTO keyed (k, u, v) VALUES (NULL, {b}, {c})",
                f"UPDATE keyed SET k = '{c}' WHERE u = {d}",
                f"UPDATE OR IGNORE keyed SET u = u + 1 WHERE k > '{a}'",
                f"DELETE FROM keyed WHERE k = '{e}'",
                "DELETE FROM keyed WHERE k IS NULL",
                f"INSERT INTO extra VALUES ({a}, {b})",
                f"REPLACE INTO extra (a, b) VALUES ({a}, {b})",
                f"UPDATE extra SET a = {a} WHERE b = {b}",
                f"DELETE FROM extra WHERE a = {c}",
                f"UPDATE counter SET n = n + 1 WHERE id = {CARELESS}",
                f"UPDATE OR ROLLBACK keyed SET u = {b}",
                f"INSERT OR ROLLBACK INTO keyed (k, u) VALUES ('{c}', {d})",
            )
        )

    def definition(self) -> str:
        """DDL; which one succeeds depends on what was there."""
        random = self.random
        serial = random.randint(1, 3)
        return random.choice(
            (
                f"ALTER TABLE loose ADD COLUMN e{serial} DEFAULT {serial}",
                f"ALTER TABLE keyed ADD COLUMN e{serial} NOT NULL DEFAULT 'e'",
                f"ALTER TABLE pair ADD COLUMN e{serial}",
                "DROP TABLE extra",
                "CREATE TABLE extra (a, b UNIQUE)",
                "CREATE TABLE extra (a PRIMARY KEY, b NOT NULL)",
                "CREATE TABLE extra (b INTEGER PRIMARY KEY, a UNIQUE, z DEFAULT (1 + 1))",
                "CREATE TABLE extra (a TEXT, b INTEGER, PRIMARY KEY (b, a)) STRICT",
                "ALTER TABLE extra RENAME COLUMN a TO z",
                "ALTER TABLE extra DROP COLUMN a",
                f"CREATE UNIQUE INDEX extra_i{serial} ON extra (a)",
                f"CREATE INDEX loose_i{serial} ON loose (x)",
                f"DROP INDEX loose_i{serial}",
                "CREATE TRIGGER keyed_t AFTER DELETE ON keyed BEGIN INSERT INTO loose (x, y) VALUES (old.u, old.v); END",
                "DROP TRIGGER keyed_t",
            )
        )

    def close(self) -> None:
        """Let go of every file."""
        for machine in [*self.machines.values(), *self.dead]:
            machine.alive = False
            machine.replica.follower.stop()
            machine.replica.database.close()
        self.machines.clear()
        self.dead.clear()
        # What waited in killed nodes ends now, and not in the middle of the next history, which would hear of it.
        gc.collect()

    # Steps

    def play(self) -> None:
        """The whole history.

        :raises Broken: an invariant does not hold.
        """
        with logged_failures() as failures:
            for name in NAMES:
                self.start(name)
            first = self.machines["a"]
            opening = Outcome("opening", "a", "definition")
            self.run(first, opening, self._open(first))
            self.rest()
            if opening.state != "acknowledged":
                raise Broken(f"the opening was {opening.state}: {opening.error} {self.errors}")
            for _ in range(self.steps):
                self.step()
            self.heal()
            if self.errors or failures:
                raise Broken("\n".join([*self.errors, *failures]))
            self.check()

    async def _open(self, machine: Machine) -> None:
        capture = machine.replica.database.capture

        def run(connection: Connection) -> None:
            for text in OPENING:
                execute(connection, capture, text)

        machine.replica.outbox._always = False
        await machine.replica.submit(Work(run))
        machine.replica.outbox._always = self.policy == "async"

    def step(self) -> None:
        """The next thing that happens."""
        random, network = self.random, self.network
        roll = random.random()
        machine = self.machines.get(random.choice(self.names))
        if roll < 0.012:
            self.crash_or_restart()
        elif roll < 0.016:
            self.trim()
            if random.random() < 0.5:
                self.join()
        elif roll < 0.022 and machine is not None:
            self.photograph(machine)
        elif roll < 0.035:
            log = random.choice(network.logs) if network.logs else None
            if log is not None and not any(one.lost and one.log is log for one in self.machines.values()):
                (log.cut if log.connected and random.random() < 0.4 else log.mend)()
        elif roll < 0.045:
            network.forget_ids()
        elif roll < 0.075 and network.silent:
            random.choice(network.silent).time_out()
        elif roll < 0.09 and network.flights:
            random.choice(network.flights).time_out()
        elif roll < 0.105 and network.flights:
            random.choice(network.flights).lose()
        elif roll < 0.125 and (arriving := [one for one in network.flights if one.kind == "arrive"]):
            random.choice(arriving).repeat()
        elif roll < 0.22 and machine is not None and len(machine.running) < 4:
            self.client(machine)
        elif roll < 0.30 and machine is not None:
            machine.clock.advance(
                random.choice((0.0, 0.0, 0.01, 0.01, 0.05, 0.05, 0.1, 0.1, 0.5, 0.5, 2.5, 2.5, 100.0))
            )
        else:
            steps = self.possible()
            if steps:
                random.choice(steps)()

    def crash_or_restart(self) -> None:
        """A node dies, or one that did comes back."""
        gone = [name for name in self.names if name not in self.machines]
        if gone and self.random.random() < 0.7:
            self.start(self.random.choice(gone))
        elif self.machines:
            self.kill(self.random.choice(sorted(self.machines)))

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
            steps += [lambda machine=machine, pause=pause: self._go_on(machine, pause) for pause in machine.thinking]
        return steps

    @staticmethod
    def _go_on(machine: Machine, pause: Deferred[None]) -> None:
        machine.thinking.remove(pause)
        pause.callback(None)

    def heal(self) -> None:
        """Everybody is there and connected, and everything comes to rest."""
        self.tell("heal")
        for name in self.names:
            if name not in self.machines:
                self.start(name)
        for machine in self.machines.values():
            if not machine.lost:
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
        raise Broken(f"nothing moves any more: {state}, {waiting}, {self.errors}")

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
        found = {name: contents(machine.replica.database.writer) for name, machine in self.machines.items()}
        for name in self.names[1:]:
            equal(found["a"], found[name], f"a and {name}")
        if self.trimmed and self.network.stream is not None:
            self.network.stream.stored[:0] = self.trimmed
        self._check_fresh(found["a"])
        self._check_once(found["a"])
        connection = self.machines["a"].replica.database.writer
        with connection.guard.trusted():
            self._check_journal(connection)
            self._check_counters(connection)
            self._check_inserts(connection)
            line = connection.execute("PRAGMA integrity_check").get
            if line != "ok":
                raise Broken(f"integrity_check: {line}")

    def _check_fresh(self, known: dict[str, Any]) -> None:
        """A node that replays the log holds the same."""
        fresh = self.start(FRESH)
        for _ in range(100_000):
            steps = self.possible()
            if not steps:
                break
            steps[0]()
        equal(known, contents(fresh.replica.database.writer), "a and a fresh node")

    def _check_once(self, known: dict[str, Any]) -> None:
        """Each message, taken at its first place in the log only, makes the same rows: nothing is applied twice."""
        path = self._new_path("once")
        shutil.copyfile(template(self.folder.parent), path)
        connection = open_writer(str(path), synchronous="NORMAL")
        assert self.network.stream is not None
        try:
            seen, position = set(), 0
            for entry in self.network.stream.entries(SUBJECT):
                if entry.message_id not in seen:
                    seen.add(entry.message_id)
                    message = decode(entry.body)
                    with connection.guard.trusted():
                        connection.execute("BEGIN IMMEDIATE")
                        if message.snapshot_seq == position or any(isinstance(one, Command) for one in message.changes):
                            images.apply(connection, message)
                        else:
                            put_what_fits(connection, message)
                        connection.execute("COMMIT")
                position = entry.sequence
            once = contents(connection)
            for ledger in ("ha_origins", "ha_stats"):
                once[ledger] = known[ledger]
            equal(known, once, "a and each message once")
        finally:
            connection.close(True)

    def _check_journal(self, connection: Connection) -> None:
        """Nothing acknowledged is missing, nothing refused is there."""
        there = Counter(token for (token,) in connection.execute("SELECT token FROM journal"))
        for outcome in self.outcomes:
            if outcome.token == "opening":
                continue
            if outcome.state == "acknowledged" and outcome.token not in there:
                raise Broken(f"acknowledged and missing: {outcome}")
            if outcome.state == "refused" and outcome.token in there:
                raise Broken(f"refused and there: {outcome}")

    def _check_counters(self, connection: Connection) -> None:
        """Increments add up."""
        there = {token for (token,) in connection.execute("SELECT token FROM journal")}
        for counter in (BY_ITSELF, CAREFUL):
            if counter == BY_ITSELF and self.policy != "refuse":
                continue
            n = connection.execute("SELECT n FROM counter WHERE id = ?", (counter,)).get
            expected = sum(outcome.counter == counter and outcome.token in there for outcome in self.outcomes)
            if n != expected:
                raise Broken(f"counter {counter} is {n} after {expected} increments")

    def _check_inserts(self, connection: Connection) -> None:
        """No plain INSERT was overwritten, or the loser's image is kept."""
        there = {token for (token,) in connection.execute("SELECT token FROM item UNION SELECT token FROM serial")}
        kept = "".join(
            image or ""
            for machine in self.machines.values()
            for (image,) in machine.replica.database.writer.execute("SELECT image FROM ha_conflicts")
        )
        for outcome in self.outcomes:
            if outcome.inserted and outcome.state == "acknowledged" and outcome.token not in there:
                if self.policy == "refuse" or f'"{outcome.token}"' not in kept:
                    raise Broken(f"an INSERT was overwritten, {self.policy}: {outcome}")


def execute(connection: Connection, capture: Any, text: str) -> None:
    """One statement of a client, as the backend runs it.

    :raises StatementError: SQLite's own.
    """
    try:
        for _ in connection.execute(text):
            pass
    except apsw.Error as error:
        raise translate(error, connection, text) from error
    capture.after_statement(text, may_change_schema=not text.startswith(("INSERT", "UPDATE", "DELETE", "REPLACE")))


def contents(connection: Connection) -> dict[str, Any]:
    """All that must be equal on every node."""
    tables = schema.of(connection)
    with connection.guard.trusted():
        tables.refresh()
        found: dict[str, Any] = {"schema": sorted(tables.schema().items())}
        for name in sorted(tables.names()):
            found[name] = sorted(map(repr, wholerow.read_all(connection, tables[name]).items()))
        if tables.has_sequences:
            found["sequences"] = sorted(
                connection.execute("SELECT name, seq FROM sqlite_sequence WHERE name NOT LIKE 'ha_%'")
            )
        found["ha_origins"] = sorted(connection.execute("SELECT * FROM ha_origins"))
        found["ha_stats"] = sorted(connection.execute("SELECT subject, received_seq FROM ha_stats"))
    return found


def template(folder: Path) -> Path:
    """An empty database with the house's tables."""
    path = folder / "template.db"
    if not path.exists():
        connection = open_writer(str(path), synchronous="NORMAL")
        install(connection)
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        connection.close()
    return path


@contextmanager
def logged_failures() -> Iterator[list[str]]:
    """What the parts log as failures of their own: none is expected."""
    failures: list[str] = []

    def observe(event: Any) -> None:
        if event.get("log_failure") is not None:
            failures.append(event["log_failure"].getTraceback())

    globalLogPublisher.addObserver(observe)
    try:
        yield failures
    finally:
        globalLogPublisher.removeObserver(observe)


@cache
def set_aside() -> None:
    """What the process has loaded stays: the collector need not look through it again after every history."""
    gc.collect()
    gc.freeze()


@contextmanager
def quiet_ends() -> Iterator[None]:
    """What waited in a killed node ends when its memory is freed, and finds its file closed: nobody needs to hear."""
    known = sys.unraisablehook
    gc.disable()  # else the ends of one history come in the middle of another, when it pleases the collector
    set_aside()

    def hook(event: Any) -> None:
        if not isinstance(event.exc_value, apsw.ConnectionClosedError | AssertionError):
            known(event)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        gc.enable()
        gc.collect()  # a failure that was kept may have held an earlier history until now
        sys.unraisablehook = known


def shared_memory() -> str | None:
    """A folder that no disk is behind, if there is one."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def failure(seed: int, folder: Path, **options: Any) -> str | None:
    """What goes wrong in the history of `seed`, or None."""
    inner = Path(tempfile.mkdtemp(dir=folder))
    simulation = Simulation(seed, inner, **options)
    try:
        simulation.play()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    finally:
        simulation.close()
        shutil.rmtree(inner)
    return None


def main(arguments: list[str]) -> int:
    """Run histories; 1 when one fails."""
    parser = argparse.ArgumentParser(prog="python -m ha.test.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=1_000)
    parser.add_argument(
        "--seconds", type=float, default=float("inf"), help="stop after so long, if --count is not reached"
    )
    parser.add_argument("--go-on", action="store_true", help="count failures instead of stopping at the first")
    parser.add_argument("--tell", action="store_true", help="print every event")
    options = parser.parse_args(arguments)
    globalLogBeginner.beginLoggingTo([], redirectStandardIO=False)
    failed = []
    began = time.monotonic()
    totals: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(dir=shared_memory()) as folder, quiet_ends():
        for seed in range(options.seed, options.seed + options.count):
            if time.monotonic() > began + options.seconds:
                seed -= 1
                break
            inner = Path(tempfile.mkdtemp(dir=folder))
            simulation = Simulation(seed, inner)
            try:
                simulation.play()
            except Exception as error:
                failed.append(seed)
                print(f"seed {seed}: {type(error).__name__}: {str(error)[:3000]}", flush=True)
                if options.tell:
                    print("\n".join(simulation.network.events))
                if not options.go_on:
                    break
            finally:
                totals.update(outcome.state for outcome in simulation.outcomes)
                totals.update(simulation.happened)
                simulation.close()
                shutil.rmtree(inner)
    count = seed - options.seed + 1
    print(
        f"{count} histories from seed {options.seed} in {time.monotonic() - began:.0f} s, {len(failed)} failed {failed[:20]}"
    )
    print(", ".join(f"{number} {state}" for state, number in sorted(totals.items())))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
