"""A pass is as short as it can be, and as large as it must be."""

from __future__ import annotations

from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from ha.replication.pace import LONG_S, Pace

#: Of one entry.
BYTES = 500


class PaceTests(SynchronousTestCase):
    """Many entries have arrived, and pass follows pass."""

    def passes(self, entries: int, cost: Callable[[int], float]) -> list[float]:
        """What each pass takes (seconds), until all entries are in the file, when so many of them take `cost`."""
        pace = Pace(32 * 1024, 4 * 1024 * 1024)
        took: list[float] = []
        while entries:
            count = min(max(pace.bytes // BYTES, 1), entries)
            took.append(cost(count))
            self.assertEqual(pace.took(count * BYTES, count, took[-1]), took[-1] > LONG_S)
            entries -= count
        return took

    def test_entries_alone_cost(self) -> None:
        """Then passes are short, on a machine that does a hundred entries in so long as well as on one that does one."""
        for each_s in (LONG_S / 100, LONG_S * 0.9, LONG_S * 3):
            took = self.passes(2000, lambda count, each_s=each_s: count * each_s)
            self.assertLess(max(took[10:-1]), max(LONG_S, each_s) * 2.1)

    def test_each_pass_costs_the_outbox(self) -> None:
        """Then small passes would help nobody: all of it takes hardly longer than in a few large ones, and none thrice as long."""
        for outbox_s in (LONG_S * 1.5, LONG_S * 10):
            each_s = outbox_s / 200
            took = self.passes(4000, lambda count, each_s=each_s, outbox_s=outbox_s: outbox_s + count * each_s)
            self.assertLess(sum(took), 4000 * each_s * 3)
            self.assertLess(max(took), outbox_s * 3.1)

    def test_what_is_cheap_is_taken_in_large_passes(self) -> None:
        """Up to the most."""
        self.assertLess(len(self.passes(100_000, lambda count: count * LONG_S / 1_000_000)), 30)

    def test_it_learns_again(self) -> None:
        """The outbox is short by now."""
        pace = Pace(32 * 1024, 4 * 1024 * 1024)
        for _ in range(20):
            count = max(pace.bytes // BYTES, 1)
            pace.took(count * BYTES, count, 1.0 + count * 0.001)
        for _ in range(20):
            count = max(pace.bytes // BYTES, 1)
            pace.took(count * BYTES, count, count * 0.001)
        self.assertLess(pace.bytes // BYTES * 0.001, LONG_S * 2.1)
