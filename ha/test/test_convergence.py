"""All nodes hold the same rows, and nobody's acknowledged write is lost, whatever happens on the way.

The histories are :mod:`ha.test.simulation`'s; ``python -m ha.test.simulation --seed N --count M`` runs more of them. The broken
variants show that the simulation would notice: each breaks one rule of ``docs/replication.rst``.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ha.replication.change import Message
from ha.replication.conflicts import Authors
from ha.replication.entry import Entry, Unanswered
from ha.replication.follower import Follower
from ha.replication.order import Order, Overtaken, Placed, publish
from ha.replication.outbox import Choice, Outbox
from ha.replication.rebase import Rebase
from ha.replication.replica import Parts
from ha.sqlite.ledger import write_position
from ha.sqlite.pending import find_pending, remove_pending
from ha.test.quiet import quiet_ends, shared_memory
from ha.test.seeds import play, processes_here
from ha.test.simulation import failure, one

#: Histories of the suite, in at most so long (seconds); on two processors that do nothing else they take less.
HISTORIES = 2_000
SECONDS = 60.0

#: So many on a busy machine, too, however long they take.
FEWEST = 200

#: What all of them together must have reached, or the dice are loaded: each kind of fault, what clients are told, what is done
#: about those that met.
REACHED = (
    "acknowledged",
    "conflicts",
    "cuts",
    "joined",
    "kills",
    "late arrivals",
    "logs begun anew",
    "lost",
    "lost answers",
    "lost: displaced",
    "lost: overwritten",
    "refusals",
    "refused 23505",
    "refused 25006",
    "refused 40001",
    "repeated",
    "restarts",
    "restored",
    "snapshots",
    "stood still",
    "tails lost",
    "trimmings",
    "turns_asked",
    "turns_given",
    "unknown",
    "unknown 40003",
)

#: A broken rule must show within so many.
TRIES = 300


class SkipsItsOwn(Follower):
    """Takes what it once published for applied: after a crash between publish and COMMIT it is not."""

    def _apply(self, entries: list[Entry], choice: Choice | None = None) -> list[Message]:
        mine = f"{self._turns._node}:"
        others = [entry for entry in entries if not entry.message_id.startswith(mine)]
        if others and not self._outbox.count:
            super()._apply(others)
        with self._database.own_transaction():
            for entry in entries:
                if pending := find_pending(self._database.writer, entry.message_id):
                    remove_pending(self._database.writer, pending)
            write_position(self._database.writer, self._database.subject, entries[-1].sequence)
        self._outbox.count = max(self._outbox.count - len(entries) + len(others), 0)
        return []


class LeavesPending(Rebase):
    """Puts what is foreign on what is pending, and leaves it there."""

    def _undo_all(self) -> None:
        pass

    def _put_all(self, authors: Authors) -> None:
        pass


class LeavesPendingBelow(Outbox):
    """Its passes do not undo."""

    rebase = LeavesPending


class RunsAgainTooSoon(Order):
    """Takes silence for a refusal."""

    async def place(self, body: bytes, message_id: str) -> Placed | Overtaken:
        """Publish once, and believe that what did not answer is not stored."""
        try:
            return Placed(await publish(self._log, self._subject, body, message_id, self._reader.position))
        except Unanswered:
            return Overtaken(Entry(0, "", b"", 0))
        except Exception:
            return await super().place(body, message_id)


class ConvergenceTests(SynchronousTestCase):
    """Random histories by seed."""

    timeout = 300

    def test_all_nodes_agree(self) -> None:
        """And equal a fresh node; nothing acknowledged is missing, nothing refused is there, nothing was applied twice."""
        played = play(one, range(HISTORIES), seconds=SECONDS, at_least=FEWEST, processes=processes_here())
        for seed, reason in played.failed.items():
            self.fail(f"python -m ha.test.simulation --seed {seed} --count 1 --tell\n{reason}")
        self.assertEqual([what for what in REACHED if not played.happened[what]], [], played)

    def test_a_seed_is_a_history(self) -> None:
        """In any process, whatever the order of its sets: of those in which a log loses its tail, too."""
        seeds = range(0, 32, 4)  # fewer than a process plays before it tells: all in one
        first, second = (play(one, seeds, processes=2) for _ in range(2))
        self.assertEqual(first.happened, second.happened)


class BrokenRuleTests(SynchronousTestCase):
    """Would the histories notice?"""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(dir=shared_memory())
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        ends = quiet_ends()
        ends.__enter__()
        self.addCleanup(self.flushLoggedErrors)  # of nodes that were killed; a living one's are failures of the history
        self.addCleanup(ends.__exit__, None, None, None)
        self.addCleanup(self.flushLoggedErrors)  # before as well: a failure holds the node that it came from

    def caught(self, **broken: Any) -> None:
        """Some history fails."""
        for seed in range(TRIES):
            if failure(seed, self.folder, **broken) is not None:
                return
        self.fail(f"{TRIES} histories did not notice")

    def test_skipping_own_messages_is_noticed(self) -> None:
        """A message is applied because it is in the log, not because of who wrote it."""
        self.caught(parts=Parts(follower=SkipsItsOwn))

    def test_foreign_messages_on_top_of_pending_ones_are_noticed(self) -> None:
        """What is pending goes on top of what has its place."""
        self.caught(parts=Parts(outbox=LeavesPendingBelow))

    def test_running_again_too_soon_is_noticed(self) -> None:
        """A publish that did not answer may be stored yet."""
        self.caught(parts=Parts(order=RunsAgainTooSoon))

    def test_message_ids_used_again_are_noticed(self) -> None:
        """After a restart the log would take new messages for old ones."""
        self.caught(restarted=lambda number: 1)
