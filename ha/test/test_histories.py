"""Random histories agree on all nodes; the fuzzer itself finds what is wrong, and makes it small."""

from __future__ import annotations

import time
from tempfile import gettempdir

from twisted.trial.unittest import SynchronousTestCase

from ha.sqlite import images
from ha.test.filenode import Group
from ha.test.histories import failure, shrink, tell, write

#: A few hundred histories; the command runs as many as you like.
SECONDS = 8.0
FIRST_SEED = 1


class HistoryTests(SynchronousTestCase):
    """``python -m ha.test.histories`` in small."""

    def test_all_nodes_agree(self) -> None:
        """As many seeds as fit the time, always from the same one on."""
        seed, end = FIRST_SEED, time.monotonic() + SECONDS
        while time.monotonic() < end:
            groups = write(seed)
            reason = failure(groups, "")
            self.assertIsNone(reason, f"seed {seed}: {reason}; run python -m ha.test.histories --seed {seed} --count 1")
            seed += 1

    def test_on_real_files(self) -> None:
        """In the file system instead of in memory."""
        for seed in range(3):
            self.assertIsNone(failure(write(seed), gettempdir()))

    def test_a_seed_is_a_history(self) -> None:
        """It comes back on demand."""
        self.assertEqual(write(5), write(5))
        self.assertNotEqual(write(5), write(6))


class ShrinkingTests(SynchronousTestCase):
    """The fuzzer is tried on a fault."""

    def test_a_fault_is_found_and_made_small(self) -> None:
        """Sequences that are not set differ after an INSERT; a history of three statements shows it."""
        self.patch(images, "_set_sequences", lambda *_: None)
        group = Group(0, (("CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT)", "CREATE TABLE u(a)"),), False, False)
        rows = Group(1, (("INSERT INTO u VALUES (1)", "INSERT INTO t VALUES (7)", "DELETE FROM t"),), False, True)
        history = [group, rows, Group(0, (("INSERT INTO u VALUES (2)",),), False, False)]
        self.assertIn("sequences differs", failure(history, "") or "")
        small = shrink(history, lambda groups: failure(groups, "") is not None)
        self.assertLessEqual(sum(len(transaction) for each in small for transaction in each.transactions), 3)
        self.assertIn("sequences differs", tell(small))
