"""Histories with a node that is cut off agree with the rule, and they notice where it is broken."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.replication.rebase import Rebase
from ha.replication.selection import Outcome
from ha.test.cutoff import CutOff, play, write
from ha.test.filenode import Diverged, Group

#: Histories of the unit suite; the command of :mod:`ha.test.histories` runs more.
HISTORIES = 15


class LooksAway(Rebase):
    """Does not ask whether a message that stands was met after all."""

    def _check_standing(self, outcome: Outcome, undone: frozenset[int]) -> None:
        pass


class CutOffTests(SynchronousTestCase):
    """Node 1 queues, node 0 does not."""

    def test_each_pass_is_what_the_rule_says(self) -> None:
        """In rows, rowids, sequences and losses; and a good part of the outbox stands."""
        passes = compared = standing = 0
        for seed in range(HISTORIES):
            try:
                history = play(write(seed))
            except Exception as error:
                self.fail(f"seed {seed}: {type(error).__name__}: {error}")
            passes += history.passes
            compared += history.compared
            standing += history.left_standing
        self.assertGreater(standing, passes)
        self.assertGreater(compared, passes // 2)

    def test_a_row_that_gave_way_is_noticed(self) -> None:
        """A hidden rowid is taken, so the row gets the next that is free: which one depends on all rows of the table."""
        groups = [
            Group(0, (("CREATE TABLE t (k TEXT PRIMARY KEY)",),), False, False),
            Group(0, (("CREATE TABLE u (a)",),), False, False),
            Group(1, (("INSERT INTO t VALUES ('a')",), ("INSERT INTO t VALUES ('b')",)), False, True),
            Group(0, (("INSERT INTO t VALUES ('c')",),), False, False),
        ]
        play(groups)
        history = CutOff(LooksAway)
        self.addCleanup(history.close)
        with self.assertRaises(Diverged):
            history.play(groups)

    def test_so_is_one_that_a_later_message_had_named(self) -> None:
        """Text that is no UTF-8 has its whole table named, too late for the message between."""
        log: list[str] = []
        groups = [
            Group(0, (("CREATE TABLE t (k BLOB PRIMARY KEY, v)",),), False, False),
            Group(1, (("INSERT INTO t VALUES (1, 1)",),), False, True),
            Group(1, (("INSERT INTO t VALUES ('two', 2), ('three', 3)",),), False, True),
            Group(1, (("INSERT INTO t VALUES ('a' || CAST(x'80' AS TEXT), 4)",),), False, True),
            Group(0, (("INSERT INTO t VALUES (0.1, 5)",),), False, False),
        ]
        play(groups, log)
        self.assertIn("as a whole: a row gave way to one that was put", log)
